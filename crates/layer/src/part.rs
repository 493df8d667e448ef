//! The parts of an image: what the lock alone says of each.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::RecipeHash;
use archive::ImagePath;

/// Names a part of an image: the ecosystem and the package's name, such as `conda/numpy` or `debian/libc6`.
///
/// It holds no version, so that a new version of a package takes the place of the old one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartId(String);

impl PartId {
    /// The part of `ecosystem` that is called `name`.
    pub fn new(ecosystem: &str, name: &str) -> Self {
        Self(format!("{ecosystem}/{name}"))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the ecosystem.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a part is to the image. It decides in which group of layers it stands, and so how often that group changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A package of the operating system.
    Base,
    /// What the base's packages have in common: dpkg's status, users, the loader's cache.
    BaseState,
    /// What running the maintainer scripts of the base's packages changed.
    BaseConfiguration,
    /// The interpreter and the libraries that it is linked with.
    Interpreter,
    /// A CUDA library.
    Cuda,
    /// Any other package.
    Package,
    /// What running the post-link scripts of packages changed.
    PackageConfiguration,
    /// The environment's own records: `conda-meta/history`, variables, the lock.
    Metadata,
    /// Files that the user copies in.
    Copy,
}

/// A part of an image, as it is known from the lock alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which one it is.
    pub id: PartId,
    /// Its name and version, for people: `numpy 1.26.4 py311h64a7726_0`.
    pub title: String,
    /// A hash of everything that its entries depend on, but for the paths that are excluded.
    pub recipe: RecipeHash,
    /// What it is to the image.
    pub role: Role,
    /// Its installed size in bytes.
    pub weight: u64,
    /// The folder that all its entries are below; nothing where they may be anywhere.
    pub root: Option<ImagePath>,
}

/// The paths of one part that are not written, because another part has them.
pub type Exclusions = BTreeSet<ImagePath>;
