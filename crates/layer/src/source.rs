//! The small trait in which the ecosystems meet.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::limits::MOST_FOLDER_BYTES;
use crate::{Claim, EntryHead, RecipeHash};
use archive::{ImagePath, PathError};

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

/// A locked package that can be written into a layer.
pub trait Source: Send + Sync {
    /// The part that it is: all of it from the lock.
    fn part(&self) -> &Part;

    /// What it will write, from the archive's metadata only, without its directories.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read or is not one that may be written.
    fn claims(&self) -> Result<Vec<Claim>, SourceError>;

    /// Writes its entries, but for the excluded ones, in an order that depends on the archive alone.
    ///
    /// Parent directories need not be written: the layer adds them.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read, is hostile, does not hold what the lock says, or the sink fails.
    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError>;
}

/// What takes entries: a layer, a folder, a check.
pub trait EntrySink {
    /// Takes one entry. `body` gives exactly the bytes that the head promises: fewer or more is an error.
    ///
    /// # Errors
    ///
    /// When the body cannot be read or has another size, or the entry cannot be written.
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError>;

    /// Takes what a person should know of a source and that did not hinder. A layer keeps it; others need not.
    fn note(&mut self, _note: String) {}
}

/// What can go wrong while an entry is taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The bytes of a file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: ImagePath,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file has fewer or more bytes than its head says.
    #[error("`{path}` has {} bytes than the {declared} that its header declares", if *.more { "more" } else { "fewer" })]
    Size {
        /// The file.
        path: ImagePath,
        /// The size in its head.
        declared: u64,
        /// Whether it has more.
        more: bool,
    },
    /// The same path was written twice.
    #[error("`{path}` is written twice")]
    Twice {
        /// The path.
        path: ImagePath,
    },
    /// A path lies below something that is not a folder.
    #[error("`{path}` lies below `{below}`, which is not a folder")]
    BelowNonDirectory {
        /// The path that was to be written.
        path: ImagePath,
        /// What stands in its way: a symbolic link or a file.
        below: ImagePath,
    },
    /// The folders of the layer's paths take more than those of any real layer.
    #[error(
        "`{path}` cannot be put into a layer: the folders that its paths stand in have names of more than {MOST_FOLDER_BYTES} bytes"
    )]
    TooDeep {
        /// The path.
        path: ImagePath,
    },
    /// A hard link points to something that does not stand before it in the same layer.
    #[error("the hard link `{path}` points to `{target}`, which is not a file before it in its package")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// What it points to.
        target: ImagePath,
    },
    /// A name by which engines know that a path of lower layers is taken away.
    #[error(
        "`{path}` cannot be put into a layer: engines delete files of other layers by names that begin with `.wh.`"
    )]
    Reserved {
        /// The path.
        path: ImagePath,
    },
    /// What was removed has a name that no whiteout can have.
    #[error("the removal of `{path}` cannot be put into a layer")]
    Removal {
        /// The path.
        path: ImagePath,
        /// Why.
        #[source]
        error: PathError,
    },
    /// The result could not be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}

/// What can go wrong while a source is read. The ecosystems' own errors stand behind it as its source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The archive is damaged, hostile, or not what the lock says: the ecosystem's own error.
    #[error(transparent)]
    Archive(Box<dyn std::error::Error + Send + Sync>),
    /// The entries could not be taken.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl SourceError {
    /// Wraps an ecosystem's error.
    pub fn archive(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn part(&self) -> &Part {
        (**self).part()
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        (**self).claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        (**self).write(exclusions, sink)
    }
}
