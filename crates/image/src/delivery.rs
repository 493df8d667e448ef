//! Images to where the user wants them.

use std::path::{Path, PathBuf};

use imgbuild_layer::Codec;
use imgbuild_oci::layout::LayoutWriter;
use imgbuild_oci::tarball::TarballWriter;
use imgbuild_oci::{BlobError, Blobs, Image, Reference, Sink, WriteError};
use imgbuild_spec::{Compression, Variant};

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

/// Writes one output: images in the form in which they are delivered. `elsewhere` are images of registries that have their
/// layers: a sparse layout says them.
///
/// # Errors
///
/// When it cannot be written; then nothing is there under its name that was not there before.
pub fn deliver(
    folder: &Path,
    variant: &Variant,
    images: Vec<Image>,
    format: Format,
    elsewhere: &[String],
    blobs: &dyn Blobs,
) -> Result<Delivered, MakeError> {
    let path = output_path(folder, variant, format);
    let references: Vec<Reference> =
        variant.tags.iter().map(|tag| Reference::new(&variant.name, tag)).collect();
    let written = format
        .sink(&path, elsewhere)
        .and_then(|sink| imgbuild_oci::deliver(&images, &references, blobs, sink));
    written.map_err(|error| match error {
        WriteError::Blob(
            error @ (BlobError::Digest { .. } | BlobError::Size { .. } | BlobError::Longer { .. }),
        ) => DeliverFailure::DamagedLayer(error),
        error => error.into(),
    })?;
    Ok(Delivered { path, references, images })
}
