//! What stands in a layer.

use imgbuild_archive::{ImagePath, Owner};

/// The head of an entry: all of it but a file's bytes.
///
/// There is no kind for devices, pipes and sockets: no package that imgbuild reads may hold one, so an entry of
/// that kind cannot be written by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryHead {
    /// Where it is in the image.
    pub path: ImagePath,
    /// What it is.
    pub kind: EntryKind,
    /// The permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Whom it belongs to.
    pub owner: Owner,
    /// The time of the last modification, in seconds since 1970.
    pub mtime: i64,
}

/// The kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file of so many bytes.
    File {
        /// Its size in bytes.
        size: u64,
    },
    /// A folder.
    Directory,
    /// A symbolic link. The target is what the link says: it may dangle, and may be absolute (inside the image).
    Symlink {
        /// Where it points, as it is written into the link.
        target: String,
    },
    /// Another name of a file that stands before it in the same layer.
    Hardlink {
        /// The file.
        target: ImagePath,
    },
    /// Nothing: what lower layers hold at the path, with everything below it, is taken away. No package may say so: it is
    /// said of what a command removed.
    Removed,
    /// Nothing of its own: what lower layers hold in the folder at the path is taken away.
    Emptied,
}

impl EntryHead {
    /// A folder as every layer carries it: `root:root`, 0755, at the start of time.
    pub fn parent(path: ImagePath) -> Self {
        Self { path, kind: EntryKind::Directory, mode: 0o755, owner: Owner::ROOT, mtime: 0 }
    }

    /// What says that lower layers have nothing at `path` any more.
    pub fn removed(path: ImagePath) -> Self {
        Self { path, kind: EntryKind::Removed, mode: 0o644, owner: Owner::ROOT, mtime: 0 }
    }

    /// What says that lower layers have nothing in the folder `path` any more.
    pub fn emptied(path: ImagePath) -> Self {
        Self { kind: EntryKind::Emptied, ..Self::removed(path) }
    }

    /// The bytes that follow: nought for all but files.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size } => size,
            _ => 0,
        }
    }
}
