//! What wheels are locked for, and which conditions hold there ("Dependency specifiers").

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree, VerbatimUrl};

use crate::tags::{Tags, Target};

/// A requirement, read.
pub(crate) type Dependency = pep508_rs::Requirement<VerbatimUrl>;

/// A version of Python that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{python}` is not a version of Python 3.{minor}")]
pub struct PythonError {
    /// What was given.
    pub python: String,
    /// What the target says.
    pub minor: u8,
}

/// The Python that wheels are locked for, by everything that a condition can ask.
#[derive(Debug, Clone)]
pub struct Environment {
    target: Target,
    python: Version,
    tags: Tags,
    markers: MarkerEnvironment,
}

impl Environment {
    /// The environment of a target whose Python has this version, such as `3.11.9`.
    ///
    /// # Errors
    ///
    /// When that is not a version of the target's Python.
    pub fn new(target: Target, python: &str) -> Result<Self, PythonError> {
        let wrong = || PythonError { python: python.to_owned(), minor: target.minor };
        let version = Version::from_str(python).map_err(|_| wrong())?;
        if version.release().get(..2) != Some(&[3, u64::from(target.minor)]) {
            return Err(wrong());
        }
        let minor = format!("3.{}", target.minor);
        // Nobody knows the kernel under which an image will run.
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: python,
            os_name: "posix",
            platform_machine: target.machine(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: python,
            python_version: &minor,
            sys_platform: "linux",
        });
        Ok(Self { target, python: version, tags: target.tags(), markers: markers.map_err(|_| wrong())? })
    }

    /// What wheels must run on.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The tags of wheels that run there.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The whole version of Python.
    pub fn python(&self) -> &Version {
        &self.python
    }

    /// Whether a condition holds, with these extras.
    pub(crate) fn holds(&self, marker: &MarkerTree, extras: &[ExtraName]) -> bool {
        marker.evaluate(&self.markers, extras)
    }

    /// Whether Python's version is one of these; what is no set of versions forbids nothing.
    pub(crate) fn has_python(&self, versions: &str) -> bool {
        VersionSpecifiers::from_str(versions).map_or(true, |versions| versions.contains(&self.python))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// Reads a requirement of a wheel's metadata. Old wheels hold some that nobody reads any more: these are none.
pub(crate) fn dependency(text: &str) -> Option<Dependency> {
    let read = Dependency::from_str(text);
    if read.is_err() {
        tracing::debug!("`{}` is not a requirement that is known", text.escape_default());
    }
    read.ok()
}
