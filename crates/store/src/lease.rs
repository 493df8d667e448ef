//! What a running build uses.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::Kind;
use crate::file::{is_odd, open, remove_if_present};
use crate::gate::is_abandoned;

/// The lease of one open store: a file below `leases/`, locked as long as the store is open, with a line for everything
/// that the store has handed out. It does not depend on any clock.
#[derive(Debug)]
pub(crate) struct Lease(Mutex<Notes>);

#[derive(Debug)]
struct Notes {
    file: NamedTempFile,
    noted: HashSet<(Kind, String)>,
}

impl Lease {
    /// Takes a lease. The caller holds the gate, so that nobody takes the file for an abandoned one before it is locked.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(&prefix()).tempfile_in(folder)?;
        file.as_file().lock()?;
        Ok(Self(Mutex::new(Notes { file, noted: HashSet::new() })))
    }

    /// Its file.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).file.path().to_owned()
    }

    /// Notes that something is used. The caller holds the gate.
    pub(crate) fn keep(&self, kind: Kind, name: &str) -> io::Result<()> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.noted.insert((kind, name.to_owned())) {
            let line = format!("{}/{name}\n", kind.folder());
            notes.file.as_file_mut().write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

/// What the living leases note, and how many there are; the files of the dead ones are removed. The caller holds the
/// gate alone.
pub(crate) fn living(folder: &Path) -> io::Result<(BTreeSet<String>, usize)> {
    living_but(folder, PathBuf::new())
}

/// The same, without one of them.
pub(crate) fn living_but(folder: &Path, own: PathBuf) -> io::Result<(BTreeSet<String>, usize)> {
    let mut used = BTreeSet::new();
    let mut count = 0;
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path == own {
            continue;
        }
        if is_odd(&path) {
            remove_if_present(&path)?;
            continue;
        }
        let file = match open(&path) {
            // A build that ends takes its lease with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            result => result?,
        };
        if is_abandoned(&file)? {
            remove_if_present(&path)?;
        } else {
            count += 1;
            used.extend(io::read_to_string(file)?.lines().map(str::to_owned));
        }
    }
    Ok((used, count))
}

/// For the names of temporary files: the process, for people.
pub(crate) fn prefix() -> String {
    format!("{}-", std::process::id())
}
