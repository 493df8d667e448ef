//! Reading zip archives, strictly: `.conda` containers and wheels.
//!
//! Zip states everything twice, in the central directory and before each member, and readers disagree on which to
//! believe. What is in here follows PKWARE's APPNOTE 6.3 and refuses what two readers could read differently: headers
//! that differ, members that overlap or bear the same name, bytes that belong to nothing, names in an unnamed
//! encoding. Members are stored or deflated; encryption and archives of several disks are refused.
//!
//! [`zip_members`] works on the tail of a file alone, so that metadata can be read by range requests; [`ZipArchive`] is
//! a whole file.

mod ahead;
mod archive;
mod directory;
mod member;

pub use ahead::ZipBodies;
pub use archive::{ZipArchive, ZipBody, ZipFileError, ZipLimits};
pub use directory::zip_members;
pub use member::{ZipMember, ZipMethod};

/// Why a zip is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// It is not a zip, or not a whole one.
    #[error("the archive is truncated or is not a zip")]
    Truncated,
    /// It is damaged or can be read in two ways.
    #[error("the zip container is ambiguous or damaged: {0}")]
    Refused(&'static str),
    /// The same of one of its members.
    #[error("the zip container is ambiguous or damaged at `{}`: {rule}", name.escape_default())]
    Member {
        /// The member.
        name: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// More of the file's end is needed: from this offset on.
    #[error("the central directory begins at offset {0}, before what was read")]
    NeedTail(u64),
}

/// Little-endian numbers, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ZipError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ZipError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, ZipError> {
        self.take(2)?.try_into().map(u16::from_le_bytes).map_err(|_| ZipError::Truncated)
    }

    fn u32(&mut self) -> Result<u32, ZipError> {
        self.take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| ZipError::Truncated)
    }

    fn u64(&mut self) -> Result<u64, ZipError> {
        self.take(8)?.try_into().map(u64::from_le_bytes).map_err(|_| ZipError::Truncated)
    }
}
