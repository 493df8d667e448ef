//! Reading images that somebody else wrote: an OCI layout (a folder or a tarball), or a tarball of `docker save`.

mod choose;
mod contents;
mod docker;
mod documents;
mod error;
mod plain;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use contents::{StoredContents, StoredItem};
pub use error::{LayerFault, ReadError};

use imgbuild_folder::open_regular;

use crate::blobs;
use crate::layout::{Layout, open_beneath};
use crate::tarball::Tarball;
use crate::{
    BlobError, Blobs, Descriptor, DiffId, Digest, HashReader, ImageConfig, MediaType, Platform, uncompressed,
    unpacked_limit,
};

/// Which image is meant, where there are several.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The platform that it is built for.
    pub platform: Platform,
    /// Its name, its tag or its digest, as the layout has it.
    pub reference: Option<&'a str>,
}

/// A layer of a stored image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLayer {
    /// The blob. Docker's media types stand as the OCI ones, which mean the same.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar, as the configuration states it.
    pub diff_id: DiffId,
}

/// An image as it is stored, for one platform: its documents are read and checked, its layers when they are read.
pub struct StoredImage {
    file: PathBuf,
    blobs: Box<dyn Blobs>,
    /// The digest of its manifest. That of a tarball of `docker save`, which has none, is made as imgbuild makes
    /// manifests.
    pub digest: Digest,
    /// Whether the manifest stands in the layout, so that its digest means something to others.
    pub has_manifest: bool,
    /// The name that the layout has for it.
    pub name: Option<String>,
    /// What the manifest says beside; nothing where there is none.
    pub annotations: BTreeMap<String, String>,
    /// The configuration.
    pub config: ImageConfig,
    /// The configuration as it is stored.
    pub config_descriptor: Descriptor,
    /// Its bytes.
    pub config_bytes: Vec<u8>,
    /// The layers, the first first.
    pub layers: Vec<StoredLayer>,
}

impl StoredImage {
    /// Opens an image: the folder of a layout, or a tarball.
    ///
    /// # Errors
    ///
    /// When there is none, the choice fits none or several, or its documents are not what they should be.
    pub fn open(path: &Path, choice: &Choice<'_>) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Open { file: path.to_owned(), error };
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            if !path.join("index.json").exists() {
                return Err(ReadError::NoLayout { file: path.to_owned() });
            }
            let index = open_beneath(path, "index.json").map_err(failed)?;
            let index = documents::bytes(path, "index.json", index)?;
            let layout = Layout::at(path);
            return choose::image(path, &index, Box::new(layout), choice);
        }
        if let Some(how) = compression(path).map_err(failed)? {
            return Err(ReadError::Compressed { file: path.to_owned(), how });
        }
        let tarball = Tarball::open(path).map_err(failed)?;
        if let Some(index) = tarball.file("index.json").map_err(failed)? {
            let index = documents::bytes(path, "index.json", index)?;
            return choose::image(path, &index, Box::new(tarball), choice);
        }
        match tarball.file("manifest.json").map_err(failed)? {
            Some(manifest) => {
                let manifest = documents::bytes(path, "manifest.json", manifest)?;
                docker::image(path, &manifest, tarball, choice)
            }
            None => Err(ReadError::Neither { file: path.to_owned() }),
        }
    }

    /// An image whose manifest is there: one of a registry, which messages call `name`. Its other blobs are read from `blobs`.
    ///
    /// # Errors
    ///
    /// When it is not for the platform, or its documents are not what they should be.
    pub fn of_manifest(
        name: &str,
        manifest: &[u8],
        blobs: Box<dyn Blobs>,
        platform: Platform,
    ) -> Result<Self, ReadError> {
        choose::of_manifest(Path::new(name), manifest, blobs, platform)
    }

    /// An image of which all is known but what its layers hold, which messages call `name`. `digest` is that of its manifest,
    /// and `config` was checked.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be read.
    pub fn of_layers(
        name: &str,
        digest: Digest,
        config_bytes: Vec<u8>,
        layers: Vec<StoredLayer>,
        blobs: Box<dyn Blobs>,
    ) -> Result<Self, ReadError> {
        let file = PathBuf::from(name);
        let config = documents::parse(&file, "configuration", &config_bytes, plain::CONFIG_KEYS)?;
        let size = config_bytes.len() as u64;
        Ok(Self {
            config_descriptor: Descriptor::new(MediaType::Config, Digest::of(&config_bytes), size),
            file,
            blobs,
            digest,
            has_manifest: true,
            name: Some(name.to_owned()),
            annotations: BTreeMap::new(),
            config,
            config_bytes,
            layers,
        })
    }

    /// The file or folder that it is read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What its layers and documents are read from, unchecked.
    pub fn blobs(&self) -> &dyn Blobs {
        self.blobs.as_ref()
    }

    /// Reads a layer, the first being 0, uncompressed. Gives what `read` gave, and the size of the uncompressed tar. When
    /// the layer is not what it should be, that is told, and not what `read` made of it.
    ///
    /// # Errors
    ///
    /// When the blob is not there, has another size, digest or diffID than it should, cannot be decompressed, or unpacks
    /// to far more than layers of its size do.
    pub fn read_layer<T>(
        &self,
        number: usize,
        read: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<(T, u64), ReadError> {
        let Some(layer) = self.layers.get(number) else {
            return Err(ReadError::NoLayer { file: self.file.clone(), number: number + 1 });
        };
        self.checked(layer, read).map_err(|fault| ReadError::Layer {
            file: self.file.clone(),
            number: number + 1,
            digest: layer.descriptor.digest,
            fault: Box::new(fault),
        })
    }

    fn checked<T>(
        &self,
        layer: &StoredLayer,
        read: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<(T, u64), LayerFault> {
        let Descriptor { digest, size, media_type, .. } = layer.descriptor;
        let mut packed = HashReader::new(self.blobs.open(&digest)?.take(size.saturating_add(1)));
        let limit = unpacked_limit(size);
        let unpacked = uncompressed(media_type, &mut packed).map_err(LayerFault::Decompress)?;
        let mut tar = HashReader::new(unpacked.take(limit));
        let outcome = read(&mut tar);
        let drained = io::copy(&mut tar, &mut io::sink());
        let (diff_id, bytes) = tar.finish();
        // What the decompressor left unread counts as well, and a wrong digest says more than why it failed.
        io::copy(&mut packed, &mut io::sink()).map_err(|error| BlobError::Read { digest, error })?;
        let (found, read) = packed.finish();
        blobs::check(digest, size, found, read)?;
        drained.map_err(LayerFault::Decompress)?;
        if bytes == limit {
            return Err(LayerFault::Bomb(limit));
        }
        let (wanted, found) = (layer.diff_id, DiffId(diff_id));
        if found != wanted {
            return Err(LayerFault::DiffId { wanted, found });
        }
        Ok((outcome, bytes))
    }
}

/// How a file is compressed as a whole, by its first bytes.
fn compression(path: &Path) -> io::Result<Option<&'static str>> {
    let mut head = Vec::new();
    open_regular(path)?.take(6).read_to_end(&mut head)?;
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}

/// The media type of a layer that is stored without one, by its first bytes: as docker finds it out.
fn sniffed(head: &[u8]) -> MediaType {
    match head {
        [0x1f, 0x8b, ..] => MediaType::LayerGzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => MediaType::LayerZstd,
        _ => MediaType::Layer,
    }
}
