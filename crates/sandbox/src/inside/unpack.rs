//! Unpacking a layer into a folder, for overlayfs to stack.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};

use imgbuild_archive::{ImagePath, LayerHead, LayerKind, LayerReader, Owner, Special, Whiteout};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::remove;
use super::root::Root;
use crate::wire::{Failure, Step};

/// What marks a folder that hides those below it: overlayfs.rst, "userxattr".
pub(crate) const OPAQUE: &str = "user.overlay.opaque";
/// The namespace of attributes that belong to whoever owns the file. All others ask for rights that a layer cannot give,
/// or have no effect here: a file's capabilities are void where no new rights may be gained.
const USER: &str = "user.";

struct Unpacker {
    root: Root,
    owners: bool,
    /// The folder of the last entry: the next one mostly stands there as well.
    last: Option<(String, OwnedFd)>,
    /// The times of folders: they are set last, since whatever is put into a folder changes its own.
    times: BTreeMap<String, i64>,
}

/// Unpacks.
pub(super) fn run(folder: OwnedFd, tar: OwnedFd, owners: bool) -> Result<(), Failure> {
    let mut reader = LayerReader::new(BufReader::with_capacity(128 * 1024, File::from(tar)), u64::MAX);
    let mut unpacker = Unpacker { root: folder.into(), owners, last: None, times: BTreeMap::new() };
    let damaged = |error: imgbuild_archive::TarError| Failure::Layer(reason(&error));
    unpacker.whole_root(&Owner::ROOT, 0o755)?;
    unpacker.times.insert(String::new(), 0);
    while let Some(head) = reader.next_entry().map_err(damaged)? {
        match &head.path {
            None => {
                unpacker.whole_root(&head.owner, head.mode)?;
                unpacker.times.insert(String::new(), head.mtime);
            }
            Some(path) => unpacker.entry(path, &head, &mut reader.body())?,
        }
    }
    unpacker.finish()
}

/// An error with its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

impl Unpacker {
    fn whole_root(&self, owner: &Owner, mode: u32) -> Result<(), Failure> {
        let root =
            self.root.get("", OFlags::RDONLY | OFlags::DIRECTORY).step(|| "open the folder".to_owned())?;
        self.attributes(&root, "/", owner, mode)
    }

    fn entry(&mut self, path: &ImagePath, head: &LayerHead, body: &mut dyn io::Read) -> Result<(), Failure> {
        let what = || format!("unpack `{path}`");
        if let LayerKind::Whiteout(whiteout) = &head.kind {
            return self.whiteout(whiteout).step(what);
        }
        let name = path.file_name();
        let place = self.place(path).step(what)?;
        match &head.kind {
            LayerKind::Directory => {
                let folder = make_folder(&place, name).step(what)?;
                self.attributes(&folder, path.as_str(), &head.owner, head.mode)?;
                xattrs(&folder, head).step(what)?;
                self.times.insert(path.as_str().to_owned(), head.mtime);
            }
            LayerKind::File => {
                clear(&place, name).step(what)?;
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&place, name, flags, Mode::from_raw_mode(0o600)).step(what)?;
                let mut file = File::from(file);
                // What the kernel has no number for is the archive's fault.
                let written = io::copy(body, &mut file).map_err(|error| match error.raw_os_error() {
                    Some(number) => Failure::Step(what(), number),
                    None => Failure::Layer(format!("{error} in `{path}`")),
                })?;
                if written != head.size {
                    return Err(Failure::Layer(format!("the archive is truncated in `{path}`")));
                }
                xattrs(&file, head).step(what)?;
                self.attributes(&file, path.as_str(), &head.owner, head.mode)?;
                rustix::fs::futimens(&file, &times(head.mtime)).step(what)?;
            }
            LayerKind::Symlink(target) => {
                clear(&place, name).step(what)?;
                rustix::fs::symlinkat(target.as_str(), &place, name).step(what)?;
                self.attributes_by_name(&place, name, path, head)?;
            }
            LayerKind::Hardlink(target) => self.hardlink(&place, path, target)?,
            LayerKind::Special(Special::Fifo) => {
                clear(&place, name).step(what)?;
                let mode = Mode::from_raw_mode(head.mode);
                rustix::fs::mknodat(&place, name, FileType::Fifo, mode, 0).step(what)?;
                rustix::fs::chmodat(&place, name, mode, AtFlags::empty()).step(what)?;
                self.attributes_by_name(&place, name, path, head)?;
            }
            // The kernel gives no devices to user namespaces; those that programs need are the sandbox's own.
            LayerKind::Special(_) | LayerKind::Whiteout(_) => {}
        }
        self.last = Some((parent(path), place));
        Ok(())
    }

    /// The folder that an entry stands in, made where the layer does not have it.
    fn place(&mut self, path: &ImagePath) -> rustix::io::Result<OwnedFd> {
        let parent = parent(path);
        if let Some((last, place)) = self.last.take()
            && last == parent
        {
            return Ok(place);
        }
        let mut made = Vec::new();
        let place = self.root.folder(&parent, &mut made)?;
        for path in made {
            self.times.insert(path, 0);
        }
        Ok(place)
    }

    fn hardlink(&self, place: &OwnedFd, path: &ImagePath, target: &ImagePath) -> Result<(), Failure> {
        let what = || format!("unpack `{path}`, a hard link to `{target}`");
        let absent = || {
            Failure::Layer(format!(
                "the hard link `{path}` points to `{target}`, which is not a file before it"
            ))
        };
        let found = match self.root.get(&parent(target), OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(absent()),
            found => found.step(what)?,
        };
        match rustix::fs::statat(&found, target.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory | FileType::CharacterDevice => return Err(absent()),
                _ => {}
            },
            Err(Errno::NOENT) => return Err(absent()),
            Err(error) => return Err(error).step(what),
        }
        if path == target {
            return Err(absent());
        }
        clear(place, path.file_name()).step(what)?;
        match rustix::fs::linkat(&found, target.file_name(), place, path.file_name(), AtFlags::empty()) {
            Err(Errno::NOENT) => Err(absent()),
            result => result.step(what),
        }
    }

    fn whiteout(&mut self, whiteout: &Whiteout) -> rustix::io::Result<()> {
        let path = match whiteout {
            Whiteout::Opaque(folder) => {
                let path = folder.as_ref().map_or("", ImagePath::as_str).to_owned();
                let mut made = Vec::new();
                let folder = self.root.folder(&path, &mut made)?;
                self.times.extend(made.into_iter().map(|path| (path, 0)));
                return opaque(&reopen(&folder)?);
            }
            Whiteout::Removes(path) => path,
        };
        let place = self.place(path)?;
        let name = path.file_name();
        match rustix::fs::statat(&place, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It hides what is below, and nothing of its own layer.
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => opaque(&open_folder(&place, name)?),
            Ok(_) => Ok(()),
            Err(Errno::NOENT) => {
                let device = rustix::fs::makedev(0, 0);
                rustix::fs::mknodat(&place, name, FileType::CharacterDevice, Mode::empty(), device)
            }
            Err(error) => Err(error),
        }
    }

    fn attributes(&self, file: impl AsFd, path: &str, owner: &Owner, mode: u32) -> Result<(), Failure> {
        if self.owners {
            owned(
                rustix::fs::fchown(&file, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid))),
                path,
                owner,
            )?;
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).step(|| format!("set the mode of `/{path}`"))
    }

    /// For what cannot be opened.
    fn attributes_by_name(
        &self,
        place: &OwnedFd,
        name: &str,
        path: &ImagePath,
        head: &LayerHead,
    ) -> Result<(), Failure> {
        let what = || format!("set the owner and time of `{path}`");
        if self.owners {
            let (uid, gid) = (Uid::from_raw(head.owner.uid), Gid::from_raw(head.owner.gid));
            let changed = rustix::fs::chownat(place, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
            owned(changed, path.as_str(), &head.owner)?;
        }
        rustix::fs::utimensat(place, name, &times(head.mtime), AtFlags::SYMLINK_NOFOLLOW).step(what)
    }

    fn finish(self) -> Result<(), Failure> {
        // From the inside out.
        for (path, mtime) in self.times.iter().rev() {
            let what = || format!("set the time of `/{path}`");
            match self.root.get(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW) {
                Ok(folder) => rustix::fs::futimens(&folder, &times(*mtime)).step(what)?,
                // A later entry took its place.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error).step(what),
            }
        }
        Ok(())
    }
}

fn parent(path: &ImagePath) -> String {
    path.parent().map(String::from).unwrap_or_default()
}

fn owned(result: rustix::io::Result<()>, path: &str, owner: &Owner) -> Result<(), Failure> {
    match result {
        Err(Errno::INVAL) => Err(Failure::Owner(path.to_owned(), owner.uid, owner.gid)),
        result => result.step(|| format!("set the owner of `/{path}`")),
    }
}

/// A folder; one that stands there stays, with what is in it.
fn make_folder(place: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    match rustix::fs::statat(place, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => return open_folder(place, name),
            FileType::CharacterDevice => {
                // A whiteout before it: what is below stays hidden.
                clear(place, name)?;
                rustix::fs::mkdirat(place, name, Mode::RWXU)?;
                let folder = open_folder(place, name)?;
                opaque(&folder)?;
                return Ok(folder);
            }
            _ => clear(place, name)?,
        },
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    rustix::fs::mkdirat(place, name, Mode::RWXU)?;
    open_folder(place, name)
}

fn open_folder(place: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(place, name, flags, Mode::empty())
}

fn reopen(folder: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    open_folder(folder, ".")
}

fn opaque(folder: &OwnedFd) -> rustix::io::Result<()> {
    rustix::fs::fsetxattr(folder, OPAQUE, b"y", XattrFlags::empty())
}

/// Takes away what an earlier entry put there: the later one wins.
fn clear(place: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    match remove::entry(place, name) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

fn xattrs(file: impl AsFd, head: &LayerHead) -> rustix::io::Result<()> {
    for (name, value) in head.xattrs.iter().filter(|(name, _)| name.starts_with(USER)) {
        match rustix::fs::fsetxattr(&file, name.as_str(), value, XattrFlags::empty()) {
            // Not every file system has them, and hardly a program needs them.
            Err(Errno::NOTSUP | Errno::PERM | Errno::NOSPC | Errno::TOOBIG) => {}
            result => result?,
        }
    }
    Ok(())
}

fn times(seconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
