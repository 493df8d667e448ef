//! What a layout and a tarball hold alike: the entry points, the documents, and the layers to copy.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalError};
use crate::image::Document;
use crate::{BlobError, Descriptor, Digest, Image, Index, Manifest, MediaType, Reference};

/// The tag, as the image specification has it in an index: skopeo finds images by it.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The whole reference, as docker, buildkit and containerd write and read it: `ctr` and podman name images by it.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";
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
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WriteError {
    /// There is nothing to write.
    #[error("there is no image to write")]
    NoImage,
    /// A layer could not be read.
    #[error("a layer cannot be read")]
    Blob(
        #[from]
        #[diagnostic_source]
        BlobError,
    ),
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
    #[error("`{}` {reason}, and is left as it is", path.display())]
    #[diagnostic(help("name another folder, or remove this one"))]
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

/// The documents of images, each after what it points to: of several the last one is the index of all, of one its manifest.
///
/// # Errors
///
/// When there is no image, or an index cannot be written.
pub fn documents(images: &[Image]) -> Result<Vec<Document>, WriteError> {
    Contents::new(images).map(|contents| contents.documents)
}

/// Images as sinks take them.
pub(crate) struct Contents {
    /// Configurations, manifests and indexes, each after what it points to.
    pub(crate) documents: Vec<Document>,
    pub(crate) layers: BTreeMap<Digest, Descriptor>,
    /// What is named: the only manifest, or the index of all.
    pub(crate) top: Descriptor,
}

impl Contents {
    /// Several images are one image for several platforms, of which an index is made.
    pub(crate) fn new(images: &[Image]) -> Result<Self, WriteError> {
        let first = images.first().ok_or(WriteError::NoImage)?;
        let of_image = |image: &Image| [image.config().clone(), image.manifest().clone()];
        let mut documents: Vec<Document> = images.iter().flat_map(of_image).collect();
        let layers = images.iter().flat_map(Image::layers).map(|layer| &layer.descriptor);
        let layers = layers.map(|layer| (layer.digest, layer.clone())).collect();
        let top = if images.len() == 1 {
            first.manifest().descriptor.clone()
        } else {
            let manifests = images.iter().map(|image| image.manifest().descriptor.clone());
            let index = platform_index(manifests.collect())?;
            let top = index.descriptor.clone();
            documents.push(index);
            top
        };
        Ok(Self { documents, layers, top })
    }
}

/// The `oci-layout` file.
pub(crate) fn layout_marker() -> Result<Vec<u8>, CanonicalError> {
    canonical::to_vec(&LayoutMarker { image_layout_version: "1.0.0".to_owned() })
}

/// The `index.json` file: what a manifest or index is called.
pub(crate) fn layout_index(top: &Descriptor, references: &[Reference]) -> Result<Vec<u8>, CanonicalError> {
    let mut index = Index::new(named(top, references));
    index.annotations.insert(WRITER.to_owned(), "1".to_owned());
    canonical::to_vec(&index)
}

/// Docker's `manifest.json`, which knows no platforms, for one image.
pub(crate) fn docker_items(manifest: &Manifest, references: &[Reference]) -> Result<Vec<u8>, CanonicalError> {
    let item = DockerItem {
        config: blob_path(&manifest.config.digest),
        // With the registry: podman puts `localhost/` before names without one. Docker shows them without.
        repo_tags: Some(references.iter().map(Reference::full).collect()),
        layers: manifest.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
    };
    canonical::to_vec(&[item])
}

/// The index of images that differ in their platforms, which their descriptors state.
///
/// # Errors
///
/// When it cannot be written.
pub fn platform_index(manifests: Vec<Descriptor>) -> Result<Document, CanonicalError> {
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
        descriptor.annotations.extend(reference.tag().map(|tag| (REF_NAME.to_owned(), tag.to_string())));
        descriptor.annotations.insert(IMAGE_NAME.to_owned(), reference.full());
        descriptor
    };
    references.iter().map(name).collect()
}
