//! Which images were built here, by their names.

use imgbuild_layer::KeyHasher;
use imgbuild_oci::{Descriptor, Digest, Document, Platform, Reference};
use serde::{Deserialize, Serialize};
use std::io::Write;

use crate::{Kind, Store, StoreError};

/// The image that a name stands for on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecord {
    /// The name, such as `base-pytorch:latest`.
    pub reference: String,
    /// The platform.
    pub platform: Platform,
    /// Its manifest, which is a blob of the store.
    pub manifest: Descriptor,
    /// Images of registries whose repositories have the layers that the store lacks: a build need not fetch what is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
}

impl Store {
    /// The image that a name stands for, where its manifest is in the store.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn image(
        &self,
        reference: &Reference,
        platform: Platform,
    ) -> Result<Option<ImageRecord>, StoreError> {
        let key = key(&reference.to_string(), platform);
        let Some(record) = self.record::<ImageRecord>(Kind::Image, &key)? else { return Ok(None) };
        let blob = self.sized_blob(&record.manifest.digest, record.manifest.size)?;
        Ok(blob.map(|_| record))
    }

    /// Every image that has a name, by name and platform.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn images(&self) -> Result<Vec<ImageRecord>, StoreError> {
        let mut images = Vec::new();
        for entry in self.ls()?.iter().filter(|entry| entry.kind == Kind::Image) {
            let Ok(key) = Digest::from_hex(&entry.name) else { continue };
            images.extend(self.record::<ImageRecord>(Kind::Image, &key)?);
        }
        images.sort_by(|one, other| (&one.reference, one.platform).cmp(&(&other.reference, other.platform)));
        Ok(images)
    }

    /// Names an image: its manifest and its configuration become blobs. Its layers must be in the store first, or in one of these
    /// repositories.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_image(
        &self,
        reference: &Reference,
        platform: Platform,
        manifest: &Document,
        config: &Document,
        repositories: &[String],
    ) -> Result<(), StoreError> {
        for document in [config, manifest] {
            let mut writer = self.blob_writer()?;
            let written = writer.write_all(&document.bytes);
            written.map_err(|error| self.error(&self.folder(Kind::Blob), "written", error))?;
            writer.commit(&document.descriptor)?;
        }
        let reference = reference.to_string();
        let key = key(&reference, platform);
        let (manifest, repositories) = (manifest.descriptor.clone(), repositories.to_vec());
        let record = ImageRecord { reference, platform, manifest, repositories };
        self.put_record(Kind::Image, &key, &record)
    }
}

fn key(reference: &str, platform: Platform) -> Digest {
    KeyHasher::new("image of the store")
        .field("reference", reference)
        .field("platform", platform.to_string())
        .finish()
}
