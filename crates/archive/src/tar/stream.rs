//! The blocks of a tar archive that somebody else wrote: headers with what extends them, and bodies.
//!
//! Here is what holds for packages and layers alike: an archive that two readers could read differently is refused.
//! Sizes or names that are stated twice and differ, extended headers that pile up, sparse files, data behind the end.
//! What a single header may hold is `header`'s; the order of headers is checked here, and how much there may be.

use std::io::{self, Read, Seek};

use crate::limits::{EXTENSION_LIMIT, MOST_ENTRIES, MOST_PATH_BYTES, MOST_XATTR_BYTES};
use crate::{Owner, TarError};

use super::header::{BLOCK, TarHeader, TypeFlag};
use super::pax::{Pax, put_once};

/// Sizes from here on do not fit into the octal field of a header.
const OCTAL_LIMIT: u64 = 1 << 33;

/// What must stand at an archive's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Two blocks of noughts, as POSIX demands.
    Marked,
    /// They may be missing, and so may what pads the last body, as engines have it. Who reads so must know by a digest that the archive is whole.
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
    /// Whether extended headers of POSIX may stand there.
    pax: bool,
    counted: Totals,
}

/// How much there was so far of what is kept of each entry.
#[derive(Debug, Default)]
struct Totals {
    entries: u64,
    path_bytes: u64,
    xattr_bytes: u64,
}

/// An entry's header, with what extended headers say of it put in its place.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) header: TarHeader,
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

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

impl<R: Read> TarStream<R> {
    /// Starts to read. No more than `limit` bytes of the uncompressed archive are read.
    pub(crate) fn new(inner: R, limit: u64, end: End) -> Self {
        let counted = Totals::default();
        Self { inner, body: 0, padding: 0, budget: limit, limit, end, ended: false, pax: true, counted }
    }

    /// Refuses extended headers of POSIX.
    pub(crate) fn without_pax(self) -> Self {
        Self { pax: false, ..self }
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
                return match extensions.is_empty() {
                    true => Ok(None),
                    false => Err(TarError::Header("an extended header describes no entry")),
                };
            };
            let is_pax = matches!(header.flag, TypeFlag::Extended | TypeFlag::Global);
            if is_pax && !self.pax {
                return Err(TarError::ambiguous(
                    &header.name,
                    "it is a PAX header, which not all of its readers know",
                ));
            }
            match header.flag {
                TypeFlag::Extended => {
                    let pax = Pax::parse(&self.read_extension(&header)?)?;
                    put_once(&mut extensions.pax, pax, "two extended headers for one entry")?;
                }
                TypeFlag::LongName => {
                    let name = long_text(self.read_extension(&header)?)?;
                    put_once(&mut extensions.long_name, name, "two long names for one entry")?;
                }
                TypeFlag::LongLink => {
                    let name = long_text(self.read_extension(&header)?)?;
                    put_once(&mut extensions.long_link, name, "two long link names for one entry")?;
                }
                TypeFlag::Global => {
                    // Go forgets what was said of the entry that follows.
                    if !extensions.is_empty() {
                        let rule = "a global header stands between an extended header and its entry";
                        return Err(TarError::ambiguous("", rule));
                    }
                    if Pax::parse(&self.read_extension(&header)?)? != Pax::default() {
                        return Err(TarError::ambiguous("", "a global header changes entries"));
                    }
                    self.count(&[], &[], &Pax::default())?;
                }
                _ => return self.entry(header, extensions).map(Some),
            }
        }
    }

    /// How many bytes of the archive were read or passed over.
    pub(crate) fn position(&self) -> u64 {
        self.limit - self.budget
    }

    /// The body of the current entry.
    pub(crate) fn body(&mut self) -> impl Read + '_ {
        Body(self)
    }

    fn entry(&mut self, header: TarHeader, extensions: Extensions) -> Result<RawEntry, TarError> {
        let Extensions { pax, long_name, long_link } = extensions;
        let has_pax = pax.is_some();
        let mut pax = pax.unwrap_or_default();
        let ambiguous = |rule| TarError::ambiguous(&header.name, rule);
        if has_pax && (long_name.is_some() || long_link.is_some()) {
            return Err(ambiguous("it has both a PAX header and a GNU long name"));
        }
        if long_link.is_some() && !matches!(header.flag, TypeFlag::Hardlink | TypeFlag::Symlink) {
            return Err(ambiguous("it is not a link and yet has a long target"));
        }
        let name = long_name.or(pax.path.take()).map_or_else(|| header.name.clone(), String::into_bytes);
        let link = long_link.or(pax.linkpath.take()).map_or_else(|| header.link.clone(), String::into_bytes);
        // Readers go by the one name or by the other.
        if header.flag == TypeFlag::OldFile && name.ends_with(b"/") != header.name.ends_with(b"/") {
            return Err(ambiguous("one of its names is a folder's, and the other is not"));
        }
        let size = entry_size(header.size, pax.size, &name)?;
        self.count(&name, &link, &pax)?;
        if size > self.budget {
            let entry = (size > self.limit).then(|| String::from_utf8_lossy(&name).into_owned());
            return Err(TarError::Bomb { limit: self.limit, entry });
        }
        self.expect_body(size);
        Ok(RawEntry { header, pax, name, link, size })
    }

    /// Counts what is kept of an entry.
    fn count(&mut self, name: &[u8], link: &[u8], pax: &Pax) -> Result<(), TarError> {
        let counted = &mut self.counted;
        counted.entries += 1;
        counted.path_bytes += (name.len() + link.len()) as u64;
        counted.xattr_bytes += pax.xattr_bytes();
        for (what, found, limit) in [
            ("entries", counted.entries, MOST_ENTRIES),
            ("bytes of names", counted.path_bytes, MOST_PATH_BYTES),
            ("bytes of extended attributes", counted.xattr_bytes, MOST_XATTR_BYTES),
        ] {
            if found > limit {
                return Err(TarError::TooMany { what, limit });
            }
        }
        Ok(())
    }

    fn expect_body(&mut self, size: u64) {
        self.body = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// The next header block; nothing at the end.
    fn read_header(&mut self) -> Result<Option<TarHeader>, TarError> {
        let mut block = [0; BLOCK];
        if !self.read_block(&mut block)? {
            self.ended = true;
            return Ok(None);
        }
        if block.iter().all(|byte| *byte == 0) {
            self.check_end()?;
            return Ok(None);
        }
        TarHeader::parse(&block).map(Some)
    }

    fn read_extension(&mut self, header: &TarHeader) -> Result<Vec<u8>, TarError> {
        let size = header.size;
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
        let mut block = [0; BLOCK];
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
        let mut left = self.body.saturating_add(self.padding);
        while left > 0 {
            let want = scratch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.read_some(&mut scratch[..want])? {
                // `umoci insert` ends with the last body, and Go's reader, which is the engines', takes it.
                0 if left <= self.padding && self.end == End::Anywhere => {
                    self.ended = true;
                    break;
                }
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
            TarError::Bomb { limit: self.limit, entry: None }
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            TarError::Truncated
        } else {
            TarError::Read(error)
        }
    }
}

impl<R: Read + Seek> TarStream<R> {
    /// Passes over what is left of the current body.
    pub(crate) fn pass_body(&mut self) -> Result<(), TarError> {
        // The last byte is read: a file may be sought beyond its end.
        if let Some(before_last) = self.body.saturating_add(self.padding).checked_sub(1) {
            let signed = i64::try_from(before_last).map_err(|_| TarError::Truncated)?;
            self.budget = self
                .budget
                .checked_sub(before_last)
                .ok_or(TarError::Bomb { limit: self.limit, entry: None })?;
            self.inner.seek_relative(signed)?;
            if self.read_some(&mut [0])? == 0 {
                return Err(TarError::Truncated);
            }
            (self.body, self.padding) = (0, 0);
        }
        Ok(())
    }
}

impl RawEntry {
    /// The numbers of user and group.
    pub(crate) fn owner(&self) -> Result<Owner, TarError> {
        let number = |pax: Option<u32>, header: u64, field| {
            let damaged = || TarError::Number { name: self.shown(), field };
            pax.map_or_else(|| u32::try_from(header).map_err(|_| damaged()), Ok)
        };
        Ok(Owner {
            uid: number(self.pax.uid, self.header.uid, "the number of its user")?,
            gid: number(self.pax.gid, self.header.gid, "the number of its group")?,
        })
    }

    /// Seconds since 1970.
    pub(crate) fn mtime(&self) -> i64 {
        self.pax.mtime.unwrap_or(self.header.mtime)
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
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

/// The body of a GNU long name: a text and one NUL. Readers differ in where one ends that has none, or has more.
fn long_text(mut bytes: Vec<u8>) -> Result<String, TarError> {
    if bytes.pop() != Some(0) {
        return Err(TarError::Header("a long name has no end"));
    }
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(TarError::Header("a long name has a NUL byte where none may be"));
    }
    String::from_utf8(bytes).map_err(|_| TarError::Header("a long name is not valid UTF-8"))
}

/// The size of a body: PAX may state one only where the header has no room for it.
fn entry_size(own: u64, pax: Option<u64>, name: &[u8]) -> Result<u64, TarError> {
    match pax {
        None => Ok(own),
        Some(pax) if pax == own => Ok(own),
        Some(pax) if pax >= OCTAL_LIMIT && (own == 0 || own == OCTAL_LIMIT - 1) => Ok(pax),
        Some(_) => Err(TarError::ambiguous(name, "its size is stated twice and differs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_all_entries_has_limits() {
        let mut stream = TarStream::new(io::empty(), 0, End::Marked);
        let mut counted = |entries, path_bytes, xattr_bytes| {
            stream.counted = Totals { entries, path_bytes, xattr_bytes };
            let pax = Pax { xattrs: [("a".to_owned(), vec![0])].into(), ..Pax::default() };
            stream.count(b"name", b"link", &pax).map_err(|error| error.to_string())
        };
        let message = |limit: u64, what: &str| Err(format!("the archive holds more than {limit} {what}"));
        assert_eq!(counted(MOST_ENTRIES - 1, MOST_PATH_BYTES - 8, MOST_XATTR_BYTES - 2), Ok(()));
        assert_eq!(counted(MOST_ENTRIES, 0, 0), message(2_097_152, "entries"));
        assert_eq!(counted(0, MOST_PATH_BYTES - 7, 0), message(134_217_728, "bytes of names"));
        assert_eq!(counted(0, 0, MOST_XATTR_BYTES - 1), message(67_108_864, "bytes of extended attributes"));
    }
}
