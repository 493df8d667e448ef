//! A whole zip file: every member's place is checked when it is opened, its content when it is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::member::Local;
use super::{ZipError, ZipMember, ZipMethod, zip_members};
use crate::limits::ZIP_TAIL_LIMIT;

/// A zip file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipFileError {
    /// Its bytes cannot be read.
    #[error("cannot read the archive")]
    Read(#[from] io::Error),
    /// It is refused.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// It says that it unpacks to more than it may.
    #[error("the archive unpacks to {declared} bytes, and may not to more than {limit}")]
    Bomb {
        /// What its directory says.
        declared: u64,
        /// The caller's limit.
        limit: u64,
    },
}

/// What an archive may ask of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZipLimits {
    /// The most members.
    pub members: u64,
    /// The most bytes that all of them may unpack to.
    pub content: u64,
}

/// A zip file. No two of its members overlap, and nothing stands between them.
#[derive(Debug)]
pub struct ZipArchive {
    file: Arc<File>,
    members: Vec<ZipMember>,
    /// Where each member's data begins.
    data: Vec<u64>,
}

impl ZipArchive {
    /// Opens a file, and checks all that it says of its members.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is refused, or is over a limit.
    pub fn open(path: &Path, limits: ZipLimits) -> Result<Self, ZipFileError> {
        let file = Arc::new(File::open(path)?);
        let total = file.metadata()?.len();
        let members = read_members(&file, total, limits.members)?;
        let declared = members.iter().map(ZipMember::size).fold(0, u64::saturating_add);
        if declared > limits.content {
            return Err(ZipFileError::Bomb { declared, limit: limits.content });
        }
        if members.first().is_some_and(|first| first.header() != 0) {
            return Err(ZipError::Refused("bytes before its first member belong to nothing").into());
        }
        let data = members.iter().map(|member| data_offset(&file, member)).collect::<Result<_, _>>()?;
        Ok(Self { file, members, data })
    }

    /// Its members, in the order in which they stand in the file.
    pub fn members(&self) -> &[ZipMember] {
        &self.members
    }

    /// The content of the member with this number in [`ZipArchive::members`]; nothing where there is none.
    ///
    /// It gives exactly the bytes that the directory promises: fewer or more, or another checksum, is an error.
    pub fn body(&self, number: usize) -> Option<ZipBody> {
        let (member, data) = (self.members.get(number)?.clone(), *self.data.get(number)?);
        let file = Arc::clone(&self.file);
        let packed = BufReader::with_capacity(128 * 1024, Section { file, at: data, left: member.packed() });
        let data = match member.method() {
            ZipMethod::Stored => Data::Stored(packed),
            ZipMethod::Deflated => Data::Deflated(DeflateDecoder::new(packed)),
        };
        let left = member.size();
        Some(ZipBody(Body { member, data, left, crc: Crc::new() }))
    }
}

impl ZipMember {
    /// The content of a member of which only some bytes are there: those from [`ZipMember::header`] on, as many as the
    /// header and [`ZipMember::packed`] take. What stands behind it is not checked, nor are the other members: whoever
    /// relies upon the whole archive opens it as a [`ZipArchive`].
    ///
    /// # Errors
    ///
    /// When the header differs from the directory, or the content from what the directory promises.
    pub fn content(&self, bytes: &[u8]) -> Result<Vec<u8>, ZipFileError> {
        let within = |offset: u64| usize::try_from(offset).map_err(|_| ZipError::Truncated);
        let start = within(self.data_offset(bytes)? - self.header())?;
        let end = start.checked_add(within(self.packed())?).ok_or(ZipError::Truncated)?;
        let packed = bytes.get(start..end).ok_or(ZipError::Truncated)?;
        let data = match self.method() {
            ZipMethod::Stored => Data::Stored(packed),
            ZipMethod::Deflated => Data::Deflated(DeflateDecoder::new(packed)),
        };
        let mut content = Vec::new();
        Body { member: self.clone(), data, left: self.size(), crc: Crc::new() }.read_to_end(&mut content)?;
        Ok(content)
    }
}

fn read_members(file: &Arc<File>, total: u64, most: u64) -> Result<Vec<ZipMember>, ZipFileError> {
    let mut length: u64 = 64 * 1024;
    loop {
        let length_now = length.min(total);
        let tail = read_at(file, total - length_now, length_now)?;
        match zip_members(&tail, total, most) {
            Err(ZipError::NeedTail(offset))
                if total - offset > length_now && total - offset <= ZIP_TAIL_LIMIT =>
            {
                length = total - offset;
            }
            result => return Ok(result?),
        }
    }
}

/// Checks the header before a member and what stands behind it.
fn data_offset(file: &Arc<File>, member: &ZipMember) -> Result<u64, ZipFileError> {
    let room = member.end - member.header();
    // Most headers are short.
    let bytes = read_at(file, member.header(), room.min(512))?;
    let Local { data, follows } = match member.local(&bytes) {
        Err(ZipError::Truncated) => {
            member.local(&read_at(file, member.header(), room.min(ZipMember::LOCAL_LIMIT))?)?
        }
        result => result?,
    };
    let end = data.checked_add(member.packed()).filter(|end| *end <= member.end);
    let end = end.ok_or(ZipError::Refused("its members overlap"))?;
    // A data descriptor has 24 bytes at most.
    let behind = read_at(file, end, (member.end - end).min(32))?;
    member.check_behind(&behind, follows)?;
    Ok(data)
}

fn read_at(file: &Arc<File>, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Section { file: Arc::clone(file), at: offset, left: length }.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A part of a file. Reading it moves no one else's place in the file.
#[derive(Debug)]
struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

#[derive(Debug)]
enum Data<R: BufRead> {
    Stored(R),
    Deflated(DeflateDecoder<R>),
}

impl<R: BufRead> Data<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(data) => data.read(buffer),
            Self::Deflated(data) => data.read(buffer),
        }
    }

    /// Whether all packed bytes were used.
    fn is_used_up(&mut self) -> io::Result<bool> {
        let packed = match self {
            Self::Stored(data) => data,
            Self::Deflated(data) => data.get_mut(),
        };
        Ok(packed.fill_buf()?.is_empty())
    }
}

/// The content of a member.
#[derive(Debug)]
pub struct ZipBody(Body<BufReader<Section>>);

impl Read for ZipBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// The same, wherever its packed bytes are.
#[derive(Debug)]
struct Body<R: BufRead> {
    member: ZipMember,
    data: Data<R>,
    left: u64,
    crc: Crc,
}

impl<R: BufRead> Body<R> {
    fn refused(&self, rule: &'static str) -> io::Error {
        let error = ZipError::Member { name: self.member.name().to_owned(), rule };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    /// Everything was read: nothing may be left, and the checksum must be the one that was promised.
    fn check_end(&mut self) -> io::Result<()> {
        let more = self.data.read(&mut [0])? != 0;
        if more || !self.data.is_used_up()? {
            return Err(self.refused("it holds more bytes than the directory says"));
        }
        if self.crc.sum() != self.member.crc {
            return Err(self.refused("its checksum is not the one that the directory says"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.check_end()?;
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.data.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(self.refused("it holds fewer bytes than the directory says"));
        }
        self.crc.update(&buffer[..count]);
        self.left -= count as u64;
        // Whoever knows the size may never ask again.
        if self.left == 0 {
            self.check_end()?;
        }
        Ok(count)
    }
}
