//! Locking by uv: requirements into a `pylock.toml`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use imgbuild_secret::SecretText;
use pep440_rs::Version;

use crate::choosing::environment::Environment;
use crate::choosing::tags::Target;
use crate::choosing::uv_error::{MINIMUM, UvError};
use crate::index::listing::Places;
use crate::index::settings::Settings;

/// One run of uv.
#[derive(Debug, Clone)]
pub(crate) struct Compilation {
    /// Lines of a requirements file.
    pub(crate) requirements: Vec<SecretText>,
    /// Lines of a constraints file.
    pub(crate) constraints: Vec<SecretText>,
    /// Lines of an overrides file: what they say of a project counts, whoever requires it.
    pub(crate) overrides: Vec<SecretText>,
    /// What is locked for.
    pub(crate) environment: Environment,
    /// Where packages are looked for.
    pub(crate) settings: Settings,
    /// What paths of the requirements are relative to.
    pub(crate) folder: PathBuf,
    /// A folder for uv's files.
    pub(crate) scratch: PathBuf,
    /// The backend of PyTorch's packages, such as `cu124`.
    pub(crate) backend: Option<String>,
    /// Versions that are kept where they may be.
    pub(crate) preferences: BTreeMap<String, String>,
    /// Whether dependencies are chosen too.
    pub(crate) dependencies: bool,
    /// Whether source distributions count. Nothing is built: `folder` must have settings that state their metadata.
    pub(crate) sources: bool,
    /// Whether versions before a release count.
    pub(crate) prereleases: bool,
    /// Whether the network may not be used.
    pub(crate) offline: bool,
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
    /// When it is in none of them, or the first one is too old.
    pub fn find(path: &OsStr) -> Result<Self, UvError> {
        let found = Self::new(program("uv", path).ok_or(UvError::Absent)?);
        found.check_version()?;
        Ok(found)
    }

    /// The uv of this machine where there is one that can be used, else the one that is kept in the folder `tools`; where
    /// it is not there yet, pip of the machine's `python3` downloads it ([`Uv::take`]).
    ///
    /// # Errors
    ///
    /// When there is none and it cannot be taken.
    pub fn find_or_take(path: &OsStr, tools: &Path) -> Result<Self, UvError> {
        match Self::find(path) {
            Err(error @ (UvError::Absent | UvError::Old { .. })) => match program("python3", path) {
                Some(python) => Self::take(tools, &python),
                None => Err(error),
            },
            found => found,
        }
    }

    fn check_version(&self) -> Result<(), UvError> {
        let output = Command::new(&self.program).arg("--version").stdin(Stdio::null()).output();
        let output = output.map_err(|error| self.start(error))?;
        // `uv 0.13.8 (x86_64-unknown-linux-gnu)`.
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = said.split_whitespace().nth(1).unwrap_or_default();
        let version = Version::from_str(found).ok();
        if version.is_some() && version >= Version::from_str(MINIMUM).ok() {
            return Ok(());
        }
        let found = if found.is_empty() { "unknown" } else { found };
        Err(UvError::Old { program: self.program.clone(), found: found.to_owned() })
    }

    fn start(&self, error: io::Error) -> UvError {
        UvError::Start { program: self.program.clone(), error }
    }

    /// Locks, beside what else the program does.
    ///
    /// # Errors
    ///
    /// When uv cannot be run, or cannot satisfy the requirements.
    pub(crate) async fn run(&self, what: Compilation) -> Result<String, UvError> {
        let uv = self.clone();
        let finished = tokio::task::spawn_blocking(move || uv.compile(&what)).await;
        finished.map_err(|error| UvError::failed(&error.to_string()))?
    }

    /// Locks, and returns the text of the `pylock.toml`, whose paths are relative to the scratch folder.
    ///
    /// # Errors
    ///
    /// When uv cannot be run, or cannot satisfy the requirements.
    fn compile(&self, what: &Compilation) -> Result<String, UvError> {
        let start = |error| self.start(error);
        let constraints = what.scratch.join("constraints.txt");
        std::fs::write(&constraints, lines(&what.constraints)).map_err(start)?;
        // What uv finds where it is to write, it keeps where it may.
        let output = what.scratch.join("pylock.toml");
        std::fs::write(&output, preferred(&what.preferences)).map_err(start)?;
        let mut command = self.command(what);
        command.arg("--constraints").arg(&constraints).arg("--output-file").arg(&output);
        if !what.overrides.is_empty() {
            let overrides = what.scratch.join("overrides.txt");
            std::fs::write(&overrides, lines(&what.overrides)).map_err(start)?;
            command.arg("--overrides").arg(&overrides);
        }
        // Requirements come through standard input: then paths in them are relative to the folder in which uv runs.
        let child = command.arg("-").current_dir(&what.folder).stdin(Stdio::piped());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(start)?;
        if let Some(mut input) = child.stdin.take() {
            match input.write_all(lines(&what.requirements).as_bytes()) {
                // It has stopped before it read everything, and says why.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(start(error)),
                _ => {}
            }
        }
        let finished = child.wait_with_output().map_err(start)?;
        if finished.status.success() {
            return std::fs::read_to_string(&output).map_err(start);
        }
        let said = imgbuild_secret::public(String::from_utf8_lossy(&finished.stderr).trim_end());
        let said = what.settings.redacted(&said);
        match said.find("No solution found") {
            Some(at) => Err(UvError::Unsatisfiable {
                target: what.environment.to_string(),
                explanation: said.get(at..).unwrap_or_default().to_owned(),
            }),
            None => Err(UvError::failed(&said)),
        }
    }

    /// Where uv looks for packages by the settings of a run: it says so itself, so that nobody else has to know its habits.
    ///
    /// # Errors
    ///
    /// When uv cannot be run.
    pub(crate) async fn places(&self, what: Compilation) -> Result<Places, UvError> {
        let uv = self.clone();
        let ask = move || {
            let start = |error| uv.start(error);
            let mut command = Command::new(&uv.program);
            command.args(["pip", "compile", "--quiet", "--no-header", "--offline", "--color", "never"]);
            command.args(["--emit-index-url", "--emit-find-links"]);
            command.args(["--python-version", &what.environment.python().to_string()]);
            what.settings.apply(&mut command);
            let nothing = what.scratch.join("nothing.txt");
            std::fs::write(&nothing, "").map_err(start)?;
            command.arg(&nothing).current_dir(&what.folder).stdin(Stdio::null());
            let output = command.output().map_err(start)?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(UvError::failed(&what.settings.redacted(said.trim_end())));
            }
            Ok(Places::read(&String::from_utf8_lossy(&output.stdout)))
        };
        let asked = tokio::task::spawn_blocking(ask).await;
        asked.map_err(|error| UvError::failed(&error.to_string()))?
    }

    fn command(&self, what: &Compilation) -> Command {
        let target = what.environment.target();
        let mut command = Command::new(&self.program);
        command.args(["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--color", "never"]);
        command.args(["--format", "pylock.toml", "--python-version", &what.environment.python().to_string()]);
        command.args(["--python-platform", &platform(target)]);
        if !what.sources {
            command.args(["--only-binary", ":all:"]);
        }
        if !what.dependencies {
            command.arg("--no-deps");
        }
        if what.offline {
            command.arg("--offline");
        }
        if let Some(backend) = &what.backend {
            command.args(["--torch-backend", backend]);
        }
        if what.prereleases {
            command.args(["--prerelease", "allow"]);
        }
        what.settings.apply(&mut command);
        command
    }
}

/// A program in one of the folders of PATH.
fn program(name: &str, path: &OsStr) -> Option<PathBuf> {
    let programs = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    programs.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn lines(lines: &[SecretText]) -> String {
    lines.iter().map(|line| format!("{}\n", line.whole())).collect()
}

/// A lock file that says no more than versions.
fn preferred(versions: &BTreeMap<String, String>) -> String {
    let head = "lock-version = \"1.0\"\ncreated-by = \"imgbuild\"\npackages = [";
    let entry = |(name, version): (&String, &String)| {
        let (name, version) = (toml::Value::from(name.as_str()), toml::Value::from(version.as_str()));
        format!("\n{{ name = {name}, version = {version}, wheels = [] }},")
    };
    format!("{head}{}\n]\n", versions.iter().map(entry).collect::<String>())
}

/// How uv calls a target: by the newest glibc that it knows and that the target has.
fn platform(target: Target) -> String {
    const KNOWN: [u8; 12] = [17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];
    let glibc = KNOWN.into_iter().rev().find(|glibc| *glibc <= target.glibc).unwrap_or(17);
    format!("{}-manylinux_2_{glibc}", target.machine())
}
