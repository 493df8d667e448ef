//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

use imgbuild_oci::Digest;

/// A store that cannot be used, or content that it refuses.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// A file or folder of the store cannot be read or written.
    #[error("the cache's `{}` cannot be {what}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `read`, `written`, …
        what: &'static str,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The store's folder may not be written.
    #[error("the cache `{}` cannot be written", root.display())]
    #[diagnostic(help("set `IMGBUILD_CACHE` to a folder that you may write"))]
    NotWritable {
        /// The store's folder.
        root: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The disk is full.
    #[error("no space is left on the disk of the cache `{}`", root.display())]
    #[diagnostic(help("`imgbuild cache prune` frees space; `IMGBUILD_CACHE` names another folder"))]
    Full {
        /// The store's folder.
        root: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// There is no home folder, and nothing else says where the store is.
    #[error("there is no home folder for the cache")]
    #[diagnostic(help("set `IMGBUILD_CACHE` to a folder"))]
    NoHome,
    /// What was written is not what was expected.
    #[error("the content has the sha256 `{}`, and `{}` was expected", found.hex(), wanted.hex())]
    Digest {
        /// What was expected.
        wanted: Digest,
        /// What was written.
        found: Digest,
    },
    /// What was written has another size than its descriptor says.
    #[error("`{found}` bytes were written for the blob `{digest}`, whose descriptor says `{wanted}`")]
    Size {
        /// The blob.
        digest: Digest,
        /// Its descriptor's size.
        wanted: u64,
        /// What was written.
        found: u64,
    },
}

impl StoreError {
    /// Tells a full disk and a folder that may not be written from everything else.
    pub(crate) fn io(root: &Path, path: &Path, what: &'static str, error: io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let root = root.to_owned();
        match error.kind() {
            StorageFull | QuotaExceeded => Self::Full { root, error },
            PermissionDenied | ReadOnlyFilesystem if what != "read" => Self::NotWritable { root, error },
            _ => Self::Io { path: path.to_owned(), what, error },
        }
    }
}
