//! Removing folders of others.

use std::io;
use std::path::Path;

use imgbuild_diagnostic::io_error;

use crate::{Machine, SandboxError};

/// Removes a folder whose files may belong to ids that only a user namespace has. One that is not there is no error.
///
/// # Errors
///
/// When it cannot be removed.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let plainly = || match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    let failed = |error: SandboxError| io_error(io::ErrorKind::Other, error);
    match plainly() {
        // The folder is ours, and what is in it need not be.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let machine = Machine::probe().map_err(failed)?;
            for item in std::fs::read_dir(folder)? {
                let item = item?;
                if item.file_type()?.is_dir() {
                    machine.remove(&item.path()).map_err(failed)?;
                }
            }
            plainly()
        }
        result => result,
    }
}
