//! The documents of images that somebody else wrote, as loose as they may be.

use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ReadError;
use crate::blobs;
use crate::config::null_is_default;
use crate::contents::blob_path;
use crate::{BlobError, Blobs, Digest, HashReader};

/// Documents beyond this size are refused, as registries do.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// A descriptor whose media type may be any.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LooseDescriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) platform: Option<LoosePlatform>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) annotations: std::collections::BTreeMap<String, String>,
}

/// A platform, as far as images are told apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct LoosePlatform {
    pub(super) architecture: String,
    pub(super) os: String,
}

/// An index or a manifest: old writers leave out which it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LooseDocument {
    #[serde(default)]
    pub(super) schema_version: u32,
    #[serde(default)]
    pub(super) manifests: Option<Vec<LooseDescriptor>>,
    #[serde(default)]
    pub(super) config: Option<LooseDescriptor>,
    #[serde(default)]
    pub(super) layers: Option<Vec<LooseDescriptor>>,
}

/// Reads a file whole, if it is no larger than documents are.
pub(super) fn bytes(file: &Path, name: &str, reader: impl Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = reader.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| ReadError::Open { file: file.to_owned(), error })?;
    if bytes.len() as u64 > DOCUMENT_LIMIT {
        return Err(ReadError::TooLarge { file: file.to_owned(), name: name.to_owned() });
    }
    Ok(bytes)
}

pub(super) fn parse<T: DeserializeOwned>(file: &Path, name: &str, bytes: &[u8]) -> Result<T, ReadError> {
    let (file, name) = (file.to_owned(), name.to_owned());
    serde_json::from_slice(bytes).map_err(|error| ReadError::Document { file, name, error })
}

/// Reads a document by its descriptor, and checks size and digest.
pub(super) fn blob(
    file: &Path,
    what: &'static str,
    from: &dyn Blobs,
    descriptor: &LooseDescriptor,
) -> Result<Vec<u8>, ReadError> {
    let LooseDescriptor { digest, size, .. } = *descriptor;
    let failed = |error| ReadError::Blob { file: file.to_owned(), what, error: Box::new(error) };
    if size > DOCUMENT_LIMIT {
        return Err(ReadError::TooLarge { file: file.to_owned(), name: blob_path(&digest) });
    }
    let mut bytes = Vec::new();
    let mut reader = HashReader::new(from.open(&digest).map_err(failed)?.take(size + 1));
    let read: io::Result<_> = reader.read_to_end(&mut bytes);
    read.map_err(|error| failed(BlobError::Read { digest, error }))?;
    let (found, read) = reader.finish();
    blobs::check(digest, size, found, read).map_err(failed)?;
    Ok(bytes)
}
