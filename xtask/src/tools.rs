//! Python environments with tools in them, which pip installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::{self, Lacking, Program};

/// What makes the environments.
const PYTHON: Program = ("python3", "python3");

/// Why the tools cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolsError {
    /// Programs are neither there nor may we install them.
    #[error("the tools cannot be installed: {0}")]
    Lacking(#[from] Lacking),
    /// `pip` or `venv` failed; it has said why.
    #[error(
        "the tools of `{list}` could not be installed by pip\nhint: its message is above; pip needs a package index"
    )]
    Pip {
        /// The list of tools.
        list: PathBuf,
    },
    /// A file cannot be read or written, or a program not be started.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// A virtual environment with the tools in it.
pub(crate) struct Tools {
    python: PathBuf,
}

impl Tools {
    /// The environment in `folder` with what `list` (a requirements file) names, made when it is not there or the list
    /// has changed.
    pub(crate) fn ready(list: &Path, folder: &Path) -> Result<Self, ToolsError> {
        programs::ensure(&[PYTHON])?;
        let tools = Self { python: folder.join("bin/python") };
        let (stamp, wanted) = (folder.join(".stamp"), fs_err::read_to_string(list)?);
        if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(tools);
        }
        eprintln!("xtask: installing the tools of `{}`", list.display());
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        if !(has_venv() || programs::install("python3-venv") && has_venv()) {
            return Err(Lacking::one("python3 -m venv", "python3-venv").into());
        }
        let made = clean(Command::new("python3")).args(["-m", "venv"]).arg(folder).status()?.success();
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        if !made || !tools.command().args(pip).arg(list).status()?.success() {
            return Err(ToolsError::Pip { list: list.to_path_buf() });
        }
        fs_err::write(&stamp, wanted)?;
        Ok(tools)
    }

    /// The environment's Python, free of what the machine sets for Python.
    pub(crate) fn command(&self) -> Command {
        clean(Command::new(&self.python))
    }

    /// A program that is one of the tools.
    pub(crate) fn program(&self, name: &str) -> Command {
        clean(Command::new(self.python.with_file_name(name)))
    }
}

/// What the machine's environment says of Python is for the machine's own; no bytecode gets into the recipe's folder.
fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PYTHON") {
            command.env_remove(name);
        }
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    command
}

fn has_venv() -> bool {
    clean(Command::new("python3"))
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
