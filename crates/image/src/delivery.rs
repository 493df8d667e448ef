//! Images to where the user wants them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_layer::{Codec, KeyHasher};
use imgbuild_oci::layout::LayoutWriter;
use imgbuild_oci::tarball::TarballWriter;
use imgbuild_oci::{BlobError, Digest, Image, Reference, Sink, WriteError};
use imgbuild_spec::{Compression, Variant};
use imgbuild_store::LayerCaches;

use crate::error::{DeliverFailure, MakeError};

/// The form in which images are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A tarball: an OCI layout with docker's `manifest.json` over the same blobs.
    #[default]
    Oci,
    /// A folder: an OCI layout.
    OciDir,
    /// A tarball with docker's media types and gzip layers, for old engines.
    Docker,
    /// A folder: an OCI layout with descriptors in place of layers, for whoever finds these in a registry.
    Sparse,
}

impl Format {
    /// How the layers of a variant are compressed.
    pub(crate) fn codec(self, variant: &Variant) -> Codec {
        match (variant.layers.compression, self) {
            (Compression::None, _) => Codec::None,
            // Docker's own format knows no zstd.
            (Compression::Gzip, _) | (Compression::Zstd, Self::Docker) => Codec::Gzip,
            (Compression::Zstd, _) => Codec::Zstd,
        }
    }

    /// What writes it.
    fn sink(self, path: &Path, elsewhere: &[String]) -> Result<Box<dyn Sink>, WriteError> {
        Ok(match self {
            Self::Sparse => Box::new(LayoutWriter::sparse(path, elsewhere.to_vec())?),
            Self::OciDir => Box::new(LayoutWriter::new(path)?),
            Self::Oci | Self::Docker => Box::new(TarballWriter::new(path)?),
        })
    }
}

/// One output: the image of a tag, for one platform or several.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The file or folder.
    pub path: PathBuf,
    /// The names of the image.
    pub references: Vec<Reference>,
    /// The images, as they were delivered.
    pub images: Vec<Image>,
    /// Whether it was written; what was there and right was not.
    pub is_written: bool,
}

/// The variants that make one output: those with the same tags.
pub fn groups(variants: &[Variant]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let same = |group: &&mut Vec<usize>| {
            let first = &variants[group[0]];
            (&first.name, &first.tags) == (&variant.name, &variant.tags)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// The name of an output: `NAME-TAG.tar`, or `NAME-TAG` for a folder.
pub(crate) fn output_path(folder: &Path, variant: &Variant, format: Format) -> PathBuf {
    let tag = variant.tags.first().map(ToString::to_string).unwrap_or_default();
    let name = format!("{}-{tag}", variant.name.as_str().replace('/', "-"));
    match format {
        Format::Oci | Format::Docker => folder.join(format!("{name}.tar")),
        Format::OciDir | Format::Sparse => folder.join(name),
    }
}

/// Where an output is written.
#[derive(Debug, Clone)]
pub enum Output {
    /// Into this folder, under its name.
    Folder(PathBuf),
    /// As a tarball to whoever reads this.
    Stream(Arc<File>),
}

/// Writes one output: images in the form in which they are delivered. `elsewhere` are images of registries that have their
/// layers: a sparse layout says them. What is there and is right already is left as it is.
///
/// # Errors
///
/// When it cannot be written; then nothing is there under its name that was not there before.
pub fn deliver(
    output: &Output,
    variant: &Variant,
    images: Vec<Image>,
    format: Format,
    elsewhere: &[String],
    layers: &LayerCaches,
) -> Result<Delivered, MakeError> {
    let references: Vec<Reference> =
        variant.tags.iter().map(|tag| Reference::new(&variant.name, tag)).collect();
    let write = |sink: Result<Box<dyn Sink>, WriteError>| {
        let written = sink.and_then(|sink| imgbuild_oci::deliver(&images, &references, layers, sink));
        written.map_err(|error| match error {
            WriteError::Blob(
                error @ (BlobError::Digest { .. } | BlobError::Size { .. } | BlobError::Longer { .. }),
            ) => DeliverFailure::DamagedLayer(error).into(),
            error => MakeError::from(error),
        })
    };
    let path = match output {
        Output::Folder(folder) => output_path(folder, variant, format),
        Output::Stream(_) => PathBuf::from("-"),
    };
    let mut is_written = true;
    if let Output::Stream(stream) = output {
        let stream = stream.try_clone().map_err(MakeError::file(&path, "written"))?;
        write(Ok(Box::new(TarballWriter::stream(stream))))?;
    } else {
        let (store, content) = (layers.store(), content(&images, &references, format, elsewhere)?);
        is_written = !store.is_written(&path, &content)?;
        if is_written {
            write(format.sink(&path, elsewhere))?;
            store.put_output(&path, &content)?;
        }
    }
    Ok(Delivered { path, references, images, is_written })
}

/// What an output depends on.
fn content(
    images: &[Image],
    references: &[Reference],
    format: Format,
    elsewhere: &[String],
) -> Result<Digest, WriteError> {
    let documents = imgbuild_oci::documents(images)?;
    let form = match format {
        Format::Oci => "oci",
        Format::OciDir => "oci-dir",
        Format::Docker => "docker",
        Format::Sparse => "sparse",
    };
    // The method changes whenever the same image is written as other files.
    Ok(KeyHasher::new("output of an image")
        .field("method", "1")
        .field("form", form)
        .list("documents", documents.iter().map(|document| document.descriptor.digest.to_string()))
        .list("names", references.iter().map(ToString::to_string))
        .list("elsewhere", elsewhere)
        .finish())
}
