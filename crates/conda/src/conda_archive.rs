//! A package archive on the disk: `.conda` (a zip of two zstd-compressed tars) or `.tar.bz2` (one tar).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::num::NonZero;
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use imgbuild_archive::{TarError, TarKind, TarReader, read_ahead};
use rattler_conda_types::package::PathType;

use crate::beginning::Beginning;
use crate::limits::{ALWAYS_ALLOWED, INFO_LIMIT, MOST_RATIO_UNDECLARED};
use crate::zip::{self, Part, ZipError};

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
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
            ArchiveFormat::Conda => self.member(INFO_LIMIT, Part::Info),
            ArchiveFormat::TarBz2 => self.tar_bz2(self.undeclared_limit()?),
        }
    }

    /// The tar that holds the package's files. No more than `limit` bytes of it are unpacked.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub fn content(&self, limit: u64) -> Result<Tar, ArchiveError> {
        match self.format {
            ArchiveFormat::Conda => self.member(limit, Part::Package),
            ArchiveFormat::TarBz2 => self.tar_bz2(limit),
        }
    }

    /// The same, unpacked: what stands in the tar.
    fn unpacked(&self) -> Result<Box<dyn Read + Send>, ArchiveError> {
        Ok(match self.format {
            ArchiveFormat::Conda => Box::new(zstd(self.part(Part::Package)?)?),
            ArchiveFormat::TarBz2 => Box::new(self.bz2()?),
        })
    }

    fn tar_bz2(&self, limit: u64) -> Result<Tar, ArchiveError> {
        Ok(TarReader::new(Box::new(self.bz2()?), limit))
    }

    fn bz2(&self) -> io::Result<MultiBzDecoder<BufReader<File>>> {
        Ok(MultiBzDecoder::new(BufReader::with_capacity(256 * 1024, File::open(self.path)?)))
    }

    /// As [`Self::info`], with what is unpacked for it where the files stand in the same tar.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub(crate) fn begun(&self) -> Result<(Tar, Option<Beginning>), ArchiveError> {
        match self.format {
            ArchiveFormat::Conda => Ok((self.info()?, None)),
            ArchiveFormat::TarBz2 => {
                let beginning = Beginning::new(self.bz2()?);
                let limit = self.undeclared_limit()?;
                Ok((TarReader::new(Box::new(beginning.clone()), limit), Some(beginning)))
            }
        }
    }

    /// As [`Self::content`], from what was unpacked already; on a thread of its own, where there is more than one.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub(crate) fn content_of(
        &self,
        beginning: Option<Beginning>,
        limit: u64,
        threads: NonZero<u32>,
    ) -> Result<Tar, ArchiveError> {
        let unpacked = match beginning.and_then(|beginning| beginning.whole()) {
            Some(whole) => Box::new(whole),
            None => self.unpacked()?,
        };
        Ok(TarReader::new(read_ahead(unpacked, threads), limit))
    }

    /// How far a tar may unpack of which nothing is known yet: what it holds is known only behind its metadata, which may stand at the
    /// end.
    fn undeclared_limit(&self) -> io::Result<u64> {
        Ok(self.size()?.saturating_mul(MOST_RATIO_UNDECLARED).saturating_add(ALWAYS_ALLOWED))
    }

    fn member(&self, limit: u64, part: Part) -> Result<Tar, ArchiveError> {
        info_tar(self.part(part)?, limit)
    }

    fn part(&self, part: Part) -> Result<impl io::BufRead + Send + use<>, ArchiveError> {
        Ok(BufReader::with_capacity(256 * 1024, zip::open(self.path, part)?))
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
    Ok(TarReader::new(Box::new(zstd(compressed)?), limit))
}

fn zstd<R: io::BufRead>(compressed: R) -> io::Result<zstd::Decoder<'static, R>> {
    let mut decoder = zstd::Decoder::with_buffer(compressed)?;
    // The largest window that `zstd --ultra -22` writes; more would let an archive choose our memory.
    decoder.window_log_max(27)?;
    Ok(decoder)
}

/// How `paths.json` calls what a tar holds.
pub(crate) fn path_type(kind: &TarKind) -> PathType {
    match kind {
        TarKind::Symlink(_) => PathType::SoftLink,
        TarKind::Directory => PathType::Directory,
        TarKind::File | TarKind::Hardlink(_) => PathType::HardLink,
    }
}
