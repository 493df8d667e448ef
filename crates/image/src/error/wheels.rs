//! Wheels that cannot be locked or found.

use imgbuild_document::Snippet;
use imgbuild_folder::LeadsOut;
use miette::Diagnostic;

/// Wheels that cannot be locked or found.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum WheelsFailure {
    /// The wheels of a variant cannot be locked or found.
    #[error("cannot lock the wheels of `{variant}`")]
    Pypi {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_pypi::LockingError>,
        /// The lines that asked for them.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Wheels for a Python that nobody makes wheels for.
    #[error("wheels cannot be chosen for Python {python}")]
    #[diagnostic(help("they are chosen for CPython 3 with its global lock, on a base with glibc"))]
    OtherPython {
        /// The version of Python.
        python: String,
    },
    /// A lock lists a wheel of another project or version.
    #[error("the wheel `{wheel}` is listed as `{listed}`, and by its name it is another one")]
    #[diagnostic(help(
        "lock again with the tool that wrote the list; if it still says so, somebody has changed the file"
    ))]
    OtherWheel {
        /// The wheel.
        wheel: String,
        /// What it is listed as.
        listed: String,
        /// The line that lists it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A path in the spec's folder that a link leads out of it by.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LeadsOut(LeadsOut),
}
