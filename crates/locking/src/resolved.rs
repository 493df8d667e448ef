//! What references of images mean.

use imgbuild_registry::{RemoteManifest, RemoteRepository};

/// What a reference means.
#[derive(Clone)]
pub(crate) struct Resolved {
    pub(crate) remote: RemoteRepository,
    /// The manifest of an image, or of a list of images.
    pub(crate) manifest: RemoteManifest,
}
