//! Locking the image of a registry that a variant stands on.

use std::sync::Arc;

use imgbuild_base::LockedImage;
use imgbuild_image::MakeError;
use imgbuild_lock::ImageBase;
use imgbuild_oci::{Digest, Platform, Tag};
use imgbuild_registry::{Content, RegistryError, Sought};
use imgbuild_spec::{RegistryImage, Variant};

use crate::error::{LockFailure, LockSpecError};
use crate::image_signature::check_signed;
use crate::locking::Locker;
use crate::resolved::Resolved;

impl Locker<'_> {
    /// The image of a registry that a variant stands on: as the earlier lock has it, or as the registry does now. A reference is
    /// looked up once, whatever happens to its tag in the meantime.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is none to stand on.
    pub(crate) async fn image(
        &mut self,
        variant: &Variant,
        image: &RegistryImage,
    ) -> Result<Arc<LockedImage>, LockSpecError> {
        let (name, platform) = (image.reference.to_string(), variant.platform);
        if let Some(known) = self.images.get(&(name.clone(), platform)) {
            return Ok(Arc::clone(known));
        }
        let locked = match self.kept_image(&name, Some(platform)) {
            Some(kept) => {
                check_signed(image, kept.index.as_ref(), &kept.manifest, self.context).await?;
                self.context.know_base(image, kept)?;
                LockedImage::kept(image, kept, platform, &self.context.layers)?
            }
            None => self.new_image(image, platform).await?,
        };
        let locked = Arc::new(locked);
        self.images.insert((name, platform), Arc::clone(&locked));
        Ok(locked)
    }

    /// What the earlier lock says of a reference, where it may stay: for a platform, or for any.
    fn kept_image(&self, name: &str, platform: Option<Platform>) -> Option<&ImageBase> {
        let earlier = self.earlier.filter(|_| self.upgrade.keeps(name))?;
        let variants = earlier.variants.iter();
        let mut fitting = variants.filter(|it| platform.is_none_or(|wanted| it.platform == wanted));
        fitting.find_map(|it| it.image.as_ref().filter(|image| image.name.as_deref() == Some(name)))
    }

    /// What the earlier lock knows that an image holds, whether or not it may stay.
    fn known_image(&self, name: &str, manifest: &Digest) -> Option<&ImageBase> {
        let images = self.earlier?.variants.iter().filter_map(|it| it.image.as_ref());
        let mut known = images.filter(|it| it.content.is_some() && it.name.as_deref() == Some(name));
        known.find(|it| it.manifest == *manifest)
    }

    async fn new_image(
        &mut self,
        image: &RegistryImage,
        platform: Platform,
    ) -> Result<LockedImage, LockSpecError> {
        let failed = |error| failure(image, error);
        let name = image.reference.to_string();
        let resolved = match self.resolved.get(&name) {
            Some(resolved) => resolved.clone(),
            None => {
                let resolved = self.resolve(image).await?;
                self.resolved.insert(name, resolved.clone());
                resolved
            }
        };
        let Resolved { remote, manifest: top } = resolved;
        let index = matches!(top.content, Content::Index(_)).then_some(top.digest);
        let asked = index.unwrap_or(top.digest).to_string();
        let manifest = remote.image_of(top, &asked, platform).await.map_err(failed)?;
        check_signed(image, index.as_ref(), &manifest.digest, self.context).await?;
        let blobs = manifest.blobs().iter().map(|blob| (blob.digest, blob.size));
        self.context.know_blobs(&image.reference, blobs)?;
        // A tag that was looked up anew may mean what it did: then it is known what that holds.
        if let Some(known) = self.known_image(&image.reference.to_string(), &manifest.digest) {
            let known = ImageBase { index, ..known.clone() };
            return Ok(LockedImage::kept(image, &known, platform, &self.context.layers)?);
        }
        let (image, context) = (image.clone(), self.context.clone());
        let read = move || {
            let blobs = Box::new(context.layers.clone());
            LockedImage::of_registry(&image, index, &manifest.bytes, blobs, platform, &context.store)
        };
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|error| MakeError::Died(error.to_string()))??)
    }

    /// Asks the registry what a reference means; where the earlier lock knows that for another platform, what it meant then.
    async fn resolve(&self, image: &RegistryImage) -> Result<Resolved, LockSpecError> {
        let failed = |error| failure(image, error);
        let reference = &image.reference;
        let registries = self.context.registries().map_err(imgbuild_fetch::ArchiveFailure::from)?;
        let kept = self.kept_image(&reference.to_string(), None).and_then(|kept| kept.index);
        let digest = kept.as_ref().or(reference.digest()).map(Digest::to_string);
        let tag = reference.tag().map_or_else(|| "latest".to_owned(), Tag::to_string);
        let asked = digest.unwrap_or(tag);
        let sought = Sought::Manifest(asked.clone());
        let remote = registries.open_for_reading(reference, &sought).await.map_err(failed)?;
        let manifest = remote.needed_manifest(&asked).await.map_err(failed)?;
        Ok(Resolved { remote, manifest })
    }
}

fn failure(image: &RegistryImage, error: RegistryError) -> LockSpecError {
    let asked = vec![image.origin.snippet("it was asked for here", "this base")];
    let error = Box::new(error);
    LockFailure::Image { base: image.reference.to_string(), error, asked }.into()
}
