//! Pushing to all that was asked for: each repository once, and what one has is mounted in the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imgbuild_fetch::{Event, Reporter};
use imgbuild_oci::{Digest, Platform, Reference, Tag};
use imgbuild_registry::{
    Arrival, Home, Homes, PushOptions, Pushable, Pushed, Pusher, Registries, RemoteRepository, Told,
};
use imgbuild_signature::SigningKey;
use imgbuild_spec::Variant;

use crate::attesting::{Origin, attachments};
use crate::error::DistributionError;
use crate::progress::Outgoing;
use crate::pull::ReadFrom;
use crate::remote_layers::RemoteLayers;
use crate::target::{PushTarget, PushTargetError};

/// A repository, and the tags that an image gets there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The repository, as the image is called; its own tag does not count.
    pub repository: Reference,
    /// The tags.
    pub tags: Vec<Tag>,
}

impl Destination {
    /// The repository without tag and digest.
    fn key(&self) -> String {
        let host = self.repository.registry().map(|host| format!("{host}/")).unwrap_or_default();
        format!("{host}{}", self.repository.name())
    }

    /// The same destinations, each repository once, and each tag in it.
    pub fn merged(all: Vec<Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for Self { repository, tags } in all {
            let mut own = Self { repository, tags: Vec::new() };
            let place = merged.iter().position(|it| it.key() == own.key());
            let known = place.map_or(&mut own, |place| &mut merged[place]);
            for tag in tags {
                if !known.tags.contains(&tag) {
                    known.tags.push(tag);
                }
            }
            if place.is_none() {
                merged.push(own);
            }
        }
        merged
    }

    /// What the image is called there.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        self.tags.iter().map(|tag| self.repository.with_tag(tag.clone()))
    }
}

/// What is to be pushed, and how.
#[derive(Debug, Clone, Default)]
pub struct Publishing {
    /// Where to.
    pub targets: Vec<PushTarget>,
    /// A repository where all blobs go first, and are mounted from.
    pub staging: Option<Reference>,
    /// How.
    pub options: PushOptions,
    /// Whether each tag says the platform of its image as well, `TAG-amd64`: so that the images of several platforms can be
    /// pushed by several machines, and joined when all are there.
    pub platform_tags: bool,
    /// What the images are signed with.
    pub key: Option<SigningKey>,
}

impl Publishing {
    /// From where images of registries are read that are pushed so.
    pub fn read_from(&self) -> ReadFrom {
        if self.key.is_some() { ReadFrom::Registry } else { ReadFrom::Mirrors }
    }

    /// Where the image of each group of variants goes.
    ///
    /// # Errors
    ///
    /// When a target is none for a variant, or two images would have one name.
    pub fn destinations(&self, groups: &[&Variant]) -> Result<Vec<Vec<Destination>>, PushTargetError> {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut all = Vec::new();
        for variant in groups {
            let own = variant.tags.first().map(ToString::to_string).unwrap_or_default();
            let platform =
                if self.platform_tags { format!(" for {}", variant.platform) } else { String::new() };
            let own = format!("{}:{own}{platform}", variant.name);
            let mut destinations = Vec::new();
            for target in &self.targets {
                let (repository, mut tags) = target.place(variant)?;
                if self.platform_tags {
                    tags = tags
                        .iter()
                        .map(|tag| platform_tag(tag, variant.platform))
                        .collect::<Result<_, _>>()?;
                }
                let destination = Destination { repository, tags };
                for reference in destination.references().map(|it| it.to_string()) {
                    if let Some(before) = taken.insert(reference.clone(), own.clone()).filter(|it| *it != own)
                    {
                        return Err(PushTargetError::Twice { reference, images: [before, own] });
                    }
                }
                destinations.push(destination);
            }
            all.push(Destination::merged(destinations));
        }
        Ok(all)
    }
}

/// The tag of the image of one platform, of several that will be one.
///
/// # Errors
///
/// When it would be too long.
pub(crate) fn platform_tag(tag: &Tag, platform: Platform) -> Result<Tag, PushTargetError> {
    Ok(format!("{tag}-{}", platform.architecture()).parse()?)
}

/// The repositories that are pushed to.
pub struct Publication {
    pushers: BTreeMap<String, Arc<Pusher>>,
    /// The repositories that have a blob.
    homes: BTreeMap<Digest, Vec<Home>>,
    key: Option<SigningKey>,
    reporter: Arc<dyn Reporter>,
}

/// A repository of a registry that has some blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobHome {
    /// The registry's host, as images name it.
    pub host: String,
    /// The repository's name there.
    pub repository: String,
    /// The blobs.
    pub blobs: Vec<Digest>,
}

impl BlobHome {
    /// The repository of an image.
    pub fn of(image: &Reference, blobs: Vec<Digest>) -> Self {
        let Home { host, repository } = Home::named(image);
        Self { host, repository, blobs }
    }
}

/// An image that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What was asked for.
    pub destination: Destination,
    /// What became of it.
    pub pushed: Pushed,
    /// How bundles name the key that it was signed with.
    pub signed_by: Option<String>,
    /// Whether it is said beside it where it comes from.
    pub has_provenance: bool,
}

impl Publication {
    /// Opens the repositories of all destinations. From those of `reused`, and from what has blobs elsewhere in a registry, these are
    /// mounted.
    ///
    /// # Errors
    ///
    /// When a registry cannot be reached.
    pub async fn open(
        publishing: &Publishing,
        destinations: &[Vec<Destination>],
        reused: &[Arc<RemoteLayers>],
        elsewhere: &[BlobHome],
        registries: &Registries,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Self, DistributionError> {
        let staging = match &publishing.staging {
            Some(reference) => Some(registries.open(reference).await?),
            None => None,
        };
        let mut remotes: BTreeMap<String, RemoteRepository> = BTreeMap::new();
        for destination in destinations.iter().flatten() {
            if let std::collections::btree_map::Entry::Vacant(entry) = remotes.entry(destination.key()) {
                entry.insert(registries.open(&destination.repository).await?);
            }
        }
        let others = reused.iter().map(|layers| layers.remote()).chain(&staging);
        let mut places: BTreeSet<Home> = remotes.values().chain(others).map(Home::of).collect();
        let mut known: BTreeMap<Digest, Vec<Home>> = BTreeMap::new();
        for it in elsewhere {
            let home = Home { host: it.host.clone(), repository: it.repository.clone() };
            places.insert(home.clone());
            it.blobs.iter().for_each(|digest| known.entry(*digest).or_default().push(home.clone()));
        }
        // Each is asked at once whether it may be mounted from.
        let mounting = |remote: RemoteRepository| {
            let host = remote.repository().host().to_owned();
            let sources = places.iter().filter(|it| it.host == host).map(|it| it.repository.clone());
            remote.mounting_from(sources)
        };
        let staging = staging.map(mounting);
        let (homes, told) = (Homes::default(), told(Arc::clone(reporter)));
        let pushers = remotes.into_iter().map(|(key, remote)| {
            let remote = mounting(remote);
            let host = remote.repository().host();
            let staging = staging.clone().filter(|it| it.repository().host() == host);
            let pusher = Pusher::new(remote, staging, publishing.options, homes.clone(), Arc::clone(&told));
            (key, Arc::new(pusher))
        });
        let pushers = pushers.collect();
        for layers in reused {
            for digest in layers.digests() {
                known.entry(digest).or_default().push(Home::of(layers.remote()));
            }
        }
        let key = publishing.key.clone();
        Ok(Self { pushers, homes: known, key, reporter: Arc::clone(reporter) })
    }

    /// The same for images that are there already, with where each goes: what they are known to have elsewhere is mounted.
    ///
    /// # Errors
    ///
    /// When a registry cannot be reached.
    pub async fn of_images(
        publishing: &Publishing,
        images: &[(Pushable, Vec<Destination>)],
        registries: &Registries,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Self, DistributionError> {
        let destinations: Vec<Vec<Destination>> = images.iter().map(|(_, it)| it.clone()).collect();
        let homes = images.iter().flat_map(|(image, _)| image.homes.values()).flatten();
        let homes: BTreeSet<Home> = homes.cloned().collect();
        // Which blobs they have, each image says.
        let elsewhere = homes.into_iter().map(|Home { host, repository }| BlobHome {
            host,
            repository,
            blobs: Vec::new(),
        });
        let elsewhere: Vec<BlobHome> = elsewhere.collect();
        Self::open(publishing, &destinations, &[], &elsewhere, registries, reporter).await
    }

    /// The one that pushes to a destination.
    pub fn pusher(&self, destination: &Destination) -> Option<&Arc<Pusher>> {
        self.pushers.get(&destination.key())
    }

    /// Pushes an image to its destinations, one after the other: what the first has is mounted in the next. What is said of it,
    /// `origins` of its manifests among that, is there before a tag means it.
    ///
    /// # Errors
    ///
    /// When a registry does not take it.
    pub async fn push(
        &self,
        image: &Pushable,
        destinations: &[Destination],
        origins: &[Origin],
    ) -> Result<Vec<Published>, DistributionError> {
        let mut published = Vec::new();
        for destination in destinations {
            let Some(pusher) = self.pusher(destination) else { continue };
            let (sizes, reporter) = (image.sizes(), Arc::clone(&self.reporter));
            let mut image = image.clone().through(|blobs| Arc::new(Outgoing { blobs, sizes, reporter }));
            image.tags = destination.tags.iter().map(ToString::to_string).collect();
            for (digest, homes) in &self.homes {
                image.homes.entry(*digest).or_default().extend(homes.iter().cloned());
            }
            let repository = pusher.remote().repository().to_string();
            image.attachments = attachments(&image, &repository, self.key.as_ref(), origins)?;
            let pushed = pusher.push(&image).await?;
            published.push(Published {
                destination: destination.clone(),
                pushed,
                signed_by: self.key.as_ref().map(|key| key.verifying_key().hint()),
                has_provenance: !origins.is_empty(),
            });
        }
        Ok(published)
    }
}

fn told(reporter: Arc<dyn Reporter>) -> Told {
    Arc::new(move |digest, size, arrival| {
        let (digest, is_sent) = (digest.to_string(), arrival == Arrival::Sent);
        if arrival != Arrival::There {
            reporter.event(Event::BlobPushed { digest, size, is_sent });
        }
    })
}
