//! The layers of an image in a registry by their keys: its manifest says them, so that whoever wants one need neither make it nor
//! fetch it.

use std::collections::BTreeMap;
use std::io::Read;

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Digest, ImageConfig, Manifest, Reference};
use imgbuild_registry::{Content, Registries, RegistryError, RemoteBlobs, RemoteManifest, RemoteRepository};
use imgbuild_store::{CacheError, LayerCache, LayerRecord};
use tokio::runtime::Handle;

use crate::asking::answers;
use crate::pull::wanted;

/// The layers of an image in a registry, for all its platforms.
#[derive(Debug, Clone)]
pub struct RemoteLayers {
    reference: String,
    remote: RemoteRepository,
    top: Digest,
    images: Vec<Digest>,
    records: BTreeMap<Key, LayerRecord>,
    blobs: RemoteBlobs,
}

impl RemoteLayers {
    /// Reads which layers an image has; nothing where there is no such image. Only its documents are fetched.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked.
    pub async fn read(registries: &Registries, reference: &Reference) -> Result<Option<Self>, RegistryError> {
        Self::read_from(registries.open(reference).await?, reference).await
    }

    /// The same of an image that will be pushed to.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked.
    pub async fn read_target(
        registries: &Registries,
        reference: &Reference,
    ) -> Result<Option<Self>, RegistryError> {
        Self::read_from(registries.open(reference).await?.writing(), reference).await
    }

    async fn read_from(
        remote: RemoteRepository,
        reference: &Reference,
    ) -> Result<Option<Self>, RegistryError> {
        let Some(top) = remote.manifest(&wanted(reference)).await? else { return Ok(None) };
        let children = top.manifests().iter().filter(|it| it.platform.is_some());
        let asked = children.map(|child| {
            let remote = &remote;
            async move { remote.manifest(&child.digest.to_string()).await }
        });
        let mut manifests = answers(asked).await?.into_iter().flatten().collect::<Vec<_>>();
        let digest = top.digest;
        if matches!(top.content, Content::Image(_)) {
            manifests.push(top);
        }
        let asked = manifests.iter().map(|manifest| records(&remote, manifest));
        let records: BTreeMap<Key, LayerRecord> = answers(asked).await?.into_iter().flatten().collect();
        let sizes = records.values().map(|record| (record.descriptor.digest, record.descriptor.size));
        let blobs = RemoteBlobs::new(remote.clone(), sizes, Handle::current());
        let images = manifests.iter().map(|manifest| manifest.digest).collect();
        Ok(Some(Self { reference: reference.to_string(), remote, top: digest, images, records, blobs }))
    }

    /// The image, as it was asked for.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Its repository.
    pub fn remote(&self) -> &RemoteRepository {
        &self.remote
    }

    /// Whether it is this image, or a list that has it.
    pub fn has_image(&self, digest: &Digest) -> bool {
        self.top == *digest || self.images.contains(digest)
    }

    /// The blobs that its repository has.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.records.values().map(|record| record.descriptor.digest)
    }
}

/// What a manifest says of its layers; nothing of one that is not as imgbuild writes them.
async fn records(
    remote: &RemoteRepository,
    manifest: &RemoteManifest,
) -> Result<Vec<(Key, LayerRecord)>, RegistryError> {
    let Ok(read) = serde_json::from_slice::<Manifest>(&manifest.bytes) else { return Ok(Vec::new()) };
    if read.layers.iter().all(|layer| layer.annotations.is_empty()) {
        return Ok(Vec::new());
    }
    let bytes = remote.blob_bytes(read.config.digest, read.config.size).await?;
    let Ok(config) = serde_json::from_slice::<ImageConfig>(&bytes) else { return Ok(Vec::new()) };
    if config.rootfs.diff_ids.len() != read.layers.len() {
        return Ok(Vec::new());
    }
    let pairs = read.layers.iter().zip(&config.rootfs.diff_ids);
    Ok(pairs.filter_map(|(layer, diff_id)| LayerRecord::of_annotated(layer, *diff_id)).collect())
}

impl Blobs for RemoteLayers {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        self.blobs.open(digest)
    }
}

impl LayerCache for RemoteLayers {
    fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, CacheError> {
        Ok(self.records.get(key).cloned())
    }

    /// It is an image that is there: it gets no further layers.
    fn put_layer(&self, _: &Key, _: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        Ok(())
    }
}
