//! What can go wrong on the way from a spec to a lock.

mod lock;

use imgbuild_archive::PathError;
use imgbuild_base::BaseFailure;
use imgbuild_conda::{ChannelError, CondarcError, EnvironmentError, LockedEnvironmentError};
use imgbuild_copies::CopyFailure;
use imgbuild_debian::MirrorError;
use imgbuild_document::DocumentError;
use imgbuild_ecosystem::EcosystemError;
use imgbuild_fetch::ArchiveFailure;
use imgbuild_image::{MakeError, MakeFailure, WheelsFailure};
use imgbuild_layer::OverBudget;
use imgbuild_lock::LockError;
use imgbuild_pypi::LockedWheelsError;
use imgbuild_store::StoreError;
use miette::Diagnostic;

pub use lock::LockFailure;

/// A spec that cannot be locked.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LockSpecError {
    /// The spec is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Spec(#[from] DocumentError),
    /// Several things are wrong, all of which are known before anybody is asked.
    #[error("`{spec}` has {count} mistakes")]
    Mistakes {
        /// The spec.
        spec: String,
        /// How many there are.
        count: usize,
        /// The first of them.
        #[related]
        errors: Vec<LockSpecError>,
    },
    /// What stands for the mistakes that are not shown.
    #[error("{}", imgbuild_document::and_more(*.0))]
    MoreMistakes(usize),
    /// A variant that cannot be locked, or a lock that cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] LockFailure),
    /// What a lock is made of cannot be had or made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Make(MakeError),
}

impl From<EnvironmentError> for LockSpecError {
    fn from(error: EnvironmentError) -> Self {
        LockFailure::from(error).into()
    }
}

impl From<MakeError> for LockSpecError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Spec(error) => Self::Spec(error),
            error => Self::Make(error),
        }
    }
}

/// What goes wrong below is told as it is where an image is made.
macro_rules! as_made {
    ($($error:ty => $phase:ty),* $(,)?) => {
        $(impl From<$error> for LockSpecError {
            fn from(error: $error) -> Self {
                MakeError::from(<$phase>::from(error)).into()
            }
        })*
    };
}

as_made! {
    ArchiveFailure => MakeError,
    BaseFailure => MakeError,
    CopyFailure => MakeError,
    MakeFailure => MakeError,
    PathError => MakeError,
    StoreError => MakeError,
    WheelsFailure => MakeError,
    ChannelError => ArchiveFailure,
    CondarcError => ArchiveFailure,
    MirrorError => ArchiveFailure,
    LockedEnvironmentError => EcosystemError,
    LockedWheelsError => EcosystemError,
    LockError => MakeFailure,
    OverBudget => MakeFailure,
}
