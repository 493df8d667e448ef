//! What is no wheel yet, and who makes wheels of it.

use std::fmt;
use std::path::PathBuf;

use futures::future::BoxFuture;
use imgbuild_lock::{DirectUrl, PypiBuild, PypiPackage};
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;

/// What a wheel can be built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectSource {
    /// A source distribution.
    Sdist {
        /// The project's normalised name, where it is known.
        name: Option<String>,
        /// Its version, where it is known.
        version: Option<String>,
        /// The name of the file.
        filename: String,
        /// Where it is.
        url: SecretUrl,
        /// Whether somebody named that URL; else an index did.
        direct: bool,
        /// Its hash; nobody knows that of a URL before it was downloaded.
        sha256: Option<Digest>,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// The folder of it in which the project is, where that is not its root.
        subdirectory: Option<String>,
    },
    /// A revision of a git repository.
    Git {
        /// The project's normalised name, where it is known.
        name: Option<String>,
        /// The repository, without `git+`.
        url: SecretUrl,
        /// A branch, a tag, or a commit; the repository's default branch where nothing is said.
        revision: Option<String>,
        /// The folder of the project, below the repository's.
        subdirectory: Option<String>,
    },
    /// A folder of this machine.
    Folder {
        /// The project's normalised name, where it is known.
        name: Option<String>,
        /// The folder.
        path: PathBuf,
        /// The folder as it was written.
        given: String,
        /// Whether changes in the folder are to show: `-e`.
        editable: bool,
    },
}

impl ProjectSource {
    /// The project's name, where it is known.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Sdist { name, .. } | Self::Git { name, .. } | Self::Folder { name, .. } => name.as_deref(),
        }
    }
}

impl fmt::Display for ProjectSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdist { filename, .. } => write!(f, "the source distribution `{filename}`"),
            Self::Git { url, .. } => write!(f, "the git repository `{}`", url),
            Self::Folder { given, .. } => write!(f, "the folder `{given}`"),
        }
    }
}

/// A wheel that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// The wheel's file. It may be called otherwise than the wheel.
    pub archive: PathBuf,
    /// The wheel's name.
    pub filename: String,
    /// The wheel's hash.
    pub sha256: Digest,
    /// The wheel's size in bytes.
    pub size: u64,
    /// Where the source came from, when that was no index.
    pub origin: Option<DirectUrl>,
    /// How it was built, for the lock.
    pub build: PypiBuild,
    /// The wheels that it was built with.
    pub requires: Vec<PypiPackage>,
}

/// A wheel that cannot be built: the error of whoever builds.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub struct BuildFailed(pub Box<dyn miette::Diagnostic + Send + Sync>);

/// Builds nothing: for requests that allow nothing to be built.
#[derive(Debug, Clone, Copy)]
pub struct NothingBuilt;

impl Builder for NothingBuilt {
    fn build(&self, source: ProjectSource) -> BoxFuture<'_, Result<Built, BuildFailed>> {
        let failed = BuildFailed(format!("nobody builds {source}").into());
        Box::pin(std::future::ready(Err(failed)))
    }
}

/// Makes a wheel of what is none, in the sandbox. Whoever builds implements it.
pub trait Builder: Send + Sync {
    /// Builds a wheel.
    fn build(&self, source: ProjectSource) -> BoxFuture<'_, Result<Built, BuildFailed>>;
}
