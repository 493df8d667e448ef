//! Whether an image in a registry is what it says: who has signed it, and that its lock, and what is said of where it comes from, agree.

use std::sync::Arc;

use imgbuild_distribution::{Attested, DistributionError, attested};
use imgbuild_fetch::Context;
use imgbuild_image::{LOCK_LABEL, MakeError, is_as_we_made_it, lock_text};
use imgbuild_oci::{Blobs, Digest, ImageConfig, Manifest, Platform, Reference};
use imgbuild_registry::{RemoteBlobs, RemoteManifest, RemoteRepository, Sought};
use imgbuild_signature::VerifyingKey;
use tokio::runtime::Handle;

use crate::error::BuildError;
use crate::verify_error::VerifyError;

/// The lock that an image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// The digest of its text, which the image says.
    pub digest: Digest,
    /// Its text.
    pub text: String,
}

/// An image that is what it says.
pub struct Verification {
    /// The digest of what the reference means: a list of images, or one.
    pub top: Digest,
    /// The digest of the image of the platform.
    pub image: Digest,
    /// What is said of it.
    pub attested: Attested,
    /// Its lock, where it is an image of imgbuild.
    pub lock: Option<HeldLock>,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its configuration.
    pub config: ImageConfig,
    /// Where its layers are.
    pub blobs: Arc<dyn Blobs>,
}

/// Checks an image of a registry: that the key has signed it or the list that it is in, that it holds the lock that it says, where it
/// says one, and that what is said of where it comes from names that lock. Without a key nothing need be signed.
///
/// # Errors
///
/// When it is not so, or the registry cannot be asked.
pub async fn verify(
    reference: &Reference,
    platform: Platform,
    key: Option<&VerifyingKey>,
    context: &Context,
) -> Result<Verification, BuildError> {
    let name = reference.to_string();
    let wanted = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.to_string(),
        (None, None) => "latest".to_owned(),
    };
    let registries = context.registries().map_err(DistributionError::from)?;
    let opened = registries.open_for_reading(reference, &Sought::Manifest(wanted.clone())).await;
    let remote = opened.map_err(DistributionError::from)?;
    let top = remote.needed_manifest(&wanted).await.map_err(DistributionError::from)?;
    // What is a list was a list when it was signed: the image in it is signed with it.
    let image = remote.image_of(top.clone(), &wanted, platform).await.map_err(DistributionError::from)?;
    // As lists of tags, what refers to an image is asked for where it is, and at no mirror, which may lack some of it.
    let listing = registries.open_for_listing(reference).await.map_err(DistributionError::from)?;
    let mut attested = all_said(&listing, &top, &image, key).await?;
    if let Some(key) = key {
        attested.is_signed(&name, &top.digest, key).map_err(VerifyError::from)?;
    }
    let opened = open(&name, &remote, &image).await?;
    let found = format!("{}/{}", opened.config.os, opened.config.architecture);
    if found != platform.to_string() {
        return Err(VerifyError::Platform { reference: name, wanted: platform, found }.into());
    }
    let lock = held_lock(&name, &opened).await?;
    if let Some(lock) = &lock {
        check_told(&name, lock.digest, &mut attested, key.is_some())?;
    }
    let Opened { manifest, config, blobs } = opened;
    let (top, image) = (top.digest, image.digest);
    Ok(Verification { top, image, attested, lock, manifest, config, blobs })
}

/// What is said of an image, and of the list that it is in: signatures of either, and where the image comes from.
async fn all_said(
    remote: &RemoteRepository,
    top: &RemoteManifest,
    image: &RemoteManifest,
    key: Option<&VerifyingKey>,
) -> Result<Attested, BuildError> {
    let mut said = attested(remote, &image.digest, key).await?;
    if top.digest != image.digest {
        said.and_of_list(attested(remote, &top.digest, key).await?);
    }
    Ok(said)
}

/// The lock that an image holds, which must be the one that it says; nothing of an image that says none.
async fn held_lock(name: &str, opened: &Opened) -> Result<Option<HeldLock>, BuildError> {
    let is_ours = is_as_we_made_it(&opened.config.history, opened.manifest.layers.len());
    let said = opened.config.config.labels.get(LOCK_LABEL).cloned().filter(|_| is_ours);
    let Some(said) = said else { return Ok(None) };
    let (layers, blobs) = (opened.manifest.layers.clone(), Arc::clone(&opened.blobs));
    let read = tokio::task::spawn_blocking(move || lock_text(&layers, &*blobs));
    let text = read.await.map_err(MakeError::from)??;
    let held = text.map(|text| HeldLock { digest: Digest::of(&text), text });
    match held {
        Some(held) if held.digest.to_string() == said => Ok(Some(held)),
        held => {
            let (reference, found) = (name.to_owned(), held.map(|held| held.digest));
            Err(VerifyError::OtherLock { reference, said, found }.into())
        }
    }
}

/// What is said of where an image comes from must name its lock. Where a key is asked for, anybody may have said what that has not signed:
/// it is left out then, for it proves nothing either way.
fn check_told(name: &str, own: Digest, attested: &mut Attested, has_key: bool) -> Result<(), VerifyError> {
    let mut told = std::mem::take(&mut attested.told);
    told.retain(|it| it.is_signed || !has_key || it.provenance.lock == own);
    if let Some(other) = told.iter().find(|it| it.provenance.lock != own) {
        let (reference, told, is_signed) = (name.to_owned(), other.provenance.lock, other.is_signed);
        return Err(VerifyError::ToldOtherLock { reference, own, told, is_signed });
    }
    attested.told = told;
    Ok(())
}

/// An image's documents.
struct Opened {
    manifest: Manifest,
    config: ImageConfig,
    blobs: Arc<dyn Blobs>,
}

async fn open(name: &str, remote: &RemoteRepository, image: &RemoteManifest) -> Result<Opened, BuildError> {
    let unreadable = |error: serde_json::Error| VerifyError::Unreadable {
        reference: name.to_owned(),
        reason: error.to_string(),
    };
    let manifest: Manifest = serde_json::from_slice(&image.bytes).map_err(unreadable)?;
    let bytes = remote.blob_bytes(manifest.config.digest, manifest.config.size).await;
    let config = serde_json::from_slice(&bytes.map_err(DistributionError::from)?).map_err(unreadable)?;
    let sizes = manifest.layers.iter().map(|layer| (layer.digest, layer.size));
    let blobs = Arc::new(RemoteBlobs::new(remote.clone(), sizes, Handle::current()));
    Ok(Opened { manifest, config, blobs })
}
