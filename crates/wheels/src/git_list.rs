//! The files of a commit, as git lists them.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::ChildStdout;

use imgbuild_archive::ImagePath;

use crate::git_error::GitError;
use crate::git_process::{Process, git};
use crate::limits::GIT_LINE;
use crate::source::SourceError;

/// A process that lists files. The list is read as it comes: folders that stand in each other many times are little in a
/// repository, and endless in a list.
pub(crate) struct List {
    process: Process,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    /// The repository, as errors call it.
    name: String,
}

/// A file, a link or another repository.
pub(crate) struct TreeEntry {
    /// Its mode, as git writes it.
    pub(crate) mode: String,
    /// The hash of its content.
    pub(crate) object: String,
    /// Where it is.
    pub(crate) path: ImagePath,
}

impl List {
    /// Begins the list of a commit's files.
    ///
    /// # Errors
    ///
    /// When there is no git.
    pub(crate) fn start(folder: &Path, commit: &str, name: String) -> Result<Self, GitError> {
        let mut process = Process::start(git(folder).args(["ls-tree", "-r", "-z", "--full-tree", commit]))?;
        let gone = || GitError::Start(io::ErrorKind::BrokenPipe.into());
        let output = process.child.stdout.take().ok_or_else(gone)?;
        Ok(Self { process, output: BufReader::with_capacity(1 << 16, output), line: Vec::new(), name })
    }

    /// The next one; nothing at the end.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not as it should be.
    pub(crate) fn next(&mut self) -> Result<Option<TreeEntry>, SourceError> {
        self.line.clear();
        let line = (&mut self.output).take(GIT_LINE).read_until(0, &mut self.line);
        if line.map_err(GitError::Start)? == 0 {
            return Ok(None);
        }
        let unknown = || GitError::Listing(self.name.clone());
        let (mode, object, path) = fields(&self.line).ok_or_else(unknown)?;
        let path = ImagePath::from_archive(path)?.ok_or_else(unknown)?;
        Ok(Some(TreeEntry { mode: mode.to_owned(), object: object.to_owned(), path }))
    }

    /// Waits for the end of the process. What is inside is what git complains of.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub(crate) fn end(self) -> Result<Result<(), String>, GitError> {
        let (status, complaint) = self.process.end()?;
        Ok(if status.success() { Ok(()) } else { Err(complaint) })
    }
}

/// The mode, the object and the path of `MODE TYPE OBJECT<tab>PATH<NUL>`.
fn fields(line: &[u8]) -> Option<(&str, &str, &[u8])> {
    let line = line.strip_suffix(&[0])?;
    let at = line.iter().position(|byte| *byte == b'\t')?;
    let [mode, _, object] = std::str::from_utf8(&line[..at]).ok()?.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    Some((mode, object, &line[at + 1..]))
}
