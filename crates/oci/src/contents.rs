//! What a layout and a tarball hold alike: the entry points, the documents, and the layers to copy.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalError};
use crate::image::Document;
use crate::{BlobError, Blobs, Descriptor, Digest, HashReader, Image, Index, MediaType, Reference};

/// The tag, as the image specification has it in an index: skopeo finds images by it.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The whole reference, as docker, buildkit and containerd write and read it: `ctr` and podman name images by it.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";
/// How much of a layer is copied at once, in bytes.
const PIECE: usize = 256 << 10;
/// Says that imgbuild wrote the layout, and so may replace it.
pub(crate) const WRITER: &str = "io.github.imgbuild.layout";

/// The `oci-layout` file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LayoutMarker {
    pub(crate) image_layout_version: String,
}

/// An item of docker's `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DockerItem {
    pub(crate) config: String,
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) layers: Vec<String>,
}

/// An output that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is nothing to write.
    #[error("there is no image to write")]
    NoImage,
    /// A layer could not be read.
    #[error("a layer cannot be read")]
    Blob(#[from] BlobError),
    /// A file could not be written.
    #[error("`{}` cannot be written", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A document could not be written.
    #[error("the image's documents cannot be written")]
    Document(#[from] CanonicalError),
    /// The target is there and holds something that is not imgbuild's.
    #[error(
        "`{}` {reason}, and is left as it is\n\nhint: name another folder, or remove this one",
        path.display()
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
    },
}

impl WriteError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

/// The path of a blob inside a layout or tarball.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

pub(crate) struct Contents {
    pub(crate) layout: Vec<u8>,
    pub(crate) index: Vec<u8>,
    pub(crate) docker: Vec<u8>,
    /// Configurations, manifests and indexes.
    pub(crate) documents: BTreeMap<Digest, Vec<u8>>,
    pub(crate) layers: BTreeMap<Digest, Descriptor>,
}

impl Contents {
    /// Several images are one image for several platforms: `index.json` then points to an index of them, and docker's
    /// `manifest.json`, which knows no platforms, lists the first.
    pub(crate) fn new(images: &[Image], references: &[Reference]) -> Result<Self, WriteError> {
        let first = images.first().ok_or(WriteError::NoImage)?;
        let mut documents = BTreeMap::new();
        let mut layers = BTreeMap::new();
        for image in images {
            for document in [image.manifest(), image.config()] {
                documents.insert(document.descriptor.digest, document.bytes.clone());
            }
            for layer in image.layers() {
                layers.insert(layer.descriptor.digest, layer.descriptor.clone());
            }
        }
        let top = if images.len() == 1 {
            first.manifest().descriptor.clone()
        } else {
            let index = platform_index(images)?;
            documents.insert(index.descriptor.digest, index.bytes);
            index.descriptor
        };
        let mut index = Index::new(named(&top, references));
        index.annotations.insert(WRITER.to_owned(), "1".to_owned());
        let docker = DockerItem {
            config: blob_path(&first.config().descriptor.digest),
            // With the registry: podman puts `localhost/` before names without one. Docker shows them without.
            repo_tags: Some(references.iter().map(Reference::full).collect()),
            layers: first.layers().iter().map(|layer| blob_path(&layer.descriptor.digest)).collect(),
        };
        Ok(Self {
            layout: canonical::to_vec(&LayoutMarker { image_layout_version: "1.0.0".to_owned() })?,
            index: canonical::to_vec(&index)?,
            docker: canonical::to_vec(&[docker])?,
            documents,
            layers,
        })
    }
}

/// The index of images that differ in their platforms.
fn platform_index(images: &[Image]) -> Result<Document, CanonicalError> {
    let manifests: Vec<_> = images.iter().map(|image| image.manifest().descriptor.clone()).collect();
    let docker = manifests.iter().all(|manifest| manifest.media_type == MediaType::DockerManifest);
    let media_type = if docker { MediaType::DockerIndex } else { MediaType::Index };
    Document::new(media_type, &Index { media_type: Some(media_type), ..Index::new(manifests) })
}

/// One descriptor for each reference; one without a name where there is none.
fn named(top: &Descriptor, references: &[Reference]) -> Vec<Descriptor> {
    if references.is_empty() {
        return vec![top.clone()];
    }
    let name = |reference: &Reference| {
        let mut descriptor = top.clone();
        descriptor.annotations.insert(REF_NAME.to_owned(), reference.tag.to_string());
        descriptor.annotations.insert(IMAGE_NAME.to_owned(), reference.full());
        descriptor
    };
    references.iter().map(name).collect()
}

/// Copies a layer to where `out` stands, and checks it on the way: what was whole when it was written may have been damaged
/// since, by the disk or by a power cut.
pub(crate) fn copy_layer(
    blobs: &dyn Blobs,
    layer: &Descriptor,
    out: &mut File,
    target: &Path,
) -> Result<(), WriteError> {
    let Descriptor { digest, size, .. } = *layer;
    let mut reader = HashReader::new(Checked { digest, inner: blobs.open(&digest)? }.take(size + 1));
    copy(&mut reader, out).map_err(|error| match error.downcast::<BlobError>() {
        Ok(error) => WriteError::Blob(error),
        Err(error) => WriteError::File { path: target.to_owned(), error },
    })?;
    let (found, read) = reader.finish();
    if read != size {
        return Err(BlobError::Size { digest, wanted: size, found: read }.into());
    }
    if found != digest {
        return Err(BlobError::Digest { wanted: digest, found }.into());
    }
    Ok(())
}

/// As [`io::copy`], in pieces that are large enough for the time to go into hashing and copying.
fn copy(reader: &mut dyn Read, out: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => out.write_all(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Marks what fails while reading, so that it is not taken for a failure to write.
struct Checked {
    digest: Digest,
    inner: Box<dyn Read + Send>,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, BlobError::Read { digest: self.digest, error }),
        })
    }
}
