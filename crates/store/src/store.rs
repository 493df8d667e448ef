//! Opening the store, and looking things up in it.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_oci::{BlobError, Blobs, Digest};

use crate::disk::Disk;
use crate::file::{is_odd, make_folder, open, remove_if_present};
use crate::gate::{Gate, is_abandoned};
use crate::lease::Lease;
use crate::{Kind, StoreError};

/// What backup programs look for in folders that need no backup (the Cache Directory Tagging Specification).
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This is the cache of imgbuild.\n";

/// An open store. Everything that it hands out stays there as long as it, or a clone of it, is open.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    lease: Lease,
    disk: Arc<Disk>,
}

impl Store {
    /// Opens the store in the folder `root`, which is made where it is not there: it belongs to its user alone, whatever
    /// the umask. What killed processes left is removed.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let given = root.as_ref();
        let failed = |error| StoreError::io(given, given, "made", error);
        let root = std::path::absolute(given).map_err(failed)?;
        // The whole store may be elsewhere, behind a link of its user's.
        if !root.is_dir() {
            make_folder(&root).map_err(failed)?;
        }
        let kinds = Kind::ALL.map(Kind::folder);
        let seals = Kind::ALL.iter().filter_map(|kind| kind.seals());
        let own = ["blobs", "tmp", "leases", "locks", "scratch", "seals-v1"];
        for folder in own.into_iter().chain(seals).chain(kinds) {
            let folder = root.join(folder);
            make_folder(&folder).map_err(|error| StoreError::io(given, &folder, "made", error))?;
        }
        let tag = root.join("CACHEDIR.TAG");
        // A link that leads nowhere is there too, and nothing is written through it.
        match fs::OpenOptions::new().write(true).create_new(true).open(&tag) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => file
                .and_then(|mut file| file.write_all(CACHE_TAG.as_bytes()))
                .map_err(|error| StoreError::io(given, &tag, "written", error))?,
        }
        Self::lease(root)
    }

    fn lease(root: PathBuf) -> Result<Self, StoreError> {
        let folder = root.join("leases");
        // The lease needs the gate, and there is a store only with a lease.
        let gate = Gate::shared(&root)?;
        let lease = Lease::new(&folder).map_err(|error| StoreError::io(&root, &folder, "written", error))?;
        drop(gate);
        let store = Self(Arc::new(Inner { root, lease, disk: Arc::default() }));
        // Whoever uses the store at this moment will clean up another time.
        if let Some(_gate) = store.try_alone()? {
            store.remove_abandoned()?;
        }
        Ok(store)
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    pub(crate) fn disk(&self) -> &Arc<Disk> {
        &self.0.disk
    }

    /// The file of this store's own lease.
    pub(crate) fn lease_path(&self) -> PathBuf {
        self.0.lease.path()
    }

    pub(crate) fn folder(&self, kind: Kind) -> PathBuf {
        self.root().join(kind.folder())
    }

    /// [`Gate::shared`] of this store.
    pub(crate) fn shared(&self) -> Result<Gate, StoreError> {
        Gate::shared(self.root())
    }

    /// [`Gate::alone`] of this store.
    pub(crate) fn alone(&self) -> Result<Gate, StoreError> {
        Gate::alone(self.root())
    }

    /// [`Gate::try_alone`] of this store.
    pub(crate) fn try_alone(&self) -> Result<Option<Gate>, StoreError> {
        Gate::try_alone(self.root())
    }

    pub(crate) fn error(&self, path: &Path, what: &'static str, error: io::Error) -> StoreError {
        StoreError::io(self.root(), path, what, error)
    }

    /// The archive with this sha256. Whoever reads it checks that it holds what its name says.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn archive(&self, digest: &Digest) -> Result<Option<PathBuf>, StoreError> {
        self.find(Kind::Archive, &digest.hex())
    }

    /// Where the archive with this sha256 stands once it is there.
    pub fn archive_path(&self, digest: &Digest) -> PathBuf {
        self.folder(Kind::Archive).join(digest.hex())
    }

    /// The blob with this digest.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn blob(&self, digest: &Digest) -> Result<Option<PathBuf>, StoreError> {
        self.find(Kind::Blob, &digest.hex())
    }

    /// The folder of the tool with this key.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn tool(&self, key: &Digest) -> Result<Option<PathBuf>, StoreError> {
        self.find(Kind::Tool, &key.hex())
    }

    /// The folder for indexes of channels and mirrors. Those who read and write there keep order among themselves;
    /// `prune` removes from it only when no other store is open.
    pub fn repodata_folder(&self) -> PathBuf {
        self.folder(Kind::Repodata)
    }

    /// Looks something up, notes it in the lease, and marks it as used now.
    pub(crate) fn find(&self, kind: Kind, name: &str) -> Result<Option<PathBuf>, StoreError> {
        let _gate = self.shared()?;
        let path = self.folder(kind).join(name);
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(|error| self.error(&path, "read", error))?,
        };
        self.mark_used(kind, name, &file).map_err(|error| self.error(&path, "written", error))?;
        self.keep(kind, name)?;
        Ok(Some(path))
    }

    /// Notes something in the lease. The caller holds the gate.
    pub(crate) fn keep(&self, kind: Kind, name: &str) -> Result<(), StoreError> {
        let kept = self.0.lease.keep(kind, name);
        kept.map_err(|error| self.error(&self.root().join("leases"), "written", error))
    }

    /// Removes what killed processes left: what they were writing, and the locks of their work. The caller holds the gate
    /// alone.
    pub(crate) fn remove_abandoned(&self) -> Result<(), StoreError> {
        for name in ["tmp", "locks", "leases"] {
            let folder = self.root().join(name);
            remove_unlocked(&folder).map_err(|error| self.error(&folder, "cleaned", error))?;
        }
        let folder = self.repodata_folder();
        remove_odd(&folder).map_err(|error| self.error(&folder, "cleaned", error))
    }
}

fn remove_unlocked(folder: &Path) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if is_odd(&path) {
            remove_if_present(&path)?;
            continue;
        }
        match open(&path) {
            Ok(file) if is_abandoned(&file)? => remove_if_present(&path)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes what is neither a file nor a folder from a folder and those below it: libraries that read there would wait for a named
/// pipe, and write through a link.
fn remove_odd(folder: &Path) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        let kind = item.file_type()?;
        if kind.is_dir() {
            remove_odd(&item.path())?;
        } else if !kind.is_file() {
            remove_if_present(&item.path())?;
        }
    }
    Ok(())
}

impl Blobs for Store {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let failed = |error| BlobError::Read { digest: *digest, error };
        match self.blob(digest) {
            Ok(Some(path)) => Ok(Box::new(open(&path).map_err(failed)?)),
            Ok(None) => Err(BlobError::Absent(*digest)),
            Err(error) => Err(failed(imgbuild_diagnostic::io_error(io::ErrorKind::Other, error))),
        }
    }

    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        let failed = |error| BlobError::Read { digest: *digest, error };
        match self.blob(digest) {
            Ok(Some(path)) => {
                let mut file = open(&path).map_err(failed)?;
                file.seek(SeekFrom::Start(at)).map_err(failed)?;
                Ok(Box::new(file))
            }
            _ => self.open(digest),
        }
    }

    /// What is damaged is told by whoever reads it.
    fn whole_file(&self, digest: &Digest) -> Option<PathBuf> {
        self.blob(digest).ok().flatten()?;
        self.verified_blob(digest).ok()
    }
}
