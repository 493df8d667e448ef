//! Why an environment cannot be locked.

use imgbuild_archive::PathError;
use imgbuild_layer::Conflict;
use imgbuild_oci::Platform;

use crate::environment_error::EnvironmentError;
use crate::fetch::MetadataError;
use crate::record::RecordError;

/// Why an environment cannot be locked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockingError {
    /// It cannot be solved.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Environment(#[from] EnvironmentError),
    /// A package's metadata cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metadata(#[from] MetadataError),
    /// A record cannot be locked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Record(#[from] RecordError),
    /// A package writes where it must not.
    #[error("`{package}` cannot be installed: {error}")]
    Path {
        /// The package.
        package: String,
        /// Why.
        error: PathError,
    },
    /// A package contradicts itself.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Conflict(#[from] Conflict),
    /// A noarch Python package in an environment without Python.
    #[error("`{package}` is a noarch Python package, and the environment has no Python")]
    NoPython {
        /// The package.
        package: String,
    },
    /// A package wants a script to be run.
    #[error("`{package}` has a script that an installer would run: `{script}`")]
    LinkScript {
        /// The package.
        package: String,
        /// The script.
        script: String,
    },
    /// The environment's Python cannot be used.
    #[error("`{package}` cannot be used as the environment's Python: {error}")]
    Python {
        /// The package.
        package: String,
        /// Why.
        error: String,
    },
    /// The interpreter that compiles bytecode cannot be locked.
    #[error("no Python {version} for {host} can be found to compile the bytecode with")]
    Compiler {
        /// The version.
        version: String,
        /// The build machine.
        host: Platform,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<Self>,
    },
}

imgbuild_diagnostic::boxed_sources!(LockingError);
