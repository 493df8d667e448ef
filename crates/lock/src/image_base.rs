//! An existing image as a base, in the lock.

use imgbuild_oci::{Descriptor, DiffId, Digest, MediaType};
use serde::{Deserialize, Serialize};

/// The image that one variant stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImageBase {
    /// The name that its layout has for it, or what the spec calls an image of a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The digest of the list of images that the name meant in the registry when it was locked, where that was a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Digest>,
    /// The digest of its manifest. When the layout's is another one, the image was changed since.
    pub manifest: Digest,
    /// Whether others know it by that digest: a tarball of `docker save` has no manifest, and so one is made.
    pub has_manifest: bool,
    /// The digest of its configuration.
    pub config: Digest,
    /// The size of its configuration in bytes.
    pub config_size: u64,
    /// When it was made, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// Its operating system, such as `debian 12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The version of its glibc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// What an image of a registry holds, as far as builds ask for it, so that they need none of its layers for that: packed,
    /// and read by imgbuild alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Its layers, the first first.
    #[serde(rename = "layer", default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<ImageBaseLayer>,
}

/// A layer of the image that a variant stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImageBaseLayer {
    /// How it is compressed.
    pub media_type: MediaType,
    /// The digest of its blob.
    pub digest: Digest,
    /// The size of its blob in bytes.
    pub size: u64,
    /// The digest of its uncompressed tar.
    pub diff_id: DiffId,
    /// The size of its uncompressed tar in bytes.
    pub uncompressed_size: u64,
}

impl ImageBase {
    /// The digest that the name meant when it was locked: that of a list of images, or of the image alone.
    pub fn resolved(&self) -> Digest {
        self.index.unwrap_or(self.manifest)
    }
}

impl ImageBaseLayer {
    /// What a manifest says of it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type, self.digest, self.size)
    }
}
