//! Where layers are known by their keys: the store, and caches further away.

use std::future::{Future, ready};
use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Digest, HashReader, skip};

use crate::{LayerRecord, Store, StoreError};

/// Why a cache says nothing.
pub type CacheError = Box<dyn miette::Diagnostic + Send + Sync>;

/// What takes a while.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What became of wanting to make a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody else makes it, as far as anybody knows: it is made here.
    Ours,
    /// It has been made in the meantime.
    Made(Box<LayerRecord>),
    /// Somebody else makes it just now.
    Others,
}

/// What knows layers by their keys, and has their blobs. What it says of a key is believed: it is one that the user trusts. A
/// blob is checked by its digest by whoever reads it.
pub trait LayerCache: Blobs {
    /// The layer of a key, where it is known.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, CacheError>;

    /// Keeps a layer, whose blob `blobs` has.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn put_layer(&self, key: &Key, record: &LayerRecord, blobs: &dyn Blobs) -> Result<(), CacheError>;

    /// Whether those who make layers of this installed size in bytes tell each other.
    fn knows_makers(&self, _installed: u64) -> bool {
        false
    }

    /// Says that a layer is about to be made here, unless somebody else has said so. It holds until the layer is put, or
    /// [`Self::release`] is called. It is advice: whoever makes a layer nevertheless does no harm.
    fn claim<'a>(&'a self, _key: &'a Key) -> Waiting<'a, Claim> {
        Box::pin(ready(Claim::Ours))
    }

    /// Waits for a layer that somebody else makes. Nothing where it is to be made here, for which it is then claimed, if that is
    /// possible: nobody waits for long, as long as making it takes by its installed size in bytes.
    fn awaited<'a>(&'a self, _key: &'a Key, _installed: u64) -> Waiting<'a, Option<LayerRecord>> {
        Box::pin(ready(None))
    }

    /// Takes back what [`Self::claim`] has said, where the layer is not put.
    fn release(&self, _key: &Key) {}
}

/// The store, and the caches that are asked after it, in their order.
///
/// A layer that another cache has need not be in the store: its blob comes from there where it is read. A cache that fails
/// costs time, and is told in the log; it fails no build.
#[derive(Clone)]
pub struct LayerCaches {
    store: Store,
    others: Vec<Arc<dyn LayerCache>>,
}

impl LayerCaches {
    /// The store alone.
    pub fn new(store: Store) -> Self {
        Self { store, others: Vec::new() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same, and after all of them another cache.
    #[must_use]
    pub fn with(mut self, cache: Arc<dyn LayerCache>) -> Self {
        self.others.push(cache);
        self
    }

    /// The layer of a key, from the first that knows it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, StoreError> {
        if let Some(record) = self.store.layer(key)? {
            return Ok(Some(record));
        }
        let ask = |cache: &Arc<dyn LayerCache>| {
            let found = cache.layer(key);
            found.unwrap_or_else(|error| {
                tracing::warn!("a cache of layers cannot be asked, and is passed over: {error}");
                None
            })
        };
        Ok(self.others.iter().find_map(ask))
    }

    /// Keeps a layer whose blob is in the store, in all of them.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_layer(&self, key: &Key, record: &LayerRecord) -> Result<(), StoreError> {
        self.store.put_layer(key, record)?;
        for cache in &self.others {
            if let Err(error) = cache.put_layer(key, record, &self.store) {
                tracing::warn!("a cache of layers cannot keep `{}`: {error}", record.descriptor.digest);
            }
        }
        Ok(())
    }

    /// Whether those who make layers of this installed size in bytes tell each other, by any of them.
    pub fn knows_makers(&self, installed: u64) -> bool {
        self.others.iter().any(|cache| cache.knows_makers(installed))
    }

    /// Says that a layer is about to be made here, so that others wait for it; or waits for it, where somebody else makes it.
    /// `while_waiting` is dropped before that: it is what others here need to go on. Nothing where it is to be made here.
    pub async fn claim<T>(
        &self,
        key: &Key,
        installed: u64,
        while_waiting: T,
    ) -> (Option<LayerRecord>, Option<T>) {
        let knowing = || self.others.iter().filter(|cache| cache.knows_makers(installed));
        for cache in knowing() {
            match cache.claim(key).await {
                Claim::Ours => continue,
                Claim::Made(record) => {
                    self.release(key);
                    return (Some(*record), Some(while_waiting));
                }
                // Who waits holds nothing that another one may wait for.
                Claim::Others => {
                    self.release(key);
                    drop(while_waiting);
                    return (cache.awaited(key, installed).await, None);
                }
            }
        }
        (None, Some(while_waiting))
    }

    /// Takes back that a layer is about to be made here.
    pub fn release(&self, key: &Key) {
        self.others.iter().for_each(|cache| cache.release(key));
    }
}

impl Blobs for LayerCaches {
    /// From the first that has it.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let mut failure = match self.store.open(digest) {
            Err(error) => error,
            opened => return opened,
        };
        for cache in &self.others {
            match cache.open(digest) {
                // What the store says of a blob that nobody has is what is told.
                Err(BlobError::Absent(_)) => {}
                Err(error) => {
                    tracing::warn!("a cache of layers cannot be read: {error}");
                    // That says more than that the store has none.
                    if matches!(failure, BlobError::Absent(_)) {
                        failure = error;
                    }
                }
                opened => return opened,
            }
        }
        Err(failure)
    }

    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        self.store.open_at(digest, at).or_else(|_| skip(self.open(digest)?, digest, at))
    }

    fn whole_file(&self, digest: &Digest) -> Option<PathBuf> {
        self.store.whole_file(digest)
    }
}

impl LayerCache for Store {
    fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, CacheError> {
        Ok(Self::layer(self, key)?)
    }

    fn put_layer(&self, key: &Key, record: &LayerRecord, blobs: &dyn Blobs) -> Result<(), CacheError> {
        let digest = &record.descriptor.digest;
        if self.blob(digest)?.is_none() {
            let mut writer = self.blob_writer()?;
            let mut reader =
                HashReader::new(blobs.open(digest)?.take(record.descriptor.size.saturating_add(1)));
            std::io::copy(&mut reader, &mut writer).map_err(imgbuild_diagnostic::plain)?;
            let (found, _) = reader.finish();
            if found != *digest {
                return Err(StoreError::Digest { wanted: *digest, found }.into());
            }
            writer.commit(&record.descriptor)?;
        }
        Ok(Self::put_layer(self, key, record)?)
    }
}
