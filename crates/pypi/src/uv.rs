//! Locking by uv: requirements into a `pylock.toml`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tags::Target;

/// Why uv did not lock.
#[derive(Debug, thiserror::Error)]
pub enum UvError {
    /// It is not there.
    #[error("`uv` is not on PATH\nhint: install it, for example by `pip install uv`")]
    Absent,
    /// It is not there, and cannot be taken.
    #[error("`uv` cannot be had: {0}\nhint: install it, for example by `pip install uv`")]
    Take(String),
    /// It cannot be started, or its files cannot be written.
    #[error("cannot run `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The requirements contradict each other, or the indexes do not have what they ask for.
    #[error("the Python packages cannot be chosen for {target}:\n{explanation}")]
    Unsatisfiable {
        /// What they were to be chosen for.
        target: String,
        /// What uv says.
        explanation: String,
    },
    /// It failed for another reason.
    #[error("`uv` failed while it chose Python packages:\n{0}")]
    Failed(String),
}

/// What is to be locked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Requirements, a line of a requirements file each; options such as `--index-url` and `-r` too.
    pub lines: Vec<String>,
    /// What packages must be if they are needed at all, such as `numpy==1.26.4`.
    pub constraints: Vec<String>,
    /// The index that is asked, in the place of the one that uv's own settings name.
    pub index_url: Option<String>,
    /// Further indexes.
    pub extra_index_urls: Vec<String>,
}

/// A uv that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    program: PathBuf,
}

impl Uv {
    /// The uv at `program`.
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Looks for uv in the folders of `path`, the value of the variable PATH.
    ///
    /// # Errors
    ///
    /// When it is in none of them.
    pub fn find(path: &std::ffi::OsStr) -> Result<Self, UvError> {
        let programs = std::env::split_paths(path).filter(|folder| folder.is_absolute());
        let found = programs.map(|folder| folder.join("uv")).find(|program| program.is_file());
        found.map(Self::new).ok_or(UvError::Absent)
    }

    /// Locks requirements for a target, wheels only, and returns the text of the `pylock.toml`. Paths in the requirements
    /// are relative to `folder`. Credentials and settings are those that uv reads by itself.
    ///
    /// # Errors
    ///
    /// When uv cannot be run, or cannot satisfy the requirements.
    pub fn compile(
        &self,
        requirements: &Requirements,
        target: Target,
        folder: &Path,
    ) -> Result<String, UvError> {
        let start = |error| UvError::Start { program: self.program.clone(), error };
        let mut constraints = tempfile::NamedTempFile::new().map_err(start)?;
        io::Write::write_all(&mut constraints, lines(&requirements.constraints).as_bytes()).map_err(start)?;
        let mut command = Command::new(&self.program);
        command.args(["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--color", "never"]);
        command.args(["--format", "pylock.toml", "--only-binary", ":all:"]);
        command.args(["--python-version", &format!("3.{}", target.minor)]);
        command
            .args(["--python-platform", &format!("{}-manylinux_2_{}", target.machine(), platform(target))]);
        command.arg("--constraints").arg(constraints.path());
        if let Some(index) = &requirements.index_url {
            command.env("UV_DEFAULT_INDEX", index);
        }
        if !requirements.extra_index_urls.is_empty() {
            // By a variable, so that other users of the machine do not see what may hold a password.
            command.env("UV_INDEX", requirements.extra_index_urls.join(" "));
        }
        // Requirements come through standard input: then paths in them are relative to the folder in which uv runs.
        let child = command.arg("-").current_dir(folder).stdin(Stdio::piped());
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
        if let Some(mut input) = child.stdin.take() {
            match io::Write::write_all(&mut input, lines(&requirements.lines).as_bytes()) {
                // It has stopped before it read everything, and says why.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(start(error)),
                _ => {}
            }
        }
        let output = child.wait_with_output().map_err(start)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        match said.find("No solution found") {
            Some(at) => Err(UvError::Unsatisfiable {
                target: target.to_string(),
                explanation: said.get(at..).unwrap_or_default().to_owned(),
            }),
            None => Err(UvError::Failed(said)),
        }
    }
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The newest glibc that uv knows by name and that the target has.
fn platform(target: Target) -> u8 {
    const KNOWN: [u8; 12] = [17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];
    KNOWN.into_iter().rev().find(|glibc| *glibc <= target.glibc).unwrap_or(17)
}
