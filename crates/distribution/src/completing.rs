//! Whether all images of a matrix are where they were pushed to, by however many machines; those of single platforms are joined.

use std::collections::BTreeMap;

use imgbuild_fetch::Context;
use imgbuild_oci::{Digest, ImageConfig, Platform, Reference, Tag};
use imgbuild_registry::{RegistryError, RemoteManifest, RemoteRepository};

use crate::asking::answers;
use crate::error::DistributionError;
use crate::index::joined;
use crate::pull::{ReadFrom, remote_image};
use crate::push::{Destination, Publication, Published, Publishing, platform_tag};

/// An image that is not there as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomplete {
    /// There is none.
    Missing(Reference),
    /// It was made from another lock.
    Stale(Reference),
    /// It was made from the lock, and not for these platforms.
    Lacking(Reference, Vec<Platform>),
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

/// How images say what they were made from.
#[derive(Debug, Clone, Copy)]
pub struct MadeFrom<'a> {
    /// The label.
    pub label: &'a str,
    /// What it says: the digest of a lock's text.
    pub lock: &'a Digest,
}

/// What a tag means, from the least to the most that is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// Nothing.
    Missing,
    /// An image of another lock.
    Stale,
    /// An image of this lock, and not for these platforms.
    Lacking(Vec<Platform>),
    /// All of it.
    There,
}

/// An image under one of its tags.
struct Sought<'a> {
    remote: &'a RemoteRepository,
    platforms: &'a [Platform],
    repository: &'a Reference,
    tag: &'a Tag,
}

/// What a tag means, and the images of the platforms that are there.
struct Meaning {
    found: Found,
    images: Vec<Digest>,
}

/// What was found of an image: of the tag itself, or of those of its platforms.
struct Looked {
    found: Vec<(Reference, Found)>,
    is_parted: bool,
}

/// Looks whether the images of some variants are there, and joins them where each platform has a tag of its own. Each group are the
/// platforms of one image, with where it goes; without `joining`, which says how, none are joined.
///
/// # Errors
///
/// When a registry cannot be asked, or does not take what is joined.
pub async fn completed(
    groups: &[(Vec<Platform>, Vec<Destination>)],
    made_from: MadeFrom<'_>,
    joining: Option<&Publishing>,
    context: &Context,
) -> Result<Completion, DistributionError> {
    let mut remotes: BTreeMap<&Reference, RemoteRepository> = BTreeMap::new();
    for Destination { repository, .. } in groups.iter().flat_map(|(_, destinations)| destinations) {
        if !remotes.contains_key(repository) {
            let remote = context.registries()?.open(repository).await?;
            // Who will write is told everywhere that a repository is not there yet.
            remotes.insert(repository, if joining.is_some() { remote.writing() } else { remote });
        }
    }
    let mut sought = Vec::new();
    for (platforms, destinations) in groups {
        for Destination { repository, tags } in destinations {
            let Some(remote) = remotes.get(repository) else { continue };
            sought.extend(tags.iter().map(|tag| Sought { remote, platforms, repository, tag }));
        }
    }
    let looked = answers(sought.iter().map(|it| it.look(made_from))).await?;
    let (mut completion, mut parted) = (Completion::default(), Vec::new());
    for (sought, looked) in sought.iter().zip(looked) {
        if looked.is_parted {
            let parts = looked.found.iter().map(|(part, _)| part.clone()).collect();
            let (repository, tags) = (sought.repository.clone(), vec![sought.tag.clone()]);
            parted.push((Destination { repository, tags }, parts));
        }
        for (reference, found) in looked.found {
            completion.add(reference, found);
        }
    }
    // Nothing is named before all of it is there.
    if let Some(publishing) = joining.filter(|_| completion.incomplete.is_empty()) {
        completion.joined = join(parted, publishing, context).await?;
    }
    Ok(completion)
}

impl Completion {
    fn add(&mut self, reference: Reference, found: Found) {
        match found {
            Found::There => self.there.push(reference),
            Found::Missing => self.incomplete.push(Incomplete::Missing(reference)),
            Found::Stale => self.incomplete.push(Incomplete::Stale(reference)),
            Found::Lacking(platforms) => self.incomplete.push(Incomplete::Lacking(reference, platforms)),
        }
    }
}

impl Sought<'_> {
    /// Looks at the tag itself, and at those that its platforms may have. What somebody has once left there says nothing where the
    /// tag itself is nearer to what is wanted.
    async fn look(&self, made_from: MadeFrom<'_>) -> Result<Looked, DistributionError> {
        let name = |tag: &Tag| self.repository.with_tag(tag.clone());
        let whole = self.meaning(self.tag, self.platforms, made_from).await?;
        let (mut parts, mut images) = (Vec::new(), Vec::new());
        for platform in self.platforms {
            // One that would be too long is nowhere: no machine can have pushed it.
            let Ok(tag) = platform_tag(self.tag, *platform) else { continue };
            let part = self.meaning(&tag, &[*platform], made_from).await?;
            images.extend(part.images);
            parts.push((name(&tag), part.found));
        }
        let is_parted = match whole.found {
            // What images copy is not in the lock: parts of the same lock may be newer than what they were joined to.
            Found::There => {
                let are_there = parts.iter().filter(|(_, part)| *part == Found::There).count();
                are_there == self.platforms.len() && images != whole.images
            }
            _ => parts.iter().any(|(_, part)| *part > whole.found),
        };
        let found = if is_parted { parts } else { vec![(name(self.tag), whole.found)] };
        Ok(Looked { found, is_parted })
    }

    async fn meaning(
        &self,
        tag: &Tag,
        platforms: &[Platform],
        made_from: MadeFrom<'_>,
    ) -> Result<Meaning, RegistryError> {
        let (remote, tag) = (self.remote, tag.as_str());
        let (mut images, mut lacking) = (Vec::new(), Vec::new());
        let Some(top) = remote.manifest(tag).await? else {
            return Ok(Meaning { found: Found::Missing, images });
        };
        for platform in platforms {
            let image = match remote.image_of(top.clone(), tag, *platform).await {
                Ok(image) => image,
                Err(RegistryError::Platform { .. } | RegistryError::NoManifest { .. }) => {
                    lacking.push(*platform);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let config = config(remote, &image).await?;
            let Some(config) = config.filter(|config| made_from.is_said_by(config)) else {
                return Ok(Meaning { found: Found::Stale, images });
            };
            // What is no list is for one platform, which it says itself.
            match (config.os.as_str(), config.architecture.as_str()) {
                it if it == (platform.os(), platform.architecture()) => images.push(image.digest),
                _ => lacking.push(*platform),
            }
        }
        Ok(Meaning { found: if lacking.is_empty() { Found::There } else { Found::Lacking(lacking) }, images })
    }
}

impl MadeFrom<'_> {
    fn is_said_by(self, config: &ImageConfig) -> bool {
        config.config.labels.get(self.label) == Some(&self.lock.to_string())
    }
}

/// The configuration of an image; nothing of what is none.
async fn config(
    remote: &RemoteRepository,
    image: &RemoteManifest,
) -> Result<Option<ImageConfig>, RegistryError> {
    let Some(config) = image.blobs().first() else { return Ok(None) };
    let bytes = remote.blob_bytes(config.digest, config.size).await?;
    Ok(serde_json::from_slice(&bytes).ok())
}

/// Names images that are there in parts.
async fn join(
    parted: Vec<(Destination, Vec<Reference>)>,
    publishing: &Publishing,
    context: &Context,
) -> Result<Vec<Published>, DistributionError> {
    let mut all = Vec::new();
    // They are named as they were looked at.
    let from = ReadFrom::Registry;
    for (destination, parts) in parted {
        let image = match parts.as_slice() {
            [only] => remote_image(only, None, from, context).await?.1,
            parts => joined(parts, from, context).await?,
        };
        all.push((image, vec![destination]));
    }
    // Where to is found out already.
    let publishing = Publishing { targets: Vec::new(), staging: None, ..publishing.clone() };
    let registries = context.registries()?;
    let publication = Publication::of_images(&publishing, &all, &registries, &context.reporter).await?;
    let mut published = Vec::new();
    for (image, destinations) in &all {
        published.extend(publication.push(image, destinations, &[]).await?);
    }
    Ok(published)
}
