//! Why a tar archive is refused.

use std::io;

use crate::{ImagePath, PathError};

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
        /// The entry that is larger all by itself, where one is.
        entry: Option<String>,
    },
    /// A header is damaged.
    #[error("the archive has a damaged header: {0}")]
    Header(&'static str),
    /// A number of a header is none, is negative, or has too many bits.
    #[error("the archive has a damaged header at `{}`: {field} is not a number that it may be", name.escape_default())]
    Number {
        /// The entry.
        name: String,
        /// Which number.
        field: &'static str,
    },
    /// It holds more than any real archive.
    #[error("the archive holds more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
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

impl TarError {
    pub(crate) fn ambiguous(name: impl AsRef<[u8]>, rule: &'static str) -> Self {
        Self::Ambiguous { name: String::from_utf8_lossy(name.as_ref()).into_owned(), rule }
    }
}
