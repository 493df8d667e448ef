//! What stands in a folder that a command wrote to.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};

use super::unpack::OPAQUE;
use crate::wire::{FolderEntry, FolderEntryKind};

/// Whether a folder hides those below it.
pub(super) fn is_opaque(folder: &OwnedFd) -> bool {
    let mut mark = [0_u8; 2];
    matches!(rustix::fs::fgetxattr(folder, OPAQUE, &mut mark), Ok(1)) && mark[0] == b'y'
}

/// What stands in a folder under a name.
pub(super) fn entry_of(
    path: Vec<u8>,
    stat: &Stat,
    folder: &OwnedFd,
    name: &CStr,
) -> rustix::io::Result<FolderEntry> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => FolderEntryKind::Directory { opaque: false },
        FileType::RegularFile => FolderEntryKind::File { size: u64::try_from(stat.st_size).unwrap_or(0) },
        FileType::Symlink => {
            FolderEntryKind::Symlink(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes())
        }
        FileType::CharacterDevice if stat.st_rdev == 0 => FolderEntryKind::Whiteout,
        _ => FolderEntryKind::Special,
    };
    Ok(entry(path, kind, stat))
}

pub(super) fn entry(path: Vec<u8>, kind: FolderEntryKind, stat: &Stat) -> FolderEntry {
    let several = matches!(kind, FolderEntryKind::File { .. }) && stat.st_nlink > 1;
    FolderEntry {
        path,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: stat.st_mtime,
        inode: several.then_some((stat.st_dev, stat.st_ino)),
        kind,
    }
}

/// Opens what stands beneath a folder, and follows no link.
pub(super) fn open(folder: &OwnedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve)
}
