//! What goes wrong between what was built and registries.

use std::path::PathBuf;

use imgbuild_oci::WriteError;
use imgbuild_registry::{PushError, RegistryError};
use miette::Diagnostic;

use crate::target::PushTargetError;

/// An image that does not get to where it should be.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DistributionError {
    /// What names a target is none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Target(#[from] PushTargetError),
    /// A registry.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(Box<RegistryError>),
    /// A push.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Push(Box<PushError>),
    /// The network.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] imgbuild_net::NetError),
    /// An image that cannot be written.
    #[error("the image cannot be written")]
    Write(
        #[from]
        #[diagnostic_source]
        WriteError,
    ),
    /// An image that cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(Box<imgbuild_oci::ReadError>),
    /// The store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] imgbuild_store::StoreError),
    /// Registries cannot be spoken to.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] imgbuild_fetch::ArchiveFailure),
    /// It is something else than an image.
    #[error("`{reference}` is no image that can be run: it is a `{media_type}`")]
    NotAnImage {
        /// What was asked for.
        reference: String,
        /// What it is.
        media_type: String,
    },
    /// Two images are built for the same platform.
    #[error("`{reference}` is one more image for {platform}")]
    #[diagnostic(help("an index has one image for each platform"))]
    SamePlatform {
        /// The image.
        reference: String,
        /// The platform.
        platform: String,
    },
    /// A folder or a bucket of a cache that cannot be opened.
    #[error("the cache `{url}` cannot be opened")]
    Objects {
        /// Where it is.
        url: String,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A key of a cache.
    #[error(transparent)]
    #[diagnostic(transparent)]
    CacheKey(#[from] crate::key_cache::CacheKeyError),
    /// A cache that has another layer for a key than what is made of it.
    #[error(
        "the cache has another layer for the key `{key}` than what is made of it: `{found}` instead of `{made}`"
    )]
    #[diagnostic(help(
        "whoever wrote it there lies, or imgbuild has a fault; keys of one machine can be signed: docs/registry.md, `--cache-key`"
    ))]
    Lie {
        /// The key.
        key: String,
        /// What the cache has.
        found: String,
        /// What was made.
        made: String,
    },
    /// An image of a registry is not what an image should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(Box<imgbuild_oci::ReadError>),
    /// What is said of an image cannot be written.
    #[error("what is said of the image cannot be written")]
    Attestation(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A thread died.
    #[error("a part of the work died: {0}")]
    Died(String),
    /// What is to be pushed cannot be pushed as it is.
    #[error("`{}` {reason}", file.display())]
    Unfit {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

imgbuild_diagnostic::boxed_sources!(DistributionError);

impl From<RegistryError> for DistributionError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<PushError> for DistributionError {
    fn from(error: PushError) -> Self {
        Self::Push(Box::new(error))
    }
}

impl From<imgbuild_oci::ReadError> for DistributionError {
    fn from(error: imgbuild_oci::ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}
