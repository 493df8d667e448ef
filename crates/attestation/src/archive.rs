//! What an attestation is about.

use imgbuild_oci::Digest;

/// An archive that somebody published.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// The name of its file.
    pub name: &'a str,
    /// The hash of its bytes.
    pub sha256: Digest,
}
