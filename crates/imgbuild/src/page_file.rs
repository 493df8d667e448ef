//! Pages as files: whole, or not there.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Plain};
use crate::output;

/// A page that cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the page `{}` cannot be written", path.display())]
#[diagnostic(help(
    "name a file in a folder that is there and that you may write to, or `-` for standard output"
))]
struct PageFailure {
    path: PathBuf,
    #[source]
    error: io::Error,
}

/// A page that is going to be written.
pub(crate) struct PageFile {
    path: PathBuf,
    /// Where it is until it is whole; nothing of what goes to standard output.
    temporary: Option<NamedTempFile>,
}

impl PageFile {
    /// A page at a path, or on standard output where that is `-`.
    ///
    /// # Errors
    ///
    /// When its folder takes no file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let path = path.to_owned();
        if path == Path::new("-") {
            return Ok(Self { path, temporary: None });
        }
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = match path.is_dir() {
            true => Err(rustix::io::Errno::ISDIR.into()),
            // As a file is made by others: everybody may read it whom the umask lets.
            false => tempfile::Builder::new()
                .prefix(".imgbuild-")
                .permissions(std::fs::Permissions::from_mode(0o666))
                .tempfile_in(folder),
        };
        match made {
            Ok(temporary) => Ok(Self { path, temporary: Some(temporary) }),
            Err(error) => Err(PageFailure { path, error: bare(error) }.into()),
        }
    }

    /// A page in a folder, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// As [`Self::create`], and when the folder cannot be made.
    pub(crate) fn within(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(name);
        if let Err(error) = std::fs::create_dir_all(folder) {
            return Err(PageFailure { path, error }.into());
        }
        Self::create(&path)
    }

    /// Writes the page, and says where it is.
    ///
    /// # Errors
    ///
    /// When it cannot be written whole.
    pub(crate) fn write(self, text: &str) -> Result<PathBuf, Failure> {
        let Some(mut temporary) = self.temporary else {
            output::print(text).map_err(Plain::from)?;
            return Ok(self.path);
        };
        let written = temporary.write_all(text.as_bytes());
        let written = written.and_then(|()| temporary.persist(&self.path).map_err(|error| error.error));
        match written {
            Ok(_) => Ok(self.path),
            Err(error) => Err(PageFailure { path: self.path, error: bare(error) }.into()),
        }
    }
}

/// An error without the name of the temporary file, which nobody knows.
fn bare(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}
