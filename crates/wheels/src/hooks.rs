//! Calling a build backend in the sandbox (PEP 517).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use imgbuild_archive::ImagePath;
use imgbuild_oci::Platform;
use imgbuild_runtime::ACTIVATE;
use imgbuild_sandbox::{Command, Ended, Input, Limits, Network, Output, User, Writable};
use imgbuild_store::Scratch;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::WheelBuildError;
use crate::environment::{ANSWER, HOOKS, PYTHON, WHEEL};
use crate::frontend::Root;
use crate::limits::{ANSWER_LIMIT, HOOK_FILE, HOOK_OUTPUT, HOOK_PROCESSES, HOOK_SECONDS};
use crate::project::BuildSystem;
use crate::source::{BUILDER, SOURCE, TIME};

/// What calls the hooks of one project. It may block.
pub(crate) struct Hooks {
    pub(crate) root: Arc<Root>,
    pub(crate) platform: Platform,
    /// The name of the project, for messages.
    pub(crate) name: String,
    pub(crate) system: Arc<BuildSystem>,
    /// The unpacked build environment.
    pub(crate) environment: PathBuf,
    /// The unpacked source.
    pub(crate) source: PathBuf,
    /// Where in the sandbox the project is.
    pub(crate) project: ImagePath,
    /// Where there is place for what hooks write.
    pub(crate) scratch: Arc<Scratch>,
}

#[derive(Serialize)]
struct Request<'a> {
    hook: &'a str,
    arguments: Vec<String>,
    backend: &'a str,
    backend_path: &'a [String],
    source: &'a str,
    time: i64,
    answer: String,
    results: [String; 1],
}

impl Hooks {
    /// What the backend further needs to build a wheel. What it writes goes into the new folder `upper` of the
    /// scratch folder.
    ///
    /// # Errors
    ///
    /// When it fails, or answers something else.
    pub(crate) fn requires(&self, upper: &str) -> Result<Vec<String>, WheelBuildError> {
        self.call("get_requires_for_build_wheel", Vec::new(), upper)
    }

    /// Builds the wheel, and gives the name that the backend says it has. It is in [`WHEEL`], below the new folder `upper` of
    /// the scratch folder.
    ///
    /// # Errors
    ///
    /// When it fails, or answers something else.
    pub(crate) fn build(&self, upper: &str) -> Result<String, WheelBuildError> {
        self.call("build_wheel", vec![format!("/{WHEEL}")], upper)
    }

    fn call<T: DeserializeOwned>(
        &self,
        hook: &'static str,
        arguments: Vec<String>,
        upper: &str,
    ) -> Result<T, WheelBuildError> {
        let upper = self.scratch.path(upper);
        let request = Request {
            hook,
            arguments,
            backend: &self.system.backend,
            backend_path: &self.system.backend_path,
            source: SOURCE,
            time: TIME,
            answer: format!("/{ANSWER}/answer.json"),
            results: [format!("/{WHEEL}")],
        };
        let request = serde_json::to_string(&request).map_err(io::Error::from);
        let request = request.map_err(|error| WheelBuildError::file(Path::new(HOOKS), "written", error))?;
        let ran = self.root.machine.run(&self.command(request, upper.clone()))?;
        let fault = match ran.ended {
            Ended::Code(0) => None,
            Ended::Code(code) => Some(format!("failed with the exit code {code}")),
            Ended::Signal(signal) => Some(format!("was ended by the signal {signal}")),
            Ended::TimedOut | Ended::Stopped => {
                Some(format!("ran longer than {} minutes", HOOK_SECONDS / 60))
            }
        };
        let printed = || imgbuild_sandbox::printed(&ran.output);
        if let Some(fault) = fault {
            return Err(WheelBuildError::Failed { name: self.name.clone(), hook, fault, printed: printed() });
        }
        let wrong = || WheelBuildError::Failed {
            name: self.name.clone(),
            hook,
            fault: "gave something else than PEP 517 says".to_owned(),
            printed: printed(),
        };
        let upper = self.root.machine.written(&upper);
        let answer = left(&upper, &format!("{ANSWER}/answer.json")).map_err(|_| wrong())?;
        let mut text = String::new();
        let read = answer.take(ANSWER_LIMIT).read_to_string(&mut text);
        read.ok().and_then(|_| serde_json::from_str(&text).ok()).ok_or_else(wrong)
    }

    fn command(&self, request: String, upper: PathBuf) -> Command {
        let mut env: Vec<(String, String)> = self.root.variables.values.clone().into_iter().collect();
        // What the image's Python is told is not for that of the build environment.
        env.retain(|(name, _)| !name.starts_with("PYTHON"));
        let path = env.iter().find(|(name, _)| name == "PATH").map_or("/usr/bin:/bin", |(_, value)| value);
        let folder = PYTHON.rsplit_once('/').map_or(PYTHON, |(folder, _)| folder);
        let path = format!("/{folder}:{path}");
        let own = [
            ("PATH", path.as_str()),
            ("HOME", "/tmp"),
            ("USER", "builder"),
            ("LOGNAME", "builder"),
            ("TMPDIR", "/tmp"),
            ("TZ", "UTC"),
            ("LC_ALL", "C.UTF-8"),
            ("SOURCE_DATE_EPOCH", &TIME.to_string()),
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONNOUSERSITE", "1"),
            // What is printed by several processes is shown in the order in which it was.
            ("PYTHONUNBUFFERED", "1"),
        ];
        own.into_iter().for_each(|(name, value)| imgbuild_sandbox::set_variable(&mut env, name, value));
        let mut words = vec![format!("/{PYTHON}"), format!("/{HOOKS}"), request];
        if !self.root.variables.dynamic.is_empty() {
            // Compilers of conda are found by what their scripts set.
            words.insert(0, ACTIVATE.to_owned());
        }
        let layers = self.root.layers.iter().chain([&self.environment, &self.source]).cloned();
        Command {
            platform: self.platform,
            layers: layers.collect(),
            writable: Writable::Folder(upper),
            words,
            env,
            folder: Some(self.project.clone()),
            user: User::Id { uid: BUILDER.uid, gid: Some(BUILDER.gid) },
            mounts: Vec::new(),
            network: Network::None,
            published: Vec::new(),
            limits: Limits {
                time: Some(Duration::from_secs(HOOK_SECONDS)),
                processes: Some(HOOK_PROCESSES),
                file_size: Some(HOOK_FILE),
                ..Limits::default()
            },
            input: Input::Nothing,
            output: Output::Keep(HOOK_OUTPUT),
            until: None,
        }
    }
}

/// A file that a command left below `upper` ([`imgbuild_sandbox::Machine::written`]): it is one, and no link leads to it. Nobody is there any more who could
/// put something else in its place.
///
/// # Errors
///
/// When it is not there or is no file.
pub(crate) fn left(upper: &Path, path: &str) -> io::Result<File> {
    let mut place = upper.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        let found = fs::symlink_metadata(&place)?;
        let is_right = if parts.peek().is_some() { found.is_dir() } else { found.is_file() };
        if !is_right {
            return Err(io::Error::other(format!("`/{path}` is no file")));
        }
    }
    File::open(place)
}

/// The names in a folder that a command left below `upper`; none where it left none there.
///
/// # Errors
///
/// When it is no folder, or cannot be read.
pub(crate) fn left_names(upper: &Path, path: &str) -> io::Result<Vec<String>> {
    let mut place = upper.to_owned();
    for part in path.split('/') {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found if !found.as_ref().is_ok_and(fs::Metadata::is_dir) => {
                return Err(found
                    .err()
                    .unwrap_or_else(|| io::Error::other(format!("`/{path}` is no folder"))));
            }
            _ => {}
        }
    }
    let names = fs::read_dir(&place)?.map(|item| Ok(item?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}
