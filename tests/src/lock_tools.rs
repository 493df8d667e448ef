//! The tools whose locks imgbuild reads, in a virtual environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{python_tools, workspace_root};

/// conda-lock and rattler, as pip installs them.
pub struct LockTools {
    folder: PathBuf,
}

impl Default for LockTools {
    fn default() -> Self {
        Self::new()
    }
}

impl LockTools {
    /// The tools, made when they are not there or their list has changed: tests of one run wait for each other.
    ///
    /// # Panics
    ///
    /// When pip cannot install them.
    pub fn new() -> Self {
        Self { folder: python_tools("locks", "tests/tests/other_locks/tools.txt") }
    }

    /// Its Python, to run one of the programs beside the tests.
    pub fn program(&self, name: &str) -> Command {
        let mut command = self.python();
        command.arg(workspace_root().join("tests/tests/other_locks").join(name));
        command
    }

    /// `conda-lock`, in a folder.
    pub fn conda_lock(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join("bin/conda-lock"));
        command.current_dir(folder);
        command
    }

    fn python(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}
