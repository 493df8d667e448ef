//! Whether a file has been written since it was looked at.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Which file something is, and when it was last written: one that is in the same state holds what it held. Whoever writes a file
/// changes its time, and whoever puts another one in its place brings another number; only who sets times by hand is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Its number in its file system.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written last, in nanoseconds since 1970.
    pub modified: i64,
}

impl FileState {
    /// The state of a file; nothing for what is none.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        let (inode, size) = (metadata.ino(), metadata.size());
        metadata.is_file().then_some(Self { inode, size, modified })
    }
}
