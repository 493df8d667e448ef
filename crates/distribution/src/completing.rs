//! Whether all images of a matrix are where they were pushed to, by however many machines; those for several platforms are joined.

use imgbuild_fetch::Context;
use imgbuild_oci::{Digest, ImageConfig, Platform, Reference, Tag};
use imgbuild_registry::RemoteRepository;

use crate::error::DistributionError;
use crate::index::joined;
use crate::pull::remote_image;
use crate::push::{Destination, Publication, Published, Publishing, platform_tag};

/// An image that is not there as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomplete {
    /// There is none.
    Missing(Reference),
    /// It was made from another lock.
    Stale(Reference),
}

/// What was found of a matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The images that are there.
    pub there: Vec<Reference>,
    /// What is not as it should be.
    pub incomplete: Vec<Incomplete>,
    /// The images that were joined.
    pub joined: Vec<Published>,
}

/// Looks whether the images of some variants are there, and joins them. Each group are the platforms of one image, with where it
/// goes; `lock` is the digest of the lock's text, which images say in a label.
///
/// # Errors
///
/// When a registry cannot be asked, or does not take what is joined.
pub async fn completed(
    groups: &[(Vec<Platform>, Vec<Destination>)],
    label: &str,
    lock: &Digest,
    context: &Context,
) -> Result<Completion, DistributionError> {
    let mut completion = Completion::default();
    let mut ready = Vec::new();
    for (platforms, destinations) in groups {
        for (destination, tag) in destinations.iter().flat_map(|it| it.tags.iter().map(move |tag| (it, tag)))
        {
            let remote = context.registries()?.open(&destination.repository).await?;
            let parted = platforms.iter().map(|platform| platform_tag(tag, *platform));
            let mut parts: Vec<Tag> = parted.collect::<Result<_, _>>()?;
            // The image of a single platform is pushed under the tag itself, unless somebody has parted it all the same.
            let is_parted = match parts.as_slice() {
                [only] => remote.head_manifest(only.as_str()).await?.is_some(),
                _ => true,
            };
            if !is_parted {
                parts = vec![tag.clone()];
            }
            let references: Vec<Reference> =
                parts.iter().map(|it| destination.repository.with_tag(it.clone())).collect();
            let before = completion.incomplete.len();
            for (reference, part) in references.iter().zip(&parts) {
                match found(&remote, part, label, lock).await? {
                    None => completion.there.push(reference.clone()),
                    Some(false) => completion.incomplete.push(Incomplete::Missing(reference.clone())),
                    Some(true) => completion.incomplete.push(Incomplete::Stale(reference.clone())),
                }
            }
            if is_parted && completion.incomplete.len() == before {
                ready.push((destination.repository.clone(), tag.clone(), references));
            }
        }
    }
    // Nothing is named before all of it is there.
    if completion.incomplete.is_empty() {
        for (repository, tag, references) in ready {
            let image = match references.as_slice() {
                [only] => remote_image(only, None, context).await?.1,
                all => joined(all, context).await?,
            };
            let destinations = vec![Destination { repository, tags: vec![tag] }];
            let registries = context.registries()?;
            let all = [destinations.clone()];
            let publication =
                Publication::open(&Publishing::default(), &all, &[], &[], &registries, &context.reporter)
                    .await?;
            completion.joined.extend(publication.push(&image, &destinations).await?);
        }
    }
    Ok(completion)
}

/// Nothing where an image is there that was made from the lock; else whether one from another lock is.
async fn found(
    remote: &RemoteRepository,
    tag: &Tag,
    label: &str,
    lock: &Digest,
) -> Result<Option<bool>, DistributionError> {
    let Some(manifest) = remote.manifest(tag.as_str()).await? else { return Ok(Some(false)) };
    let Some(config) = manifest.blobs().first() else { return Ok(Some(true)) };
    let bytes = remote.blob_bytes(config.digest, config.size).await?;
    let config: Option<ImageConfig> = serde_json::from_slice(&bytes).ok();
    let made_from = config.and_then(|config| config.config.labels.get(label).cloned());
    Ok((made_from != Some(lock.to_string())).then_some(true))
}
