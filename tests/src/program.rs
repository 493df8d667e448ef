//! Running the program itself.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{Output, scratch, shared_store, temporary, workspace_root};

/// The program in a folder of its own, which goes with it.
pub struct Imgbuild {
    folder: TempDir,
    store: PathBuf,
    variables: BTreeMap<OsString, Option<OsString>>,
    through: Vec<OsString>,
}

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code; nothing where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Default for Imgbuild {
    fn default() -> Self {
        Self::new()
    }
}

impl Imgbuild {
    /// With the store that the whole run shares.
    pub fn new() -> Self {
        let mut new = Self {
            folder: scratch("test"),
            store: shared_store(),
            variables: BTreeMap::new(),
            through: Vec::new(),
        };
        // What the caller's environment says must not change what is tested.
        for name in ["SOURCE_DATE_EPOCH", "XDG_CACHE_HOME", "CONDA_OVERRIDE_GLIBC", "CONDA_OVERRIDE_CUDA"] {
            new = new.without(name);
        }
        // Nor what conda is told on this machine.
        new.variable("NO_COLOR", "1").variable("IMGBUILD_NO_CONDARC", "1")
    }

    /// With a store of its own, which is empty.
    pub fn with_private_store() -> Self {
        let mut new = Self::new();
        new.store = new.folder.path().join("store");
        new
    }

    /// With a store that is somewhere else.
    #[must_use]
    pub fn with_store(mut self, store: &Path) -> Self {
        self.store = store.to_owned();
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.into(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of the program's environment.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.insert(name.into(), None);
        self
    }

    /// Starts the program by another one, such as `taskset -c 0` or `prlimit --fsize=…`.
    #[must_use]
    pub fn through<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, words: I) -> Self {
        self.through = words.into_iter().map(Into::into).collect();
        self
    }

    /// The folder that it works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its store.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// A path within its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file of its folder, and the folders above it.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, contents).unwrap();
        path
    }

    /// Takes an example into its folder, with the files beside it, and gives its spec.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn example(&self, name: &str) -> String {
        self.spec_of("examples", name)
    }

    /// The same with a maintained image.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn maintained(&self, name: &str) -> String {
        self.spec_of("images", name)
    }

    fn spec_of(&self, folder: &str, name: &str) -> String {
        let specs = workspace_root().join(folder);
        let spec = fs_err::read_to_string(specs.join(format!("{name}.toml"))).unwrap();
        // Some have the folder of another one.
        let mut folders: Vec<String> = [name, name.trim_end_matches("-wheels")].map(str::to_owned).into();
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs_err::read_dir(specs.join(&folder)) else { continue };
            for entry in entries.map(Result::unwrap) {
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else {
                    self.write(&path, fs_err::read(entry.path()).unwrap());
                }
            }
        }
        spec
    }

    /// Reads a text file of its folder.
    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The program with arguments, as a command that can still be changed.
    pub fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = match self.through.split_first() {
            None => Command::new(binary()),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary());
                command
            }
        };
        command.args(arguments).current_dir(self.folder()).env("IMGBUILD_CACHE", &self.store);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs it to its end.
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Outcome {
        capture(&mut self.command(arguments))
    }

    /// Writes `spec.toml` and builds it into the folder `out`; every output is validated.
    ///
    /// # Panics
    ///
    /// When it fails, or an output is not what it says.
    pub fn build(&self, spec: &str, arguments: &[&str]) -> Output {
        self.write("spec.toml", spec);
        self.build_again(arguments)
    }

    /// Builds the `spec.toml` that is there.
    ///
    /// # Panics
    ///
    /// As [`Self::build`].
    pub fn build_again(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["build", "spec.toml", "--output", "out", "--json"];
        all.extend(arguments);
        let report = serde_json::from_str(&self.run(all).success().stdout).unwrap();
        Output::read(self.folder(), report)
    }
}

impl Outcome {
    /// It is what was wanted.
    ///
    /// # Panics
    ///
    /// When the exit code is not zero.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It failed as programs do: with an exit code, and not by a panic.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn failure(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "{self:?}");
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        self
    }
}

/// Runs a command to its end, without input.
pub fn capture(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program: what `IMGBUILD_BIN` names, else what cargo builds now, beside the tests that run.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("IMGBUILD_BIN") {
            return path.into();
        }
        // Tests of one run may be processes of their own; only one of them should be waiting in cargo.
        let lock = fs_err::File::create(temporary().join("build.lock")).unwrap();
        lock.file().lock().unwrap();
        // `target/PROFILE/deps/TEST-HASH`
        let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "imgbuild"]).current_dir(workspace_root());
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        capture(&mut cargo).success();
        profile.join("imgbuild")
    })
}
