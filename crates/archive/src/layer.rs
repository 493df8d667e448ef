//! Reading layers that somebody else wrote: docker's, buildah's, a tar of mmdebstrap's tree.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::tar::{End, RawEntry, TarStream, TypeFlag};
use crate::{ImagePath, Owner, PathError, TarError, Whiteout};

/// Attributes by which overlayfs itself keeps what a layer hides: a layer that held one would mean something else to
/// an engine that unpacks onto overlayfs than to all others.
const OVERLAY: [&str; 2] = ["trusted.overlay.", "user.overlay."];

/// What an entry of a layer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerKind {
    /// A file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link and its target.
    Symlink(String),
    /// A hard link and its target: a path of the image, in this layer.
    Hardlink(ImagePath),
    /// A device or a named pipe.
    Special(Special),
    /// No entry: something of the layers below is taken away.
    Whiteout(Whiteout),
}

/// A file that is none: what programs reach through it is the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Special {
    /// A character device.
    Character {
        /// Which driver.
        major: u32,
        /// Which device.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Which driver.
        major: u32,
        /// Which device.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { major, minor } => write!(f, "the character device {major}:{minor}"),
            Self::Block { major, minor } => write!(f, "the block device {major}:{minor}"),
            Self::Fifo => f.write_str("a named pipe"),
        }
    }
}

/// The head of one entry of a layer. Kept for later, it has short names: a layer has a hundred thousand of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerHead {
    /// Where it is; nothing for the root.
    #[serde(rename = "p")]
    pub path: Option<ImagePath>,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: LayerKind,
    /// Permission bits with setuid, setgid and sticky.
    #[serde(rename = "m")]
    pub mode: u32,
    /// The numbers of its user and group.
    #[serde(rename = "o", default)]
    pub owner: Owner,
    /// Seconds since 1970.
    #[serde(rename = "t", default)]
    pub mtime: i64,
    /// Its extended attributes by their whole names, such as `security.capability`. Engines set those of the namespace
    /// `user.` and `security.capability`, and none of overlayfs's is ever among them.
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// The size of its body in bytes.
    #[serde(rename = "s", default)]
    pub size: u64,
}

/// Reads a layer entry by entry, as engines do.
///
/// Names may begin with `/` or `./` and hold `//`; one path may occur twice, and the later entry wins; the mark of the
/// archive's end may be missing, so that whoever reads compares the diffID. Names are UTF-8. What engines read in
/// different ways is refused, as [`crate::TarReader`] does: a `..`, sizes and names that are stated twice and differ,
/// bodies where none belongs, sparse files, overlayfs's own marks, whiteouts that are none.
#[derive(Debug)]
pub struct LayerReader<R>(TarStream<R>);

impl<R: Read> LayerReader<R> {
    /// Starts to read an uncompressed layer. No more than `limit` bytes of it are read.
    pub fn new(inner: R, limit: u64) -> Self {
        Self(TarStream::new(inner, limit, End::Anywhere))
    }

    /// The next entry; nothing at the end. What is left of the current body is skipped.
    ///
    /// # Errors
    ///
    /// When the layer is damaged, ambiguous or too large.
    pub fn next_entry(&mut self) -> Result<Option<LayerHead>, TarError> {
        let Some(entry) = self.0.next_entry()? else { return Ok(None) };
        let path = image_path(&entry.name)?;
        let kind = kind(&entry, path.as_ref())?;
        if entry.size > 0 && kind != LayerKind::File {
            let rule = match kind {
                LayerKind::Whiteout(_) => "it is a whiteout and yet has a body",
                _ => "it is not a file and yet has a body",
            };
            return Err(TarError::ambiguous(&entry.name, rule));
        }
        if entry.pax.xattrs.keys().any(|name| OVERLAY.iter().any(|overlay| name.starts_with(overlay))) {
            return Err(TarError::ambiguous(&entry.name, "it has an attribute of overlayfs"));
        }
        let (mode, owner, mtime) = (entry.header.mode, entry.owner()?, entry.mtime());
        Ok(Some(LayerHead { path, kind, mode, owner, mtime, xattrs: entry.pax.xattrs, size: entry.size }))
    }

    /// The body of the current entry.
    pub fn body(&mut self) -> impl Read + '_ {
        self.0.body()
    }
}

/// A name as engines read it: from the root, whether it says so or not; nothing for the root itself.
fn image_path(name: &[u8]) -> Result<Option<ImagePath>, PathError> {
    let text = std::str::from_utf8(name).map_err(|_| PathError {
        path: String::from_utf8_lossy(name).into_owned(),
        rule: "is not valid UTF-8",
    })?;
    if text.is_empty() {
        return Err(PathError { path: String::new(), rule: "is empty" });
    }
    let parts: Vec<_> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    ImagePath::new(&parts.join("/")).map(Some).map_err(|error| PathError { path: text.to_owned(), ..error })
}

fn kind(entry: &RawEntry, path: Option<&ImagePath>) -> Result<LayerKind, TarError> {
    let ambiguous = |rule| TarError::ambiguous(&entry.name, rule);
    let folder = entry.name.ends_with(b"/");
    let flag = entry.header.flag;
    let directory = flag == TypeFlag::Directory || (flag == TypeFlag::OldFile && folder);
    let Some(path) = path else {
        return if directory { Ok(LayerKind::Directory) } else { Err(ambiguous("the root is not a folder")) };
    };
    let kind = match flag {
        _ if directory => LayerKind::Directory,
        TypeFlag::File | TypeFlag::OldFile => LayerKind::File,
        TypeFlag::Symlink => LayerKind::Symlink(entry.symlink()?),
        TypeFlag::Hardlink => {
            let target =
                image_path(&entry.link)?.ok_or_else(|| ambiguous("it is a hard link to the root"))?;
            if Whiteout::of(&target)?.is_some() {
                return Err(ambiguous("it is a hard link to a whiteout"));
            }
            LayerKind::Hardlink(target)
        }
        TypeFlag::Character | TypeFlag::Block | TypeFlag::Fifo => LayerKind::Special(special(entry)?),
        TypeFlag::Sparse => return Err(ambiguous("it is a sparse file")),
        _ => return Err(ambiguous("it is of an unknown kind")),
    };
    if folder && kind != LayerKind::Directory {
        return Err(ambiguous("its name is a folder's, and it is none"));
    }
    match Whiteout::of(path)? {
        None => Ok(kind),
        Some(whiteout) if kind == LayerKind::File => Ok(LayerKind::Whiteout(whiteout)),
        Some(_) => Err(ambiguous("it has the name of a whiteout, and is no file")),
    }
}

fn special(entry: &RawEntry) -> Result<Special, TarError> {
    let (major, minor) = entry.header.device;
    match entry.header.flag {
        TypeFlag::Fifo => Ok(Special::Fifo),
        TypeFlag::Block => Ok(Special::Block { major, minor }),
        _ if (major, minor) == (0, 0) => {
            Err(TarError::ambiguous(&entry.name, "it is the device 0:0, which is a whiteout of overlayfs"))
        }
        _ => Ok(Special::Character { major, minor }),
    }
}
