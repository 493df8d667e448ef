//! Why no spec is made.

use std::path::Path;

use imgbuild_document::DocumentError;
use miette::Diagnostic;

/// Why no spec is made of a file.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum InitError {
    /// The file is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Document(#[from] DocumentError),
    /// The file is none that is known.
    #[error("`{file}` is no file that a spec is made from")]
    #[diagnostic(help(
        "a spec is made from an `environment.yml`, a `requirements.txt`, a `pixi.lock` or another lock, a `pyproject.toml`, a `Dockerfile` or a `devcontainer.json`"
    ))]
    Unknown {
        /// The file.
        file: String,
    },
    /// The spec would name a file outside of its folder.
    #[error("`{file}` is not below `{folder}`, where the spec stands: it cannot name the file")]
    #[diagnostic(help("write the spec beside the file, or above it: `--output` says where"))]
    NotBelow {
        /// The file.
        file: String,
        /// The folder.
        folder: String,
    },
    /// A dev container that is made of several containers.
    #[error("`{file}` is made of several containers, by `{compose}`")]
    #[diagnostic(help("name the Dockerfile of the one that is meant: `imgbuild init --from Dockerfile`"))]
    Compose {
        /// The file.
        file: String,
        /// The file that says which.
        compose: String,
    },
    /// There is a file where the spec is to be written.
    #[error("`{file}` is there already")]
    #[diagnostic(help("`--force` writes over it, and `--output` says where else the spec is written"))]
    Exists {
        /// The file.
        file: String,
    },
    /// The spec cannot be written.
    #[error("`{file}` cannot be written")]
    Write {
        /// The file.
        file: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A project that says nothing of what it needs.
    #[error("`{file}` names no dependencies")]
    #[diagnostic(help(
        "a project has them in `[project] dependencies`, and pixi's in `pixi.lock`, which `pixi lock` writes"
    ))]
    NoDependencies {
        /// The file.
        file: String,
    },
}

impl InitError {
    /// A file that is not below the folder of the spec.
    pub(crate) fn not_below(file: &Path, folder: &Path) -> Self {
        let shown = |path: &Path| path.display().to_string();
        let folder = if folder.as_os_str().is_empty() { ".".to_owned() } else { shown(folder) };
        Self::NotBelow { file: shown(file), folder }
    }
}
