//! What the store holds.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use crate::gate::Gate;
use crate::{Kind, Store, StoreError, unpacked};

/// One thing in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name: the hex digits of a digest or key, or a file's name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes; of a folder, that of all its files.
    pub size: u64,
    /// When a build last used it.
    pub used: SystemTime,
}

impl Store {
    /// Everything in the store, by kind and name.
    ///
    /// # Errors
    ///
    /// When a folder of the store cannot be read.
    pub fn ls(&self) -> Result<Vec<Entry>, StoreError> {
        let gate = self.shared()?;
        self.entries(&gate)
    }

    /// As [`Store::ls`], for those who hold the gate already.
    pub(crate) fn entries(&self, _gate: &Gate) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for kind in Kind::ALL {
            let folder = self.folder(kind);
            let listed = fs::read_dir(&folder).and_then(|items| {
                for item in items {
                    entries.push(self.entry(kind, &item?.path())?);
                }
                Ok(())
            });
            listed.map_err(|error| self.error(&folder, "read", error))?;
        }
        entries.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        Ok(entries)
    }

    fn entry(&self, kind: Kind, path: &Path) -> io::Result<Entry> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = fs::symlink_metadata(path)?;
        let size = match kind {
            Kind::Unpacked => unpacked::size(path)?,
            _ => size(path)?,
        };
        let used = self.used(kind, &name, metadata.modified()?)?;
        Ok(Entry { kind, name, path: path.to_owned(), size, used })
    }
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|item| size(&item?.path())).sum()
}
