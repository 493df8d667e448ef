//! Manifests and indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::null_is_default;
use crate::{Descriptor, MediaType};

/// An image manifest: the configuration and the layers of one image for one platform. Follows `manifest.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MediaType::Manifest`] or docker's; old writers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The image configuration.
    pub config: Descriptor,
    /// The layers, from the first to the last.
    #[serde(deserialize_with = "null_is_default")]
    pub layers: Vec<Descriptor>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index: one image for each of several platforms; or what a layout holds. Follows `image-index.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`MediaType::Index`] or docker's; old writers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The manifests, and further indexes.
    #[serde(deserialize_with = "null_is_default")]
    pub manifests: Vec<Descriptor>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// An index of these manifests.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MediaType::Index),
            manifests,
            annotations: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, canonical};

    #[test]
    fn a_manifest_has_one_form() {
        let descriptor =
            |media_type, text: &str| Descriptor::new(media_type, Digest::of(text), text.len() as u64);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MediaType::Manifest),
            config: descriptor(MediaType::Config, "config"),
            layers: vec![descriptor(MediaType::LayerZstd, "layer")],
            annotations: [("org.opencontainers.image.title".to_owned(), "x".to_owned())].into(),
        };
        let bytes = canonical::to_vec(&manifest).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes.clone()).unwrap(), @r#"{"annotations":{"org.opencontainers.image.title":"x"},"config":{"digest":"sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910","mediaType":"application/vnd.oci.image.config.v1+json","size":6},"layers":[{"digest":"sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":5}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);
        assert_eq!(serde_json::from_slice::<Manifest>(&bytes).unwrap(), manifest);
    }
}
