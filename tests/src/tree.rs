//! Comparing folders path by path.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use imgbuild_oci::Digest;

/// A folder and everything below it, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Node>);

/// One file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// The numbers of its user and group.
    pub owner: (u32, u32),
    /// Seconds since 1970.
    pub mtime: i64,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file: the digest of its bytes, and the path that comes first among its hard links.
    File(Digest, String),
    /// A folder.
    Folder,
    /// A symbolic link and its target.
    Symlink(String),
    /// A device, pipe or socket.
    Special,
}

impl Tree {
    /// Reads a folder; links are not followed.
    ///
    /// # Panics
    ///
    /// When something cannot be read.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        let mut links = BTreeMap::new();
        tree.add(root, "", &mut links);
        tree
    }

    fn add(&mut self, folder: &Path, above: &str, links: &mut BTreeMap<(u64, u64), String>) {
        let mut entries: Vec<_> = fs_err::read_dir(folder).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().unwrap();
            let path = if above.is_empty() { name } else { format!("{above}/{name}") };
            let metadata = entry.path().symlink_metadata().unwrap();
            let kind = if metadata.is_dir() {
                Kind::Folder
            } else if metadata.is_symlink() {
                Kind::Symlink(
                    fs_err::read_link(entry.path()).unwrap().into_os_string().into_string().unwrap(),
                )
            } else if metadata.is_file() {
                let first = links.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone());
                Kind::File(Digest::of(fs_err::read(entry.path()).unwrap()), first.clone())
            } else {
                Kind::Special
            };
            let mode = metadata.permissions().mode() & 0o7777;
            let owner = (metadata.uid(), metadata.gid());
            let is_folder = kind == Kind::Folder;
            self.0.insert(path.clone(), Node { kind, mode, owner, mtime: metadata.mtime() });
            if is_folder {
                self.add(&entry.path(), &path, links);
            }
        }
    }

    /// Only what a rule lets through.
    #[must_use]
    pub fn filtered(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| keep(path));
        self
    }

    /// How this tree differs from what is expected, a line for each path; empty when it does not. Nodes are compared by
    /// what `facts` says of them.
    pub fn differences(&self, expected: &Self, facts: impl Fn(&str, &Node) -> String) -> String {
        let paths: BTreeSet<_> = self.0.keys().chain(expected.0.keys()).collect();
        let mut lines = Vec::new();
        for path in paths {
            match (self.0.get(path), expected.0.get(path)) {
                (Some(_), None) => lines.push(format!("+ {path}")),
                (None, Some(_)) => lines.push(format!("- {path}")),
                (Some(found), Some(wanted)) => {
                    let (found, wanted) = (facts(path, found), facts(path, wanted));
                    if found != wanted {
                        lines.push(format!("! {path}: {found}, and not {wanted}"));
                    }
                }
                (None, None) => unreachable!("the path is of one of the two"),
            }
        }
        lines.join("\n")
    }
}

impl Node {
    /// Its kind, content and mode: what holds of it wherever it is. A link has no mode of its own.
    pub fn facts(&self) -> String {
        match &self.kind {
            Kind::File(digest, _) => format!("file {:04o} {digest}", self.mode),
            Kind::Folder => format!("folder {:04o}", self.mode),
            Kind::Symlink(target) => format!("link to `{target}`"),
            Kind::Special => format!("special {:04o}", self.mode),
        }
    }
}
