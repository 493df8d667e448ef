//! The gate between those who use the store and the one who removes from it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::StoreError;
use crate::file::open_lock;

/// A lock on the store's file `lock`, until it is dropped. Each holder opens the file anew: locks belong to open files,
/// so two threads that shared one would open the gate for each other.
#[derive(Debug)]
pub(crate) struct Gate {
    _file: File,
}

impl Gate {
    /// Held for the moment of one look-up, creation or renaming: nothing is removed meanwhile.
    pub(crate) fn shared(root: &Path) -> Result<Self, StoreError> {
        Self::take(root, File::lock_shared)
    }

    /// Held while removing: nobody looks anything up meanwhile.
    pub(crate) fn alone(root: &Path) -> Result<Self, StoreError> {
        Self::take(root, File::lock)
    }

    /// As [`Gate::alone`], or nothing where somebody uses the store at this moment.
    pub(crate) fn try_alone(root: &Path) -> Result<Option<Self>, StoreError> {
        match Self::take(root, |file| match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        }) {
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }

    fn take(root: &Path, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<Self, StoreError> {
        let path = root.join("lock");
        let file = open_lock(&path).map_err(|error| StoreError::io(root, &path, "opened", error))?;
        lock(&file).map_err(|error| StoreError::io(root, &path, "locked", error))?;
        Ok(Self { _file: file })
    }
}

/// Whether the process that locked `file` lives no more; then the caller holds the lock.
pub(crate) fn is_abandoned(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
