//! Reading tar archives that somebody else wrote, strictly.
//!
//! An archive that two readers could read differently is refused: sizes or names that are stated twice and differ,
//! extended headers that pile up, sparse files, bodies where none belongs, data behind the end. The fields of a single
//! header are parsed by the `tar` crate; the order of headers, which is where readers disagree, is checked here.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::{ImagePath, Owner, PathError};

const BLOCK: u64 = 512;
/// The most bytes that the extended headers of one entry may have.
const EXTENSION_LIMIT: u64 = 1 << 20;
/// Sizes from here on do not fit into the octal field of a header.
const OCTAL_LIMIT: u64 = 1 << 33;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes could not be read or decompressed.
    #[error("cannot read the archive")]
    Read(#[from] io::Error),
    /// It ends too early.
    #[error("the archive is truncated")]
    Truncated,
    /// It unpacks to more than it may.
    #[error("the archive unpacks to more than {limit} bytes, far more than it declares")]
    Bomb {
        /// The limit.
        limit: u64,
    },
    /// A header is damaged.
    #[error("the archive has a damaged header: {0}")]
    Header(&'static str),
    /// An entry's name could leave the image.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It can be read in two ways.
    #[error("the archive is ambiguous at `{}`: {rule}", name.escape_default())]
    Ambiguous {
        /// The entry.
        name: String,
        /// What is stated twice or does not belong there.
        rule: &'static str,
    },
    /// It holds something that no package may hold.
    #[error("the archive holds {kind} at `{path}`")]
    Forbidden {
        /// The entry.
        path: ImagePath,
        /// What it is: `a device node`, `a named pipe`.
        kind: &'static str,
    },
}

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

/// Reads an archive entry by entry.
#[derive(Debug)]
pub struct TarReader<R> {
    inner: R,
    /// What is left of the current body and of the padding behind it.
    body: u64,
    padding: u64,
    /// What may still be read in all.
    budget: u64,
    limit: u64,
    ended: bool,
}

/// What extended headers say of the entry that follows.
#[derive(Debug, Default)]
struct Extensions {
    pax: Option<Pax>,
    long_name: Option<String>,
    long_link: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Pax {
    path: Option<String>,
    linkpath: Option<String>,
    size: Option<u64>,
    mtime: Option<i64>,
    uid: Option<u32>,
    gid: Option<u32>,
    uname: Option<String>,
    gname: Option<String>,
}

impl<R: Read> TarReader<R> {
    /// Starts to read. No more than `limit` bytes of the uncompressed archive are read.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, body: 0, padding: 0, budget: limit, limit, ended: false }
    }

    /// The next entry; nothing at the end. What is left of the current body is skipped.
    ///
    /// # Errors
    ///
    /// When the archive is damaged, ambiguous, too large, or holds what it must not.
    pub fn next_entry(&mut self) -> Result<Option<TarHead>, TarError> {
        self.skip_body()?;
        if self.ended {
            return Ok(None);
        }
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.read_header()? else {
                if extensions.pax.is_some()
                    || extensions.long_name.is_some()
                    || extensions.long_link.is_some()
                {
                    return Err(TarError::Header("an extended header describes no entry"));
                }
                self.check_end()?;
                return Ok(None);
            };
            match header.entry_type() {
                EntryType::XHeader => {
                    let pax = Pax::parse(&self.read_extension(&header)?)?;
                    put_once(&mut extensions.pax, pax, "two extended headers for one entry")?;
                }
                EntryType::GNULongName => {
                    let name = long_text(self.read_extension(&header)?)?;
                    put_once(&mut extensions.long_name, name, "two long names for one entry")?;
                }
                EntryType::GNULongLink => {
                    let name = long_text(self.read_extension(&header)?)?;
                    put_once(&mut extensions.long_link, name, "two long link names for one entry")?;
                }
                EntryType::XGlobalHeader => {
                    if Pax::parse(&self.read_extension(&header)?)? != Pax::default() {
                        return Err(ambiguous("", "a global header changes entries"));
                    }
                }
                _ => return self.entry(&header, extensions).map(Some),
            }
        }
    }

    /// The body of the current entry.
    pub fn body(&mut self) -> impl Read + '_ {
        Body(self)
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> Result<TarHead, TarError> {
        let Extensions { pax, long_name, long_link } = extensions;
        let has_pax = pax.is_some();
        let pax = pax.unwrap_or_default();
        let raw_name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        if has_pax && (long_name.is_some() || long_link.is_some()) {
            return Err(ambiguous(&raw_name, "it has both a PAX header and a GNU long name"));
        }
        let name = match long_name.or(pax.path) {
            Some(name) => name.into_bytes(),
            None => header.path_bytes().into_owned(),
        };
        let shown = String::from_utf8_lossy(&name).into_owned();
        let path = ImagePath::from_archive(&name)?;
        let link = match long_link.or(pax.linkpath) {
            Some(link) => link.into_bytes(),
            None => header.link_name_bytes().unwrap_or_default().into_owned(),
        };
        let size = entry_size(header, pax.size, &shown)?;
        let kind = kind(header.entry_type(), &name, path.as_ref(), link)?;
        if size > 0 && kind != TarKind::File {
            return Err(ambiguous(&shown, "it is not a file and yet has a body"));
        }
        let number = |result: io::Result<u64>| {
            result
                .ok()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or(TarError::Header("a number is damaged"))
        };
        let text = |pax: Option<String>, header: Option<&[u8]>| {
            pax.unwrap_or_else(|| String::from_utf8_lossy(header.unwrap_or_default()).into_owned())
        };
        let head = TarHead {
            path,
            kind,
            mode: number(header.mode().map(u64::from))? & 0o7777,
            owner: Owner {
                uid: pax.uid.map_or_else(|| number(header.uid()), Ok)?,
                gid: pax.gid.map_or_else(|| number(header.gid()), Ok)?,
            },
            owner_names: (
                text(pax.uname, header.username_bytes()),
                text(pax.gname, header.groupname_bytes()),
            ),
            mtime: match pax.mtime {
                Some(mtime) => mtime,
                None => header
                    .mtime()
                    .ok()
                    .and_then(|mtime| i64::try_from(mtime).ok())
                    .ok_or(TarError::Header("a time is damaged"))?,
            },
            size,
        };
        self.expect_body(size);
        Ok(head)
    }

    fn expect_body(&mut self, size: u64) {
        self.body = size;
        self.padding = size.next_multiple_of(BLOCK) - size;
    }

    /// The next header block; nothing where the end marker begins.
    fn read_header(&mut self) -> Result<Option<Header>, TarError> {
        let mut header = Header::new_old();
        self.read_exact(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let stored = header.cksum().map_err(|_| TarError::Header("its checksum is not a number"))?;
        let blank = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) };
        let sum: u32 = header.as_bytes().iter().enumerate().map(blank).sum();
        if stored != sum {
            return Err(TarError::Header("its checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn read_extension(&mut self, header: &Header) -> Result<Vec<u8>, TarError> {
        let size = header.entry_size().map_err(|_| TarError::Header("a size is damaged"))?;
        if size > EXTENSION_LIMIT {
            return Err(TarError::Header("an extended header is larger than 1 MiB"));
        }
        self.expect_body(size);
        let mut bytes = Vec::new();
        let read = self.body().read_to_end(&mut bytes);
        read.map_err(|error| self.read_error(error))?;
        if bytes.len() as u64 != size {
            return Err(TarError::Truncated);
        }
        self.skip_body()?;
        Ok(bytes)
    }

    /// After one block of noughts there must be a second one, and nothing but noughts behind it.
    fn check_end(&mut self) -> Result<(), TarError> {
        self.ended = true;
        let mut block = [0; BLOCK as usize];
        self.read_exact(&mut block)?;
        loop {
            if block.iter().any(|byte| *byte != 0) {
                return Err(ambiguous("", "there is data behind its end"));
            }
            match self.read_some(&mut block)? {
                0 => return Ok(()),
                read => block[read..].fill(0),
            }
        }
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        let mut scratch = [0; 16 * 1024];
        let mut left = self.body + self.padding;
        while left > 0 {
            let want = scratch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.read_some(&mut scratch[..want])? {
                0 => return Err(TarError::Truncated),
                read => left -= read as u64,
            }
        }
        (self.body, self.padding) = (0, 0);
        Ok(())
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..])? {
                0 => return Err(TarError::Truncated),
                read => filled += read,
            }
        }
        Ok(())
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        self.read_within(buffer).map_err(|error| self.read_error(error))
    }

    /// Every read goes through here, so that the limit holds for headers, bodies and padding alike.
    fn read_within(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        match self.budget.checked_sub(read as u64) {
            Some(left) => {
                self.budget = left;
                Ok(read)
            }
            None => Err(io::Error::other(OverLimit)),
        }
    }

    fn read_error(&self, error: io::Error) -> TarError {
        if error.get_ref().is_some_and(|inner| inner.is::<OverLimit>()) {
            TarError::Bomb { limit: self.limit }
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            TarError::Truncated
        } else {
            TarError::Read(error)
        }
    }
}

/// Travels through [`io::Error`] to where a [`TarError::Bomb`] can be made of it.
#[derive(Debug, thiserror::Error)]
#[error("the archive unpacks to far more bytes than it declares")]
struct OverLimit;

struct Body<'a, R>(&'a mut TarReader<R>);

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.0.body).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let read = self.0.read_within(&mut buffer[..want])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is truncated"));
        }
        self.0.body -= read as u64;
        Ok(read)
    }
}

fn ambiguous(name: &str, rule: &'static str) -> TarError {
    TarError::Ambiguous { name: name.to_owned(), rule }
}

fn put_once<T>(place: &mut Option<T>, value: T, rule: &'static str) -> Result<(), TarError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ambiguous("", rule)),
    }
}

/// The body of a GNU long name: a text and a NUL.
fn long_text(mut bytes: Vec<u8>) -> Result<String, TarError> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| TarError::Header("a long name is not valid UTF-8"))
}

/// The size of a body: PAX may state one only where the header has no room for it.
fn entry_size(header: &Header, pax: Option<u64>, name: &str) -> Result<u64, TarError> {
    let own = header.entry_size().map_err(|_| TarError::Header("a size is damaged"))?;
    match pax {
        None => Ok(own),
        Some(pax) if pax == own => Ok(own),
        Some(pax) if pax >= OCTAL_LIMIT && (own == 0 || own == OCTAL_LIMIT - 1) => Ok(pax),
        Some(_) => Err(ambiguous(name, "its size is stated twice and differs")),
    }
}

fn kind(
    entry_type: EntryType,
    name: &[u8],
    path: Option<&ImagePath>,
    link: Vec<u8>,
) -> Result<TarKind, TarError> {
    let shown = || String::from_utf8_lossy(name).into_owned();
    let folder = name.ends_with(b"/");
    let forbidden = |kind| match path {
        Some(path) => TarError::Forbidden { path: path.clone(), kind },
        None => ambiguous(&shown(), "the root is not a folder"),
    };
    let kind = match entry_type {
        EntryType::Directory => TarKind::Directory,
        // Archives from before POSIX mark folders by their names.
        EntryType::Regular if folder => TarKind::Directory,
        EntryType::Regular | EntryType::Continuous => TarKind::File,
        EntryType::Symlink => TarKind::Symlink(
            String::from_utf8(link).map_err(|_| TarError::Header("a link's target is not valid UTF-8"))?,
        ),
        EntryType::Link => TarKind::Hardlink(
            ImagePath::from_archive(&link)?
                .ok_or_else(|| ambiguous(&shown(), "it is a hard link to the root"))?,
        ),
        EntryType::Char | EntryType::Block => return Err(forbidden("a device node")),
        EntryType::Fifo => return Err(forbidden("a named pipe")),
        EntryType::GNUSparse => return Err(forbidden("a sparse file")),
        _ => return Err(forbidden("an entry of an unknown kind")),
    };
    match kind {
        TarKind::Directory => Ok(kind),
        _ if path.is_none() => Err(ambiguous(&shown(), "the root is not a folder")),
        _ if folder => Err(ambiguous(&shown(), "its name is a folder's, and it is none")),
        TarKind::Symlink(target) if target.is_empty() || target.contains('\0') => {
            Err(ambiguous(&shown(), "its link has no valid target"))
        }
        kind => Ok(kind),
    }
}

impl Pax {
    /// Parses the records `<length> <key>=<value>\n` of an extended header.
    fn parse(mut bytes: &[u8]) -> Result<Self, TarError> {
        const DAMAGED: TarError = TarError::Header("an extended header is damaged");
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or(DAMAGED)?;
            let digits = std::str::from_utf8(&bytes[..space]).map_err(|_| DAMAGED)?;
            let length: usize = digits.parse().map_err(|_| DAMAGED)?;
            let record = bytes.get(space + 1..length).ok_or(DAMAGED)?;
            bytes = &bytes[length..];
            let record = record.strip_suffix(b"\n").ok_or(DAMAGED)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(DAMAGED)?;
            pax.put(&record[..equals], &record[equals + 1..])?;
        }
        Ok(pax)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        const TWICE: &str = "an extended header states something twice";
        let text = || {
            String::from_utf8(value.to_vec())
                .map_err(|_| TarError::Header("an extended header is not valid UTF-8"))
        };
        fn number<T: std::str::FromStr>(text: &str) -> Result<T, TarError> {
            text.parse().map_err(|_| TarError::Header("a number of an extended header is damaged"))
        }
        match key {
            b"path" => put_once(&mut self.path, text()?, TWICE),
            b"linkpath" => put_once(&mut self.linkpath, text()?, TWICE),
            b"size" => put_once(&mut self.size, number(&text()?)?, TWICE),
            b"uid" => put_once(&mut self.uid, number(&text()?)?, TWICE),
            b"gid" => put_once(&mut self.gid, number(&text()?)?, TWICE),
            b"uname" => put_once(&mut self.uname, text()?, TWICE),
            b"gname" => put_once(&mut self.gname, text()?, TWICE),
            // Times may have fractions; a file's time in an image has none.
            b"mtime" => {
                let text = text()?;
                put_once(&mut self.mtime, number(text.split('.').next().unwrap_or(&text))?, TWICE)
            }
            sparse if sparse.starts_with(b"GNU.sparse.") => Err(ambiguous("", "it holds a sparse file")),
            b"hdrcharset" => Err(ambiguous("", "its names are not in UTF-8")),
            // Times of access, comments, extended attributes: none of them is part of an image.
            _ => Ok(()),
        }
    }
}
