//! The byte compiler: locked interpreters that run on the build machine and compile sources for the image.

use std::num::NonZero;
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

use imgbuild_archive::ImagePath;

use crate::cached::Optimization;
use crate::compiler_error::CompilerError;
use crate::interpreter::Interpreter;
use crate::process::{Compiled, Job, Process, does_not_start};

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
        let magic = hello
            .ok_or_else(|| CompilerError::Unavailable { why: "none was asked for".to_owned(), hint: None })?;
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
            hint: None,
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
