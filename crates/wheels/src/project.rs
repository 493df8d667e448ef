//! How a project is built: `[build-system]` of its `pyproject.toml` (PEP 517, PEP 518).

use std::path::Path;

use serde::Deserialize;

use crate::source::Project;

/// What builds a project that says nothing ("Build system declaration": the same as pip's).
const LEGACY_BACKEND: &str = "setuptools.build_meta:__legacy__";
const LEGACY_REQUIRES: &str = "setuptools >= 40.8.0";

/// A project that does not say how it is built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// There is nothing that could be built.
    #[error("it has neither a `pyproject.toml` nor a `setup.py`: it is no project of Python's")]
    None,
    /// `pyproject.toml` is no TOML, or says something else than it should.
    #[error("its `pyproject.toml` cannot be read: {0}")]
    Pyproject(String),
    /// A build requirement is none that can be locked.
    #[error("its build requirement `{}` {rule}", requirement.escape_default())]
    Requirement {
        /// The requirement.
        requirement: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A folder of `backend-path` is not in the source.
    #[error("its `backend-path` names `{}`, which is no folder of its source", .0.escape_default())]
    BackendPath(String),
    /// The backend is not the name of an object.
    #[error("its `build-backend` is `{}`, which names no object of Python's", .0.escape_default())]
    Backend(String),
}

/// How a project is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildSystem {
    /// What must be there before the backend can be asked anything.
    pub(crate) requires: Vec<String>,
    /// The backend, such as `setuptools.build_meta`.
    pub(crate) backend: String,
    /// Folders of the source in which the backend is, where it is in the source.
    pub(crate) backend_path: Vec<String>,
}

#[derive(Deserialize)]
struct Pyproject {
    #[serde(rename = "build-system")]
    build_system: Option<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

impl BuildSystem {
    /// How a project says that it is built.
    ///
    /// # Errors
    ///
    /// When it is no project, or says it wrongly.
    pub(crate) fn of(project: &Project) -> Result<Self, ProjectError> {
        let legacy =
            |requires| Self { requires, backend: LEGACY_BACKEND.to_owned(), backend_path: Vec::new() };
        let table = match project.file("pyproject.toml") {
            None if project.file("setup.py").is_none() => return Err(ProjectError::None),
            None => None,
            Some(bytes) => {
                let failed = |error: &dyn std::fmt::Display| ProjectError::Pyproject(error.to_string());
                let text = std::str::from_utf8(bytes).map_err(|error| failed(&error))?;
                let read: Pyproject = toml::from_str(text).map_err(|error| failed(&error.message()))?;
                read.build_system
            }
        };
        let system = match table {
            None => legacy(vec![LEGACY_REQUIRES.to_owned()]),
            Some(Table { requires, build_backend: None, .. }) => legacy(requires),
            Some(Table { requires, build_backend: Some(backend), backend_path }) => {
                Self { requires, backend, backend_path }
            }
        };
        system.requires.iter().try_for_each(|it| check_requirement(it))?;
        let name = |it: &str| it.split('.').all(|part| !part.is_empty() && part.chars().all(is_word));
        let (module, object) = system.backend.split_once(':').unwrap_or((&system.backend, "_"));
        if !name(module) || !name(object) {
            return Err(ProjectError::Backend(system.backend));
        }
        for path in &system.backend_path {
            let plain = path.strip_prefix("./").unwrap_or(path);
            let plain = plain.strip_suffix('/').unwrap_or(plain);
            if !project.has_folder(plain) {
                return Err(ProjectError::BackendPath(path.clone()));
            }
        }
        Ok(system)
    }
}

/// Checks that a folder of this machine is that of a project, as far as it says so itself.
///
/// # Errors
///
/// When it is none, or its `pyproject.toml` is damaged.
pub fn check_folder(folder: &Path) -> Result<(), ProjectError> {
    let failed = |error: &dyn std::fmt::Display| ProjectError::Pyproject(error.to_string());
    let read = imgbuild_folder::read_regular(&folder.join("pyproject.toml"));
    match read.and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other)) {
        Ok(text) => toml::from_str::<Pyproject>(&text).map(drop).map_err(|error| failed(&error.message())),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(&error)),
        Err(_) if folder.join("setup.py").exists() => Ok(()),
        Err(_) => Err(ProjectError::None),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Checks that a text is a requirement of a project of an index, and nothing that whoever locks it could take for something
/// else: an option, a file, a variable of this machine's environment.
///
/// # Errors
///
/// When it is not.
pub(crate) fn check_requirement(requirement: &str) -> Result<(), ProjectError> {
    let refused = |rule| Err(ProjectError::Requirement { requirement: requirement.to_owned(), rule });
    if requirement.contains('@') {
        return refused("names a URL, and build requirements come from an index");
    }
    let allowed = |it: char| it.is_ascii_alphanumeric() || " \t-_.[],<>=!~;()'\"*+".contains(it);
    let begins = requirement.trim_start().starts_with(|it: char| it.is_ascii_alphanumeric());
    if !begins || !requirement.chars().all(allowed) || requirement.contains(" -") {
        return refused("is not the name of a project with versions and markers");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_requirement_is_refused() {
        for good in [
            "setuptools",
            "setuptools >= 40.8.0",
            "flit_core<4,>=3.2",
            "setuptools-scm[toml]~=8.0; python_version < \"3.12\" and sys_platform == 'linux'",
            "numpy (>=1.2)",
            "a==1.0+local.1",
            "a==1!2.*",
        ] {
            assert_eq!(check_requirement(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-r /etc/passwd",
            "--index-url=x",
            "a --hash=x",
            "./folder",
            "/folder",
            "a @ file:///x",
            "a\n-r x",
            "$HOME",
            "a \\",
            "a # x",
        ] {
            assert!(check_requirement(bad).is_err(), "{bad}");
        }
    }
}
