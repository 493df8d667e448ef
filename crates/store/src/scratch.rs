//! Folders for what running commands write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file::{is_odd, open, remove_if_present};
use crate::gate::is_abandoned;
use crate::lease::prefix;
use crate::{Remove, Store, StoreError};

/// A folder for what a command writes, on the disk of the store. It goes when this is dropped; where the process is killed,
/// with the next one that asks for such a folder.
pub struct Scratch {
    folder: PathBuf,
    remove: Arc<Remove>,
    lock: Option<File>,
}

impl Store {
    /// A new folder for what a command writes. What killed processes left is removed first.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn scratch(&self, remove: Arc<Remove>) -> Result<Scratch, StoreError> {
        let parent = self.root().join("scratch");
        let failed = |error| self.error(&parent, "written", error);
        // Alone, so that nobody is between making a folder and locking it. Who is not alone cleans up another time.
        if let Some(_gate) = self.try_alone()? {
            // It is in nobody's way but the disk's, and `imgbuild cache prune` tries again and says it.
            if let Err(error) = self.remove_abandoned_scratch(&*remove) {
                tracing::warn!("{error}");
            }
        }
        let _gate = self.shared()?;
        let folder = tempfile::Builder::new().prefix(&prefix()).tempdir_in(&parent).map_err(failed)?;
        let lock = File::open(folder.path()).and_then(|file| file.lock().map(|()| file)).map_err(failed)?;
        Ok(Scratch { folder: folder.keep(), remove, lock: Some(lock) })
    }

    /// Removes the folders of killed processes. The caller holds the gate alone.
    pub(crate) fn remove_abandoned_scratch(&self, remove: &Remove) -> Result<(), StoreError> {
        let parent = self.root().join("scratch");
        let removed = || -> io::Result<()> {
            for item in fs::read_dir(&parent)? {
                let path = item?.path();
                if is_odd(&path) {
                    remove_if_present(&path)?;
                    continue;
                }
                let folder = match open(&path) {
                    // Its owner has removed it at this moment, and needs no gate for that.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    folder => folder?,
                };
                if is_abandoned(&folder)? {
                    match remove(&path) {
                        // Its owner removed it after it was opened here, and has unlocked it since.
                        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                        removed => removed?,
                    }
                }
            }
            Ok(())
        };
        removed().map_err(|error| self.error(&parent, "cleaned", error))
    }
}

impl Scratch {
    /// A path below it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scratch").field(&self.folder).finish()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = (self.remove)(&self.folder) {
            tracing::warn!("the folder `{}` cannot be removed: {error}", self.folder.display());
        }
        drop(self.lock.take());
    }
}
