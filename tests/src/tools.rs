//! Programs of other languages that tests drive, as pip and npm install them under `target/tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{capture, workspace_root};

/// A virtual environment with what a list of requirements names: its folder.
///
/// # Panics
///
/// When pip cannot install it.
pub fn python_tools(name: &str, list: &str) -> PathBuf {
    made(name, list, |folder, list| {
        capture(Command::new("python3").args(["-m", "venv"]).arg(folder)).success();
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        let mut python = Command::new(folder.join("bin/python"));
        capture(python.env("PYTHONDONTWRITEBYTECODE", "1").args(pip).arg(list)).success();
    })
}

/// The packages of `tests/tests/browser/package.json`, as its lock has them: their folder, which `NODE_PATH` names, and in which `.bin`
/// has their programs.
///
/// # Panics
///
/// When npm cannot install them.
pub fn node_modules() -> PathBuf {
    node_tools("node", "tests/tests/browser/package-lock.json")
}

/// The packages of a `package-lock.json`, with the `package.json` beside it: their folder, in which `.bin` has their programs.
///
/// # Panics
///
/// When npm cannot install them.
pub fn node_tools(name: &str, lock: &str) -> PathBuf {
    let folder = made(name, lock, |folder, lock| {
        fs_err::create_dir_all(folder).unwrap();
        for name in ["package.json", "package-lock.json"] {
            fs_err::copy(lock.with_file_name(name), folder.join(name)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        capture(&mut npm).success();
    });
    folder.join("node_modules")
}

/// A folder that is made where it is not there or its list has changed: tests of one run wait for each other.
fn made(name: &str, list: &str, make: impl FnOnce(&Path, &Path)) -> PathBuf {
    let (list, tools) = (workspace_root().join(list), workspace_root().join("target/tools"));
    fs_err::create_dir_all(&tools).unwrap();
    let lock = fs_err::File::create(tools.join(format!("{name}.lock"))).unwrap();
    lock.file().lock().unwrap();
    let folder = tools.join(name);
    let (stamp, wanted) = (folder.join(".stamp"), fs_err::read_to_string(&list).unwrap());
    if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return folder;
    }
    if folder.exists() {
        fs_err::remove_dir_all(&folder).unwrap();
    }
    make(&folder, &list);
    fs_err::write(stamp, wanted).unwrap();
    folder
}
