//! How much of its disk an open store has taken, how much of it is free, and giving some back.

use std::io;
use std::path::{Path, PathBuf};

use imgbuild_oci::Digest;

use crate::file::remove_if_present;
use crate::lease::living_but;
use crate::{Kind, Store, StoreError};

/// A file system, and how much of it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// Its number: two folders of one number share what is free.
    pub device: u64,
    /// How many bytes this user may still write.
    pub bytes: u64,
}

impl FreeSpace {
    /// That of the file system on which a folder is, or will be made.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub fn at(folder: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let there =
            folder.ancestors().find(|folder| folder.exists()).map_or(PathBuf::from("/"), Path::to_path_buf);
        let found = rustix::fs::statvfs(&there)?;
        let device = rustix::fs::stat(&there)?.st_dev;
        // A file system that counts no blocks, as some in user space do, does not know: it is found out by writing.
        let is_known = found.f_blocks > 0;
        let bytes = if is_known { found.f_bavail.saturating_mul(found.f_frsize) } else { u64::MAX };
        Ok(Self { device, bytes })
    }
}

impl Store {
    /// The bytes that this run has written into the store and not removed, archives, blobs and what is on its way among them.
    pub fn written(&self) -> u64 {
        self.disk().bytes().0
    }

    /// The most that [`Self::written`] was so far.
    pub fn peak(&self) -> u64 {
        self.disk().bytes().1
    }

    /// How much of the store's file system is free.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub fn free_space(&self) -> Result<FreeSpace, StoreError> {
        FreeSpace::at(self.root()).map_err(|error| self.error(self.root(), "read", error))
    }

    /// Removes an archive of which nothing more is made, unless another run uses it: whether it was removed.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn discard_archive(&self, sha256: &Digest) -> Result<bool, StoreError> {
        let (path, name) = (self.archive_path(sha256), sha256.hex());
        let _gate = self.alone()?;
        let leases = self.root().join("leases");
        let others = living_but(&leases, self.lease_path());
        let (used, _) = others.map_err(|error| self.error(&leases, "read", error))?;
        if used.contains(&format!("{}/{name}", Kind::Archive.folder())) {
            return Ok(false);
        }
        let failed = |error| self.error(&path, "removed", error);
        let size = match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            metadata => metadata.map_err(failed)?.len(),
        };
        self.unseal(Kind::Archive, &name).and_then(|()| remove_if_present(&path)).map_err(failed)?;
        self.disk().remove(size);
        Ok(true)
    }
}
