//! Reading everything again.

use std::fs;
use std::io::{self, Read};

use imgbuild_oci::{Digest, HashReader};

use crate::file::{open, remove_if_present};
use crate::prune::Pruned;
use crate::record::{self, BytecodeRecord, LayerRecord};
use crate::{Entry, ImageRecord, Kind, Store, StoreError};

/// What a check of the store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many archives, blobs and records were read.
    pub checked: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// What was damaged, and was removed.
    pub damaged: Vec<Damaged>,
}

/// Something that was damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// What it was.
    pub entry: Entry,
    /// What is wrong with it.
    pub reason: String,
}

impl Store {
    /// Hashes every archive and blob, and reads every record. What is damaged is removed, so that the next build makes or
    /// fetches it anew.
    ///
    /// # Errors
    ///
    /// When a folder of the store cannot be read, or something damaged cannot be removed.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        // Blobs come before the records that point to them.
        for entry in self.ls()? {
            let reason = match entry.kind {
                Kind::Archive | Kind::Blob => content_fault(&entry),
                Kind::Layer | Kind::Bytecode | Kind::Image => match self.lacks_blob(&entry) {
                    Ok(true) => Some(
                        "it is not as it was written, or its blob is gone or has another size".to_owned(),
                    ),
                    Ok(false) => None,
                    Err(error) => Some(error.to_string()),
                },
                // Nothing says what they should be.
                Kind::Repodata | Kind::Tool | Kind::Unpacked | Kind::Output => continue,
            };
            verified.checked += 1;
            verified.bytes += entry.size;
            if let Some(reason) = reason {
                let _gate = self.alone()?;
                if entry.path.exists() {
                    self.remove(entry.clone(), &mut Pruned::default(), &remove_if_present)?;
                }
                verified.damaged.push(Damaged { entry, reason });
            }
        }
        Ok(verified)
    }

    /// Whether a record is damaged, or its blob is not there with the size that it states.
    pub(crate) fn lacks_blob(&self, entry: &Entry) -> Result<bool, StoreError> {
        let failed = |error| self.error(&entry.path, "read", error);
        let mut text = Vec::new();
        match open(&entry.path).and_then(|mut file| file.read_to_end(&mut text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result.map_err(failed)?,
        };
        let parsed = match entry.kind {
            Kind::Layer => record::read(entry.kind, &entry.name, &text)
                .map(|record: LayerRecord| (record.descriptor.digest, record.descriptor.size)),
            Kind::Image => record::read(entry.kind, &entry.name, &text)
                .map(|record: ImageRecord| (record.manifest.digest, record.manifest.size)),
            _ => record::read(entry.kind, &entry.name, &text)
                .map(|record: BytecodeRecord| (record.digest, record.size)),
        };
        let Some((digest, size)) = parsed else { return Ok(true) };
        match fs::metadata(self.folder(Kind::Blob).join(digest.hex())) {
            Ok(found) => Ok(found.len() != size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(failed(error)),
        }
    }
}

/// What is wrong with an archive or blob; nothing where it was removed meanwhile.
fn content_fault(entry: &Entry) -> Option<String> {
    let Ok(wanted) = Digest::from_hex(&entry.name) else {
        return Some("its name is not a sha256".to_owned());
    };
    let hash = open(&entry.path).and_then(|file| {
        let mut reader = HashReader::new(file);
        io::copy(&mut reader, &mut io::sink())?;
        Ok(reader.finish().0)
    });
    match hash {
        Ok(found) if found == wanted => None,
        Ok(found) => Some(format!("its sha256 is `{}`", found.hex())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(format!("it cannot be read: {error}")),
    }
}
