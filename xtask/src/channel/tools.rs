//! The Python environment in which the channel is made.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs that must be on the machine, and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 6] = [
    ("python3", "python3"),
    ("gcc", "gcc libc6-dev"),
    ("make", "make"),
    ("strip", "binutils"),
    ("gpgv", "gpgv"),
    ("bash", "bash"),
];

/// Why the tools cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolsError {
    /// A program is neither there nor may we install it.
    #[error(
        "the channel needs `{program}`, which is not on this machine\nhint: as root, run `apt-get install {package}`"
    )]
    Lacking {
        /// The program.
        program: &'static str,
        /// The Debian packages that bring it.
        package: &'static str,
    },
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
        for (program, package) in PROGRAMS {
            ensure(program, package)?;
        }
        let tools = Self { python: folder.join("bin/python") };
        let (stamp, wanted) = (folder.join(".stamp"), fs_err::read_to_string(list)?);
        if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(tools);
        }
        eprintln!("channel: installing tools");
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        if !(has_venv() || install("python3-venv") && has_venv()) {
            return Err(ToolsError::Lacking { program: "python3 -m venv", package: "python3-venv" });
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

/// Installs the package of a program that is not there, if we may.
fn ensure(program: &'static str, package: &'static str) -> Result<(), ToolsError> {
    if on_path(program) {
        return Ok(());
    }
    if install(package) && on_path(program) { Ok(()) } else { Err(ToolsError::Lacking { program, package }) }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether apt has installed the packages. It cannot where we are not root or apt is not there; it says so itself.
fn install(packages: &str) -> bool {
    eprintln!("channel: apt-get install {packages}");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages.split(' '));
    apt(&["update"]) && apt(&arguments)
}
