//! What wheels are locked for, and which conditions hold there ("Dependency specifiers").

use std::fmt;
use std::str::FromStr;

use imgbuild_requirement::MarkerVariable;
use pep440_rs::{Version, VersionSpecifiers};

use crate::choosing::tags::{Tags, Target};

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
    tags: Tags,
    version: Version,
    /// The same as it was given.
    python: String,
    /// Its first two numbers.
    minor: String,
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
        Ok(Self { target, tags: target.tags(), version, python: python.to_owned(), minor })
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
        &self.version
    }

    /// What a variable of a condition says here.
    pub(crate) fn value(&self, variable: MarkerVariable) -> &str {
        match variable {
            MarkerVariable::OsName => "posix",
            MarkerVariable::SysPlatform => "linux",
            MarkerVariable::PlatformMachine => self.target.machine(),
            MarkerVariable::PlatformPythonImplementation => "CPython",
            MarkerVariable::PlatformSystem => "Linux",
            MarkerVariable::PythonVersion => &self.minor,
            MarkerVariable::PythonFullVersion | MarkerVariable::ImplementationVersion => &self.python,
            MarkerVariable::ImplementationName => "cpython",
            // Nobody knows the kernel under which an image will run, and an extra is not of the environment.
            MarkerVariable::PlatformRelease | MarkerVariable::PlatformVersion | MarkerVariable::Extra => "",
        }
    }

    /// Whether Python's version is one of these; what is no set of versions forbids nothing.
    pub(crate) fn has_python(&self, versions: &str) -> bool {
        VersionSpecifiers::from_str(versions).map_or(true, |versions| versions.contains(&self.version))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
