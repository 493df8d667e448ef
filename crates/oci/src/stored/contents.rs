//! All that is stored in a layout or a tarball, as it is: for whoever hands it on.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use super::choose::names;
use super::documents::{self, LooseDocument, parse};
use super::plain::DOCUMENT_KEYS;
use super::{Choice, ReadError, StoredImage, compression};
use crate::layout::{Layout, open_beneath};
use crate::tarball::Tarball;
use crate::{BlobError, Blobs, Descriptor, Digest, Manifest, MediaType, Platform, canonical};

/// A manifest or index that a layout names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// What it is called: whole references and tags.
    pub names: Vec<String>,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// All that is stored in a layout or a tarball.
pub struct StoredContents {
    /// The manifests and indexes that it names, each once.
    pub items: Vec<StoredItem>,
    /// Where they and all that they point to are read, unchecked.
    pub blobs: Arc<dyn Blobs>,
}

/// A tarball without manifests, with one that was made for it.
struct WithManifest {
    digest: Digest,
    bytes: Vec<u8>,
    config: (Digest, Vec<u8>),
    rest: Box<dyn Blobs>,
}

impl Blobs for WithManifest {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match () {
            () if *digest == self.digest => Ok(Box::new(Cursor::new(self.bytes.clone()))),
            () if *digest == self.config.0 => Ok(Box::new(Cursor::new(self.config.1.clone()))),
            () => self.rest.open(digest),
        }
    }
}

impl StoredContents {
    /// Opens the folder of a layout, or a tarball. A tarball of `docker save` that has no manifest gets one, as imgbuild makes
    /// them; its image is for `platform`.
    ///
    /// # Errors
    ///
    /// When it is neither, or its documents are not what they should be.
    pub fn open(path: &Path, platform: Platform) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Open { file: path.to_owned(), error };
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            if !path.join("index.json").exists() {
                return Err(ReadError::Neither { file: path.to_owned() });
            }
            let index = open_beneath(path, "index.json").map_err(failed)?;
            let index = documents::bytes(path, "index.json", index)?;
            return Self::of_index(path, &index, Arc::new(Layout::at(path)));
        }
        if let Some(how) = compression(path).map_err(failed)? {
            return Err(ReadError::Compressed { file: path.to_owned(), how });
        }
        let tarball = Tarball::open(path).map_err(failed)?;
        match tarball.file("index.json").map_err(failed)? {
            Some(index) => {
                let index = documents::bytes(path, "index.json", index)?;
                Self::of_index(path, &index, Arc::new(tarball))
            }
            None => Self::of_image(StoredImage::open(path, &Choice { platform, reference: None })?),
        }
    }

    fn of_index(file: &Path, index: &[u8], blobs: Arc<dyn Blobs>) -> Result<Self, ReadError> {
        let top: LooseDocument = parse(file, "index.json", index, DOCUMENT_KEYS)?;
        let mut items: BTreeMap<Digest, StoredItem> = BTreeMap::new();
        for item in top.manifests.unwrap_or_default() {
            let all = names(&item);
            let (digest, size) = (item.digest, item.size);
            let known = items.entry(digest).or_insert(StoredItem { names: Vec::new(), digest, size });
            known.names.extend(all);
        }
        if items.is_empty() {
            return Err(ReadError::Empty { file: file.to_owned() });
        }
        Ok(Self { items: items.into_values().collect(), blobs })
    }

    fn of_image(image: StoredImage) -> Result<Self, ReadError> {
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MediaType::Manifest),
            config: image.config_descriptor.clone(),
            layers: image.layers.iter().map(|layer| layer.descriptor.clone()).collect::<Vec<Descriptor>>(),
            annotations: BTreeMap::new(),
        };
        let bytes = canonical::to_vec(&manifest).map_err(|error| ReadError::Open {
            file: image.file.clone(),
            error: std::io::Error::other(error),
        })?;
        let item = StoredItem {
            names: image.name.into_iter().collect(),
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
        };
        let config = (image.config_descriptor.digest, image.config_bytes);
        let blobs = WithManifest { digest: item.digest, bytes, config, rest: image.blobs };
        Ok(Self { items: vec![item], blobs: Arc::new(blobs) })
    }
}
