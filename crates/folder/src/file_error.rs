//! Files that cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder of this machine that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be {what}", path.display())]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried.
    pub what: &'static str,
    /// Why.
    #[source]
    pub error: io::Error,
}

impl FileError {
    /// What is said of a file, of which `what` was tried.
    pub fn of(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self { path, what, error }
    }
}
