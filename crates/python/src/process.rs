//! One interpreter that compiles: what is said to it, and what it answers.

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use imgbuild_archive::ImagePath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cached::Optimization;
use crate::compiler_error::CompilerError;
use crate::interpreter::{Ending, Interpreter};
use crate::limits::ANSWER_LIMIT;

const SCRIPT: &str = include_str!("compile.py");
/// How long an interpreter may be silent while it should answer. It is a package of a channel, and may be any program.
const SILENCE: Duration = Duration::from_secs(900);
/// How long one that says no more may take to end.
const MOMENT: Duration = Duration::from_secs(5);

/// What became of a source, as the first byte of an answer says it.
const COMPILED: u8 = 0;
const OUT_OF_TIME: u8 = 2;

/// A source that is to be compiled.
pub(crate) struct Job {
    pub(crate) path: ImagePath,
    pub(crate) optimization: Optimization,
    pub(crate) source: Vec<u8>,
    pub(crate) done: Sender<Compiled>,
}

/// What became of a source: what stands behind the head of its bytecode, or nothing where it does not compile.
pub(crate) type Compiled = (ImagePath, Optimization, Result<Option<Vec<u8>>, CompilerError>);

pub(crate) struct Process {
    input: BufWriter<PipeWriter>,
    output: BufReader<PatientReader>,
    ending: Option<Ending>,
}

impl Process {
    pub(crate) fn start(interpreter: &Interpreter) -> Result<Self, CompilerError> {
        let failed = |error| does_not_start(interpreter, &error);
        // No site packages, no bytecode of its own, no warnings, nothing of the caller's environment.
        let own = ["-S", "-s", "-B", "-W", "ignore", "-c", SCRIPT].map(OsString::from);
        let words = interpreter.command.iter().cloned().chain(own).collect();
        let mut variables: Vec<(&'static str, OsString)> =
            [("PYTHONHASHSEED", "0"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")]
                .map(|(name, value)| (name, value.into()))
                .into();
        variables.extend(interpreter.home.clone().map(|home| ("PYTHONHOME", home)));
        let (theirs, input) = io::pipe().map_err(failed)?;
        let (output, answer) = io::pipe().map_err(failed)?;
        let ending = interpreter.launcher.launch(words, variables, theirs, answer).map_err(failed)?;
        Ok(Self {
            input: BufWriter::new(input),
            output: BufReader::new(PatientReader(output)),
            ending: Some(ending),
        })
    }

    /// What the interpreter says of itself: its magic number, after version and tag were found to be the right ones.
    pub(crate) fn hello(mut self, interpreter: &Interpreter) -> Result<(Self, [u8; 4]), CompilerError> {
        let (text, magic) = match self.greeting() {
            Ok(greeting) => greeting,
            Err(error) => {
                // What has started it knows better why it says nothing.
                let reason = if error.kind() == io::ErrorKind::TimedOut { None } else { self.end().err() };
                return Err(does_not_start(interpreter, &reason.unwrap_or(error)));
            }
        };
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
        Ok((self, magic))
    }

    fn greeting(&mut self) -> io::Result<(String, [u8; 4])> {
        let text = self.read_block()?;
        let mut magic = [0; 4];
        self.output.read_exact(&mut magic)?;
        Ok((String::from_utf8_lossy(&text).into_owned(), magic))
    }

    fn read_block(&mut self) -> io::Result<Vec<u8>> {
        let mut size = [0; 8];
        self.output.read_exact(&mut size)?;
        let size = u64::from_le_bytes(size);
        if size > ANSWER_LIMIT {
            return Err(io::Error::other("its answer is too large"));
        }
        let mut block = Vec::new();
        if (&mut self.output).take(size).read_to_end(&mut block)? as u64 == size {
            Ok(block)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    pub(crate) fn work(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // The lock is held while waiting: the next thread waits behind it.
            let job = match jobs.lock() {
                Ok(jobs) => jobs.recv(),
                Err(_) => break,
            };
            let Ok(Job { path, optimization, source, done }) = job else { break };
            let result = match self.ask(&path, optimization, &source) {
                Ok(answer) => answered(&path, answer),
                Err(error) => {
                    let (why, hint) = self.why(error);
                    let stopped = CompilerError::Stopped { path: path.clone(), why, hint };
                    let _unwanted = done.send((path, optimization, Err(stopped)));
                    return;
                }
            };
            // Whoever asked may have given up; then nobody misses the answer.
            let _unwanted = done.send((path, optimization, result));
        }
        let _ended = self.end();
    }

    /// Why an interpreter did not answer. What has started it knows better, if it has ended; one that hangs may do so for
    /// ever, and ends with this program.
    fn why(self, error: io::Error) -> (String, Option<String>) {
        if error.kind() == io::ErrorKind::TimedOut {
            return (error.to_string(), None);
        }
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::Builder::new().spawn(move || {
            let _unwanted = sender.send(self.end());
        });
        let ended = waiting.ok().and_then(|_| receiver.recv_timeout(MOMENT).ok());
        match ended {
            Some(Err(reason)) => (reason.to_string(), carried_hint(&reason)),
            _ => ("it ended before it answered".to_owned(), None),
        }
    }

    fn ask(&mut self, path: &ImagePath, optimization: Optimization, source: &[u8]) -> io::Result<Vec<u8>> {
        let name = path.to_string();
        let length = u32::try_from(name.len()).map_err(io::Error::other)?;
        self.input.write_all(&length.to_le_bytes())?;
        self.input.write_all(&(source.len() as u64).to_le_bytes())?;
        self.input.write_all(&[optimization.level()])?;
        self.input.write_all(name.as_bytes())?;
        self.input.write_all(source)?;
        self.input.flush()?;
        self.read_block()
    }

    /// With its input closed the interpreter ends by itself.
    fn end(self) -> io::Result<()> {
        let Self { input, output, ending } = self;
        drop((input, output));
        ending.map_or(Ok(()), |ending| ending())
    }
}

/// What stands behind the head of a source's bytecode; nothing where it does not compile.
fn answered(path: &ImagePath, mut answer: Vec<u8>) -> Result<Option<Vec<u8>>, CompilerError> {
    match answer.first() {
        Some(&COMPILED) => Ok(Some(answer.split_off(1))),
        Some(&OUT_OF_TIME) => Err(CompilerError::TooLong { path: path.clone() }),
        _ => Ok(None),
    }
}

pub(crate) fn does_not_start(interpreter: &Interpreter, error: &io::Error) -> CompilerError {
    let program = interpreter.command.first().cloned().unwrap_or_default();
    let program = Path::new(&program).display().to_string();
    CompilerError::Start { program, error: error.to_string(), hint: carried_hint(error) }
}

/// What to do where the sandbox says why.
fn carried_hint(error: &io::Error) -> Option<String> {
    imgbuild_diagnostic::carried(error).and_then(imgbuild_diagnostic::hint)
}

/// What an interpreter prints, waited for no longer than [`SILENCE`].
struct PatientReader(PipeReader);

impl Read for PatientReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = Timespec::try_from(SILENCE).map_err(io::Error::other)?;
        let mut wanted = [PollFd::new(&self.0, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| poll(&mut wanted, Some(&timeout)))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it says nothing"));
        }
        self.0.read(buffer)
    }
}
