//! The bytes of git's objects, one after the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use crate::git_error::GitError;
use crate::git_process::{Process, git};

/// A process that gives objects by their hashes.
pub(crate) struct Objects {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Ended with this.
    _process: Process,
}

impl Objects {
    /// Starts it for a repository.
    ///
    /// # Errors
    ///
    /// When there is no git.
    pub(crate) fn start(folder: &Path) -> Result<Self, GitError> {
        let mut command = git(folder);
        command.args(["cat-file", "--batch"]).stdin(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let gone = || GitError::Start(io::ErrorKind::BrokenPipe.into());
        let output = process.child.stdout.take().ok_or_else(gone)?;
        let input = process.child.stdin.take().ok_or_else(gone)?;
        Ok(Self { input, output: BufReader::with_capacity(1 << 16, output), _process: process })
    }

    /// The size and the bytes of an object; nothing where there is none.
    pub(crate) fn open(&mut self, object: &str) -> io::Result<Option<(u64, Body<'_>)>> {
        writeln!(self.input, "{object}")?;
        let mut head = String::new();
        (&mut self.output).take(1024).read_line(&mut head)?;
        let [_, "blob", size] = head.split_whitespace().collect::<Vec<_>>()[..] else { return Ok(None) };
        let Ok(size) = size.parse() else { return Ok(None) };
        Ok(Some((size, Body { output: &mut self.output, left: size })))
    }
}

/// The bytes of one object.
pub(crate) struct Body<'a> {
    output: &'a mut BufReader<ChildStdout>,
    left: u64,
}

impl Body<'_> {
    /// Reads on to the next object.
    pub(crate) fn end(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        self.output.read_exact(&mut [0])
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut *self.output).take(self.left).read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}
