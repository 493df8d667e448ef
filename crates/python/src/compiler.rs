//! The byte compiler: locked interpreters that run on the build machine and compile sources for the image.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, PipeReader, PipeWriter};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

use archive::ImagePath;

use crate::cached::{CacheTag, Optimization};
use crate::process::{Process, does_not_start};

/// Why sources cannot be compiled.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CompilerError {
    /// The interpreter cannot be had: the message of whoever should have given it.
    #[error("the interpreter that compiles bytecode cannot be had: {0}")]
    Unavailable(String),
    /// The interpreter does not start.
    #[error("the interpreter `{program}` does not start on this machine: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        error: String,
    },
    /// It is another version than the lock says.
    #[error("the interpreter is Python {found}, and the image's is {wanted}")]
    Version {
        /// The image's version.
        wanted: String,
        /// The interpreter's version.
        found: String,
    },
    /// It names its bytecode in another way than the image's.
    #[error(
        "the interpreter that compiles bytecode names it for `{found}`, and the image's for `{wanted}`\n\nhint: `bytecode = false` in `[layers]` makes an image without bytecode"
    )]
    Tag {
        /// The image's tag.
        wanted: CacheTag,
        /// The interpreter's tag.
        found: String,
    },
    /// It stopped in the middle of its work.
    #[error("the interpreter that compiles bytecode stopped while it compiled `{path}`: {why}")]
    Stopped {
        /// The source.
        path: ImagePath,
        /// Why, as far as it is known.
        why: String,
    },
    /// A source takes too long. It is no reason to leave its bytecode out: another machine might be faster.
    #[error(
        "`{path}` takes too long to compile\n\nhint: `bytecode = false` in `[layers]` makes an image without bytecode"
    )]
    TooLong {
        /// The source.
        path: ImagePath,
    },
}

/// How to run an interpreter on the build machine.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// The program and the arguments before Python's own: for Debian's interpreter, its dynamic loader.
    pub command: Vec<OsString>,
    /// Where its standard library is (`PYTHONHOME`), where it does not find that itself.
    pub home: Option<OsString>,
    /// Its exact version, such as `3.11.2`.
    pub version: String,
    /// What the names of its bytecode hold.
    pub tag: CacheTag,
    /// What starts it.
    pub launcher: Arc<dyn Launcher>,
}

/// Waits until an interpreter has ended, whose input is closed. Gives why it could not be run or failed, where it did.
pub type Ending = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// What starts interpreters.
pub trait Launcher: fmt::Debug + Send + Sync {
    /// Starts a program with these arguments and variables alone, which reads `input` and prints to `output`.
    ///
    /// # Errors
    ///
    /// When it cannot be started; what starts it later may say so by the ending.
    fn launch(
        &self,
        words: Vec<OsString>,
        variables: Vec<(&'static str, OsString)>,
        input: PipeReader,
        output: PipeWriter,
    ) -> io::Result<Ending>;
}

/// Starts interpreters as the user who builds, with all that this user may do.
#[derive(Debug, Clone, Copy)]
pub struct Unconfined;

impl Launcher for Unconfined {
    fn launch(
        &self,
        words: Vec<OsString>,
        variables: Vec<(&'static str, OsString)>,
        input: PipeReader,
        output: PipeWriter,
    ) -> io::Result<Ending> {
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(variables).current_dir("/");
        let mut child = command.stdin(input).stdout(output).stderr(Stdio::null()).spawn()?;
        Ok(Box::new(move || {
            let status = child.wait()?;
            if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
        }))
    }
}

/// A source that is to be compiled.
pub(crate) struct Job {
    pub(crate) path: ImagePath,
    pub(crate) optimization: Optimization,
    pub(crate) source: Vec<u8>,
    pub(crate) done: Sender<Compiled>,
}

/// What became of a source: what stands behind the head of its bytecode, or nothing where it does not compile.
pub(crate) type Compiled = (ImagePath, Optimization, Result<Option<Vec<u8>>, CompilerError>);

/// Interpreters that wait for sources, one for each core.
pub struct Compiler {
    jobs: SyncSender<Job>,
    magic: [u8; 4],
}

impl Compiler {
    /// Starts `processes` interpreters.
    ///
    /// # Errors
    ///
    /// When one does not start, or is another version than it should be.
    pub fn start(interpreter: &Interpreter, processes: NonZero<usize>) -> Result<Self, CompilerError> {
        let (jobs, receiver) = sync_channel::<Job>(processes.get() * 4);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut hello = None;
        for _ in 0..processes.get() {
            let (process, magic) = Process::start(interpreter)?.hello(interpreter)?;
            hello = Some(magic);
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .spawn(move || process.work(&receiver))
                .map_err(|error| does_not_start(interpreter, &error))?;
        }
        let magic = hello.ok_or_else(|| CompilerError::Unavailable("none was asked for".to_owned()))?;
        Ok(Self { jobs, magic })
    }

    /// The magic number of the interpreter's bytecode.
    pub(crate) fn magic(&self) -> [u8; 4] {
        self.magic
    }

    /// Compiles a source that will stand at `path`; what comes of it is sent to `done`. Waits while all interpreters
    /// have enough to do.
    pub(crate) fn compile(
        &self,
        path: ImagePath,
        optimization: Optimization,
        source: Vec<u8>,
        done: Sender<Compiled>,
    ) -> Result<(), CompilerError> {
        self.jobs.send(Job { path, optimization, source, done }).map_err(|error| CompilerError::Stopped {
            path: error.0.path,
            why: "there is none any more".to_owned(),
        })
    }
}

/// A compiler that is started when it is first needed: a build whose bytecode is all known needs none.
pub struct LazyCompiler {
    interpreter: Box<dyn Fn() -> Result<Interpreter, CompilerError> + Send + Sync>,
    processes: NonZero<usize>,
    version: String,
    started: OnceLock<Result<Compiler, CompilerError>>,
}

impl LazyCompiler {
    /// A compiler for Python `version`, whose interpreter is had from `interpreter`.
    pub fn new(
        version: String,
        processes: NonZero<usize>,
        interpreter: impl Fn() -> Result<Interpreter, CompilerError> + Send + Sync + 'static,
    ) -> Self {
        Self { interpreter: Box::new(interpreter), processes, version, started: OnceLock::new() }
    }

    /// The version of Python that it compiles for: what bytecode depends on beside its source.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The compiler, started if it was not.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be had or does not start.
    pub fn get(&self) -> Result<&Compiler, CompilerError> {
        let start = || Compiler::start(&(self.interpreter)()?, self.processes);
        self.started.get_or_init(start).as_ref().map_err(Clone::clone)
    }
}
