//! What a build has of registries: layers that are there already, and where its images go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imgbuild_distribution::{
    Ahead, BlobHome, CachePlace, CacheUse, Destination, DistributionError, KeyCache, Origin, Publication,
    Published, Publishing, RemoteLayers, listed,
};
use imgbuild_fetch::Context;
use imgbuild_image::{Built, BuiltLayer, Format, ImagePlan, MakeError, Output, groups, make};
use imgbuild_layer::Key;
use imgbuild_oci::{Digest, Image, Reference};
use imgbuild_registry::Pushable;
use imgbuild_spec::Variant;
use imgbuild_store::{LayerCache, LayerRecord};

use crate::error::BuildError;
use crate::request::{CacheFrom, ProvenancePlace, Request, SharedCaches};

/// What a build has of registries.
pub(crate) struct Pushing {
    publishing: Publishing,
    provenance: Option<ProvenancePlace>,
    shared: SharedCaches,
    caches: Vec<KeyCache>,
    /// The variants that are one image: those of a tag, or each by itself where tags say the platform.
    groups: Vec<Vec<usize>>,
    /// Where each of these goes.
    destinations: Vec<Vec<Destination>>,
    reused: Vec<Arc<RemoteLayers>>,
    /// What a person should know of it.
    pub(crate) notes: Vec<String>,
}

/// The variants that are pushed as one image: those of a tag, or each by itself where tags say the platform.
pub fn pushed_groups(variants: &[Variant], platform_tags: bool) -> Vec<Vec<usize>> {
    match platform_tags {
        true => (0..variants.len()).map(|index| vec![index]).collect(),
        false => groups(variants),
    }
}

impl Pushing {
    /// Finds out where the groups of variants go, and reads which layers are there.
    ///
    /// # Errors
    ///
    /// When a target is none for a variant, or an image that was named cannot be asked for.
    pub(crate) async fn begin(
        request: &Request,
        variants: &[Variant],
        context: &Context,
    ) -> Result<Self, BuildError> {
        let groups = pushed_groups(variants, request.publishing.platform_tags);
        let firsts: Vec<&Variant> = groups.iter().map(|group| &variants[group[0]]).collect();
        let destinations = request.publishing.destinations(&firsts).map_err(DistributionError::from)?;
        let mut pushing = Self {
            publishing: request.publishing.clone(),
            provenance: request.provenance,
            shared: request.shared.clone(),
            caches: Vec::new(),
            groups,
            destinations,
            reused: Vec::new(),
            notes: Vec::new(),
        };
        pushing.read_images(&request.cache_from, context).await?;
        let is_checked = |it: &Variant| !it.checks.is_empty() || !it.conform.is_empty() || it.cuda.is_some();
        let is_read = request.output.is_some()
            || !pushing.is_asked()
            || !request.unchecked && variants.iter().any(is_checked);
        // For the same reason only a cache is read whose entries are signed.
        let is_believed = !pushing.is_attested() || request.shared.key.is_some();
        if !is_believed && !request.shared.places.is_empty() {
            pushing
                .notes
                .push("what is signed takes layers from shared caches with `--cache-key` alone".to_owned());
        }
        for place in request.shared.places.iter().filter(|_| is_believed) {
            let does = CacheUse {
                // What will be mounted is not read.
                is_read: is_read || !pushing.is_within_one_registry(place),
                is_written: !request.shared.read_only && !request.publishing.options.dry_run,
                homes: pushing.homes(place),
            };
            match KeyCache::open(place, request.shared.key.clone(), does, context).await {
                Ok(cache) => pushing.caches.push(cache),
                Err(error) => {
                    let why = match &error {
                        DistributionError::Objects { error, .. } => error.to_string(),
                        error => first_line(&imgbuild_diagnostic::told(error)).to_owned(),
                    };
                    pushing.notes.push(format!("the cache `{place}` is not used: {why}"));
                }
            }
        }
        Ok(pushing)
    }

    async fn read_images(&mut self, cache_from: &CacheFrom, context: &Context) -> Result<(), BuildError> {
        if self.is_attested() {
            // Which key a layer of a registry has, nobody has signed: what is signed is made of what the lock names.
            if matches!(cache_from, CacheFrom::Images(_)) {
                self.notes.push("what is signed takes no layers from images of registries".to_owned());
            }
            return Ok(());
        }
        let before = self.destinations.iter().flatten().filter_map(|it| it.references().next());
        let (named, before): (Vec<Reference>, Vec<Reference>) = match cache_from {
            CacheFrom::Nothing => return Ok(()),
            CacheFrom::Targets => (Vec::new(), before.collect()),
            CacheFrom::Images(named) => (named.clone(), before.collect()),
        };
        for reference in &named {
            self.read(reference, true, context).await?;
        }
        for reference in before.iter().filter(|it| !named.contains(it)) {
            self.read(reference, false, context).await?;
        }
        Ok(())
    }

    /// Whether it is signed, or said where it comes from.
    fn is_attested(&self) -> bool {
        self.provenance.is_some() || self.publishing.key.is_some()
    }

    /// Whether a cache is in the registry that everything is pushed to.
    fn is_within_one_registry(&self, place: &CachePlace) -> bool {
        let CachePlace::Repository(cache) = place else { return false };
        self.destinations.iter().flatten().all(|it| it.repository.registry() == cache.registry())
    }

    /// The repositories of a cache's registry that images are pushed to.
    fn homes(&self, place: &CachePlace) -> Vec<String> {
        let CachePlace::Repository(cache) = place else { return Vec::new() };
        let there = self.destinations.iter().flatten().map(|it| &it.repository);
        there.filter(|it| it.registry() == cache.registry()).map(|it| it.name().to_string()).collect()
    }

    /// What an image has costs time where it cannot be asked for, and no build. That nothing was pushed yet is no news.
    async fn read(
        &mut self,
        reference: &Reference,
        is_named: bool,
        context: &Context,
    ) -> Result<(), BuildError> {
        let registries = context.registries().map_err(DistributionError::from)?;
        let read = match is_named {
            true => RemoteLayers::read(&registries, reference).await,
            false => RemoteLayers::read_target(&registries, reference).await,
        };
        match read {
            Ok(Some(layers)) => self.reused.push(Arc::new(layers)),
            Ok(None) if is_named => {
                self.notes.push(format!("there is no image `{reference}` to take layers from"));
            }
            Ok(None) => {}
            Err(error) => {
                let told = imgbuild_diagnostic::told(&error);
                self.notes.push(format!("no layers are taken from `{reference}`: {}", first_line(&told)));
            }
        }
        Ok(())
    }

    /// The same context, which knows the layers that are there.
    pub(crate) fn context(&self, context: &Context) -> Context {
        let mut context = context.clone();
        // What is to be held against them is made without them.
        if self.shared.verify {
            return context;
        }
        for layers in &self.reused {
            let layers: Arc<RemoteLayers> = Arc::clone(layers);
            context.layers = context.layers.with(layers);
        }
        for cache in &self.caches {
            context.layers = context.layers.with(Arc::new(cache.clone()));
        }
        context
    }

    /// Asks the shared caches for what the store and the images do not have, all at once.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) async fn look_up(&self, plans: &[ImagePlan], context: &Context) -> Result<(), BuildError> {
        let mut wanted = BTreeSet::new();
        for key in plans.iter().flat_map(ImagePlan::keys) {
            let is_there = self.reused.iter().any(|layers| matches!(layers.layer(&key), Ok(Some(_))));
            if !is_there && context.store.layer(&key).map_err(MakeError::from)?.is_none() {
                wanted.insert(key);
            }
        }
        for cache in &self.caches {
            cache.look_up(wanted.iter().copied()).await;
        }
        Ok(())
    }

    /// Makes all layers, and holds them against what the caches have, where that is asked for.
    ///
    /// # Errors
    ///
    /// When one cannot be made, or a cache has something else.
    pub(crate) async fn made(
        &self,
        plans: &[ImagePlan],
        outputs: Option<(&Output, Format)>,
        context: &Context,
    ) -> Result<Vec<Vec<BuiltLayer>>, BuildError> {
        let made = make(plans, outputs, context).await;
        if made.is_err() {
            // Others need not wait for what is not made here any more.
            for cache in &self.caches {
                cache.close().await;
            }
        }
        let made = made?;
        self.verify(&made)?;
        Ok(made)
    }

    /// Holds what was made against what the caches have, where that is asked for.
    ///
    /// # Errors
    ///
    /// When one has something else.
    fn verify(&self, made: &[Vec<BuiltLayer>]) -> Result<(), BuildError> {
        if !self.shared.verify {
            return Ok(());
        }
        let images = self.reused.iter().map(|it| -> &dyn LayerCache { &**it });
        let caches: Vec<&dyn LayerCache> =
            images.chain(self.caches.iter().map(|it| -> &dyn LayerCache { it })).collect();
        let made = made.iter().flatten().filter_map(|it| Some((it.key?, it.record.descriptor.digest)));
        for (key, made) in made.collect::<BTreeMap<_, _>>() {
            // Neither of them fails: one that cannot be asked has its own note.
            for found in caches.iter().filter_map(|cache| cache.layer(&key).ok().flatten()) {
                let found = found.descriptor.digest;
                if found != made {
                    let (key, found, made) = (key.to_string(), found.to_string(), made.to_string());
                    return Err(DistributionError::Lie { key, found, made }.into());
                }
            }
        }
        Ok(())
    }

    /// Gives the shared caches all layers that they lack. Where one does not take them, that is told.
    pub(crate) async fn keep(&mut self, built: &[Built], context: &Context) {
        let layers: Vec<(Key, LayerRecord)> = built
            .iter()
            .flat_map(|built| &built.layers)
            .filter_map(|layer| Some((layer.key?, layer.record.clone())))
            .collect();
        for cache in &self.caches {
            self.notes.extend(cache.keep(layers.clone(), Arc::new(context.layers.clone())).await);
            self.notes.extend(cache.trouble());
        }
    }

    /// Whether anything is pushed.
    pub(crate) fn is_asked(&self) -> bool {
        !self.publishing.targets.is_empty()
    }

    /// What of registries has the layers that the store lacks: the images that layers are taken from, and repositories that are
    /// caches.
    pub(crate) fn repositories(&self) -> Vec<String> {
        let images = self.reused.iter().map(|layers| layers.reference().to_owned());
        let caches = self.shared.places.iter().filter(|it| matches!(it, CachePlace::Repository(_)));
        images.chain(caches.map(ToString::to_string)).collect()
    }

    /// The same, and what the images are pushed to: for whoever hands them on without their layers.
    pub(crate) fn all_repositories(&self) -> Vec<String> {
        let targets = self.destinations.iter().flatten().filter_map(|it| it.references().next());
        let mut all = self.repositories();
        all.extend(targets.map(|it| it.to_string()));
        all.sort();
        all.dedup();
        all
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
    pub(crate) async fn open(
        &self,
        plans: &[ImagePlan],
        context: &Context,
    ) -> Result<Option<Publication>, BuildError> {
        if !self.is_asked() {
            return Ok(None);
        }
        let registries = context.registries().map_err(DistributionError::from)?;
        let (all, reporter) = (&self.destinations, &context.reporter);
        let caches = self.caches.iter().filter_map(|cache| {
            let (host, repository) = cache.repository()?;
            Some(BlobHome { host, repository, blobs: cache.digests() })
        });
        let bases = plans.iter().filter_map(ImagePlan::base_in_registry);
        let elsewhere: Vec<BlobHome> =
            caches.chain(bases.map(|(image, blobs)| BlobHome::of(&image, blobs))).collect();
        let reused = &self.reused;
        let opened =
            Publication::open(&self.publishing, all, reused, &elsewhere, &registries, reporter).await;
        Ok(Some(opened?))
    }

    /// What sends layers to the first repository that wants them as soon as they are made; nothing where none may be sent.
    pub(crate) fn ahead(
        &self,
        publication: &Publication,
        plans: &[ImagePlan],
        context: &Context,
    ) -> Option<Ahead> {
        let options = self.publishing.options;
        if options.dry_run || options.mount_only || self.publishing.staging.is_some() {
            return None;
        }
        let mut pushers = BTreeMap::new();
        for (group, destinations) in self.groups.iter().zip(&self.destinations) {
            let Some(pusher) = destinations.first().and_then(|it| publication.pusher(it)) else { continue };
            for key in group.iter().flat_map(|index| plans[*index].keys()) {
                pushers.entry(key).or_insert_with(|| Arc::clone(pusher));
            }
        }
        Some(Ahead::new(pushers, &self.caches, context.store.clone()))
    }

    /// Pushes the images of all variants.
    ///
    /// # Errors
    ///
    /// When a registry does not take one.
    pub(crate) async fn push(
        &self,
        publication: &Publication,
        images: &[Image],
        origins: &[Origin],
        context: &Context,
    ) -> Result<Vec<Published>, BuildError> {
        let mut all = Vec::new();
        for (group, destinations) in self.groups.iter().zip(&self.destinations) {
            let images: Vec<Image> = group.iter().map(|index| images[*index].clone()).collect();
            let blobs = Arc::new(context.layers.clone());
            let image = Pushable::of_images(&images, Vec::new(), blobs).map_err(DistributionError::from)?;
            let own = images.iter().map(Image::digest);
            let own: Vec<Origin> =
                own.filter_map(|digest| origins.iter().find(|it| it.image == digest).cloned()).collect();
            let image = match self.provenance {
                Some(ProvenancePlace::Listed) => listed(image, &images, &own)?,
                _ => image,
            };
            all.extend(publication.push(&image, destinations, &own).await?);
        }
        Ok(all)
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
