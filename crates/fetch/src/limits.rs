//! What archives may ask of us.

/// The most bytes of a package's archive whose size nobody states.
pub(crate) const ARCHIVE_LIMIT: u64 = 64 << 30;
