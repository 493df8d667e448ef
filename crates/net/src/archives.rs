//! Whole archives, as those who read packages ask for them: where they are kept is not their matter.

use std::path::PathBuf;

use futures::future::BoxFuture;
use imgbuild_oci::Digest;

use crate::{Locations, NetError};

/// An archive that is wanted.
#[derive(Debug, Clone)]
pub struct ArchiveRequest {
    /// Its file name, for people.
    pub name: String,
    /// Where it is to be had.
    pub from: Locations,
    /// Its hash, where it is known.
    pub sha256: Option<Digest>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
}

/// Gets archives into the store. Whoever builds implements it, and shows how it goes.
pub trait Archives: Send + Sync {
    /// The hash of an archive and where it is. One that is in the store is not downloaded again.
    fn fetch(&self, wanted: ArchiveRequest) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>>;
}

/// An archive that cannot be had: the error of whoever fetches.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// It is not where it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotFound(Box<dyn miette::Diagnostic + Send + Sync>),
    /// Anything else.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Other(Box<dyn miette::Diagnostic + Send + Sync>),
}

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ArchiveReadError {
    /// All of it cannot be had.
    #[error("cannot get `{name}`")]
    Whole {
        /// Its file name.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: FetchError,
    },
    /// The part of it that is its metadata cannot be had.
    #[error("cannot read the metadata of `{name}`")]
    Part {
        /// Its file name.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: NetError,
    },
}

impl ArchiveReadError {
    /// The archive's file name.
    pub fn name(&self) -> &str {
        match self {
            Self::Whole { name, .. } | Self::Part { name, .. } => name,
        }
    }
}
