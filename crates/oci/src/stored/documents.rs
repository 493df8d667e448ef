//! The documents of images that somebody else wrote, as loose as they may be.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{ReadError, plain};
use crate::blobs;
use crate::config::null_is_default;
use crate::contents::blob_path;
use crate::limits::DOCUMENT_LIMIT;
use crate::{BlobError, Blobs, Digest, HashReader, MediaType};

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
    pub(super) media_type: Option<String>,
    #[serde(default, deserialize_with = "stated")]
    pub(super) manifests: Option<Vec<LooseDescriptor>>,
    #[serde(default, deserialize_with = "stated")]
    pub(super) config: Option<Option<LooseDescriptor>>,
    #[serde(default, deserialize_with = "stated")]
    pub(super) layers: Option<Vec<LooseDescriptor>>,
    #[serde(default, deserialize_with = "stated")]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "stated")]
    fs_layers: Option<IgnoredAny>,
}

/// What is stated is there, and be it as `null`.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    null_is_default(deserializer).map(Some)
}

/// Which of the two a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentKind {
    Index,
    Manifest,
}

impl DocumentKind {
    /// What a media type says; nothing where it is another's, or says nothing.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        match media_type.parse().ok()? {
            MediaType::Index | MediaType::DockerIndex => Some(Self::Index),
            MediaType::Manifest | MediaType::DockerManifest => Some(Self::Manifest),
            _ => None,
        }
    }
}

impl LooseDocument {
    /// Checks that it is one of the two, and the one that it is said to be: some engines go by what a descriptor says, some by
    /// what a document says of itself, and some by what it holds (CVE-2021-41190). `said` is the media type of its descriptor.
    pub(super) fn check(&self, file: &Path, name: &str, said: &str) -> Result<(), ReadError> {
        let refused = |rule| Err(ReadError::Mixed { file: file.to_owned(), name: name.to_owned(), rule });
        if self.schema_version == 1 || self.fs_layers.is_some() {
            return Err(ReadError::Schema1 { file: file.to_owned() });
        }
        let is_manifest = self.config.is_some() || self.layers.is_some();
        if self.manifests.is_some() && is_manifest {
            return refused("is a manifest and an index at once");
        }
        let own = self.media_type.as_deref().unwrap_or_default();
        if !own.is_empty() && !said.is_empty() && own != said {
            return refused("has another media type than what points to it says");
        }
        let held = match (self.manifests.is_some(), is_manifest) {
            (true, _) => Some(DocumentKind::Index),
            (_, true) => Some(DocumentKind::Manifest),
            _ => None,
        };
        match (DocumentKind::of(if own.is_empty() { said } else { own }), held) {
            (Some(DocumentKind::Index), Some(DocumentKind::Manifest)) => {
                refused("is said to be an index, and is a manifest")
            }
            (Some(DocumentKind::Manifest), Some(DocumentKind::Index)) => {
                refused("is said to be a manifest, and is an index")
            }
            _ => Ok(()),
        }
    }
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

/// Parses a document, in which only these keys mean something.
pub(super) fn parse<T: DeserializeOwned>(
    file: &Path,
    name: &str,
    bytes: &[u8],
    keys: &'static [&'static str],
) -> Result<T, ReadError> {
    let (file, name) = (file.to_owned(), name.to_owned());
    let parsed = plain::check(bytes, keys).and_then(|()| serde_json::from_slice(bytes));
    parsed.map_err(|error| ReadError::Document { file, name, error })
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
