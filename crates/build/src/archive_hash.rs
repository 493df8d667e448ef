//! Whether a file is the archive that it should be.

use std::fs::File;
use std::io;
use std::path::Path;

use net::NetError;
use oci::{Digest, HashReader};

use crate::error::FetchFailure;

/// Checks that a file of the store still holds what its name says: disks rot, and nothing may be made of what did.
///
/// # Errors
///
/// When it does not, or cannot be read.
pub(crate) fn verify(path: &Path, sha256: &Digest) -> Result<(), FetchFailure> {
    let read = || -> io::Result<Digest> {
        let mut reader = HashReader::new(File::open(path)?);
        let mut buffer = vec![0; 256 << 10];
        while io::Read::read(&mut reader, &mut buffer)? > 0 {}
        Ok(reader.finish().0)
    };
    match read() {
        Ok(found) if found == *sha256 => Ok(()),
        Ok(_) => Err(FetchFailure::Damaged),
        Err(error) => Err(NetError::Sink { url: path.display().to_string(), error }.into()),
    }
}
