//! Why a wheel cannot be written into a layer.

use imgbuild_layer::SinkError;

use crate::wheel::filename::FilenameError;
use crate::wheel::record::RecordError;
use crate::wheel::wheel_error::WheelError;

/// Why a wheel cannot be written into a layer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PackageError {
    /// The lock names a file that is no wheel.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Filename(#[from] FilenameError),
    /// The wheel cannot be read, or is not one that may be installed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wheel(#[from] WheelError),
    /// A file of it has another hash than its `RECORD` says.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A path must not be written.
    #[error(transparent)]
    Path(#[from] imgbuild_archive::PathError),
    /// It claims a path twice, or one below a file.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Conflict(#[from] imgbuild_layer::Conflict),
    /// The wheel is not what the lock says.
    #[error("the lock says of its {fact} `{locked}`, and the wheel `{found}`")]
    Fact {
        /// What differs.
        fact: &'static str,
        /// What the lock says.
        locked: String,
        /// What the wheel says.
        found: String,
    },
    /// A file that is written anew cannot be.
    #[error("its `{file}` cannot be written")]
    Write {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The layer refuses an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

imgbuild_diagnostic::boxed_sources!(PackageError);
