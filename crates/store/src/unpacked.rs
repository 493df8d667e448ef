//! Layers that were unpacked to be run.
//!
//! Each has a folder `unpacked-v1/KEY` of our own, in it the layer, whose files may belong to other users, and the file
//! `size`: it is written last, so that a folder without it counts as absent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imgbuild_oci::Digest;

use crate::file::{is_odd, open};
use crate::{Kind, Store, StoreError};

/// Removes a folder whose files may belong to ids that only a user namespace has. The folder need not be there.
pub type Remove = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

const LAYER: &str = "layer";
const SIZE: &str = "size";

/// A layer that is being unpacked.
#[derive(Debug)]
pub struct UnpackedWriter {
    store: Store,
    folder: PathBuf,
}

impl Store {
    /// The unpacked layer of a key.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn unpacked(&self, key: &Digest) -> Result<Option<PathBuf>, StoreError> {
        let Some(folder) = self.find(Kind::Unpacked, &key.hex())? else { return Ok(None) };
        Ok(folder.join(SIZE).is_file().then(|| folder.join(LAYER)))
    }

    /// Starts to unpack the layer of a key; what a killed process left of it is removed. The caller holds
    /// [`Store::exclusive`] of it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or what was left cannot be removed.
    pub fn unpacked_writer(&self, key: &Digest, remove: &Remove) -> Result<UnpackedWriter, StoreError> {
        let folder = self.folder(Kind::Unpacked).join(key.hex());
        let failed = |error| self.error(&folder, "written", error);
        let _gate = self.shared()?;
        self.keep(Kind::Unpacked, &key.hex())?;
        remove(&folder).map_err(failed)?;
        fs::create_dir(&folder).map_err(failed)?;
        Ok(UnpackedWriter { store: self.clone(), folder })
    }
}

impl UnpackedWriter {
    /// The folder to unpack to. It is not there.
    pub fn path(&self) -> PathBuf {
        self.folder.join(LAYER)
    }

    /// Keeps the unpacked layer, of so many bytes, and says where.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is kept.
    pub fn commit(self, size: u64) -> Result<PathBuf, StoreError> {
        let mark = self.folder.join(SIZE);
        fs::write(&mark, size.to_string()).map_err(|error| self.store.error(&mark, "written", error))?;
        Ok(self.path())
    }
}

/// The size that an unpacked layer states. Its own files are not looked at: they may not be ours to read.
pub(crate) fn size(folder: &Path) -> io::Result<u64> {
    let text = open(&folder.join(SIZE)).and_then(io::read_to_string);
    match text {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(0),
        // What is no folder is no unpacked layer, and has no size.
        Err(_) if is_odd(folder) => Ok(0),
        result => Ok(result?.trim().parse().unwrap_or(0)),
    }
}

/// Makes a folder count as absent.
pub(crate) fn unmark(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(SIZE)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        result => result,
    }
}
