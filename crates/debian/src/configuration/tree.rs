//! What stands at which path, to be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, SinkError, WriteOptions};
use imgbuild_oci::{Digest, HashReader};

/// dpkg writes the lists of a package's paths when it unpacks it: their times are no property of the package.
const TIMELESS: &str = "var/lib/dpkg/info/";

/// A file or a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf {
    content: Content,
    mode: u32,
    owner: Owner,
    mtime: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// A file; without a hash where nobody will ask for it.
    File {
        size: u64,
        sha256: Option<Digest>,
    },
    Symlink(String),
}

/// Entries by their paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    directories: BTreeMap<ImagePath, (u32, Owner)>,
    leaves: BTreeMap<ImagePath, Leaf>,
    /// The further names of files, by the first one.
    names: BTreeMap<ImagePath, BTreeSet<ImagePath>>,
    first_names: BTreeMap<ImagePath, ImagePath>,
    opaque: BTreeSet<ImagePath>,
}

impl Tree {
    pub(super) fn directory(&self, path: &ImagePath) -> Option<(u32, Owner)> {
        self.directories.get(path).copied()
    }

    pub(super) fn directories(&self) -> impl Iterator<Item = &ImagePath> {
        self.directories.keys()
    }

    /// The files and links.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &ImagePath> {
        self.leaves.keys()
    }

    pub(super) fn has_leaf(&self, path: &ImagePath) -> bool {
        self.leaves.contains_key(path)
    }

    /// Forgets that folders hide what is below them, where `root` does not have them: overlayfs says so of every new one.
    pub(super) fn on(mut self, root: &Self) -> Self {
        self.opaque.retain(|path| root.directories.contains_key(path));
        self
    }

    /// Whether a folder hides what lower layers hold in it.
    pub(super) fn is_opaque(&self, path: &ImagePath) -> bool {
        self.opaque.contains(path)
    }

    /// Whether the layers below do not show through at a path.
    fn hides(&self, path: &ImagePath) -> bool {
        path.folders().any(|folder| self.opaque.contains(folder.as_str()))
    }

    /// Whether a file or link is the same in both, with all of its names.
    pub(super) fn agrees(&self, other: &Self, path: &ImagePath) -> bool {
        let (Some(one), Some(two)) = (self.leaves.get(path), other.leaves.get(path)) else { return false };
        one == two && self.all_names(path) == other.all_names(path) && !self.hides(path)
    }

    fn all_names<'a>(&'a self, path: &'a ImagePath) -> Option<BTreeSet<&'a ImagePath>> {
        let first = self.first_names.get(path).unwrap_or(path);
        let further = self.names.get(first)?;
        Some(further.iter().chain([first]).collect())
    }
}

/// Records what is put into it, and passes it on.
pub(super) struct Recorder<'a> {
    pub(super) tree: Tree,
    /// Where entries go on to; nowhere where they are only recorded.
    pub(super) inner: Option<&'a mut dyn EntrySink>,
    /// No time counts as later than this one, in seconds since 1970.
    pub(super) timestamp: i64,
    /// What it will be compared with: only files that may agree are hashed. Without it, all are, and none where entries
    /// go on.
    pub(super) other: Option<&'a Tree>,
}

impl Recorder<'_> {
    fn leaf(&self, head: &EntryHead, content: Content) -> Leaf {
        let timeless = head.path.as_str().starts_with(TIMELESS);
        let mtime = if timeless { 0 } else { head.mtime.min(self.timestamp) };
        Leaf { content, mode: head.mode, owner: head.owner, mtime }
    }

    fn file(&self, head: &EntryHead, size: u64, body: &mut dyn Read) -> Result<Leaf, SinkError> {
        let alike = |leaf: &Leaf| matches!(leaf.content, Content::File { size: other, .. } if other == size);
        let wanted = match self.other {
            Some(other) => other.leaves.get(&head.path).is_some_and(alike),
            None => self.inner.is_none(),
        };
        let mut sha256 = None;
        if wanted {
            let mut reader = HashReader::new(body);
            let read = io::copy(&mut reader, &mut io::sink());
            read.map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
            sha256 = Some(reader.finish().0);
        }
        Ok(self.leaf(head, Content::File { size, sha256 }))
    }
}

impl EntrySink for Recorder<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = head.path.clone();
        match &head.kind {
            EntryKind::Directory => {
                self.tree.directories.insert(path, (head.mode, head.owner));
            }
            EntryKind::Emptied => {
                self.tree.opaque.insert(path);
            }
            EntryKind::Removed => {}
            EntryKind::File { size } => {
                let leaf = self.file(head, *size, body)?;
                self.tree.leaves.insert(path, leaf);
            }
            EntryKind::Symlink { target } => {
                let leaf = self.leaf(head, Content::Symlink(target.clone()));
                self.tree.leaves.insert(path, leaf);
            }
            EntryKind::Hardlink { target } => {
                if let Some(leaf) = self.tree.leaves.get(target).cloned() {
                    self.tree.leaves.insert(path.clone(), leaf);
                }
                self.tree.names.entry(target.clone()).or_default().insert(path.clone());
                self.tree.first_names.insert(path, target.clone());
            }
        }
        match &mut self.inner {
            Some(inner) => inner.put(head, body),
            None => Ok(()),
        }
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}
