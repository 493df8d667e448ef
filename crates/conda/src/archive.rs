//! A package archive on the disk: `.conda` (a zip of two zstd-compressed tars) or `.tar.bz2` (one tar).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use layer::{TarError, TarReader, ZipMember};

use crate::zip::{self, ZipError};

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be opened or read.
    #[error("cannot read the archive")]
    Read(#[from] io::Error),
    /// Its zip container is refused.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// One of its tars is refused.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Its name ends neither in `.conda` nor in `.tar.bz2`.
    #[error("`{0}` is neither a `.conda` nor a `.tar.bz2` archive")]
    Format(String),
}

/// The two formats of conda packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// `.conda`.
    Conda,
    /// `.tar.bz2`.
    TarBz2,
}

impl ArchiveFormat {
    /// The format of the file that is called `name`.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn of(name: &str) -> Result<Self, ArchiveError> {
        if name.ends_with(".conda") {
            Ok(Self::Conda)
        } else if name.ends_with(".tar.bz2") {
            Ok(Self::TarBz2)
        } else {
            Err(ArchiveError::Format(name.to_owned()))
        }
    }
}

/// A tar inside an archive, decompressed on the way.
pub(crate) type Tar = TarReader<Box<dyn Read + Send>>;

/// An archive on the disk.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    path: &'a Path,
    format: ArchiveFormat,
}

/// The most that an archive's metadata may unpack to.
const INFO_LIMIT: u64 = 512 << 20;

impl<'a> Archive<'a> {
    /// The archive of the given format at `path`.
    pub fn new(path: &'a Path, format: ArchiveFormat) -> Self {
        Self { path, format }
    }

    /// Its format.
    pub fn format(&self) -> ArchiveFormat {
        self.format
    }

    /// Its size in bytes.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn size(&self) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path)?.len())
    }

    /// The tar that holds `info/`. In a `.tar.bz2` that is the tar that holds everything.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub fn info(&self) -> Result<Tar, ArchiveError> {
        match self.format {
            ArchiveFormat::Conda => self.member(INFO_LIMIT, |members| members.info),
            ArchiveFormat::TarBz2 => self.tar_bz2(u64::MAX),
        }
    }

    /// The tar that holds the package's files. No more than `limit` bytes of it are unpacked.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub fn content(&self, limit: u64) -> Result<Tar, ArchiveError> {
        match self.format {
            ArchiveFormat::Conda => self.member(limit, |members| members.package),
            ArchiveFormat::TarBz2 => self.tar_bz2(limit),
        }
    }

    fn tar_bz2(&self, limit: u64) -> Result<Tar, ArchiveError> {
        let file = BufReader::with_capacity(256 * 1024, File::open(self.path)?);
        Ok(TarReader::new(Box::new(bzip2::read::MultiBzDecoder::new(file)), limit))
    }

    fn member(
        &self,
        limit: u64,
        choose: impl FnOnce(zip::Members) -> ZipMember,
    ) -> Result<Tar, ArchiveError> {
        let mut file = File::open(self.path)?;
        let total = file.metadata()?.len();
        let member = choose(read_members(&mut file, total)?);
        let header =
            read_at(&mut file, member.header(), ZipMember::LOCAL_LIMIT.min(total - member.header()))?;
        let data = member.data_offset(&header).map_err(ZipError::from)?;
        file.seek(SeekFrom::Start(data))?;
        info_tar(BufReader::with_capacity(256 * 1024, file.take(member.size())), limit)
    }
}

/// Reads a zstd-compressed tar.
///
/// # Errors
///
/// When the decompressor cannot be made.
pub(crate) fn info_tar(
    compressed: impl io::BufRead + Send + 'static,
    limit: u64,
) -> Result<Tar, ArchiveError> {
    let mut decoder = zstd::Decoder::with_buffer(compressed)?;
    // The largest window that `zstd --ultra -22` writes; more would let an archive choose our memory.
    decoder.window_log_max(27)?;
    Ok(TarReader::new(Box::new(decoder), limit))
}

fn read_members(file: &mut File, total: u64) -> Result<zip::Members, ArchiveError> {
    let mut length = 4096.min(total);
    loop {
        let tail = read_at(file, total - length, length)?;
        match zip::members(&tail, total) {
            Err(ZipError::Zip(layer::ZipError::NeedTail(offset)))
                if total - offset > length && total - offset < (1 << 20) =>
            {
                length = total - offset;
            }
            result => return Ok(result?),
        }
    }
}

fn read_at(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
