//! A cache of layers that many builds share, on many machines: an entry for each key, and blobs by their digests.
//!
//! A blob is there before its entry. What is not there is made; a miss is never kept, and a key is asked for again before its
//! layer is made. An entry is believed because the user has named the cache, or because it is signed. Whatever goes wrong with
//! the cache costs time, and is told in the log.

mod bucket;
mod connection;
mod costs;
mod entry;
mod failure;
mod leases;
mod objects;
mod place;
mod shelf;
mod signing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use costs::{ASKED_AT_ONCE, LEASED_FROM, PUT_AT_ONCE, waited_for};
use failure::{Failure, is_lasting};
use futures::StreamExt;
use futures::executor::block_on;
use imgbuild_fetch::Context;
use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest, HashReader};
use imgbuild_store::{CacheError, Claim, LayerCache, LayerRecord, Store, Waiting};
use leases::Leases;
pub use place::{CachePlace, CachePlaceError};
use shelf::Shelf;
pub use signing::{CacheKey, CacheKeyError};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::unconstrained;

use crate::error::DistributionError;

/// A cache of layers that many builds share.
#[derive(Clone)]
pub struct KeyCache(Arc<Shared>);

/// What a build does with a cache.
#[derive(Debug, Clone, Default)]
pub struct CacheUse {
    /// Whether layers that it has will be read here: they are then fetched before they are believed.
    pub is_read: bool,
    /// Whether it is given what it lacks.
    pub is_written: bool,
    /// The repositories of its registry to which the same layers are pushed: it has them from there, after that.
    pub homes: Vec<String>,
}

struct Shared {
    place: CachePlace,
    shelf: Shelf,
    key: Option<CacheKey>,
    does: CacheUse,
    /// Where blobs go that are read before they are believed, and come from that are put.
    store: Store,
    runtime: Handle,
    /// Who makes what, where the place can tell.
    leases: Option<Leases>,
    /// What was found of keys that were asked for together, each until it is asked for by itself.
    found: Mutex<HashMap<Key, Option<LayerRecord>>>,
    /// The blobs that entries have named.
    named: Mutex<BTreeMap<Digest, Descriptor>>,
    /// Those of them that are not what they should be.
    damaged: Mutex<BTreeSet<Digest>>,
    /// What is being put, or is there.
    puts: Mutex<HashMap<Key, Arc<OnceCell<()>>>>,
    putting: Semaphore,
    failures: AtomicUsize,
    /// Why it is not asked any more.
    given_up: OnceLock<String>,
}

impl KeyCache {
    /// Opens a cache.
    ///
    /// # Errors
    ///
    /// When a registry cannot be reached, or a place names no objects.
    pub async fn open(
        place: &CachePlace,
        key: Option<CacheKey>,
        does: CacheUse,
        context: &Context,
    ) -> Result<Self, DistributionError> {
        let shelf = match place {
            CachePlace::Repository(reference) => {
                Shelf::Repository(Box::new(context.registries()?.open(reference).await?))
            }
            CachePlace::Objects(url) => {
                let opened = bucket::open(url, context.fetcher.client(), &context.variables);
                let failed = |error| DistributionError::Objects { url: url.to_string(), error };
                Shelf::Objects(opened.map_err(failed)?)
            }
        };
        let leases = match &shelf {
            Shelf::Objects(objects) if does.is_written => Some(Leases::new(objects.clone())),
            _ => None,
        };
        Ok(Self(Arc::new(Shared {
            place: place.clone(),
            shelf,
            key,
            does,
            store: context.store.clone(),
            runtime: Handle::current(),
            leases,
            found: Mutex::default(),
            named: Mutex::default(),
            damaged: Mutex::default(),
            puts: Mutex::default(),
            putting: Semaphore::new(PUT_AT_ONCE),
            failures: AtomicUsize::new(0),
            given_up: OnceLock::new(),
        })))
    }

    /// The repository that it is, where it is one: its registry's host and its name there.
    pub fn repository(&self) -> Option<(String, String)> {
        match &self.0.shelf {
            Shelf::Repository(remote) => {
                let repository = remote.repository();
                Some((repository.host().to_owned(), repository.name().to_owned()))
            }
            Shelf::Objects(_) => None,
        }
    }

    /// The blobs that it has named.
    pub fn digests(&self) -> Vec<Digest> {
        self.0.named().keys().copied().collect()
    }

    /// Asks for keys that are about to be wanted, several at once.
    pub async fn look_up(&self, keys: impl IntoIterator<Item = Key>) {
        let asked = keys.into_iter().map(|key| async move { (key, self.0.ask(&key).await) });
        let found: Vec<_> = futures::stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
        self.0.found().extend(found);
    }

    /// Puts a layer, whose blob is in the store, while others are made. [`Self::keep`] waits for it, and says what was wrong.
    pub(crate) fn begin_to_put(&self, key: &Key, record: &LayerRecord) {
        if !self.0.does.is_written {
            return;
        }
        let (own, key, record) = (self.clone(), *key, record.clone());
        self.0.runtime.spawn(async move {
            let blobs: Arc<dyn Blobs> = Arc::new(own.0.store.clone());
            if let Err(error) = own.0.put_once(&key, &record, blobs).await {
                tracing::debug!("the cache `{}` does not take `{key}` yet: {error}", own.0.place);
            }
            own.0.release(&key).await;
        });
    }

    /// Whether it has layers from where they are pushed.
    pub(crate) fn has_homes(&self) -> bool {
        !self.0.does.homes.is_empty()
    }

    /// Keeps all layers of a build that it lacks, and waits for those that are on their way. Gives what a person should know of it.
    pub async fn keep(
        &self,
        layers: impl IntoIterator<Item = (Key, LayerRecord)>,
        blobs: Arc<dyn Blobs>,
    ) -> Option<String> {
        if !self.0.does.is_written {
            return None;
        }
        let layers: BTreeMap<Key, LayerRecord> = layers.into_iter().collect();
        let kept = layers.iter().map(|(key, record)| self.0.put_once(key, record, Arc::clone(&blobs)));
        let kept: Vec<Result<(), Failure>> =
            futures::stream::iter(kept).buffer_unordered(ASKED_AT_ONCE).collect().await;
        self.close().await;
        if self.0.given_up.get().is_some() {
            // That is told by itself.
            return None;
        }
        let all = kept.len();
        let failures: Vec<Failure> = kept.into_iter().filter_map(Result::err).collect();
        let first = failures.first()?;
        Some(format!("the cache `{}` did not take {} of {all} layers: {first}", self.0.place, failures.len()))
    }

    /// Tells others that nothing more is made here.
    pub async fn close(&self) {
        if let Some(leases) = &self.0.leases {
            leases.release_all().await;
        }
    }

    /// What a person should know of questions that it did not answer.
    pub fn trouble(&self) -> Option<String> {
        let (place, failures) = (&self.0.place, self.0.failures.load(Ordering::Relaxed));
        if let Some(why) = self.0.given_up.get() {
            return Some(format!("the cache `{place}` is not used any more: {why}"));
        }
        let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        (failures > 0).then(|| format!("the cache `{place}` could not be asked {times}; `-v` says why"))
    }
}

impl Shared {
    /// No thread leaves it half changed.
    fn found(&self) -> MutexGuard<'_, HashMap<Key, Option<LayerRecord>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<Digest, Descriptor>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes of asking the place, unless that has been given up: what is away now is so for all that is asked.
    async fn trying<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if let Some(why) = self.given_up.get() {
            return Err(why.clone().into());
        }
        let asked = asking.await;
        if let Err(error) = &asked
            && is_lasting(&**error)
        {
            // Of several the first is kept.
            let _told = self.given_up.set(error.to_string());
        }
        asked
    }

    /// What it has of a key, as far as that is to be believed, with its blob.
    async fn ask(&self, key: &Key) -> Option<LayerRecord> {
        match self.trying(self.try_ask(key)).await {
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
        if self.damaged().contains(&layer.digest) || !self.shelf.has(layer).await? {
            return Ok(None);
        }
        self.named().insert(layer.digest, layer.clone());
        if self.does.is_read && matches!(self.store.blob(&layer.digest), Ok(None)) {
            let blob = self.shelf.open(layer, &self.runtime)?;
            let (layer, store) = (layer.clone(), self.store.clone());
            let digest = layer.digest;
            let kept = tokio::task::spawn_blocking(move || keep(&layer, blob, &store)).await?;
            if let Err(error) = kept {
                if error.is::<BlobError>() {
                    self.damaged().insert(digest);
                }
                return Err(error);
            }
        }
        // It need not be put.
        let _known = self.cell(key).set(());
        Ok(Some(record))
    }

    /// Puts a layer that is not there, once: who comes later waits for it.
    async fn put_once(&self, key: &Key, record: &LayerRecord, blobs: Arc<dyn Blobs>) -> Result<(), Failure> {
        let put = || async {
            // The semaphore is never closed, so a permit always comes.
            let _turn = self.putting.acquire().await;
            self.trying(self.put(key, record, blobs)).await
        };
        self.cell(key).get_or_try_init(put).await.copied()
    }

    /// What says that a layer is there, or is being put.
    fn cell(&self, key: &Key) -> Arc<OnceCell<()>> {
        let mut puts = self.puts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(puts.entry(*key).or_default())
    }

    async fn put(&self, key: &Key, record: &LayerRecord, blobs: Arc<dyn Blobs>) -> Result<(), Failure> {
        let layer = &record.descriptor;
        let is_damaged = self.damaged().contains(&layer.digest);
        let there = self.shelf.entry(key).await?;
        let is_believed = |bytes: &Vec<u8>| entry::read(key, bytes, self.key.as_ref()).is_ok();
        let is_known = there.as_ref().is_some_and(is_believed);
        let has_blob = !is_damaged && self.shelf.has(layer).await?;
        // Another builder may have put it there.
        if is_known && has_blob {
            return Ok(());
        }
        if !has_blob {
            self.shelf.put(layer, blobs, &self.does.homes).await?;
        }
        // One that nobody here believes is replaced: it would be in the way for ever.
        let replaces = there.is_some();
        self.shelf.put_entry(key, entry::write(key, record, self.key.as_ref())?, replaces).await
    }

    async fn release(&self, key: &Key) {
        if let Some(leases) = &self.leases {
            leases.release(key).await;
        }
    }

    async fn claim(&self, leases: &Leases, key: &Key) -> Claim {
        match self.trying(leases.take(key)).await {
            Ok(true) => {}
            Ok(false) => return Claim::Others,
            Err(error) => {
                tracing::debug!("there is no lease for `{key}`: {error}");
                return Claim::Ours;
            }
        }
        // Whoever has made it has given the lease back after that.
        match self.ask(key).await {
            Some(record) => {
                leases.release(key).await;
                Claim::Made(Box::new(record))
            }
            None => {
                // It need not be asked for again before it is made: nobody else makes it.
                self.found().insert(*key, None);
                Claim::Ours
            }
        }
    }

    /// What somebody else has made, here or elsewhere.
    async fn made(&self, key: &Key) -> Option<LayerRecord> {
        if let Ok(Some(record)) = self.store.layer(key) {
            return Some(record);
        }
        self.ask(key).await
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
                // Whoever asks may be a task of the runtime, whose budget of answers would never be filled up here.
                Ok(block_on(unconstrained(asked)).unwrap_or_else(|error| {
                    self.0.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::info!("the cache `{}` was not asked: {error}", self.0.place);
                    None
                }))
            }
        }
    }

    /// At once, unless it is to come from where it is pushed: then it is put after that ([`crate::Ahead`]).
    fn put_layer(&self, key: &Key, record: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        if !self.has_homes() {
            self.begin_to_put(key, record);
        }
        Ok(())
    }

    fn knows_makers(&self, installed: u64) -> bool {
        let are_known = self.0.leases.as_ref().is_some_and(Leases::are_known);
        are_known && installed >= LEASED_FROM && self.0.given_up.get().is_none()
    }

    fn claim<'a>(&'a self, key: &'a Key) -> Waiting<'a, Claim> {
        Box::pin(async move {
            let Some(leases) = &self.0.leases else { return Claim::Ours };
            self.0.claim(leases, key).await
        })
    }

    fn awaited<'a>(&'a self, key: &'a Key, installed: u64) -> Waiting<'a, Option<LayerRecord>> {
        Box::pin(async move {
            let leases = self.0.leases.as_ref()?;
            tracing::info!("another machine makes `{key}`, and it is waited for");
            leases.wait(key, waited_for(installed), || self.0.made(key)).await
        })
    }

    fn release(&self, key: &Key) {
        let (own, key) = (self.clone(), *key);
        self.0.runtime.spawn(async move { own.0.release(&key).await });
    }
}
