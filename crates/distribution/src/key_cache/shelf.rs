//! What keeps the entries and the blobs of a shared cache: a repository, or objects.

use std::io::Read;
use std::sync::Arc;

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest};
use imgbuild_registry::{RemoteBlobs, RemoteManifest, RemoteRepository};
use tokio::runtime::Handle;

use super::entry::EMPTY_CONFIG;
use super::failure::Failure;
use super::objects::Objects;

/// What keeps a shared cache.
#[derive(Clone)]
pub(super) enum Shelf {
    Repository(Box<RemoteRepository>),
    Objects(Objects),
}

/// The bytes of one blob in memory.
struct InMemory(&'static [u8]);

impl Blobs for InMemory {
    fn open(&self, _: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(Box::new(self.0))
    }
}

impl Shelf {
    /// The entry of a key, where there is one.
    pub(super) async fn entry(&self, key: &Key) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Repository(remote) => Ok(remote.manifest(&tag(key)).await?.map(|manifest| manifest.bytes)),
            Self::Objects(objects) => objects.entry(key).await,
        }
    }

    /// Keeps the entry of a key, whose blob is there.
    pub(super) async fn put_entry(&self, key: &Key, bytes: Vec<u8>, replaces: bool) -> Result<(), Failure> {
        match self {
            Self::Repository(remote) => {
                let (config, size) = (Digest::of(EMPTY_CONFIG), EMPTY_CONFIG.len() as u64);
                if !remote.has_blob(&config).await? {
                    remote.upload(config, size, Arc::new(InMemory(EMPTY_CONFIG)), &[]).await?;
                }
                let manifest = RemoteManifest::parse(bytes, None)?;
                remote.put_manifest(&manifest, &tag(key), &[]).await?;
                Ok(())
            }
            Self::Objects(objects) => objects.put_entry(key, bytes, replaces).await,
        }
    }

    /// Whether a blob is there, as long as it should be.
    pub(super) async fn has(&self, layer: &Descriptor) -> Result<bool, Failure> {
        match self {
            Self::Repository(remote) => Ok(remote.has_blob(&layer.digest).await?),
            Self::Objects(objects) => objects.has(layer).await,
        }
    }

    /// Keeps a blob. In a registry it is mounted from one of `homes`, where that is possible.
    pub(super) async fn put(
        &self,
        layer: &Descriptor,
        blobs: Arc<dyn Blobs>,
        homes: &[String],
    ) -> Result<(), Failure> {
        match self {
            Self::Repository(remote) => {
                remote.upload(layer.digest, layer.size, blobs, homes).await?;
                Ok(())
            }
            Self::Objects(objects) => objects.put(layer, blobs).await,
        }
    }

    /// Opens a blob.
    pub(super) fn open(
        &self,
        layer: &Descriptor,
        runtime: &Handle,
    ) -> Result<Box<dyn Read + Send>, BlobError> {
        match self {
            Self::Repository(remote) => {
                let blobs = RemoteBlobs::new(
                    RemoteRepository::clone(remote),
                    [(layer.digest, layer.size)],
                    runtime.clone(),
                );
                blobs.open(&layer.digest)
            }
            Self::Objects(objects) => Ok(objects.open(layer, runtime)),
        }
    }
}

fn tag(key: &Key) -> String {
    format!("layer-{key}")
}
