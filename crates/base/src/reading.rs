//! Where existing images are read from.

use std::io::{self, Read};

use imgbuild_lock::{ImageBase, ImageBaseLayer};
use imgbuild_oci::{BlobError, Blobs, Choice, Digest, Platform, ReadError, StoredImage, StoredLayer};
use imgbuild_spec::Layout;
use imgbuild_store::LayerCaches;

use crate::failure::{BaseFailure, Named};

/// The image of a registry, of which a lock holds no more than its digests.
pub(crate) fn remote(
    locked: &ImageBase,
    named: &Named,
    layers: &LayerCaches,
) -> Result<StoredImage, BaseFailure> {
    let config = kept_config(locked, layers).map_err(|error| unreadable(named, error))?;
    let layer =
        |layer: &ImageBaseLayer| StoredLayer { descriptor: layer.descriptor(), diff_id: layer.diff_id };
    let all = locked.layers.iter().map(layer).collect();
    let blobs = Box::new(layers.clone());
    StoredImage::of_layers(&named.text, locked.manifest, config, all, blobs)
        .map_err(|error| BaseFailure::of(named, error))
}

/// The image of a file or folder.
pub(crate) fn stored(layout: &Layout, platform: Platform) -> Result<StoredImage, ReadError> {
    StoredImage::open(&layout.path, &Choice { platform, reference: layout.reference.as_deref() })
}

/// The configuration, out of what has blobs.
pub(crate) fn kept_config(locked: &ImageBase, blobs: &dyn Blobs) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let blob = blobs
        .open(&locked.config)
        .map_err(|error| imgbuild_diagnostic::io_error(io::ErrorKind::Other, error))?;
    blob.take(locked.config_size).read_to_end(&mut bytes)?;
    let found = Digest::of(&bytes);
    if found != locked.config {
        return Err(io::Error::other(BlobError::Digest { wanted: locked.config, found }));
    }
    Ok(bytes)
}

/// An image that cannot be read at all.
pub(crate) fn unreadable(named: &Named, error: io::Error) -> BaseFailure {
    BaseFailure::of(named, ReadError::Open { file: named.text.clone().into(), error })
}

/// A layout that is gone, and is not in the store as a whole.
pub(crate) fn gone(layout: &Layout, error: io::Error) -> BaseFailure {
    let error = ReadError::Open { file: layout.path.clone(), error };
    BaseFailure::of(&Named::from(layout), error)
}
