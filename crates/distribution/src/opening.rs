//! An image of a registry, opened where it is: of its layers only what is asked for comes here.

use std::sync::Arc;

use imgbuild_fetch::Context;
use imgbuild_oci::{BlobError, Blobs, Digest, Platform, Reference, StoredImage};

use crate::error::DistributionError;
use crate::pull::{ReadFrom, remote_image};

/// The blobs of an image, for whoever keeps them.
struct Shared(Arc<dyn Blobs>);

impl Blobs for Shared {
    fn open(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + Send>, BlobError> {
        self.0.open(digest)
    }
}

/// Opens an image of a registry for a platform. Its documents are read, and nothing else.
///
/// # Errors
///
/// When it is not there, cannot be had, or its documents are not what they should be.
pub async fn open_remote(
    reference: &Reference,
    platform: Platform,
    from: ReadFrom,
    context: &Context,
) -> Result<StoredImage, DistributionError> {
    let (_, image) = remote_image(reference, Some(platform), from, context).await?;
    let (name, blobs) = (reference.to_string(), Shared(Arc::clone(image.blobs())));
    let manifest = image.top_bytes().to_vec();
    // Whoever reads blobs does not wait for futures.
    let opened = tokio::task::spawn_blocking(move || {
        StoredImage::of_manifest(&name, &manifest, Box::new(blobs), platform)
    });
    opened
        .await
        .map_err(|error| DistributionError::Died(error.to_string()))?
        .map_err(|error| DistributionError::Open(Box::new(error)))
}
