//! The interpreters that run on the build machine, and what starts them.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, PipeReader, PipeWriter};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::cached::CacheTag;

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
