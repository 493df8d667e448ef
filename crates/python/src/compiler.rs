//! The byte compiler: locked interpreters that run on the build machine and compile sources for the image.

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

use layer::ImagePath;

use crate::cached::{CacheTag, Optimization};

const SCRIPT: &str = include_str!("compile.py");

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
    #[error("the interpreter that compiles bytecode stopped while it compiled `{path}`")]
    Stopped {
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
}

/// A source that is to be compiled.
struct Job {
    path: ImagePath,
    optimization: Optimization,
    source: Vec<u8>,
    done: Sender<Compiled>,
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
            let mut process = Process::start(interpreter)?;
            hello = Some(process.hello(interpreter)?);
            let receiver = Arc::clone(&receiver);
            std::thread::spawn(move || process.work(&receiver));
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
        self.jobs
            .send(Job { path, optimization, source, done })
            .map_err(|error| CompilerError::Stopped { path: error.0.path })
    }
}

struct Process {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(interpreter: &Interpreter) -> Result<Self, CompilerError> {
        let program = interpreter.command.first().cloned().unwrap_or_default();
        let failed = |error: io::Error| CompilerError::Start {
            program: Path::new(&program).display().to_string(),
            error: error.to_string(),
        };
        let mut command = Command::new(&program);
        command.args(interpreter.command.iter().skip(1));
        // No site packages, no bytecode of its own, no warnings, nothing of the caller's environment.
        command.args(["-S", "-s", "-B", "-W", "ignore", "-c", SCRIPT]).env_clear();
        command.envs([("PYTHONHASHSEED", "0"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")]);
        if let Some(home) = &interpreter.home {
            command.env("PYTHONHOME", home);
        }
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                Ok(Self { child, input: BufWriter::new(input), output: BufReader::new(output) })
            }
            _ => Err(failed(io::Error::other("it has no standard streams"))),
        }
    }

    /// What the interpreter says of itself: its magic number, after version and tag were found to be the right ones.
    fn hello(&mut self, interpreter: &Interpreter) -> Result<[u8; 4], CompilerError> {
        let failed = |error: io::Error| CompilerError::Start {
            program: interpreter
                .command
                .first()
                .map(|it| Path::new(it).display().to_string())
                .unwrap_or_default(),
            error: error.to_string(),
        };
        let text = self.read_block().map_err(failed)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut magic = [0; 4];
        self.output.read_exact(&mut magic).map_err(failed)?;
        let (version, tag) = text.split_once(' ').unwrap_or((&text, ""));
        if version != interpreter.version {
            return Err(CompilerError::Version {
                wanted: interpreter.version.clone(),
                found: version.to_owned(),
            });
        }
        if tag != interpreter.tag.as_str() {
            return Err(CompilerError::Tag { wanted: interpreter.tag.clone(), found: tag.to_owned() });
        }
        Ok(magic)
    }

    fn read_block(&mut self) -> io::Result<Vec<u8>> {
        let mut size = [0; 8];
        self.output.read_exact(&mut size)?;
        let mut block = Vec::new();
        let size = u64::from_le_bytes(size);
        if (&mut self.output).take(size).read_to_end(&mut block)? as u64 == size {
            Ok(block)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn work(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // The lock is held while waiting: the next thread waits behind it.
            let job = match jobs.lock() {
                Ok(jobs) => jobs.recv(),
                Err(_) => break,
            };
            let Ok(Job { path, optimization, source, done }) = job else { break };
            let result = self
                .run(&path, optimization, &source)
                .map_err(|_| CompilerError::Stopped { path: path.clone() });
            let stopped = result.is_err();
            // Whoever asked may have given up; then nobody misses the answer.
            let _unwanted = done.send((path, optimization, result));
            if stopped {
                break;
            }
        }
        drop(self.input);
        // With its input closed the interpreter ends by itself.
        let _status = self.child.wait();
    }

    fn run(
        &mut self,
        path: &ImagePath,
        optimization: Optimization,
        source: &[u8],
    ) -> io::Result<Option<Vec<u8>>> {
        let name = path.to_string();
        let length = u32::try_from(name.len()).map_err(io::Error::other)?;
        self.input.write_all(&length.to_le_bytes())?;
        self.input.write_all(&(source.len() as u64).to_le_bytes())?;
        self.input.write_all(&[optimization.level()])?;
        self.input.write_all(name.as_bytes())?;
        self.input.write_all(source)?;
        self.input.flush()?;
        let mut block = self.read_block()?;
        Ok(match block.first() {
            Some(0) => Some(block.split_off(1)),
            _ => None,
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
