//! What a build has of registries: layers that are there already, and where its images go.

use std::collections::BTreeMap;
use std::sync::Arc;

use imgbuild_distribution::{
    Ahead, Destination, DistributionError, Publication, Published, Publishing, RemoteLayers,
};
use imgbuild_fetch::Context;
use imgbuild_image::{ImagePlan, groups};
use imgbuild_oci::{Digest, Image, Reference};
use imgbuild_registry::Pushable;
use imgbuild_spec::Variant;

use crate::error::BuildError;

/// Whose layers are looked for before they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheFrom {
    /// Those of what the targets were until now.
    Targets,
    /// Those of these images, and of what the targets were.
    Images(Vec<Reference>),
    /// Nobody's.
    Nothing,
}

/// What a build has of registries.
pub(crate) struct Pushing {
    publishing: Publishing,
    /// Where each group of variants goes.
    destinations: Vec<Vec<Destination>>,
    reused: Vec<Arc<RemoteLayers>>,
    /// What a person should know of it.
    pub(crate) notes: Vec<String>,
}

impl Pushing {
    /// Finds out where the groups of variants go, and reads which layers are there.
    ///
    /// # Errors
    ///
    /// When a target is none for a variant, or an image that was named cannot be asked for.
    pub(crate) async fn begin(
        publishing: &Publishing,
        cache_from: &CacheFrom,
        variants: &[Variant],
        context: &Context,
    ) -> Result<Self, BuildError> {
        let firsts: Vec<&Variant> = groups(variants).iter().map(|group| &variants[group[0]]).collect();
        let destinations = publishing.destinations(&firsts).map_err(DistributionError::from)?;
        let mut pushing =
            Self { publishing: publishing.clone(), destinations, reused: Vec::new(), notes: Vec::new() };
        let before = pushing.destinations.iter().flatten().filter_map(|it| it.references().next());
        let (named, before): (Vec<Reference>, Vec<Reference>) = match cache_from {
            CacheFrom::Nothing => return Ok(pushing),
            CacheFrom::Targets => (Vec::new(), before.collect()),
            CacheFrom::Images(named) => (named.clone(), before.collect()),
        };
        for reference in &named {
            pushing.read(reference, true, context).await?;
        }
        for reference in before.iter().filter(|it| !named.contains(it)) {
            pushing.read(reference, false, context).await?;
        }
        Ok(pushing)
    }

    /// What an image has costs time where it cannot be asked for, and no build. That nothing was pushed yet is no news.
    async fn read(
        &mut self,
        reference: &Reference,
        is_named: bool,
        context: &Context,
    ) -> Result<(), BuildError> {
        let registries = context.registries().map_err(DistributionError::from)?;
        match RemoteLayers::read(&registries, reference).await {
            Ok(Some(layers)) => self.reused.push(Arc::new(layers)),
            Ok(None) if is_named => {
                self.notes.push(format!("there is no image `{reference}` to take layers from"));
            }
            Ok(None) => {}
            Err(error) => {
                let told = imgbuild_diagnostic::told(&error);
                let why = told.lines().next().unwrap_or_default();
                self.notes.push(format!("no layers are taken from `{reference}`: {why}"));
            }
        }
        Ok(())
    }

    /// The same context, which knows the layers that are there.
    pub(crate) fn context(&self, context: &Context) -> Context {
        let mut context = context.clone();
        for layers in &self.reused {
            let layers: Arc<RemoteLayers> = Arc::clone(layers);
            context.layers = context.layers.with(layers);
        }
        context
    }

    /// Whether anything is pushed.
    pub(crate) fn is_asked(&self) -> bool {
        !self.publishing.targets.is_empty()
    }

    /// The images of registries that layers are taken from.
    pub(crate) fn repositories(&self) -> Vec<String> {
        self.reused.iter().map(|layers| layers.reference().to_owned()).collect()
    }

    /// Which image in a registry is this one, where one is.
    pub(crate) fn pushed_before(&self, digest: &Digest) -> Option<&str> {
        self.reused.iter().find(|layers| layers.has_image(digest)).map(|layers| layers.reference())
    }

    /// Opens the repositories, where anything is pushed.
    ///
    /// # Errors
    ///
    /// When a registry cannot be reached.
    pub(crate) async fn open(&self, context: &Context) -> Result<Option<Publication>, BuildError> {
        if !self.is_asked() {
            return Ok(None);
        }
        let registries = context.registries().map_err(DistributionError::from)?;
        let (all, reporter) = (&self.destinations, &context.reporter);
        let opened = Publication::open(&self.publishing, all, &self.reused, &registries, reporter).await;
        Ok(Some(opened?))
    }

    /// What sends layers to the first repository that wants them as soon as they are made; nothing where none may be sent.
    pub(crate) fn ahead(
        &self,
        publication: &Publication,
        variants: &[Variant],
        plans: &[ImagePlan],
        context: &Context,
    ) -> Option<Ahead> {
        let options = self.publishing.options;
        if options.dry_run || options.mount_only || self.publishing.staging.is_some() {
            return None;
        }
        let mut pushers = BTreeMap::new();
        for (group, destinations) in groups(variants).iter().zip(&self.destinations) {
            let Some(pusher) = destinations.first().and_then(|it| publication.pusher(it)) else { continue };
            for key in group.iter().flat_map(|index| plans[*index].keys()) {
                pushers.entry(key).or_insert_with(|| Arc::clone(pusher));
            }
        }
        Some(Ahead::new(pushers, context.store.clone()))
    }

    /// Pushes the images of all groups.
    ///
    /// # Errors
    ///
    /// When a registry does not take one.
    pub(crate) async fn push(
        &self,
        publication: &Publication,
        images: &[Vec<Image>],
        context: &Context,
    ) -> Result<Vec<Published>, BuildError> {
        let mut all = Vec::new();
        for (images, destinations) in images.iter().zip(&self.destinations) {
            let blobs = Arc::new(context.layers.clone());
            let image = Pushable::of_images(images, Vec::new(), blobs).map_err(DistributionError::from)?;
            all.extend(publication.push(&image, destinations).await?);
        }
        Ok(all)
    }
}
