//! What to build, and where to put it.

use std::collections::BTreeMap;

use imgbuild_distribution::{CacheKey, CachePlace, Publishing};
use imgbuild_image::{Format, Output};
use imgbuild_oci::{Platform, Reference};
use imgbuild_shard::{Platforms, Shard};

/// Whose layers are looked for before they are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CacheFrom {
    /// Those of what the targets were until now.
    #[default]
    Targets,
    /// Those of these images, and of what the targets were.
    Images(Vec<Reference>),
    /// Nobody's.
    Nothing,
}

/// Where it is said where an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenancePlace {
    /// Beside it: the image stays as it is.
    Beside,
    /// In a list with it as well, which is what tags mean then.
    Listed,
}

/// Caches that many builds share.
#[derive(Debug, Clone, Default)]
pub struct SharedCaches {
    /// Where they are.
    pub places: Vec<CachePlace>,
    /// Whose entries are believed, and with what ours are signed.
    pub key: Option<CacheKey>,
    /// Whether nothing is written there.
    pub read_only: bool,
    /// Make every layer, and hold it against what the caches have.
    pub verify: bool,
}

/// What to build, and where to put it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Where the outputs are written; into the current folder where nothing is said.
    pub output: Option<Output>,
    /// The form of the outputs.
    pub format: Format,
    /// Refuse to make or renew a lock.
    pub locked: bool,
    /// Only variants with these matrix values.
    pub only: BTreeMap<String, String>,
    /// Only variants of these platforms; all where nothing is said.
    pub platforms: Vec<Platform>,
    /// Only the part of them that one of many machines builds; a lock must be there, so that all machines speak of the same images.
    pub shard: Option<Shard>,
    /// Deliver without running the checks.
    pub unchecked: bool,
    /// Where the images are pushed. What is pushed is written into a folder as well only where one is named.
    pub publishing: Publishing,
    /// Whether it is said of the images that are pushed where they come from, and where.
    pub provenance: Option<ProvenancePlace>,
    /// Whose layers are looked for before they are made.
    pub cache_from: CacheFrom,
    /// Caches that many builds share.
    pub shared: SharedCaches,
}

impl Request {
    /// Whether several machines may build the platforms of one tag. Who gets them under one name would have those of the last machine
    /// alone.
    pub(crate) fn platforms_of_a_tag(&self) -> Platforms {
        let joined = self.publishing.platform_tags && self.output.is_none();
        if joined { Platforms::Parted } else { Platforms::Together }
    }
}
