//! Where blobs come from.

use std::io::{self, Read};
use std::path::PathBuf;

use crate::Digest;

/// Content by its digest: a store, a layout, a tarball, a registry.
pub trait Blobs: Send + Sync {
    /// Opens a blob for reading from its start.
    ///
    /// # Errors
    ///
    /// When the blob is absent or cannot be opened.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError>;

    /// Opens a blob for reading from a byte on.
    ///
    /// # Errors
    ///
    /// When the blob is absent, cannot be opened, or ends before.
    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        skip(self.open(digest)?, digest, at)
    }

    /// The file of this machine that holds a blob and nothing else, where there is one that is known to be whole: who uses it as it is
    /// need not hash it.
    fn whole_file(&self, _digest: &Digest) -> Option<PathBuf> {
        None
    }
}

/// A blob that was opened at its start, from a byte on.
///
/// # Errors
///
/// When it cannot be read, or ends before.
pub fn skip(
    mut blob: Box<dyn Read + Send>,
    digest: &Digest,
    at: u64,
) -> Result<Box<dyn Read + Send>, BlobError> {
    let skipped = io::copy(&mut blob.by_ref().take(at), &mut io::sink());
    match skipped.map_err(|error| BlobError::Read { digest: *digest, error })? {
        found if found < at => Err(BlobError::Size { digest: *digest, wanted: at, found }),
        _ => Ok(blob),
    }
}

/// A blob that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BlobError {
    /// It is not there.
    #[error("the blob `{0}` is not there")]
    Absent(Digest),
    /// Reading it failed.
    #[error("the blob `{digest}` cannot be read")]
    Read {
        /// The blob.
        digest: Digest,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// What was read has another size.
    #[error("the blob `{digest}` has {found} bytes and should have {wanted}")]
    Size {
        /// The blob.
        digest: Digest,
        /// Its size as the manifest states it.
        wanted: u64,
        /// Its size as it is.
        found: u64,
    },
    /// What was read goes on behind its end.
    #[error("the blob `{digest}` has more than the {wanted} bytes that it should have")]
    Longer {
        /// The blob.
        digest: Digest,
        /// Its size as the manifest states it.
        wanted: u64,
    },
    /// What was read has another digest.
    #[error("the blob `{wanted}` holds something else: its digest is `{found}`")]
    Digest {
        /// The blob.
        wanted: Digest,
        /// The digest of what was read.
        found: Digest,
    },
}

imgbuild_diagnostic::boxed_sources!(BlobError);

/// Checks what was read of a blob, of which at most one byte more than it should have.
pub(crate) fn check(digest: Digest, wanted: u64, found: Digest, read: u64) -> Result<(), BlobError> {
    match () {
        () if read > wanted => Err(BlobError::Longer { digest, wanted }),
        () if read < wanted => Err(BlobError::Size { digest, wanted, found: read }),
        () if found != digest => Err(BlobError::Digest { wanted: digest, found }),
        () => Ok(()),
    }
}
