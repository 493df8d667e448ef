//! Reading the tar archives of packages, strictly.

use std::io::{Read, Seek};

use super::{End, RawEntry, TarError, TarStream, TypeFlag};
use crate::{ImagePath, Owner};

/// What an entry of an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarKind {
    /// A file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link and its target.
    Symlink(String),
    /// A hard link and its target.
    Hardlink(ImagePath),
}

/// The head of one entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarHead {
    /// Where it is; nothing for the archive's root (`./`).
    pub path: Option<ImagePath>,
    /// What it is.
    pub kind: TarKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// The numbers of its user and group.
    pub owner: Owner,
    /// The names of its user and group, where the archive has them.
    pub owner_names: (String, String),
    /// Seconds since 1970.
    pub mtime: i64,
    /// The size of its body in bytes.
    pub size: u64,
}

/// Reads a package's archive entry by entry. What no package may hold is refused: devices, pipes, names that could leave
/// the image. [`crate::LayerReader`] reads layers, which may hold more.
#[derive(Debug)]
pub struct TarReader<R>(TarStream<R>);

impl<R: Read> TarReader<R> {
    /// Starts to read. No more than `limit` bytes of the uncompressed archive are read.
    pub fn new(inner: R, limit: u64) -> Self {
        Self(TarStream::new(inner, limit, End::Marked))
    }

    /// Refuses the extended headers of POSIX: for archives whose own readers, such as dpkg, do not know them.
    #[must_use]
    pub fn without_pax(self) -> Self {
        Self(self.0.without_pax())
    }

    /// The next entry; nothing at the end. What is left of the current body is skipped.
    ///
    /// # Errors
    ///
    /// When the archive is damaged, ambiguous, too large, or holds what it must not.
    pub fn next_entry(&mut self) -> Result<Option<TarHead>, TarError> {
        let Some(entry) = self.0.next_entry()? else { return Ok(None) };
        let path = ImagePath::from_archive(&entry.name)?;
        let kind = kind(&entry, path.as_ref())?;
        if entry.size > 0 && kind != TarKind::File {
            return Err(TarError::ambiguous(&entry.name, "it is not a file and yet has a body"));
        }
        let text = |pax: &Option<String>, header: &[u8]| {
            pax.clone().unwrap_or_else(|| String::from_utf8_lossy(header).into_owned())
        };
        let (mode, owner, mtime) = (entry.header.mode, entry.owner()?, entry.mtime());
        let owner_names =
            (text(&entry.pax.uname, &entry.header.user), text(&entry.pax.gname, &entry.header.group));
        Ok(Some(TarHead { path, kind, mode, owner, owner_names, mtime, size: entry.size }))
    }

    /// The body of the current entry.
    pub fn body(&mut self) -> impl Read + '_ {
        self.0.body()
    }

    /// How many bytes of the archive were read or passed over: right after [`Self::next_entry`], where its body begins.
    pub fn position(&self) -> u64 {
        self.0.position()
    }
}

impl<R: Read + Seek> TarReader<R> {
    /// Passes over what is left of the current body without reading it.
    ///
    /// # Errors
    ///
    /// When the archive ends before.
    pub fn pass_body(&mut self) -> Result<(), TarError> {
        self.0.pass_body()
    }
}

fn kind(entry: &RawEntry, path: Option<&ImagePath>) -> Result<TarKind, TarError> {
    let ambiguous = |rule| TarError::ambiguous(&entry.name, rule);
    let folder = entry.name.ends_with(b"/");
    let forbidden = |kind| match path {
        Some(path) => TarError::Forbidden { path: path.clone(), kind },
        None => ambiguous("the root is not a folder"),
    };
    let kind = match entry.header.flag {
        TypeFlag::Directory => TarKind::Directory,
        TypeFlag::OldFile if folder => TarKind::Directory,
        TypeFlag::File | TypeFlag::OldFile => TarKind::File,
        TypeFlag::Symlink => TarKind::Symlink(entry.symlink()?),
        TypeFlag::Hardlink => TarKind::Hardlink(
            ImagePath::from_archive(&entry.link)?
                .ok_or_else(|| ambiguous("it is a hard link to the root"))?,
        ),
        TypeFlag::Character | TypeFlag::Block => return Err(forbidden("a device node")),
        TypeFlag::Fifo => return Err(forbidden("a named pipe")),
        TypeFlag::Sparse => return Err(forbidden("a sparse file")),
        _ => return Err(forbidden("an entry of an unknown kind")),
    };
    match kind {
        TarKind::Directory => Ok(kind),
        _ if path.is_none() => Err(ambiguous("the root is not a folder")),
        _ if folder => Err(ambiguous("its name is a folder's, and it is none")),
        kind => Ok(kind),
    }
}
