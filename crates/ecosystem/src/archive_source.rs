//! Where archives are to be had.

use futures::future::BoxFuture;
use imgbuild_lock::Archive;
use miette::Diagnostic;

/// Where the archives of one ecosystem's packages are to be had: its channels, mirrors or indexes, or what builds them anew.
pub trait ArchiveSource: Send + Sync {
    /// Gets an archive into the store; nothing where this is no source of it.
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>>;
}

/// An archive that cannot be had.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ArchiveError {
    /// It is known nowhere.
    #[error("nobody has it")]
    Nowhere,
    /// Whom to ask cannot be found out.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Place(Box<dyn Diagnostic + Send + Sync>),
    /// It cannot be fetched.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(Box<dyn Diagnostic + Send + Sync>),
    /// It is nowhere, and cannot be built anew.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(Box<dyn Diagnostic + Send + Sync>),
}

impl ArchiveError {
    /// It cannot be fetched.
    pub fn fetch(error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self::Fetch(Box::new(error))
    }
}
