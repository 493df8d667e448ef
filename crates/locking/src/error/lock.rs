//! A variant that cannot be locked, or a lock that cannot be used.

use std::path::PathBuf;

use imgbuild_conda::{EnvironmentError, LockedError, LockingError};
use imgbuild_document::Snippet;
use miette::Diagnostic;

/// A variant that cannot be locked, or a lock that cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LockFailure {
    /// The conda environment of a variant cannot be locked.
    #[error("cannot lock the conda environment of `{variant}`")]
    Conda {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<LockingError>,
        /// What to do.
        #[help]
        help: Option<String>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The packages that another tool has locked cannot be taken.
    #[error("cannot take the packages of `{file}` for `{variant}`")]
    Locked {
        /// The file.
        file: String,
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<LockedError>,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// A package that cannot be moved here.
    #[error("`{name}` cannot be upgraded here: `{file}` says which version there is")]
    #[diagnostic(help("upgrade it with the tool that wrote the file, and lock again"))]
    LockedElsewhere {
        /// The package.
        name: String,
        /// The file.
        file: String,
    },
    /// The Debian base of a variant cannot be locked.
    #[error("cannot lock the Debian base of `{variant}`")]
    Debian {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_debian::LockDebianError>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An image of a registry cannot be had.
    #[error("cannot build on `{base}`")]
    Image {
        /// What it is called.
        base: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_registry::RegistryError>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An image of a registry is not signed as it should be.
    #[error("cannot build on `{base}`")]
    Unsigned {
        /// What it is called.
        base: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A key of an image cannot be used.
    #[error("cannot use the key `{}`", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A keyring cannot be used.
    #[error("cannot use the keyring `{}`", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A lock cannot be read or written.
    #[error("cannot use the lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<imgbuild_lock::LockError>,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// There is no lock where there must be one.
    #[error("there is no lock `{}`, and `--locked` forbids making one", path.display())]
    #[diagnostic(help("run `imgbuild lock` first, and keep the lock beside the spec"))]
    NoLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is no lock where one is looked at.
    #[error("there is no lock `{}`", path.display())]
    #[diagnostic(help("run `imgbuild lock` first, and keep the lock beside the spec"))]
    Unlocked {
        /// Where it should be.
        path: PathBuf,
    },
    /// The lock is not that of the spec.
    #[error("the lock `{}` is stale: the spec asks for something else than it was made for", path.display())]
    #[diagnostic(help("run `imgbuild lock` to renew it"))]
    Stale {
        /// The lock.
        path: PathBuf,
    },
    /// A local project is another one than it was.
    #[error("the lock `{}` is stale: the folder `{folder}` is not what it was made for", path.display())]
    #[diagnostic(help("run `imgbuild lock` to build it as it is now"))]
    StaleFolder {
        /// The lock.
        path: PathBuf,
        /// The folder, as the lock has it.
        folder: String,
    },
    /// What is to be upgraded is not in the lock.
    #[error("`{0}` is not a package of the lock, so it cannot be upgraded")]
    NotLocked(String),
    /// The environment's requirements cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Requirement(#[from] EnvironmentError),
}
