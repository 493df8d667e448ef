//! A cache of layers that many builds share, on many machines: an entry for each key, and blobs by their digests.
//!
//! A blob is there before its entry. What is not there is made; a miss is never kept, and a key is asked for again before its
//! layer is made. An entry is believed because the user has named the cache, or because it is signed. Whatever goes wrong with
//! the cache costs time, and is told in the log.

mod entry;
mod place;
mod shelf;
mod signing;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::executor::block_on;
use imgbuild_fetch::Context;
use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest, HashReader};
use imgbuild_store::{CacheError, LayerCache, LayerRecord, Store};
use object_store::path::Path;
pub use place::{CachePlace, CachePlaceError};
use shelf::{Failure, Shelf};
pub use signing::{CacheKey, CacheKeyError};
use tokio::runtime::Handle;

use crate::error::DistributionError;

/// How many keys are asked for at once, and how many layers are put at once.
const AT_ONCE: usize = 8;

/// A cache of layers that many builds share.
#[derive(Clone)]
pub struct KeyCache(Arc<Shared>);

struct Shared {
    place: CachePlace,
    shelf: Shelf,
    key: Option<CacheKey>,
    /// Where blobs go that are read before they are believed; nothing where nobody will read them.
    store: Option<Store>,
    runtime: Handle,
    /// What was found of keys that were asked for together, each until it is asked for by itself.
    found: Mutex<HashMap<Key, Option<LayerRecord>>>,
    /// The blobs that entries have named.
    named: Mutex<BTreeMap<Digest, Descriptor>>,
    failures: AtomicUsize,
}

impl KeyCache {
    /// Opens a cache. `is_read` says whether layers that it has will be read here: they are then fetched before they are
    /// believed.
    ///
    /// # Errors
    ///
    /// When a registry cannot be reached, or a place names no objects.
    pub async fn open(
        place: &CachePlace,
        key: Option<CacheKey>,
        is_read: bool,
        context: &Context,
    ) -> Result<Self, DistributionError> {
        let shelf = match place {
            CachePlace::Repository(reference) => {
                Shelf::Repository(Box::new(context.registries()?.open(reference).await?))
            }
            CachePlace::Objects(url) => objects(url, context)?,
        };
        let store = is_read.then(|| context.store.clone());
        Ok(Self(Arc::new(Shared {
            place: place.clone(),
            shelf,
            key,
            store,
            runtime: Handle::current(),
            found: Mutex::default(),
            named: Mutex::default(),
            failures: AtomicUsize::new(0),
        })))
    }

    /// The repository that it is, where it is one: its registry's host and its name there.
    pub fn repository(&self) -> Option<(String, String)> {
        match &self.0.shelf {
            Shelf::Repository(remote) => {
                let repository = remote.repository();
                Some((repository.host().to_owned(), repository.name().to_owned()))
            }
            Shelf::Objects { .. } => None,
        }
    }

    /// The blobs that it has named.
    pub fn digests(&self) -> Vec<Digest> {
        self.0.named().keys().copied().collect()
    }

    /// Asks for keys that are about to be wanted, several at once.
    pub async fn look_up(&self, keys: impl IntoIterator<Item = Key>) {
        let asked = keys.into_iter().map(|key| async move { (key, self.0.ask(&key).await) });
        let found: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        self.0.found().extend(found);
    }

    /// Keeps all layers of a build that it lacks. Gives what a person should know of it.
    pub async fn keep(
        &self,
        layers: impl IntoIterator<Item = (Key, LayerRecord)>,
        blobs: Arc<dyn Blobs>,
        homes: &[String],
    ) -> Option<String> {
        let layers: BTreeMap<Key, LayerRecord> = layers.into_iter().collect();
        let kept = layers.iter().map(|(key, record)| self.0.put(key, record, Arc::clone(&blobs), homes));
        let kept: Vec<Result<(), Failure>> =
            futures::stream::iter(kept).buffer_unordered(AT_ONCE).collect().await;
        let all = kept.len();
        let failures: Vec<Failure> = kept.into_iter().filter_map(Result::err).collect();
        let first = failures.first()?;
        Some(format!("the cache `{}` did not take {} of {all} layers: {first}", self.0.place, failures.len()))
    }

    /// What a person should know of questions that it did not answer.
    pub fn trouble(&self) -> Option<String> {
        let failures = self.0.failures.load(Ordering::Relaxed);
        let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        (failures > 0)
            .then(|| format!("the cache `{}` could not be asked {times}; `-v` says why", self.0.place))
    }
}

/// A folder, or a bucket, with the credentials that variables of this process name.
fn objects(url: &url::Url, context: &Context) -> Result<Shelf, DistributionError> {
    let failed = |error: Failure| DistributionError::Objects { url: url.to_string(), error };
    if url.scheme() == "file"
        && let Ok(folder) = url.to_file_path()
    {
        std::fs::create_dir_all(&folder).map_err(|error| failed(error.into()))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(folder);
        let objects = objects.map_err(|error| failed(error.into()))?;
        return Ok(Shelf::Objects { objects: Arc::new(objects), below: Path::default() });
    }
    let options = context.variables.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let opened = object_store::parse_url_opts(url, options).map_err(|error| failed(error.into()))?;
    Ok(Shelf::Objects { objects: Arc::from(opened.0), below: opened.1 })
}

impl Shared {
    /// No thread leaves it half changed.
    fn found(&self) -> MutexGuard<'_, HashMap<Key, Option<LayerRecord>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<Digest, Descriptor>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has of a key, as far as that is to be believed, with its blob.
    async fn ask(&self, key: &Key) -> Option<LayerRecord> {
        match self.try_ask(key).await {
            Ok(found) => found,
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::info!("the cache `{}` cannot be asked for `{key}`: {error}", self.place);
                None
            }
        }
    }

    async fn try_ask(&self, key: &Key) -> Result<Option<LayerRecord>, Failure> {
        let Some(bytes) = self.shelf.entry(key).await? else { return Ok(None) };
        let record = entry::read(key, &bytes, self.key.as_ref())?;
        let layer = &record.descriptor;
        // A blob may be gone while its entry is there.
        if !self.shelf.has(layer).await? {
            return Ok(None);
        }
        self.named().insert(layer.digest, layer.clone());
        if let Some(store) = self.store.clone().filter(|store| matches!(store.blob(&layer.digest), Ok(None)))
        {
            let blob = self.shelf.open(layer, &self.runtime)?;
            let layer = layer.clone();
            tokio::task::spawn_blocking(move || keep(&layer, blob, &store)).await??;
        }
        Ok(Some(record))
    }

    async fn put(
        &self,
        key: &Key,
        record: &LayerRecord,
        blobs: Arc<dyn Blobs>,
        homes: &[String],
    ) -> Result<(), Failure> {
        // Another builder may have put it there, or this one.
        if let Some(bytes) = self.shelf.entry(key).await?
            && entry::read(key, &bytes, self.key.as_ref()).is_ok()
            && self.shelf.has(&record.descriptor).await?
        {
            return Ok(());
        }
        if !self.shelf.has(&record.descriptor).await? {
            self.shelf.put(&record.descriptor, blobs, homes).await?;
        }
        self.shelf.put_entry(key, entry::write(key, record, self.key.as_ref())?).await
    }
}

/// Puts a blob into the store, if it is what it should be.
fn keep(layer: &Descriptor, blob: Box<dyn Read + Send>, store: &Store) -> Result<(), Failure> {
    let mut reader = HashReader::new(blob.take(layer.size.saturating_add(1)));
    let mut writer = store.blob_writer()?;
    std::io::copy(&mut reader, &mut writer)?;
    let (found, size) = reader.finish();
    if found != layer.digest || size != layer.size {
        return Err(BlobError::Digest { wanted: layer.digest, found }.into());
    }
    writer.commit(layer)?;
    Ok(())
}

impl Blobs for KeyCache {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let layer = self.0.named().get(digest).cloned().ok_or(BlobError::Absent(*digest))?;
        self.0.shelf.open(&layer, &self.0.runtime)
    }
}

impl LayerCache for KeyCache {
    fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, CacheError> {
        let looked_up = self.0.found().remove(key);
        match looked_up {
            Some(Some(record)) => {
                self.0.found().insert(*key, Some(record.clone()));
                Ok(Some(record))
            }
            // It was asked for a moment ago; the next time it is asked for anew.
            Some(None) => Ok(None),
            None => {
                let (own, key) = (self.clone(), *key);
                let asked = self.0.runtime.spawn(async move { own.0.ask(&key).await });
                Ok(block_on(asked).unwrap_or_else(|error| {
                    self.0.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::info!("the cache `{}` was not asked: {error}", self.0.place);
                    None
                }))
            }
        }
    }

    /// All layers are kept at the end of a build, whoever has made them.
    fn put_layer(&self, _: &Key, _: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        Ok(())
    }
}
