//! What the store holds.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use crate::gate::Gate;
use crate::{Store, StoreError, unpacked};

/// The kinds of what a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A package's archive, by its sha256.
    Archive,
    /// A layer or a source's bytecode, by its sha256.
    Blob,
    /// The record of a layer, by its key.
    Layer,
    /// The record of a source's bytecode, by its key.
    Bytecode,
    /// An index of a channel or mirror; its name is its reader's.
    Repodata,
    /// A program, by its key.
    Tool,
    /// A layer that was unpacked to be run, by its key.
    Unpacked,
    /// Which manifest a name stands for, by the hash of the name and the platform.
    Image,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 8] = [
        Self::Archive,
        Self::Blob,
        Self::Layer,
        Self::Bytecode,
        Self::Repodata,
        Self::Tool,
        Self::Unpacked,
        Self::Image,
    ];

    /// The folder, below the store's.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Archive => "archives",
            Self::Blob => "blobs/sha256",
            Self::Layer => "layers-v1",
            Self::Bytecode => "bytecode-v1",
            Self::Repodata => "repodata-v1",
            Self::Tool => "tools-v1",
            Self::Unpacked => "unpacked-v1",
            Self::Image => "images-v1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archive => "archive",
            Self::Blob => "blob",
            Self::Layer => "layer",
            Self::Bytecode => "bytecode",
            Self::Repodata => "repodata",
            Self::Tool => "tool",
            Self::Unpacked => "unpacked",
            Self::Image => "image",
        })
    }
}

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
                    entries.push(entry(kind, &item?.path())?);
                }
                Ok(())
            });
            listed.map_err(|error| self.error(&folder, "read", error))?;
        }
        entries.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        Ok(entries)
    }
}

fn entry(kind: Kind, path: &Path) -> io::Result<Entry> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let metadata = fs::symlink_metadata(path)?;
    let size = match kind {
        Kind::Unpacked => unpacked::size(path)?,
        _ => size(path)?,
    };
    Ok(Entry { kind, name, path: path.to_owned(), size, used: metadata.modified()? })
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|item| size(&item?.path())).sum()
}
