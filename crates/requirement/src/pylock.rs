//! Locks of wheels: `pylock.toml` ("pylock.toml Specification"), and `uv.lock`.

use std::path::{Path, PathBuf};

use imgbuild_document::Origin;

use crate::project::ProjectName;

/// What of a project is taken beside what it always needs. The names are normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectParts {
    /// Its extras.
    pub extras: Vec<ProjectName>,
    /// Its groups of dependencies, where somebody chose them; else those that it has by default.
    pub groups: Option<Vec<ProjectName>>,
    /// The groups that it has by default, where its lock does not say it: those of them that it has.
    pub default_groups: Vec<ProjectName>,
}

/// A `pylock.toml`, or a `uv.lock`. It is text here: whoever takes wheels from it checks it.
#[derive(Debug, Clone)]
pub struct PylockFile {
    /// Its path, beside the spec's: relative to the same folder as the path that the spec was loaded from. Paths in it are
    /// relative to its own folder.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What of the project is taken.
    pub parts: ProjectParts,
    /// Where it was named.
    pub origin: Origin,
}

impl PylockFile {
    /// All that follows from it: its text, without secrets, and what is taken of its project.
    pub fn inputs(&self) -> String {
        let ProjectParts { extras, groups, default_groups } = &self.parts;
        let mut text = imgbuild_secret::public(&self.text);
        let mut add = |key: &str, names: &[ProjectName]| {
            let names: Vec<&str> = names.iter().map(ProjectName::as_str).collect();
            text.push_str(&format!("\n{key} = {names:?}\n"));
        };
        if !extras.is_empty() {
            add("extras", extras);
        }
        match groups {
            Some(groups) => add("groups", groups),
            None if default_groups.is_empty() => {}
            None => add("default-groups", default_groups),
        }
        text
    }
}

/// Whether a file is a lock of uv's, by its name.
pub fn is_uv_lock(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "uv.lock")
}

/// Whether a file is a lock of wheels, by its name ("pylock.toml Specification"); uv's has one name.
pub fn is_pylock(file: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "pylock.toml" || name == "uv.lock" || name.starts_with("pylock.") && name.ends_with(".toml")
}
