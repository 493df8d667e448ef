//! Why uv did not lock.

use std::io;
use std::path::PathBuf;

/// Why uv did not lock.
#[derive(Debug, thiserror::Error)]
pub enum UvError {
    /// It is not there.
    #[error("`uv` is not on PATH\nhint: install it, for example by `pip install uv`")]
    Absent,
    /// It is too old.
    #[error("`{}` has version {found}, and {MINIMUM} is the oldest that is used\nhint: upgrade it, for example by `pip install --upgrade uv`", program.display())]
    Old {
        /// The program.
        program: PathBuf,
        /// Its version.
        found: String,
    },
    /// It is not there, and cannot be taken.
    #[error("`uv` cannot be had: {0}\nhint: install it, for example by `pip install uv`")]
    Take(String),
    /// It cannot be started, or its files cannot be written.
    #[error("cannot run `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The requirements contradict each other, or the indexes do not have what they ask for.
    #[error("the Python packages cannot be chosen for {target}:\n{explanation}")]
    Unsatisfiable {
        /// What they were to be chosen for.
        target: String,
        /// What uv says.
        explanation: String,
    },
    /// It failed for another reason.
    #[error("`uv` failed while it chose Python packages:\n{0}")]
    Failed(String),
}

/// The oldest version that has all that is asked of it: lock files by PEP 751, and the platforms and CUDA versions that are
/// named here.
pub(crate) const MINIMUM: &str = "0.13.0";

impl From<imgbuild_store::StoreError> for UvError {
    /// The store has no place for it.
    fn from(error: imgbuild_store::StoreError) -> Self {
        Self::Take(error.to_string())
    }
}
