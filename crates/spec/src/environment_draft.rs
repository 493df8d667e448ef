//! One environment of a combination: what is said of it, and what it is before it is known for which platform.

use imgbuild_document::{Origin, Problem};
use imgbuild_environment::{Environment, EnvironmentName, LockedPackages, OtherLock};
use imgbuild_oci::Platform;

use crate::cuda::Cuda;
use crate::language::{CondaTable, EnvironmentTable, Manager, PythonFrom};
use crate::mistake::SpecMistake;
use crate::pip::{Pip, Section, needs_python};
use crate::variant::{Base, Conda, CondaPackages, Python};

/// An environment of `[envs]`, with what its files say.
pub(crate) struct NamedEnvironment {
    pub(crate) name: EnvironmentName,
    /// Where it stands in the spec.
    pub(crate) origin: Origin,
    pub(crate) table: EnvironmentTable,
    pub(crate) environment: Option<Environment>,
    pub(crate) pip: Section,
}

/// What the spec says of its own environment.
pub(crate) struct OwnEnvironment {
    pub(crate) table: CondaTable,
    pub(crate) python: Option<Python>,
    /// Where the spec names a file.
    pub(crate) env: Option<Origin>,
    pub(crate) environment: Option<Environment>,
    pub(crate) pip: Section,
}

/// What is in an environment on a platform: conda's packages, and wheels.
pub(crate) type Contents = (Option<Conda>, Option<Pip>);

/// An environment, checked.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentDraft {
    /// What it is called; nothing for the one in the prefix itself, and for Debian's Python.
    pub(crate) name: Option<EnvironmentName>,
    pub(crate) python: Option<Python>,
    pub(crate) conda: Option<Conda>,
    /// Locked packages, which are those of `conda` on each platform.
    pub(crate) lock: Option<OtherLock>,
    pub(crate) pip: Section,
    /// Where the spec names its file.
    pub(crate) file: Option<Origin>,
}

impl EnvironmentDraft {
    /// What of it needs a C library, and where it was asked for.
    pub(crate) fn needs_libraries(&self) -> Option<(&'static str, Option<Origin>)> {
        match (&self.python, &self.conda) {
            (Some(python), _) => Some(("Python", Some(python.origin.clone()))),
            (None, Some(_)) => Some(("a conda environment", self.file.clone())),
            (None, None) => self.pip.origin().map(|origin| ("a wheel", Some(origin.clone()))),
        }
    }

    /// Whether nothing is to be in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.conda.is_none() && self.python.is_none() && self.pip.origin().is_none()
    }

    /// What is in it on a platform, and what is wrong with that; nothing where its lock has nothing for the platform. What `cuda` asks
    /// for must be in a lock.
    pub(crate) fn on(
        &self,
        platform: Platform,
        base: &Base,
        cuda: Option<&Cuda>,
    ) -> (Option<Contents>, Vec<Problem>) {
        let mut conda = self.conda.clone();
        let mut packages = None;
        let mut problems = Vec::new();
        if let (Some(conda), Some(lock)) = (&mut conda, &self.lock) {
            let (locked, listed) = match lock.on(platform) {
                Ok(found) => found,
                Err(problem) => return (None, vec![problem]),
            };
            packages = listed;
            problems.extend(self.check_lock(&locked, conda.manager).err());
            problems.extend(cuda.and_then(|cuda| cuda.lacking_in(&locked)));
            conda.packages = CondaPackages::Locked(locked);
        }
        let pip = self.pip.pip(packages).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let python = self.python.as_ref();
        problems.extend(pip.as_ref().and_then(|pip| needs_python(pip, python, conda.as_ref(), base)));
        if let Some(conda) = &mut conda {
            // The wheel of pip that is asked for would have to be the one that conda happens to have.
            conda.pip = conda.pip && !pip.as_ref().is_some_and(|pip| pip.names_project("pip"));
        }
        (Some((conda, pip)), problems)
    }

    /// What the spec asks for beside a lock must be in it: the lock is taken as it is.
    fn check_lock(&self, locked: &LockedPackages, manager: Manager) -> Result<(), Problem> {
        let lacks = |found: String, key: &str, wanted: String| {
            let file = locked.file.clone();
            Problem::new(SpecMistake::LockLacks { file, found, key: key.to_owned(), wanted })
        };
        if let Some(python) = self.python.as_ref().filter(|python| python.from == PythonFrom::Conda) {
            let found = locked.version("python");
            if !found.is_some_and(|found| python.version.holds(found)) {
                let found = found.map_or("no Python".to_owned(), |version| format!("Python {version}"));
                let problem = lacks(found, python.origin.key(), python.version.to_string());
                let hint = if locked.version("python").is_some() {
                    "remove the key: the lock says which Python there is"
                } else {
                    "the lock is the whole environment: lock it with Python in it, or remove the key"
                };
                return Err(problem
                    .at(python.origin.source(), python.origin.span(), "asked for here")
                    .hint(hint));
            }
        }
        if let Some(package) = manager.package().filter(|package| locked.version(package).is_none()) {
            let problem = lacks(format!("no package `{package}`"), "conda.manager", "it".to_owned());
            let problem = problem.at(locked.origin.source(), locked.origin.span(), "this lock");
            return Err(problem.hint(format!("add `{package}` to the environment before it is locked")));
        }
        Ok(())
    }
}
