//! Layers go to where they will be pushed as soon as they are made, while the next ones are.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Digest};
use imgbuild_registry::Pusher;
use imgbuild_store::{CacheError, LayerCache, LayerRecord, Store};
use tokio::runtime::Handle;

use crate::key_cache::KeyCache;

/// What sends layers on as they are made. It is a cache that knows nothing, and is told everything.
pub struct Ahead {
    /// Where each layer goes first.
    pushers: BTreeMap<Key, Arc<Pusher>>,
    /// The caches that have their layers from there.
    caches: Vec<KeyCache>,
    store: Store,
    runtime: Handle,
}

impl Ahead {
    /// What sends the layers of these keys on, and has those caches take them that are where they are pushed. Their blobs are in
    /// the store.
    pub fn new(pushers: BTreeMap<Key, Arc<Pusher>>, caches: &[KeyCache], store: Store) -> Self {
        let caches = caches.iter().filter(|cache| cache.has_homes()).cloned().collect();
        Self { pushers, caches, store, runtime: Handle::current() }
    }
}

impl Blobs for Ahead {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Err(BlobError::Absent(*digest))
    }
}

impl LayerCache for Ahead {
    fn layer(&self, _: &Key) -> Result<Option<LayerRecord>, CacheError> {
        Ok(None)
    }

    fn put_layer(&self, key: &Key, record: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        let Some(pusher) = self.pushers.get(key).cloned() else { return Ok(()) };
        let blobs: Arc<dyn Blobs> = Arc::new(self.store.clone());
        let (key, record, caches) = (*key, record.clone(), self.caches.clone());
        self.runtime.spawn(async move {
            // The push at the end tries it again, and says why it fails.
            if let Err(error) =
                pusher.put_layer(record.descriptor.digest, record.descriptor.size, &blobs).await
            {
                tracing::debug!("{error}");
                return;
            }
            caches.iter().for_each(|cache| cache.begin_to_put(&key, &record));
        });
        Ok(())
    }
}
