//! Doing a piece of work once, whoever wants it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use imgbuild_oci::Digest;

use crate::file::open_lock;
use crate::{Kind, Store, StoreError};

/// The right to make one thing, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Exclusive {
    path: PathBuf,
    _file: File,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Those who wait for this file find that it is gone and take a new one. One that stays is harmless.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!("the lock `{}` cannot be removed: {error}", self.path.display());
        }
    }
}

impl Store {
    /// Waits until nobody else, in this process or another, makes the same thing. Look again whether it is there before
    /// making it: most likely that is what was waited for.
    ///
    /// This blocks the thread. To be safe from deadlocks, a thread holds at most one of a kind, and takes them in this
    /// order: tool, layer, bytecode, blob, archive.
    ///
    /// # Errors
    ///
    /// When the lock cannot be made.
    pub fn exclusive(&self, kind: Kind, key: &Digest) -> Result<Exclusive, StoreError> {
        let path = self.root().join("locks").join(format!("{kind}-{}", key.hex()));
        loop {
            match lock(&path) {
                Ok(Some(file)) => return Ok(Exclusive { path, _file: file }),
                Ok(None) => {}
                Err(error) => return Err(self.error(&path, "locked", error)),
            }
        }
    }
}

/// Nothing where the holder before us has removed the file that we waited for.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_lock(path)?;
    file.lock()?;
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
