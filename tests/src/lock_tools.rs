//! The tools whose locks imgbuild reads, in a virtual environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{capture, workspace_root};

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
        let list = workspace_root().join("tests/tests/other_locks/tools.txt");
        let tools = workspace_root().join("target/tools");
        fs_err::create_dir_all(&tools).unwrap();
        let lock = fs_err::File::create(tools.join("locks.lock")).unwrap();
        lock.file().lock().unwrap();
        let new = Self { folder: tools.join("locks") };
        let (stamp, wanted) = (new.folder.join(".stamp"), fs_err::read_to_string(&list).unwrap());
        if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return new;
        }
        if new.folder.exists() {
            fs_err::remove_dir_all(&new.folder).unwrap();
        }
        capture(Command::new("python3").args(["-m", "venv"]).arg(&new.folder)).success();
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        capture(new.python().args(pip).arg(list)).success();
        fs_err::write(stamp, wanted).unwrap();
        new
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
