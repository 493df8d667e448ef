//! The gate between those who use the store and the one who removes from it.

use std::fs::{File, TryLockError};
use std::{fs, io};

use crate::{Store, StoreError};

/// A lock on the store's file `lock`, until it is dropped. Each holder opens the file anew: locks belong to open files,
/// so two threads that shared one would open the gate for each other.
#[derive(Debug)]
pub(crate) struct Gate {
    _file: File,
}

impl Store {
    /// Held for the moment of one look-up, creation or renaming: nothing is removed meanwhile.
    pub(crate) fn shared(&self) -> Result<Gate, StoreError> {
        self.gate(File::lock_shared)
    }

    /// Held while removing: nobody looks anything up meanwhile.
    pub(crate) fn alone(&self) -> Result<Gate, StoreError> {
        self.gate(File::lock)
    }

    /// As [`Store::alone`], or nothing where somebody uses the store at this moment.
    pub(crate) fn try_alone(&self) -> Result<Option<Gate>, StoreError> {
        match self.gate(|file| match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        }) {
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }

    fn gate(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<Gate, StoreError> {
        let path = self.root().join("lock");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| self.error(&path, "opened", error))?;
        lock(&file).map_err(|error| self.error(&path, "locked", error))?;
        Ok(Gate { _file: file })
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
