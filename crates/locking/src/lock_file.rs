//! The lock beside a spec.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use imgbuild_image::MakeError;
use imgbuild_layer::FormatVersion;
use imgbuild_lock::{Lock, LockError};

use crate::error::{LockFailure, LockSpecError};

/// The lock beside a spec, where there is one.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn read_lock(path: &Path) -> Result<Option<(Lock, String)>, LockSpecError> {
    let read =
        imgbuild_folder::read_regular(path).and_then(|it| String::from_utf8(it).map_err(io::Error::other));
    let text = match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(MakeError::file(path, "read"))?,
    };
    let lock = Lock::parse(&text).map_err(|error| LockFailure::Lock {
        path: path.to_owned(),
        help: Some(help(&error).to_owned()),
        error: Box::new(error),
    })?;
    Ok(Some((lock, text)))
}

fn help(error: &LockError) -> &'static str {
    match error {
        LockError::Version { found } if *found > i64::from(FormatVersion::LATEST.number()) => {
            "a newer imgbuild wrote it: build with that one, or remove the lock and run `imgbuild lock` to make it anew"
        }
        _ => "remove it and run `imgbuild lock` to make it anew",
    }
}

/// Writes a lock: whole, or not at all.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write_lock(path: &Path, lock: &Lock) -> Result<String, LockSpecError> {
    let text = lock.to_text().map_err(|error| LockFailure::Lock {
        path: path.to_owned(),
        error: Box::new(error),
        help: None,
    })?;
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".imgbuild-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(MakeError::file(path, "written"))?;
    file.write_all(text.as_bytes()).map_err(MakeError::file(path, "written"))?;
    file.persist(path).map_err(|error| MakeError::file(path, "written")(error.error))?;
    Ok(text)
}
