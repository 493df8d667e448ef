//! The entries of the state, by path.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind};

use super::StateError;
use super::read::ReadPackage;
use crate::base_system::group_number;
use crate::package::deb::merged;

/// Entries that are made here, sorted by path. The last one for a path counts.
#[derive(Debug)]
pub(crate) struct Tree {
    timestamp: i64,
    entries: BTreeMap<ImagePath, (EntryHead, Vec<u8>)>,
}

impl Tree {
    pub(crate) fn new(timestamp: i64) -> Self {
        Self { timestamp, entries: BTreeMap::new() }
    }

    /// Removes everything below a folder, and the folder.
    pub(crate) fn remove_below(&mut self, folder: &str) {
        self.entries.retain(|path, _| {
            !path.as_str().strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&EntryHead, &[u8])> {
        self.entries.values().map(|(head, bytes)| (head, bytes.as_slice()))
    }

    /// Adds an entry. `path` is absolute; all that come here are constants of this crate or were checked before, and
    /// one that is not usable names nothing that could be in an image.
    pub(crate) fn put(&mut self, path: &str, kind: EntryKind, mode: u32, owner: Owner, bytes: &[u8]) {
        let path = ImagePath::from_absolute(path).and_then(|path| {
            let is_link = matches!(kind, EntryKind::Symlink { .. });
            // `/bin` and the other links of a merged `/usr` are the only ones that stay what they are called.
            if is_link && !path.as_str().trim_start_matches("var/").contains('/') {
                Ok(path)
            } else {
                merged(path)
            }
        });
        if let Ok(path) = path {
            let head = EntryHead { path: path.clone(), kind, mode, owner, mtime: self.timestamp };
            self.entries.insert(path, (head, bytes.to_vec()));
        }
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, group: &str, bytes: &[u8]) {
        self.put(path, EntryKind::File { size: bytes.len() as u64 }, mode, owner(group), bytes);
    }

    pub(crate) fn directory(&mut self, path: &str, mode: u32, group: &str) {
        self.put(path, EntryKind::Directory, mode, owner(group), &[]);
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.put(path, EntryKind::Symlink { target: target.to_owned() }, 0o777, Owner::ROOT, &[]);
    }

    /// `cp -p`.
    pub(crate) fn copy(&mut self, package: &ReadPackage, from: &str, to: &str) -> Result<(), StateError> {
        let (head, bytes) = package.file(from)?;
        let (mode, owner, mtime) = (head.mode, head.owner, head.mtime);
        let timestamp = std::mem::replace(&mut self.timestamp, mtime);
        self.put(to, EntryKind::File { size: bytes.len() as u64 }, mode, owner, bytes);
        self.timestamp = timestamp;
        Ok(())
    }

    pub(crate) fn contains(&self, path: &ImagePath) -> bool {
        self.entries.contains_key(path)
    }

    /// A file of a package with another mode and owner.
    pub(crate) fn copy_as(
        &mut self,
        package: &ReadPackage,
        path: &str,
        mode: u32,
        owner: Owner,
    ) -> Result<(), StateError> {
        let (head, bytes) = package.file(path)?;
        let timestamp = std::mem::replace(&mut self.timestamp, head.mtime);
        self.put(path, EntryKind::File { size: bytes.len() as u64 }, mode, owner, bytes);
        self.timestamp = timestamp;
        Ok(())
    }
}

fn owner(group: &str) -> Owner {
    Owner { uid: 0, gid: group_number(group).unwrap_or(0) }
}
