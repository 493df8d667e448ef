//! The new root while it is built: paths in it are followed inside of it only, whatever its links say.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};

/// Links that point to links, at most.
const LINKS: u32 = 40;

/// A folder that is the root for every path.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

impl Root {
    pub(super) fn open(path: &str) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens what stands at a path.
    pub(super) fn get(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = if path.is_empty() { "." } else { path };
        // The kernel gives up where something is renamed on the way at that moment.
        let mut tries = 0..100;
        loop {
            match rustix::fs::openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(Errno::AGAIN) if tries.next().is_some() => {}
                result => return result,
            }
        }
    }

    /// The folder at a path, made where it is not there. `made` is told of each that is made.
    pub(super) fn folder(&self, path: &str, made: &mut Vec<String>) -> Result<OwnedFd> {
        self.make(path, true, made, LINKS)
    }

    /// The file at a path, made where it is not there.
    pub(super) fn file(&self, path: &str, made: &mut Vec<String>) -> Result<OwnedFd> {
        self.make(path, false, made, LINKS)
    }

    fn make(&self, path: &str, folder: bool, made: &mut Vec<String>, links: u32) -> Result<OwnedFd> {
        let kind = if folder { OFlags::DIRECTORY } else { OFlags::empty() };
        match self.get(path, OFlags::PATH | kind) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = self.make(parent, true, made, links)?;
        let mode = |mode| Mode::from_raw_mode(mode);
        let outcome = if folder {
            rustix::fs::mkdirat(&place, name, mode(0o755))
        } else {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            rustix::fs::openat(&place, name, flags, mode(0o644)).map(drop)
        };
        match outcome {
            Ok(()) => made.push(path.to_owned()),
            // A link that leads to nothing yet: what it names is made.
            Err(Errno::EXIST) => {
                let target = rustix::fs::readlinkat(&place, name, Vec::new())?;
                let target = target.into_string().map_err(|_| Errno::ILSEQ)?;
                let target = if target.starts_with('/') { target } else { format!("{parent}/{target}") };
                let left = links.checked_sub(1).ok_or(Errno::LOOP)?;
                self.make(&plain(&target), folder, made, left)?;
            }
            Err(error) => return Err(error),
        }
        self.get(path, OFlags::PATH | kind)
    }

    /// The bytes of a file, at most so many.
    pub(super) fn read(&self, path: &str, limit: u64) -> std::io::Result<Vec<u8>> {
        use std::io::Read as _;
        let file = std::fs::File::from(self.get(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether a folder, and no link to one, stands in the root under this name; an error where something else does.
    pub(super) fn has_folder(&self, name: &str) -> Result<bool> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => Ok(true),
            Ok(_) => Err(Errno::NOTDIR),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl From<OwnedFd> for Root {
    fn from(folder: OwnedFd) -> Self {
        Self(folder)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A path without `.` and `..`, from the root.
fn plain(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// How a mount names an open file.
pub(super) fn by_descriptor(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
