//! Layers go to where they will be pushed as soon as they are made, while the next ones are.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Digest};
use imgbuild_registry::Pusher;
use imgbuild_store::{CacheError, LayerCache, LayerRecord, Store};
use tokio::runtime::Handle;

/// What sends layers on as they are made. It is a cache that knows nothing, and is told everything.
pub struct Ahead {
    /// Where each layer goes first.
    pushers: BTreeMap<Key, Arc<Pusher>>,
    store: Store,
    runtime: Handle,
}

impl Ahead {
    /// What sends the layers of these keys on. Their blobs are in the store.
    pub fn new(pushers: BTreeMap<Key, Arc<Pusher>>, store: Store) -> Self {
        Self { pushers, store, runtime: Handle::current() }
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
        let (digest, size) = (record.descriptor.digest, record.descriptor.size);
        self.runtime.spawn(async move {
            // The push at the end tries it again, and says why it fails.
            if let Err(error) = pusher.put_layer(digest, size, &blobs).await {
                tracing::debug!("{error}");
            }
        });
        Ok(())
    }
}
