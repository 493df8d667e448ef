//! What is known to be whole: files that were hashed, and have not been written since.
//!
//! Beside each such archive or blob stands its seal, a file of the same name below `seals-v1/`: the state of the file when its hash was
//! known. While that is its state, nobody reads it a second time only to hash it. A seal's own time says when its file was used last:
//! the file's own is a part of its state, and stays.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use imgbuild_folder::FileState;
use imgbuild_oci::Digest;

use crate::archive_hash::{ArchiveFault, verify};
use crate::file::{open, remove_if_present};
use crate::{Kind, Store, StoreError};

/// A state as a seal has it.
fn text(state: FileState) -> String {
    format!("{} {} {}\n", state.inode, state.size, state.modified)
}

impl Store {
    /// The seal of something, whether or not it is there.
    pub(crate) fn seal_path(&self, kind: Kind, name: &str) -> Option<PathBuf> {
        Some(self.root().join(kind.seals()?).join(name))
    }

    /// Seals what has just been hashed, in the state that it had before and has now.
    pub(crate) fn seal(&self, kind: Kind, name: &str, state: FileState) -> Result<(), StoreError> {
        let Some(path) = self.seal_path(kind, name) else { return Ok(()) };
        let mut temporary = self.temporary_file()?;
        temporary
            .write_all(text(state).as_bytes())
            .map_err(|error| self.error(temporary.path(), "written", error))?;
        temporary.rename(&path).map(drop)
    }

    /// Whether a file is as it was sealed. A seal that cannot be read is none.
    pub(crate) fn is_sealed(&self, kind: Kind, name: &str, file: &File) -> bool {
        let state = file.metadata().ok().and_then(|metadata| FileState::of(&metadata));
        let seal = self.seal_path(kind, name).and_then(|path| open(&path).and_then(io::read_to_string).ok());
        state.is_some_and(|state| seal.is_some_and(|seal| seal == text(state)))
    }

    /// Marks something as used now: by its seal, or, of what has none, by its own time.
    pub(crate) fn mark_used(&self, kind: Kind, name: &str, file: &File) -> io::Result<()> {
        let now = SystemTime::now();
        let seal = self.seal_path(kind, name).map(|path| open(&path));
        match seal {
            Some(Ok(seal)) => seal.set_modified(now),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => file.set_modified(now),
        }
    }

    /// When something was used last, whose own file says `modified`.
    pub(crate) fn used(&self, kind: Kind, name: &str, modified: SystemTime) -> io::Result<SystemTime> {
        let Some(path) = self.seal_path(kind, name) else { return Ok(modified) };
        match fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(modified),
            Err(error) => Err(error),
            Ok(used) => Ok(used.max(modified)),
        }
    }

    /// Removes the seal of what is removed.
    pub(crate) fn unseal(&self, kind: Kind, name: &str) -> io::Result<()> {
        self.seal_path(kind, name).map_or(Ok(()), |path| remove_if_present(&path))
    }

    /// The archive with this sha256, of which nothing may be made before it is known that it is what its name says: it is hashed, unless
    /// that was done and nobody has written it since.
    ///
    /// # Errors
    ///
    /// When it is something else, or cannot be read.
    pub fn verified_archive(&self, sha256: &Digest) -> Result<PathBuf, ArchiveFault> {
        let path = self.archive_path(sha256);
        self.verify_once(Kind::Archive, &path, sha256)?;
        Ok(path)
    }

    /// The blob with this digest, as [`Store::verified_archive`].
    ///
    /// # Errors
    ///
    /// When it is something else, is not there, or cannot be read.
    pub fn verified_blob(&self, digest: &Digest) -> Result<PathBuf, ArchiveFault> {
        let path = self.folder(Kind::Blob).join(digest.hex());
        self.verify_once(Kind::Blob, &path, digest)?;
        Ok(path)
    }

    /// Removes seals whose file is gone. The caller holds the gate alone.
    pub(crate) fn remove_seals_of_nothing(&self) -> Result<(), StoreError> {
        for (kind, folder) in Kind::ALL.iter().filter_map(|kind| Some((*kind, kind.seals()?))) {
            let folder = self.root().join(folder);
            let removed = fs::read_dir(&folder).and_then(|mut items| {
                items.try_for_each(|item| {
                    let item = item?;
                    let is_there = self.folder(kind).join(item.file_name()).exists();
                    if is_there { Ok(()) } else { remove_if_present(&item.path()) }
                })
            });
            removed.map_err(|error| self.error(&folder, "cleaned", error))?;
        }
        Ok(())
    }

    fn verify_once(&self, kind: Kind, path: &Path, digest: &Digest) -> Result<(), ArchiveFault> {
        let unreadable = |error| ArchiveFault::Read { path: path.to_owned(), error };
        let file = open(path).map_err(unreadable)?;
        if self.is_sealed(kind, &digest.hex(), &file) {
            return Ok(());
        }
        let before = file.metadata().map_err(unreadable)?;
        verify(path, digest)?;
        let after = file.metadata().map_err(unreadable)?;
        if let Some(state) = FileState::of(&before).filter(|state| FileState::of(&after) == Some(*state))
            && let Err(error) = self.seal(kind, &digest.hex(), state)
        {
            // It is only hashed once more, the next time.
            tracing::warn!("cannot seal `{}`: {error}", path.display());
        }
        Ok(())
    }
}
