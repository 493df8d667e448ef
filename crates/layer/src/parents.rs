//! The folders that layers carry so that their entries have something to stand in.

use std::collections::BTreeMap;

use crate::{EntryHead, EntryKind, ImagePath, KeyHasher, Owner};

/// The mode and the owner of folders that are not like all others, such as `/tmp`.
///
/// A folder stands in every layer that has something below it, and engines take its mode and owner from the topmost
/// of these. So they must be the same in each: 0755 and `root:root`, unless this table says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parents(BTreeMap<ImagePath, (u32, Owner)>);

impl Parents {
    /// Says that `path` has another mode or owner than 0755 and `root:root`.
    pub fn insert(&mut self, path: ImagePath, mode: u32, owner: Owner) {
        if (mode, owner) == (0o755, Owner::ROOT) {
            self.0.remove(&path);
        } else {
            self.0.insert(path, (mode, owner));
        }
    }

    /// The entry of a folder.
    pub fn head(&self, path: ImagePath) -> EntryHead {
        let (mode, owner) = self.0.get(&path).copied().unwrap_or((0o755, Owner::ROOT));
        EntryHead { path, kind: EntryKind::Directory, mode, owner, mtime: 0 }
    }

    /// The folders of the table, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, u32, Owner)> {
        self.0.iter().map(|(path, (mode, owner))| (path, *mode, *owner))
    }

    /// Adds to a key what a layer below `root` can depend on: the folders above and below it.
    pub(crate) fn key(&self, hasher: KeyHasher, root: Option<&ImagePath>) -> KeyHasher {
        let related = |path: &&ImagePath| match root {
            None => true,
            Some(root) => {
                *path == root || path.strip_prefix(root).is_some() || root.strip_prefix(path).is_some()
            }
        };
        let line = |path: &ImagePath| {
            let (mode, owner) = self.0[path];
            format!("{path} {mode:o} {} {}", owner.uid, owner.gid)
        };
        hasher.list("parents", self.0.keys().filter(related).map(line))
    }
}
