//! Writing a first spec: whole, or not at all.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::InitError;

/// Writes a spec. One that is there is written over only where `replace` says so.
///
/// # Errors
///
/// When there is one, or it cannot be written.
pub fn write_spec(path: &Path, text: &str, replace: bool) -> Result<(), InitError> {
    check_free(path, replace)?;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => InitError::Write { file: path.display().to_string(), error },
    };
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".imgbuild-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let written = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    written.map(drop).map_err(|error| failed(error.error))
}

/// Checks that nothing is written over.
///
/// # Errors
///
/// When there is something.
pub fn check_free(path: &Path, replace: bool) -> Result<(), InitError> {
    if !replace && path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

fn exists(path: &Path) -> InitError {
    InitError::Exists { file: path.display().to_string() }
}
