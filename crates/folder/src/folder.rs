//! A folder that is open, and everything below it by descriptors.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// The prefix of files that are being written.
pub const TEMPORARY: &str = ".imgbuild-";

/// A folder that is open. Names in it are single ones, and what they are is asked of the kernel in one step with its use: a
/// link in place of a folder or file is refused, also where it is put there at that moment.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder at `path`, whose last component is no link.
    ///
    /// # Errors
    ///
    /// When it is not there, is a link, or is no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(CWD, path)
    }

    /// Opens the folder that somebody named, made where it is not there: where that is a link, what it leads to is meant.
    ///
    /// # Errors
    ///
    /// When it cannot be made or opened.
    pub fn make(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::open(&path.canonicalize()?)
    }

    /// A folder in this one.
    ///
    /// # Errors
    ///
    /// When it is not there, is a link, or is no folder.
    pub fn folder(&self, name: &str) -> io::Result<Self> {
        open(&self.0, Path::new(single(name)?))
    }

    /// A folder below this one, made where it is not there: each component of `path` but the last where `path` is a file's.
    ///
    /// # Errors
    ///
    /// When one of its components is a link or no folder, or it cannot be made.
    pub fn make_below(&self, path: &str) -> io::Result<Self> {
        let mut folder = Self(self.0.try_clone()?);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match rustix::fs::mkdirat(&folder.0, single(name)?, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => folder = folder.folder(name)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(folder)
    }

    /// The names in it, in no order.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Whether there is a regular file of that name.
    ///
    /// # Errors
    ///
    /// When it cannot be looked at.
    pub fn has_file(&self, name: &OsStr) -> io::Result<bool> {
        match rustix::fs::statat(&self.0, single(name)?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode).is_file()),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    ///
    /// When it is not there, is a link, or is no regular file.
    pub fn file(&self, name: &str) -> io::Result<File> {
        // A named pipe would be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.0, single(name)?, flags, Mode::empty()) {
            Err(Errno::LOOP) => return Err(link()),
            result => File::from(result?),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        Ok(file)
    }

    /// Writes a file under a temporary name and renames it: it has its name only when it is whole. What had that name before
    /// is replaced, a link among it.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or `write` fails; then what was there is as it was.
    pub fn write(&self, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let name = single(name)?;
        let mut file = self.temporary()?;
        write(file.as_file_mut())?;
        self.rename(file, name)
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(TEMPORARY).make_in(self.place(), |path| {
            let name = path.file_name().unwrap_or_default();
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?))
        })
    }

    /// Gives what is whole its name.
    fn rename<T>(&self, file: NamedTempFile<T>, name: &OsStr) -> io::Result<()> {
        let (_, path) = file.keep().map_err(|error| error.error)?;
        let temporary = path.file_name().unwrap_or_default();
        let renamed = rustix::fs::renameat(&self.0, temporary, &self.0, name);
        if let Err(error) = renamed {
            // The first error says more.
            let _ = rustix::fs::unlinkat(&self.0, temporary, AtFlags::empty());
            return Err(error.into());
        }
        Ok(())
    }

    /// Gives a file of this machine a name in this folder as well, or the same content: by sharing its blocks where the file system can,
    /// else as a hard link, where it belongs to the same user and may be read by the same as a file that is made here. What had that name
    /// before is replaced. Says no where neither is possible.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or nothing can be written here.
    pub fn link(&self, name: &str, path: &Path) -> io::Result<bool> {
        let (name, source) = (single(name)?, crate::open_regular(path)?);
        let found = source.metadata()?;
        if let Ok(there) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)
            && (there.st_dev, there.st_ino) == (found.dev(), found.ino())
        {
            return Ok(true);
        }
        let file = self.temporary()?;
        if rustix::fs::ioctl_ficlone(file.as_file(), &source).is_ok() {
            return self.rename(file, name).map(|()| true);
        }
        let made = file.as_file().metadata()?;
        if (made.uid(), made.gid(), made.mode()) != (found.uid(), found.gid(), found.mode()) {
            return Ok(false);
        }
        drop(file);
        let linked = tempfile::Builder::new().prefix(TEMPORARY).make_in(self.place(), |link| {
            let link = link.file_name().unwrap_or_default();
            Ok(rustix::fs::linkat(CWD, path, &self.0, link, AtFlags::empty())?)
        });
        match linked {
            Ok(linked) => self.rename(linked, name).map(|()| true),
            // Another file system, one without hard links, or a rule of the kernel's (`protected_hardlinks`).
            Err(_) => Ok(false),
        }
    }

    /// Removes what is no folder: of a link, the link.
    ///
    /// # Errors
    ///
    /// When it is a folder, or cannot be removed.
    pub fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, single(name)?, AtFlags::empty())?)
    }

    /// A path to it that stays right, whatever is renamed.
    fn place(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

fn open(parent: impl AsFd, path: &Path) -> io::Result<Folder> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&parent, path, flags, Mode::empty()) {
        Ok(folder) => Ok(Folder(folder)),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            let found = rustix::fs::statat(&parent, path, AtFlags::SYMLINK_NOFOLLOW)?;
            Err(match FileType::from_raw_mode(found.st_mode) {
                FileType::Symlink => link(),
                _ => io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"),
            })
        }
        Err(error) => Err(error.into()),
    }
}

fn link() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "it is a link, and nothing is read or written through it")
}

/// A name that leads nowhere else by itself.
fn single<Name: AsRef<OsStr> + ?Sized>(name: &Name) -> io::Result<&OsStr> {
    let name = name.as_ref();
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.contains(&b'/') || bytes == b"." || bytes == b".." {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(folder: &Folder, name: &str, text: &str) -> io::Result<()> {
        folder.write(name, |file| file.write_all(text.as_bytes()))
    }

    #[test]
    fn nothing_is_read_written_or_removed_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        let victim = place.path().join("victim");
        std::fs::create_dir_all(victim.join("below")).unwrap();
        std::fs::write(victim.join("letter"), "dear").unwrap();
        let path = place.path().join("folder");
        let folder = Folder::make(&path).unwrap();
        symlink("../victim", path.join("link")).unwrap();
        symlink("../victim/letter", path.join("letter")).unwrap();

        for error in [
            Folder::open(&path.join("link")).unwrap_err(),
            folder.folder("link").unwrap_err(),
            folder.make_below("link/below").unwrap_err(),
            folder.make_below("link").unwrap_err(),
            folder.file("letter").unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "it is a link, and nothing is read or written through it");
        }
        assert!(!folder.has_file(OsStr::new("letter")).unwrap());
        // The link is replaced, and not what it leads to.
        put(&folder, "letter", "mine").unwrap();
        folder.remove_file(OsStr::new("link")).unwrap();
        assert_eq!(std::fs::read_to_string(path.join("letter")).unwrap(), "mine");
        assert_eq!(std::fs::read_to_string(victim.join("letter")).unwrap(), "dear");
    }

    #[test]
    fn names_are_single_ones() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        for name in ["", ".", "..", "a/b", "../a", "/a"] {
            assert!(put(&folder, name, "").is_err(), "{name}");
            assert!(folder.file(name).is_err(), "{name}");
            assert!(folder.remove_file(OsStr::new(name)).is_err(), "{name}");
        }
        assert!(folder.make_below("a/../../b").is_err());
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap().make_below("a/b").unwrap();
        put(&folder, "file", "first").unwrap();
        let failed = folder.write("file", |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(folder.names().unwrap(), ["file"]);
        assert_eq!(std::fs::read_to_string(place.path().join("a/b/file")).unwrap(), "first");
        assert!(folder.has_file(OsStr::new("file")).unwrap());
        assert!(!folder.has_file(OsStr::new("absent")).unwrap());
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        rustix::fs::mknodat(CWD, place.path().join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .unwrap();
        assert_eq!(folder.file("pipe").unwrap_err().to_string(), "it is not a file");
        assert_eq!(folder.file("absent").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
