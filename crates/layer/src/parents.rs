//! The folders that layers carry so that their entries have something to stand in.

use std::collections::BTreeMap;

use crate::{EntryHead, EntryKind, KeyHasher};
use imgbuild_archive::{ImagePath, Owner};

/// The mode and the owner of folders that are not like all others, such as `/tmp`.
///
/// A folder stands in every layer that has something below it, and engines take its mode and owner from the topmost
/// of these. So they must be the same in each: 0755 and `root:root`, unless this table says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parents {
    special: BTreeMap<ImagePath, (u32, Owner)>,
    trees: BTreeMap<ImagePath, (u32, Owner)>,
}

impl Parents {
    /// Says that `path` has another mode or owner than 0755 and `root:root`.
    pub fn insert(&mut self, path: ImagePath, mode: u32, owner: Owner) {
        if (mode, owner) == (0o755, Owner::ROOT) {
            self.special.remove(&path);
        } else {
            self.special.insert(path, (mode, owner));
        }
    }

    /// Says that `root` and all folders below it have this mode and owner.
    pub fn insert_tree(&mut self, root: ImagePath, mode: u32, owner: Owner) {
        if (mode, owner) == (0o755, Owner::ROOT) {
            self.trees.remove(&root);
        } else {
            self.trees.insert(root, (mode, owner));
        }
    }

    /// Adds what others say: it counts where both say something of a folder.
    pub fn extend(&mut self, other: Self) {
        self.special.extend(other.special);
        self.trees.extend(other.trees);
    }

    /// The entry of a folder.
    pub fn head(&self, path: ImagePath) -> EntryHead {
        let tree = || self.trees.iter().find(|(root, _)| path == **root || path.strip_prefix(root).is_some());
        let special = self.special.get(&path).copied();
        let found = special.or_else(|| tree().map(|(_, head)| *head));
        let (mode, owner) = found.unwrap_or((0o755, Owner::ROOT));
        EntryHead { path, kind: EntryKind::Directory, mode, owner, mtime: 0 }
    }

    /// Adds to a key what a layer below `root` can depend on: the folders above and below it.
    pub(crate) fn key(&self, hasher: KeyHasher, root: Option<&ImagePath>) -> KeyHasher {
        let related = |path: &ImagePath| match root {
            None => true,
            Some(root) => {
                path == root || path.strip_prefix(root).is_some() || root.strip_prefix(path).is_some()
            }
        };
        let special = self.special.iter().filter(|(path, _)| related(path));
        let trees = self.trees.iter().filter(|(path, _)| related(path));
        let line = |(path, (mode, owner)): (&ImagePath, &(u32, Owner))| {
            format!("{path} {mode:o} {} {}", owner.uid, owner.gid)
        };
        hasher.list("parents", special.map(line)).list("trees", trees.map(line))
    }
}
