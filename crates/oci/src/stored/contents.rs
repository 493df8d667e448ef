//! What is stored in a layout or a tarball under a name, as it is: for whoever hands it on.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use super::choose::{is_called, names, nested, told_apart};
use super::documents::{self, LooseDocument, parse};
use super::plain::DOCUMENT_KEYS;
use super::{Choice, ReadError, StoredImage, compression};
use crate::layout::{Layout, open_beneath};
use crate::tarball::Tarball;
use crate::{BlobError, Blobs, Descriptor, Digest, Manifest, MediaType, canonical};

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

/// What is stored in a layout or a tarball under a name.
pub struct StoredContents {
    /// The manifest or index that is meant.
    pub item: StoredItem,
    /// Where it and all that it points to is read, unchecked.
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
    /// them; its image is for the platform of the choice. Of others that does not matter: an index is handed on for all platforms.
    ///
    /// # Errors
    ///
    /// When it is neither, the choice fits none or several, or its documents are not what they should be.
    pub fn open(path: &Path, choice: &Choice<'_>) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Open { file: path.to_owned(), error };
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            if !path.join("index.json").exists() {
                return Err(ReadError::NoLayout { file: path.to_owned() });
            }
            let index = open_beneath(path, "index.json").map_err(failed)?;
            let index = documents::bytes(path, "index.json", index)?;
            return Self::of_index(path, &index, Arc::new(Layout::at(path)), choice);
        }
        if let Some(how) = compression(path).map_err(failed)? {
            return Err(ReadError::Compressed { file: path.to_owned(), how });
        }
        let tarball = Tarball::open(path).map_err(failed)?;
        match tarball.file("index.json").map_err(failed)? {
            Some(index) => {
                let index = documents::bytes(path, "index.json", index)?;
                Self::of_index(path, &index, Arc::new(tarball), choice)
            }
            None => StoredImage::open(path, choice).and_then(Self::of_image),
        }
    }

    fn of_index(
        file: &Path,
        index: &[u8],
        blobs: Arc<dyn Blobs>,
        choice: &Choice<'_>,
    ) -> Result<Self, ReadError> {
        let top: LooseDocument = parse(file, "index.json", index, DOCUMENT_KEYS)?;
        let mut items: BTreeMap<Digest, StoredItem> = BTreeMap::new();
        let listed = top.manifests.unwrap_or_default();
        for item in &listed {
            let all = names(item);
            let (digest, size) = (item.digest, item.size);
            let known = items.entry(digest).or_insert(StoredItem { names: Vec::new(), digest, size });
            known.names.extend(all);
        }
        let is_meant = |item: &&StoredItem| {
            choice.reference.is_none_or(|wanted| is_called(&item.names, item.digest, wanted))
        };
        let there = |all: &[&StoredItem]| {
            told_apart(&all.iter().map(|it| (it.names.as_slice(), it.digest)).collect::<Vec<_>>())
        };
        let all: Vec<&StoredItem> = items.values().collect();
        let meant: Vec<&StoredItem> = items.values().filter(is_meant).collect();
        match (meant.as_slice(), choice.reference) {
            ([item], _) => Ok(Self { item: (*item).clone(), blobs }),
            ([], Some(wanted)) if !all.is_empty() => {
                let Some((found, _)) = nested(file, &listed, &*blobs, wanted)? else {
                    let (wanted, there) = (wanted.to_owned(), there(&all));
                    return Err(ReadError::Reference { file: file.to_owned(), wanted, there });
                };
                let item = StoredItem { names: Vec::new(), digest: found.digest, size: found.size };
                Ok(Self { item, blobs })
            }
            ([], _) => Err(ReadError::Empty { file: file.to_owned() }),
            (several, _) => Err(ReadError::Ambiguous { file: file.to_owned(), there: there(several) }),
        }
    }

    /// An image of a tarball of docker, which has no manifest: its digest is that of the one that is made for it.
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
        Ok(Self { item, blobs: Arc::new(blobs) })
    }
}
