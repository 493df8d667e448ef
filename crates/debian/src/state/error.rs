//! Why the state cannot be made.

use imgbuild_runtime::UserError;

use crate::package::deb::ArchiveError;
use crate::package::scripts::UnknownScripts;

/// Why the state cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StateError {
    /// A damaged or hostile archive.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveError),
    /// A package whose scripts are not known.
    #[error(transparent)]
    Scripts(#[from] UnknownScripts),
    /// A package lacks a file that its scripts use.
    #[error("the package `{package}` does not hold `{path}`, which its scripts use")]
    Missing {
        /// The package.
        package: String,
        /// The file.
        path: String,
    },
    /// The image's user cannot be added.
    #[error("the base cannot have the user `{name}`: {error}")]
    User {
        /// Its name.
        name: String,
        /// Why.
        error: UserError,
    },
    /// A certificate cannot be read.
    #[error("the certificate `{0}` cannot be read")]
    Certificate(String),
    /// A thread that read an archive has failed.
    #[error("reading the packages was stopped")]
    Stopped,
}
