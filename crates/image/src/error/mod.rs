//! What can go wrong on the way from a lock to an image: the crates' own errors, with where they were asked for, by what was
//! being done.

mod check;
mod deliver;
mod make;
mod open;
mod wheels;

use std::path::Path;

pub use check::CheckFailure;
pub use deliver::DeliverFailure;
use imgbuild_archive::PathError;
use imgbuild_base::BaseFailure;
use imgbuild_copies::CopyFailure;
use imgbuild_ecosystem::EcosystemError;
use imgbuild_fetch::ArchiveFailure;
use imgbuild_folder::FileError;
use imgbuild_layer::OverBudget;
pub use make::MakeFailure;
use miette::Diagnostic;
pub use open::OpenFailure;
pub use wheels::WheelsFailure;

/// An image that cannot be made.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum MakeError {
    /// A spec, or a file of settings, is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Spec(#[from] imgbuild_document::DocumentError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] imgbuild_store::StoreError),
    /// A path is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// This program runs on a machine that it cannot name.
    #[error("imgbuild does not know the platform of this machine")]
    #[diagnostic(help("it runs on linux/amd64 and linux/arm64"))]
    NoHost,
    /// Nothing is left to build.
    #[error("no variant of the spec has {0}")]
    #[diagnostic(help("`imgbuild check` lists the variants"))]
    Nothing(String),
    /// Nothing can be run on this machine, or not this.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] imgbuild_sandbox::SandboxError),
    /// A thread died.
    #[error("a part of the build died: {0}")]
    Died(String),
    /// An existing image that cannot be stood on.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Base(#[from] BaseFailure),
    /// Archives that cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(ArchiveFailure),
    /// A layer that cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Make(#[from] MakeFailure),
    /// What a spec has copied and cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Copy(#[from] CopyFailure),
    /// A check that was not met.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Check(#[from] CheckFailure),
    /// An image that cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Deliver(#[from] DeliverFailure),
    /// An image that cannot be opened or started.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenFailure),
    /// Wheels that cannot be locked or found.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wheels(#[from] WheelsFailure),
}

/// What the crates below say goes into the error of its phase.
macro_rules! of_phase {
    ($($error:ty => $phase:ident),* $(,)?) => {
        $(impl From<$error> for MakeError {
            fn from(error: $error) -> Self {
                $phase::from(error).into()
            }
        })*
    };
}

of_phase! {
    imgbuild_lock::LockError => MakeFailure,
    OverBudget => MakeFailure,
    imgbuild_oci::canonical::CanonicalError => MakeFailure,
    EcosystemError => MakeFailure,
    imgbuild_layer::WrongLibrary => MakeFailure,
    imgbuild_oci::ImageError => MakeFailure,
    imgbuild_oci::TimestampError => MakeFailure,
    imgbuild_oci::WriteError => DeliverFailure,
    imgbuild_oci::PlatformError => OpenFailure,
}

impl MakeError {
    /// What is said of a file of this machine that cannot be read or written: `what` was tried.
    pub fn file(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let file = FileError::of(path, what);
        move |error| Self::File(file(error))
    }
}

impl From<ArchiveFailure> for MakeError {
    fn from(error: ArchiveFailure) -> Self {
        match error {
            // It is one of the mistakes that are told together.
            ArchiveFailure::Settings(error) => Self::Spec(error),
            error => Self::Archive(error),
        }
    }
}

impl From<imgbuild_oci::ReadError> for MakeError {
    fn from(error: imgbuild_oci::ReadError) -> Self {
        OpenFailure::Read(Box::new(error)).into()
    }
}

impl From<tokio::task::JoinError> for MakeError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Died(error.to_string())
    }
}
