//! The `.deb` as a file: `ar` members (`deb(5)`), their compression, and the tar inside, which [`imgbuild_archive::TarReader`] reads.
//!
//! What two readers could read differently is refused, and so is what `dpkg` refuses: PAX headers among it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use imgbuild_archive::{ImagePath, Owner, PathError, TarError, TarHead, TarKind, TarReader, read_ahead};
use imgbuild_layer::{EntryHead, EntryKind};

use crate::base_system::{group_number, user_number};
use crate::limits::{ALWAYS_ALLOWED, CONTROL_LIMIT, MOST_RATIO, XZ_MEMORY, ZSTD_WINDOW};

/// A member of a package's tar.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its path as the archive has it, with a slash in front: `/bin/sh`; `/.` for the root.
    pub listed: String,
    /// Its entry, where `/usr` is merged; nothing for the root itself.
    pub head: Option<EntryHead>,
}

/// What can be wrong with a `.deb`.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the archive `{}` {what}", path.display())]
pub struct ArchiveError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[diagnostic_source]
    pub what: DebFault,
}

/// See [`ArchiveError`].
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DebFault {
    /// It could not be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It is not an `ar` archive of the kind.
    #[error("is not a Debian package: {0}")]
    Format(String),
    /// Its tar is not one that may be unpacked.
    #[error("holds `{}`, which {rule}", member.escape_default())]
    Member {
        /// The member, as it is called.
        member: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Its tar is damaged, or can be read in two ways.
    #[error("is hostile or damaged: {0}")]
    Tar(TarError),
    /// A path in it leaves the image.
    #[error("is hostile or damaged: {0}")]
    Path(#[from] PathError),
    /// It contradicts itself.
    #[error("is hostile or damaged: {0}")]
    Conflict(#[from] imgbuild_layer::Conflict),
    /// It unpacks to too much.
    #[error(
        "unpacks to more than {limit} bytes, far more than a package does of the size that its index declares"
    )]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// What is to be left out of it cannot be told.
    #[error("cannot be filtered: {0}")]
    Glob(globset::Error),
    /// It is not what the index or the lock says.
    #[error("is not what its index says: {0}")]
    Mismatch(String),
    /// What it holds is not what was locked.
    #[error("is not what its index says: {0}")]
    #[diagnostic(help("the lock was changed by hand, or written by another version: run `imgbuild lock`"))]
    Facts(String),
}

impl From<io::Error> for DebFault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// What a reader of an archive's members failed with.
impl From<TarError> for DebFault {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Bomb { limit, .. } => Self::TooLarge { limit },
            TarError::Read(error) => Self::Read(error),
            TarError::Path(error) => Self::Path(error),
            error => Self::Tar(error),
        }
    }
}

/// The places of the members in a `.deb`.
#[derive(Debug, Clone)]
pub(crate) struct Deb {
    path: PathBuf,
    control: Place,
    data: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    size: u64,
    codec: Codec,
}

#[derive(Debug, Clone, Copy)]
enum Codec {
    None,
    Gzip,
    Xz,
    Zstd,
}

/// What `for_each` calls with every member and its bytes.
pub(crate) type Visit<'a, E> = dyn FnMut(Member, &mut dyn Read) -> Result<(), E> + 'a;

impl Deb {
    /// Reads the members' headers.
    pub(crate) fn open(path: &Path) -> Result<Self, ArchiveError> {
        read_members(path).map_err(|what| ArchiveError { path: path.to_owned(), what })
    }

    pub(crate) fn error(&self, what: DebFault) -> ArchiveError {
        ArchiveError { path: self.path.clone(), what }
    }

    /// Visits the control files.
    pub(crate) fn control<E: From<ArchiveError>>(&self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.for_each(self.control, CONTROL_LIMIT, NonZero::<u32>::MIN, visit)
    }

    /// Visits the package's files. `installed_size` is the index's field, in KiB.
    pub(crate) fn data<E: From<ArchiveError>>(
        &self,
        installed_size: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        self.data_on(NonZero::<u32>::MIN, installed_size, visit)
    }

    /// The same, unpacked on a thread of its own where there is more than one.
    pub(crate) fn data_on<E: From<ArchiveError>>(
        &self,
        threads: NonZero<u32>,
        installed_size: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let limit =
            installed_size.saturating_mul(1024).saturating_mul(MOST_RATIO).saturating_add(ALWAYS_ALLOWED);
        self.for_each(self.data, limit, threads, visit)
    }

    fn for_each<E: From<ArchiveError>>(
        &self,
        place: Place,
        limit: u64,
        threads: NonZero<u32>,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let error = |what| E::from(self.error(what));
        let unpacked = self.unpacked(place, threads).map_err(|it| error(DebFault::Read(it)))?;
        let mut tar = TarReader::new(unpacked, limit).without_pax();
        while let Some(head) = tar.next_entry().map_err(|it| error(it.into()))? {
            let member = member(head).map_err(error)?;
            visit(member, &mut tar.body())?;
        }
        Ok(())
    }

    /// The tar of a member.
    fn unpacked(&self, place: Place, threads: NonZero<u32>) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        let raw = io::BufReader::with_capacity(1 << 16, file.take(place.size));
        let decoder: Box<dyn Read + Send> = match place.codec {
            Codec::None => Box::new(raw),
            Codec::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
            Codec::Xz => Box::new(imgbuild_archive::xz(raw, XZ_MEMORY)?),
            Codec::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(raw)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
        };
        Ok(read_ahead(decoder, threads))
    }
}

fn read_members(path: &Path) -> Result<Deb, DebFault> {
    let format = |what: &str| DebFault::Format(what.to_owned());
    let mut file = File::open(path).map_err(DebFault::Read)?;
    let length = file.metadata().map_err(DebFault::Read)?.len();
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(|_| format("it is too short"))?;
    if &magic != b"!<arch>\n" {
        return Err(format("it does not begin with `!<arch>`"));
    }
    let mut offset = 8;
    let mut members = Vec::new();
    while offset < length {
        if members.len() == 3 {
            return Err(format("something follows its third member"));
        }
        let mut header = [0; 60];
        file.seek(SeekFrom::Start(offset)).map_err(DebFault::Read)?;
        file.read_exact(&mut header).map_err(|_| format("a member's header is cut off"))?;
        let (name, size) = read_header(&header)?;
        let start = offset + 60;
        let end = start.checked_add(size).filter(|end| *end <= length).ok_or_else(|| {
            DebFault::Format(format!("its member `{name}` is cut off: {size} bytes are declared"))
        })?;
        members.push((name, start, size));
        // Members begin at even offsets; the last one may lack its padding.
        offset = (end + end % 2).min(length.max(end));
    }
    let [version, control, data] = members.as_slice() else {
        return Err(DebFault::Format(format!("it has {} members and not 3", members.len())));
    };
    if version.0 != "debian-binary" || version.2 > 16 {
        return Err(DebFault::Format(format!("its first member is `{}` and not `debian-binary`", version.0)));
    }
    let mut text = String::new();
    file.seek(SeekFrom::Start(version.1)).map_err(DebFault::Read)?;
    file.take(version.2).read_to_string(&mut text).map_err(DebFault::Read)?;
    if text != "2.0\n" {
        return Err(DebFault::Format(format!(
            "its format is `{}` and not `2.0`",
            text.trim().escape_default()
        )));
    }
    let place = |(name, offset, size): &(String, u64, u64), prefix: &str| {
        let codec = match name.strip_prefix(prefix) {
            Some("") => Codec::None,
            Some(".gz") => Codec::Gzip,
            Some(".xz") => Codec::Xz,
            Some(".zst") => Codec::Zstd,
            _ => {
                return Err(DebFault::Format(format!("its member `{name}` stands where `{prefix}` belongs")));
            }
        };
        Ok(Place { offset: *offset, size: *size, codec })
    };
    Ok(Deb { path: path.to_owned(), control: place(control, "control.tar")?, data: place(data, "data.tar")? })
}

fn read_header(header: &[u8; 60]) -> Result<(String, u64), DebFault> {
    let bad = || DebFault::Format("a member's header is not one of `ar`".to_owned());
    let text = std::str::from_utf8(header).map_err(|_| bad())?;
    if !text.is_ascii() || &text[58..] != "`\n" {
        return Err(bad());
    }
    let name = text[..16].trim_end_matches(' ');
    let name = name.strip_suffix('/').unwrap_or(name);
    let size = text[48..58].trim_end_matches(' ');
    if name.is_empty() || size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    Ok((name.to_owned(), size.parse().map_err(|_| bad())?))
}

fn member(head: TarHead) -> Result<Member, DebFault> {
    let listed = head.path.as_ref().map_or_else(|| "/.".to_owned(), ImagePath::to_string);
    // dpkg goes by the names, where the system knows them.
    let (user, group) = &head.owner_names;
    let owner = Owner {
        uid: user_number(user).unwrap_or(head.owner.uid),
        gid: group_number(group).unwrap_or(head.owner.gid),
    };
    let Some(path) = head.path else { return Ok(Member { listed, head: None }) };
    let kind = match head.kind {
        TarKind::File => EntryKind::File { size: head.size },
        TarKind::Directory => EntryKind::Directory,
        TarKind::Symlink(target) => EntryKind::Symlink { target },
        TarKind::Hardlink(target) => EntryKind::Hardlink { target: merged(target)? },
    };
    let is_symlink = matches!(kind, EntryKind::Symlink { .. });
    // The links of a merged `/usr` themselves are the only ones of these names that stay.
    let path = if is_symlink && is_alias(&path) { path } else { merged(path)? };
    let mode = if is_symlink { 0o777 } else { head.mode };
    Ok(Member { listed, head: Some(EntryHead { path, kind, mode, owner, mtime: head.mtime }) })
}

/// The folders that are links in a Debian system, and where they point.
pub(crate) const ALIASES: [(&str, &str); 9] = [
    ("bin", "usr/bin"),
    ("lib", "usr/lib"),
    ("lib32", "usr/lib32"),
    ("lib64", "usr/lib64"),
    ("libo32", "usr/libo32"),
    ("libx32", "usr/libx32"),
    ("sbin", "usr/sbin"),
    ("var/lock", "run/lock"),
    ("var/run", "run"),
];

fn is_alias(path: &ImagePath) -> bool {
    ALIASES.iter().any(|(alias, _)| *alias == path.as_str())
}

/// Where a path leads in a system whose `/usr` is merged.
pub(crate) fn merged(path: ImagePath) -> Result<ImagePath, PathError> {
    for (alias, target) in ALIASES {
        if path.as_str() == alias {
            return ImagePath::new(target);
        }
        if let Some(rest) = path.as_str().strip_prefix(alias).and_then(|it| it.strip_prefix('/')) {
            return ImagePath::new(&format!("{target}/{rest}"));
        }
    }
    Ok(path)
}
