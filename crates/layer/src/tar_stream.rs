//! The blocks of a tar archive that somebody else wrote: headers with what extends them, and bodies.
//!
//! Here is what holds for packages and layers alike: an archive that two readers could read differently is refused.
//! Sizes or names that are stated twice and differ, extended headers that pile up, sparse files, data behind the end.
//! The fields of a single header are parsed by the `tar` crate; the order of headers, which is where readers disagree,
//! is checked here.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::pax::{Pax, put_once};
use crate::{Owner, TarError};

const BLOCK: u64 = 512;
/// The most bytes that the extended headers of one entry may have. One attribute of a file has 64 KiB at most.
const EXTENSION_LIMIT: u64 = 1 << 20;
/// Sizes from here on do not fit into the octal field of a header.
const OCTAL_LIMIT: u64 = 1 << 33;

/// What must stand at an archive's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Two blocks of noughts, as POSIX demands.
    Marked,
    /// They may be missing, as engines have it. Who reads so must know by a digest that the archive is whole.
    Anywhere,
}

/// Reads an archive block by block.
#[derive(Debug)]
pub(crate) struct TarStream<R> {
    inner: R,
    /// What is left of the current body and of the padding behind it.
    body: u64,
    padding: u64,
    /// What may still be read in all.
    budget: u64,
    limit: u64,
    end: End,
    ended: bool,
}

/// An entry's header, with what extended headers say of it put in its place.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) header: Header,
    pub(crate) pax: Pax,
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) size: u64,
}

/// What extended headers say of the entry that follows.
#[derive(Debug, Default)]
struct Extensions {
    pax: Option<Pax>,
    long_name: Option<String>,
    long_link: Option<String>,
}

impl<R: Read> TarStream<R> {
    /// Starts to read. No more than `limit` bytes of the uncompressed archive are read.
    pub(crate) fn new(inner: R, limit: u64, end: End) -> Self {
        Self { inner, body: 0, padding: 0, budget: limit, limit, end, ended: false }
    }

    /// The next entry; nothing at the end. What is left of the current body is skipped.
    pub(crate) fn next_entry(&mut self) -> Result<Option<RawEntry>, TarError> {
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
                        return Err(TarError::ambiguous("", "a global header changes entries"));
                    }
                }
                _ => return self.entry(header, extensions).map(Some),
            }
        }
    }

    /// The body of the current entry.
    pub(crate) fn body(&mut self) -> impl Read + '_ {
        Body(self)
    }

    fn entry(&mut self, header: Header, extensions: Extensions) -> Result<RawEntry, TarError> {
        let Extensions { pax, long_name, long_link } = extensions;
        let has_pax = pax.is_some();
        let mut pax = pax.unwrap_or_default();
        if has_pax && (long_name.is_some() || long_link.is_some()) {
            let rule = "it has both a PAX header and a GNU long name";
            return Err(TarError::ambiguous(header.path_bytes(), rule));
        }
        let name = match long_name.or(pax.path.take()) {
            Some(name) => name.into_bytes(),
            None => header.path_bytes().into_owned(),
        };
        let link = match long_link.or(pax.linkpath.take()) {
            Some(link) => link.into_bytes(),
            None => header.link_name_bytes().unwrap_or_default().into_owned(),
        };
        let size = entry_size(&header, pax.size, &name)?;
        if size > self.budget {
            return Err(TarError::Bomb { limit: self.limit });
        }
        self.expect_body(size);
        Ok(RawEntry { header, pax, name, link, size })
    }

    fn expect_body(&mut self, size: u64) {
        self.body = size;
        self.padding = size.next_multiple_of(BLOCK) - size;
    }

    /// The next header block; nothing at the end.
    fn read_header(&mut self) -> Result<Option<Header>, TarError> {
        let mut header = Header::new_old();
        if !self.read_block(header.as_mut_bytes())? {
            self.ended = true;
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            self.check_end()?;
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
        if !self.read_block(&mut block)? {
            return Ok(());
        }
        loop {
            if block.iter().any(|byte| *byte != 0) {
                return Err(TarError::ambiguous("", "there is data behind its end"));
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

    /// Fills a block; `false` where the archive ends before it, and may.
    fn read_block(&mut self, block: &mut [u8]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < block.len() {
            match self.read_some(&mut block[filled..])? {
                0 if filled == 0 && self.end == End::Anywhere => return Ok(false),
                0 => return Err(TarError::Truncated),
                read => filled += read,
            }
        }
        Ok(true)
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

impl RawEntry {
    /// The permission bits with setuid, setgid and sticky.
    pub(crate) fn mode(&self) -> Result<u32, TarError> {
        Ok(number(self.header.mode().map(u64::from))? & 0o7777)
    }

    /// The numbers of user and group.
    pub(crate) fn owner(&self) -> Result<Owner, TarError> {
        Ok(Owner {
            uid: self.pax.uid.map_or_else(|| number(self.header.uid()), Ok)?,
            gid: self.pax.gid.map_or_else(|| number(self.header.gid()), Ok)?,
        })
    }

    /// Seconds since 1970.
    pub(crate) fn mtime(&self) -> Result<i64, TarError> {
        let own = || self.header.mtime().ok().and_then(|mtime| i64::try_from(mtime).ok());
        self.pax.mtime.or_else(own).ok_or(TarError::Header("a time is damaged"))
    }

    /// The target of a symbolic link.
    pub(crate) fn symlink(&self) -> Result<String, TarError> {
        let target = String::from_utf8(self.link.clone())
            .map_err(|_| TarError::Header("a link's target is not valid UTF-8"))?;
        if target.is_empty() || target.contains('\0') {
            return Err(TarError::ambiguous(&self.name, "its link has no valid target"));
        }
        Ok(target)
    }
}

/// A number of a header.
pub(crate) fn number(result: io::Result<u64>) -> Result<u32, TarError> {
    result.ok().and_then(|number| u32::try_from(number).ok()).ok_or(TarError::Header("a number is damaged"))
}

/// Travels through [`io::Error`] to where a [`TarError::Bomb`] can be made of it.
#[derive(Debug, thiserror::Error)]
#[error("the archive unpacks to far more bytes than it declares")]
struct OverLimit;

struct Body<'a, R>(&'a mut TarStream<R>);

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

/// The body of a GNU long name: a text and a NUL.
fn long_text(mut bytes: Vec<u8>) -> Result<String, TarError> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| TarError::Header("a long name is not valid UTF-8"))
}

/// The size of a body: PAX may state one only where the header has no room for it.
fn entry_size(header: &Header, pax: Option<u64>, name: &[u8]) -> Result<u64, TarError> {
    let own = header.entry_size().map_err(|_| TarError::Header("a size is damaged"))?;
    match pax {
        None => Ok(own),
        Some(pax) if pax == own => Ok(own),
        Some(pax) if pax >= OCTAL_LIMIT && (own == 0 || own == OCTAL_LIMIT - 1) => Ok(pax),
        Some(_) => Err(TarError::ambiguous(name, "its size is stated twice and differs")),
    }
}
