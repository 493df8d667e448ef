//! Whether a file is the archive that it should be.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use imgbuild_oci::{Digest, HashReader};

/// A file of the store that is not what its name says.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ArchiveFault {
    /// It is something else.
    #[error("the cache holds something else under its hash")]
    #[diagnostic(help("`imgbuild cache verify` finds and removes what is damaged"))]
    Damaged,
    /// It cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// Checks that a file of the store still holds what its name says: disks rot, and nothing may be made of what did.
///
/// # Errors
///
/// When it does not, or cannot be read.
pub fn verify(path: &Path, sha256: &Digest) -> Result<(), ArchiveFault> {
    let read = || -> io::Result<Digest> {
        let mut reader = HashReader::new(File::open(path)?);
        let mut buffer = vec![0; 256 << 10];
        while reader.read(&mut buffer)? > 0 {}
        Ok(reader.finish().0)
    };
    match read() {
        Ok(found) if found == *sha256 => Ok(()),
        Ok(_) => Err(ArchiveFault::Damaged),
        Err(error) => Err(ArchiveFault::Read { path: path.to_owned(), error }),
    }
}
