//! What can go wrong between a source and its wheel.

use std::path::Path;

use imgbuild_archive::PathError;
use imgbuild_folder::FileError;
use imgbuild_layer::SinkError;
use imgbuild_lock::PypiPackage;
use imgbuild_oci::{Digest, Platform};
use imgbuild_sandbox::SandboxError;
use imgbuild_store::StoreError;

use crate::frontend::Failure;
use crate::project::ProjectError;
use crate::source::SourceError;

/// A wheel that cannot be built.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WheelBuildError {
    /// It would have to be built for a platform that does not run here.
    #[error(
        "`{name}` has no wheel and would have to be built for {platform}, whose programs do not run on this machine"
    )]
    #[diagnostic(help(
        "choose a version that has a wheel for {platform}, or lock on a machine that runs its programs: {reason}{}",
        below(reason)
    ))]
    Foreign {
        /// The project.
        name: String,
        /// The platform.
        platform: Platform,
        /// Why they do not run.
        reason: SandboxError,
    },
    /// Its source cannot be used.
    #[error("the source of `{name}` cannot be used")]
    Source {
        /// The project.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<SourceError>,
    },
    /// Its source cannot be had.
    #[error("cannot get the source of `{name}`")]
    Fetch {
        /// The project.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Failure,
    },
    /// It does not say how it is built.
    #[error("`{name}` cannot be built")]
    Project {
        /// The project.
        name: String,
        /// Why.
        #[source]
        error: ProjectError,
    },
    /// What it is built with cannot be had.
    #[error("the build requirements of `{name}` cannot be had: {}", requirements.join(", "))]
    Requirements {
        /// The project.
        name: String,
        /// What it asks for.
        requirements: Vec<String>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_pypi::LockingError>,
    },
    /// A wheel that it is built with cannot be had, or is damaged.
    #[error("what `{name}` is built with cannot be had")]
    RequirementFetch {
        /// The project.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Failure,
    },
    /// A wheel that it is built with cannot be installed.
    #[error("the build requirement `{wheel}` cannot be used")]
    Requirement {
        /// The wheel.
        wheel: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_pypi::PackageError>,
    },
    /// The environment that it is built in cannot be written.
    #[error("the build environment cannot be made")]
    BuildEnvironment(
        #[source]
        #[diagnostic_source]
        Failure,
    ),
    /// The image that it is built in cannot be made.
    #[error("the image in which `{name}` is to be built cannot be made")]
    Root {
        /// The project.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Failure,
    },
    /// Its backend failed.
    #[error("the build of `{name}` {fault} ({hook})\n{printed}")]
    #[diagnostic(help(
        "it runs in the sandbox, off the network, with the image's own Python; compilers and headers are the image's packages"
    ))]
    Failed {
        /// The project.
        name: String,
        /// The hook of the backend.
        hook: &'static str,
        /// What is wrong.
        fault: String,
        /// What it printed.
        printed: String,
    },
    /// Its backend did something else than it should.
    #[error("the build backend of `{name}` {what}")]
    Answer {
        /// The project.
        name: String,
        /// What it did.
        what: String,
    },
    /// What it made is no good wheel.
    #[error("the build of `{name}` made a wheel that cannot be used, `{wheel}`")]
    Wheel {
        /// The project.
        name: String,
        /// The wheel.
        wheel: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Failure,
    },
    /// It was built anew, and came out otherwise.
    #[error("building `{name}` anew made `{found}`, and the lock has `{locked}`")]
    #[diagnostic(help(
        "its build is not reproducible, or depends on what no lock holds, such as new tags of a repository: take the wheel along from where it was locked (`imgbuild lock --vendor`), or run `imgbuild lock --upgrade {name}` and keep what comes out"
    ))]
    OtherWheel {
        /// The project.
        name: String,
        /// The wheel that was made: its name and hash.
        found: String,
        /// The wheel of the lock.
        locked: String,
    },
    /// The lock names a source that is none.
    #[error("the lock's source of `{name}` cannot be found: `{what}`")]
    #[diagnostic(help("run `imgbuild lock` to renew it"))]
    LockedSource {
        /// The project.
        name: String,
        /// What the lock says.
        what: String,
    },
    /// A file of this machine cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The sandbox cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] SandboxError),
    /// The store fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A path is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Something cannot be written for the sandbox.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A thread died.
    #[error("a part of the build died: {0}")]
    Died(#[from] tokio::task::JoinError),
}

impl WheelBuildError {
    pub(crate) fn file(path: &Path, what: &'static str, error: std::io::Error) -> Self {
        Self::File(FileError::of(path, what)(error))
    }

    pub(crate) fn requirement(wheel: &PypiPackage, error: imgbuild_pypi::PackageError) -> Self {
        Self::Requirement { wheel: wheel.filename.clone(), error: Box::new(error) }
    }
}

/// What is to be done for a sandbox, behind the hint that says why it is needed.
fn below(reason: &SandboxError) -> String {
    imgbuild_diagnostic::hints(reason).iter().map(|hint| format!("\n{hint}")).collect()
}

/// A wheel as messages name it.
pub(crate) fn named(filename: &str, sha256: &Digest) -> String {
    format!("{filename} ({sha256})")
}
