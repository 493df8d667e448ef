//! What can go wrong on the way from a spec to an image.

use std::path::PathBuf;

use imgbuild_image::MakeError;
use imgbuild_locking::LockSpecError;
use miette::Diagnostic;

use crate::verify_error::VerifyError;

/// A build that failed.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BuildError {
    /// The spec cannot be locked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] LockSpecError),
    /// An image cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Make(#[from] MakeError),
    /// A registry, or what is pushed there.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Distribution(#[from] imgbuild_distribution::DistributionError),
    /// Packages are under licences that the spec does not allow.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Licences(#[from] Box<imgbuild_audit::NotAllowed>),
    /// An image is not what it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Verify(Box<VerifyError>),
    /// Sigstore's keys cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Keys(#[from] imgbuild_attestation::RootError),
    /// Machines that share a build have no lock.
    #[error("there is no lock `{}`, and machines that share a build need one: each would look for packages by itself", path.display())]
    #[diagnostic(help("run `imgbuild lock` first, and give the lock to every machine"))]
    SharedWithoutLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// One stream is to hold what are several files.
    #[error("{outputs} images are to be written to standard output, which takes one")]
    #[diagnostic(help("choose one with `--only KEY=VALUE`, or name a folder with `-o`"))]
    ManyForStream {
        /// How many there are.
        outputs: usize,
    },
}

impl From<VerifyError> for BuildError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(Box::new(error))
    }
}
