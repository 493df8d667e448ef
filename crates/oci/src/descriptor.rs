//! Descriptors and media types.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, Platform};

/// The media types that imgbuild writes and reads: those of the OCI image specification and of docker's image manifest
/// version 2, schema 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// An image index.
    Index,
    /// An image manifest.
    Manifest,
    /// An image configuration.
    Config,
    /// A layer: an uncompressed tar.
    Layer,
    /// A layer: a tar compressed with gzip.
    LayerGzip,
    /// A layer: a tar compressed with zstd.
    LayerZstd,
    /// Docker's manifest list.
    DockerIndex,
    /// Docker's manifest.
    DockerManifest,
    /// Docker's image configuration.
    DockerConfig,
    /// Docker's layer: a tar compressed with gzip.
    DockerLayerGzip,
    /// Docker's layer: an uncompressed tar.
    DockerLayer,
}

/// A media type that imgbuild does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a media type of an image")]
pub struct MediaTypeError(pub String);

impl MediaType {
    const ALL: [Self; 11] = [
        Self::Index,
        Self::Manifest,
        Self::Config,
        Self::Layer,
        Self::LayerGzip,
        Self::LayerZstd,
        Self::DockerIndex,
        Self::DockerManifest,
        Self::DockerConfig,
        Self::DockerLayerGzip,
        Self::DockerLayer,
    ];

    /// The media type as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "application/vnd.oci.image.index.v1+json",
            Self::Manifest => "application/vnd.oci.image.manifest.v1+json",
            Self::Config => "application/vnd.oci.image.config.v1+json",
            Self::Layer => "application/vnd.oci.image.layer.v1.tar",
            Self::LayerGzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::LayerZstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::DockerIndex => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerConfig => "application/vnd.docker.container.image.v1+json",
            Self::DockerLayerGzip => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            Self::DockerLayer => "application/vnd.docker.image.rootfs.diff.tar",
        }
    }
}

impl MediaType {
    /// Whether it is a layer's.
    pub const fn is_layer(self) -> bool {
        matches!(
            self,
            Self::Layer | Self::LayerGzip | Self::LayerZstd | Self::DockerLayer | Self::DockerLayerGzip
        )
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let found = Self::ALL.into_iter().find(|media_type| media_type.as_str() == text);
        found.ok_or_else(|| MediaTypeError(text.to_owned()))
    }
}

impl Serialize for MediaType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Points to some content by its media type, digest and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: MediaType,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// In an index: what the image is built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<DescriptorPlatform>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor without platform and annotations.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, platform: None, annotations: BTreeMap::new() }
    }
}

/// A platform as an index states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorPlatform {
    /// Go's `GOARCH`.
    pub architecture: String,
    /// Go's `GOOS`.
    pub os: String,
    /// The variant of the processor, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl From<Platform> for DescriptorPlatform {
    fn from(platform: Platform) -> Self {
        let variant = match platform {
            Platform::LinuxAmd64 => None,
            // What containerd and docker normalise arm64 to.
            Platform::LinuxArm64 => Some("v8".to_owned()),
        };
        Self { architecture: platform.architecture().to_owned(), os: platform.os().to_owned(), variant }
    }
}
