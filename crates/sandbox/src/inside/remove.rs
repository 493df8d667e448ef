//! Removing folders, however deep somebody made them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::wire::{Failure, Step};

/// How many folders are open at once; what is deeper is first moved up.
const DEPTH: u32 = 64;

/// Removes a folder and everything in it.
pub(super) fn whole(path: &Path) -> std::result::Result<(), Failure> {
    let what = || format!("remove `{}`", path.display());
    let folder = open(CWD, path).step(what)?;
    empty(&folder)?;
    std::fs::remove_dir(path).step(what)
}

/// Removes everything in a folder.
pub(crate) fn empty(folder: &OwnedFd) -> std::result::Result<(), Failure> {
    clear(folder).step(|| "remove what is in the folder".to_owned())
}

/// Removes something that stands in a folder.
pub(super) fn entry(folder: impl AsFd, name: &str) -> Result<()> {
    match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {
            clear(&open(&folder, name)?)?;
            rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR)
        }
        result => result,
    }
}

fn clear(folder: &OwnedFd) -> Result<()> {
    let mut number = 0;
    // What was moved up is found in the next round.
    loop {
        let before = number;
        clear_level(folder, folder, DEPTH, &mut number)?;
        if number == before {
            return Ok(());
        }
    }
}

fn clear_level(top: &OwnedFd, folder: &OwnedFd, depth: u32, number: &mut u64) -> Result<()> {
    let mut names = Vec::new();
    for item in Dir::read_from(folder)? {
        let item = item?;
        if item.file_name() != c"." && item.file_name() != c".." {
            names.push((item.file_name().to_owned(), item.file_type()));
        }
    }
    for (name, kind) in names {
        let is_folder = match kind {
            FileType::Unknown => {
                let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode).is_dir()
            }
            kind => kind.is_dir(),
        };
        if !is_folder {
            rustix::fs::unlinkat(folder, &name, AtFlags::empty())?;
            continue;
        }
        match depth.checked_sub(1) {
            Some(depth) => {
                clear_level(top, &open(folder, &name)?, depth, number)?;
                rustix::fs::unlinkat(folder, &name, AtFlags::REMOVEDIR)?;
            }
            None => loop {
                *number += 1;
                // A name that is there already is taken by something else that is to go.
                match rustix::fs::renameat_with(
                    folder,
                    &name,
                    top,
                    format!(".removed-{number}"),
                    rustix::fs::RenameFlags::NOREPLACE,
                ) {
                    Err(Errno::EXIST) => {}
                    result => break result?,
                }
            },
        }
    }
    Ok(())
}

fn open<P: rustix::path::Arg + Copy>(folder: impl AsFd, name: P) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
        // Its owner took the right to list it away.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(&folder, name, Mode::RWXU, AtFlags::empty())?;
            rustix::fs::openat(&folder, name, flags, Mode::empty())
        }
        result => result,
    }
}
