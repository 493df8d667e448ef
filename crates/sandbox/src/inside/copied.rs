//! One folder in place of a stack: for kernels, and folders, on which overlayfs cannot be used.
//!
//! The layers are copied over each other, the lowest first. A record says what the folder held then, so that what a command
//! changed can be told: whatever has another inode, or was changed since (`ctime`), which no program can hide.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::{Errno, Result};
use serde::{Deserialize, Serialize};

use super::found::{self, is_opaque};
use super::{remove, staging};
use crate::wire::{Failure, FolderEntry, FolderEntryKind, Step};

/// The copy, in the folder that is mounted under [`staging::COPIED`], and the record of it.
pub(crate) const TREE: &str = "tree";
pub(super) const RECORD: &str = "record";

/// What a file was like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    inode: u64,
    mode: u32,
    changed: (i64, u64),
}

impl State {
    fn of(stat: &Stat) -> Self {
        Self { inode: stat.st_ino, mode: stat.st_mode, changed: (stat.st_ctime, stat.st_ctime_nsec) }
    }
}

/// Makes the copy, where an earlier command has not.
pub(super) fn make(layers: usize) -> std::result::Result<(), Failure> {
    let what = || "copy the layers into one folder".to_owned();
    let [tree, record] = [TREE, RECORD].map(|name| format!("{}/{name}", staging::COPIED));
    if Path::new(&record).exists() {
        return Ok(());
    }
    if Path::new(&tree).exists() {
        remove::whole(Path::new(&tree))?;
    }
    fs::create_dir(&tree).step(what)?;
    let open = |path: &str| rustix::fs::open(path, FOLDER, Mode::empty()).step(what);
    let target = open(&tree)?;
    for layer in 0..layers {
        let source = open(&staging::layer(layer))?;
        copy_folder(&source, &target, &mut BTreeMap::new(), &target, "").step(what)?;
    }
    let mut states = BTreeMap::new();
    walk(&target, &mut |path, stat, _| {
        states.insert(path.to_vec(), State::of(stat));
        Ok(())
    })
    .step(what)?;
    let states: Vec<_> = states.into_iter().collect();
    let unfinished = format!("{record}.new");
    let file = File::create(&unfinished).step(what)?;
    serde_json::to_writer(BufWriter::new(file), &states).map_err(std::io::Error::from).step(what)?;
    fs::rename(unfinished, record).step(what)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_folder<P: rustix::path::Arg>(folder: impl AsFd, name: P) -> Result<OwnedFd> {
    rustix::fs::openat(folder, name, FOLDER, Mode::empty())
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_dir()
}

/// Names of a layer that are one file: where the first one was copied to.
type Links = BTreeMap<(u64, u64), String>;

fn copy_folder(
    source: &OwnedFd,
    target: &OwnedFd,
    links: &mut Links,
    top: &OwnedFd,
    path: &str,
) -> Result<()> {
    for item in Dir::read_from(source)? {
        let item = item?;
        let name = item.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let text = name.to_str().map_err(|_| Errno::ILSEQ)?;
        let inner = if path.is_empty() { text.to_owned() } else { format!("{path}/{text}") };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let present = match rustix::fs::statat(target, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => None,
            stat => Some(stat?),
        };
        if kind.is_dir() {
            let folder = open_folder(source, name)?;
            if present.is_some_and(|present| !is_folder(&present) || is_opaque(&folder)) {
                remove::entry(target, text)?;
            }
            if !present.is_some_and(|present| is_folder(&present)) || is_opaque(&folder) {
                rustix::fs::mkdirat(target, name, Mode::RWXU)?;
            }
            copy_folder(&folder, &open_folder(target, name)?, links, top, &inner)?;
            continue;
        }
        if present.is_some() {
            remove::entry(target, text)?;
        }
        let several = (stat.st_nlink > 1 && !kind.is_symlink()).then_some((stat.st_dev, stat.st_ino));
        if kind == FileType::CharacterDevice && stat.st_rdev == 0 {
            continue;
        }
        match several.and_then(|inode| links.get(&inode)) {
            Some(first) => rustix::fs::linkat(top, first.as_str(), target, name, AtFlags::empty())?,
            None => {
                copy_file(source, target, text, kind, &stat)?;
                links.extend(several.map(|inode| (inode, inner)));
            }
        }
    }
    let stat = rustix::fs::fstat(source)?;
    rustix::fs::fchown(target, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    rustix::fs::fchmod(target, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    rustix::fs::futimens(target, &times(&stat))
}

fn copy_file(source: &OwnedFd, target: &OwnedFd, name: &str, kind: FileType, stat: &Stat) -> Result<()> {
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    match kind {
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut from = File::from(rustix::fs::openat(source, name, flags, Mode::empty())?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut to = File::from(rustix::fs::openat(target, name, flags, Mode::RUSR | Mode::WUSR)?);
            std::io::copy(&mut from, &mut to)
                .map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))?;
        }
        FileType::Symlink => {
            let link = rustix::fs::readlinkat(source, name, Vec::new())?;
            rustix::fs::symlinkat(link.as_c_str(), target, name)?;
        }
        FileType::Fifo => rustix::fs::mknodat(target, name, FileType::Fifo, mode, 0)?,
        // A socket that nobody listens to any more.
        _ => return Ok(()),
    }
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::chownat(target, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if !kind.is_symlink() {
        rustix::fs::chmodat(target, name, mode, AtFlags::empty())?;
    }
    rustix::fs::utimensat(target, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
}

fn times(stat: &Stat) -> Timestamps {
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) };
    Timestamps { last_access: time, last_modification: time }
}

/// What is told of each thing: its path, what it is like, and the folder that it stands in with its name there.
type Visit<'a> = dyn FnMut(&[u8], &Stat, (&OwnedFd, &std::ffi::CStr)) -> Result<()> + 'a;

/// Everything below a folder, in no particular order.
fn walk(top: &OwnedFd, visit: &mut Visit<'_>) -> Result<()> {
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let here = if path.is_empty() { b".".as_slice() } else { &path };
        let folder = found::open(top, here, OFlags::RDONLY | OFlags::DIRECTORY)?;
        for item in Dir::read_from(&folder)? {
            let item = item?;
            let name = item.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let mut inner = path.clone();
            if !inner.is_empty() {
                inner.push(b'/');
            }
            inner.extend(name.to_bytes());
            let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            visit(&inner, &stat, (&folder, name))?;
            if is_folder(&stat) {
                waiting.push(inner);
            }
        }
    }
    Ok(())
}

/// What commands changed since the copy was made.
pub(super) fn changes(folder: &OwnedFd, tree: &OwnedFd) -> std::result::Result<Vec<FolderEntry>, Failure> {
    let what = || "compare what was written with the layers".to_owned();
    let record = found::open(folder, RECORD.as_bytes(), OFlags::RDONLY).step(what)?;
    let states: Vec<(Vec<u8>, State)> = serde_json::from_reader(BufReader::new(File::from(record)))
        .map_err(std::io::Error::from)
        .step(what)?;
    let mut before: BTreeMap<_, _> = states.into_iter().collect();
    let mut all: BTreeMap<Vec<u8>, (FolderEntry, bool)> = BTreeMap::new();
    walk(tree, &mut |path, stat, (folder, name)| {
        let changed = before.remove(path).is_none_or(|state| state != State::of(stat));
        let found = found::entry_of(path.to_vec(), stat, folder, name)?;
        all.insert(path.to_vec(), (found, changed));
        Ok(())
    })
    .step(what)?;
    // What is left of the record is not there any more: it is taken away where its folder still is one.
    for path in before.into_keys() {
        let parent = parent(&path).to_vec();
        let stands = parent.is_empty() || all.get(&parent).is_some_and(|(found, _)| found.is_folder());
        if stands {
            let whiteout = FolderEntry {
                path: path.clone(),
                kind: FolderEntryKind::Whiteout,
                mode: 0,
                uid: 0,
                gid: 0,
                mtime: 0,
                inode: None,
            };
            all.insert(path, (whiteout, true));
        }
    }
    // A layer that holds something holds the folders on the way.
    let changed: Vec<_> =
        all.iter().filter(|(_, (_, changed))| *changed).map(|(path, _)| path.clone()).collect();
    for mut path in changed.iter().map(Vec::as_slice) {
        while !parent(path).is_empty() {
            path = parent(path);
            if let Some((_, changed)) = all.get_mut(path) {
                *changed = true;
            }
        }
    }
    Ok(all.into_values().filter(|(_, changed)| *changed).map(|(found, _)| found).collect())
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}
