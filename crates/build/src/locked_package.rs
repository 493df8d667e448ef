//! Packages of a lock, of whatever ecosystem: what is the same for all of their archives.

use lock::{CondaPackage, DebianPackage, PypiPackage};
use oci::Digest;
use store::Store;

use crate::BuildError;
use crate::error::ArchiveFailure;
use store::verify;

/// A package of a lock, whose archive is read.
#[derive(Debug, Clone)]
pub(crate) enum LockedPackage {
    /// A conda package.
    Conda(CondaPackage),
    /// A Debian package.
    Debian(DebianPackage),
    /// A wheel.
    Pypi(Box<PypiPackage>),
}

impl LockedPackage {
    /// The hash of its archive.
    pub(crate) fn sha256(&self) -> Digest {
        match self {
            Self::Conda(package) => package.sha256,
            Self::Debian(package) => package.sha256,
            Self::Pypi(package) => package.sha256,
        }
    }

    /// How its archive is called in messages.
    pub(crate) fn archive_name(&self) -> String {
        match self {
            Self::Conda(package) => package.file_name().to_owned(),
            Self::Debian(package) => package.id(),
            Self::Pypi(package) => package.filename.clone(),
        }
    }

    /// The size of its archive in bytes, where the lock has it.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Conda(package) => package.size,
            Self::Debian(package) => Some(package.size),
            Self::Pypi(package) => package.size,
        }
    }
}

/// Checks that the archives in the store are what the lock says: nothing is made of anything else.
///
/// # Errors
///
/// When one is not there, or is another.
pub(crate) fn verify_archives<'a>(
    packages: impl IntoIterator<Item = &'a LockedPackage>,
    store: &Store,
) -> Result<(), BuildError> {
    for package in packages {
        let sha256 = package.sha256();
        verify(&store.archive_path(&sha256), &sha256).map_err(|error| ArchiveFailure::Fetch {
            name: package.archive_name(),
            error: Box::new(error.into()),
        })?;
    }
    Ok(())
}
