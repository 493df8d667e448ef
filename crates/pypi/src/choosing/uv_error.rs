//! Why uv did not lock.

use std::io;
use std::path::PathBuf;

use crate::choosing::said;

/// Why uv did not lock.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UvError {
    /// It is not there.
    #[error("`uv` is not on PATH")]
    #[diagnostic(help("install it, for example by `pip install uv`"))]
    Absent,
    /// It is too old.
    #[error("`{}` has version {found}, and {MINIMUM} is the oldest that is used", program.display())]
    #[diagnostic(help("upgrade it, for example by `pip install --upgrade uv`"))]
    Old {
        /// The program.
        program: PathBuf,
        /// Its version.
        found: String,
    },
    /// It is not there, and cannot be taken.
    #[error("`uv` cannot be had: {why}")]
    #[diagnostic(help("{}install it, for example by `pip install uv`", hints.iter().map(|hint| format!("{hint}\n")).collect::<String>()))]
    Take {
        /// Why.
        why: String,
        /// What is said to do about that.
        hints: Vec<String>,
    },
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
        /// What uv says, with its hints, as it is read.
        explanation: String,
    },
    /// It failed for another reason.
    #[error("`uv` failed while it chose Python packages:\n{said}")]
    Failed {
        /// What it says.
        said: String,
        /// What it says to do.
        #[help]
        hint: Option<String>,
    },
}

/// The oldest version that has all that is asked of it: lock files by PEP 751, and the platforms and CUDA versions that are
/// named here.
pub(crate) const MINIMUM: &str = "0.13.0";

impl UvError {
    /// What is said where it fails.
    pub(crate) fn failed(said: &str) -> Self {
        let (said, hints) = said::parted(said);
        Self::Failed { said, hint: said::hint(&hints) }
    }

    /// What is said where it cannot be taken, with what others print of that.
    pub(crate) fn take(why: &str) -> Self {
        let (why, hints) = said::parted(why);
        Self::Take { why, hints }
    }
}

impl From<imgbuild_store::StoreError> for UvError {
    /// The store has no place for it.
    fn from(error: imgbuild_store::StoreError) -> Self {
        Self::Take { why: error.to_string(), hints: imgbuild_diagnostic::hints(&error) }
    }
}
