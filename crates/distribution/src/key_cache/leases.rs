//! Who makes a layer just now, among machines that have no more in common than objects that can be created where there are none.
//!
//! A lease is advice. Whoever makes a layer creates the object `leases/KEY`, and counts up what it says as long as it works; whoever
//! finds one waits for the entry of the key. It takes a lease over that says the same for a while, by its own clock alone: clocks of
//! two machines are never compared. Whatever goes wrong means that the layer is made.
//!
//! Nobody can wait for ever: who holds a lease makes its layer, and waits for nobody's; who waits holds none for what it waits
//! for; and all waiting ends.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use imgbuild_layer::Key;
use object_store::{ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::costs::{DEAD_AFTER, POLLED_EVERY, RELEASED_WITHIN, RENEWED_EVERY};
use super::failure::{Failure, found, is_unknown, plain};
use super::objects::Objects;
use crate::limits::LEASE_LIMIT;

/// How long what takes.
#[derive(Debug, Clone, Copy)]
struct Times {
    renewed: Duration,
    dead: Duration,
    polled: Duration,
}

/// The leases of one cache, as this process sees them.
#[derive(Clone)]
pub(super) struct Leases(Arc<Shared>);

struct Shared {
    objects: Objects,
    times: Times,
    runtime: Handle,
    /// What this process is called in its leases.
    holder: String,
    /// What renews those that this process holds.
    held: Mutex<HashMap<Key, Renewing>>,
}

/// What renews a lease until it is told to stop.
struct Renewing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What a lease says, and the version of the object that says it.
struct Found {
    says: Bytes,
    version: UpdateVersion,
}

impl Leases {
    /// The leases beside the entries of a cache.
    pub(super) fn new(objects: Objects) -> Self {
        Self::with(objects, Times { renewed: RENEWED_EVERY, dead: DEAD_AFTER, polled: POLLED_EVERY })
    }

    fn with(objects: Objects, times: Times) -> Self {
        // The names of folders that are made for one process alone are as good as any.
        let holder = format!("{}-{:016x}", std::process::id(), random());
        Self(Arc::new(Shared { objects, times, runtime: Handle::current(), holder, held: Mutex::default() }))
    }

    /// Whether the place can tell who makes what.
    pub(super) fn are_known(&self) -> bool {
        self.0.objects.knows_conditions()
    }

    /// Takes the lease of a key, where nobody has it.
    pub(super) async fn take(&self, key: &Key) -> Result<bool, Failure> {
        let objects = &self.0.objects;
        let own = self.0.says(0);
        if !objects.create(&objects.lease_path(key), own.to_vec()).await.map_err(plain)? {
            // It may have been created here, by a request whose answer was lost.
            if self.0.read(key).await?.is_none_or(|lease| lease.says != own) {
                return Ok(false);
            }
        }
        self.hold(key);
        Ok(true)
    }

    /// Gives the lease of a key back, where this process has it.
    pub(super) async fn release(&self, key: &Key) {
        let Some(renewing) = self.0.held().remove(key) else { return };
        // What it has begun to write would stand there again: so its end is waited for.
        let _ended = renewing.stop.send(());
        let _joined = renewing.task.await;
        if let Err(error) = self.0.objects.objects.delete(&self.0.objects.lease_path(key)).await {
            tracing::debug!("the lease of `{key}` cannot be removed: {}", plain(error));
        }
    }

    /// Gives all of them back.
    pub(super) async fn release_all(&self) {
        let held: Vec<Key> = self.0.held().keys().copied().collect();
        let released = futures::future::join_all(held.iter().map(|key| self.release(key)));
        if tokio::time::timeout(RELEASED_WITHIN, released).await.is_err() {
            tracing::debug!("leases stay behind");
        }
    }

    /// Waits until `there` gives what somebody else makes. Nothing where that is to be made here: the lease is then held, unless
    /// it has been waited for as long as `at_most`, or leases cannot be read.
    pub(super) async fn wait<T, F: Future<Output = Option<T>>>(
        &self,
        key: &Key,
        at_most: Duration,
        there: impl Fn() -> F,
    ) -> Option<T> {
        let (begun, mut seen) = (Instant::now(), None);
        while begun.elapsed() < at_most {
            if let Some(found) = there().await {
                return Some(found);
            }
            match self.look(key, &mut seen).await {
                Ok(true) => {
                    // Its holder has put the layer before it gave the lease back.
                    let found = there().await;
                    if found.is_some() {
                        self.release(key).await;
                    }
                    return found;
                }
                Ok(false) => tokio::time::sleep(self.0.times.polled).await,
                Err(error) => {
                    tracing::debug!("the lease of `{key}` is not waited for: {error}");
                    return None;
                }
            }
        }
        tracing::info!("`{key}` has been waited for long enough, and is made here");
        None
    }

    /// Looks at somebody's lease, and takes it where its holder has given it back, or is dead. Says whether it is taken.
    async fn look(&self, key: &Key, seen: &mut Option<(Bytes, Instant)>) -> Result<bool, Failure> {
        let Some(lease) = self.0.read(key).await? else { return self.take(key).await };
        match seen {
            Some((says, since)) if *says == lease.says => {
                if since.elapsed() < self.0.times.dead {
                    return Ok(false);
                }
                tracing::info!("who made `{key}` is gone");
                *seen = None;
                self.take_over(key, lease).await
            }
            _ => {
                *seen = Some((lease.says, Instant::now()));
                Ok(false)
            }
        }
    }

    /// Takes the lease of a holder that is dead. Of several that do, one has it in the end.
    async fn take_over(&self, key: &Key, dead: Found) -> Result<bool, Failure> {
        match self.0.write(key, 0, PutMode::Update(dead.version)).await {
            Ok(()) => {}
            // Somebody else was faster.
            Err(
                object_store::Error::Precondition { .. }
                | object_store::Error::AlreadyExists { .. }
                | object_store::Error::NotFound { .. },
            ) => return Ok(false),
            // A folder knows no such condition: whoever wrote last has it.
            Err(error) if is_unknown(&error) => {
                self.0.write(key, 0, PutMode::Overwrite).await.map_err(plain)?;
                tokio::time::sleep(self.0.times.polled).await;
                let own = self.0.says(0);
                if self.0.read(key).await?.is_none_or(|lease| lease.says != own) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(plain(error)),
        }
        self.hold(key);
        Ok(true)
    }

    /// Renews a lease from now on.
    fn hold(&self, key: &Key) {
        let (shared, key) = (Arc::clone(&self.0), *key);
        let (stop, mut stopped) = oneshot::channel();
        let task = self.0.runtime.spawn(async move {
            for count in 1_u64.. {
                // Whoever could tell it to stop may have gone as well.
                if tokio::time::timeout(shared.times.renewed, &mut stopped).await.is_ok() {
                    break;
                }
                if let Err(error) = shared.write(&key, count, PutMode::Overwrite).await {
                    tracing::debug!("the lease of `{key}` cannot be renewed: {}", plain(error));
                }
            }
        });
        self.0.held().insert(key, Renewing { stop, task });
    }
}

impl Shared {
    /// No thread leaves it half changed.
    fn held(&self) -> MutexGuard<'_, HashMap<Key, Renewing>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self, count: u64) -> Bytes {
        format!("{} {count}\n", self.holder).into()
    }

    async fn write(&self, key: &Key, count: u64, mode: PutMode) -> object_store::Result<()> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let path = self.objects.lease_path(key);
        self.objects.objects.put_opts(&path, self.says(count).into(), options).await.map(|_| ())
    }

    /// What the lease of a key says. One that is none, being large, says how large it is.
    async fn read(&self, key: &Key) -> Result<Option<Found>, Failure> {
        let Some(lease) = found(self.objects.objects.get(&self.objects.lease_path(key)).await)? else {
            return Ok(None);
        };
        let (e_tag, version, size) = (lease.meta.e_tag.clone(), lease.meta.version.clone(), lease.meta.size);
        let says = match size <= LEASE_LIMIT {
            true => lease.bytes().await.map_err(plain)?,
            false => size.to_string().into(),
        };
        Ok(Some(Found { says, version: UpdateVersion { e_tag, version } }))
    }
}

/// A number that no other process has.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::StreamExt;
    use imgbuild_oci::Digest;
    use object_store::ObjectStore;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    const TIMES: Times = Times {
        renewed: Duration::from_millis(20),
        dead: Duration::from_millis(400),
        polled: Duration::from_millis(10),
    };
    const LONG: Duration = Duration::from_secs(600);

    /// What knows conditions and what does not, each for several processes.
    fn places() -> (tempfile::TempDir, Vec<Objects>) {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let all: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(local)];
        let below = Path::from("below");
        (folder, all.map(|objects| Objects::new(objects, below.clone())).into())
    }

    fn key() -> Key {
        Key(Digest::of("key"))
    }

    async fn nothing() -> Option<()> {
        None
    }

    #[tokio::test]
    async fn one_has_it_and_another_one_waits_for_what_it_makes() {
        let key = key();
        let (_folder, places) = places();
        for place in places {
            let (one, other) = (Leases::with(place.clone(), TIMES), Leases::with(place.clone(), TIMES));
            assert!(one.take(&key).await.unwrap());
            assert!(!other.take(&key).await.unwrap());
            let is_made = Arc::new(AtomicBool::new(false));
            let made = || async { is_made.load(Ordering::SeqCst).then_some("layer") };
            let working = async {
                // It lives as long as it renews, however long that is.
                tokio::time::sleep(TIMES.dead * 2).await;
                is_made.store(true, Ordering::SeqCst);
                one.release(&key).await;
            };
            let (found, ()) = tokio::join!(other.wait(&key, LONG, made), working);
            assert_eq!(found, Some("layer"));
            let left: Vec<_> = place.objects.list(None).collect().await;
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_it_to_the_next() {
        let key = key();
        let (_folder, places) = places();
        for place in places {
            let (one, other) = (Leases::with(place.clone(), TIMES), Leases::with(place, TIMES));
            assert!(one.take(&key).await.unwrap());
            let (found, ()) = tokio::join!(other.wait(&key, LONG, nothing), one.release_all());
            assert_eq!(found, None);
            assert!(!one.take(&key).await.unwrap());
            other.release_all().await;
            assert!(one.take(&key).await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_lease_of_the_dead_is_taken_over_by_one() {
        let key = key();
        let (_folder, places) = places();
        for place in places {
            for says in [b"garbage".to_vec(), Vec::new(), vec![0; 1 << 20]] {
                place.objects.put(&place.lease_path(&key), says.into()).await.unwrap();
                let (one, other) = (Leases::with(place.clone(), TIMES), Leases::with(place.clone(), TIMES));
                let is_made = Arc::new(AtomicBool::new(false));
                let made = || async { is_made.load(Ordering::SeqCst).then_some("layer") };
                let making = |leases: Leases| {
                    let is_made = Arc::clone(&is_made);
                    async move {
                        let found = leases.wait(&key, LONG, made).await;
                        if found.is_none() {
                            is_made.store(true, Ordering::SeqCst);
                            leases.release(&key).await;
                        }
                        found
                    }
                };
                let found = tokio::join!(making(one), making(other));
                assert!(matches!(found, (None, Some("layer")) | (Some("layer"), None)), "{found:?}");
            }
        }
    }

    #[tokio::test]
    async fn nobody_is_waited_for_without_end() {
        let key = key();
        let (_folder, places) = places();
        for place in places {
            let (one, other) = (Leases::with(place.clone(), TIMES), Leases::with(place, TIMES));
            assert!(one.take(&key).await.unwrap());
            assert_eq!(other.wait(&key, TIMES.dead * 2, nothing).await, None);
            // It is made without one.
            assert!(!other.take(&key).await.unwrap());
            one.release(&key).await;
        }
    }

    #[tokio::test]
    async fn one_that_was_taken_without_an_answer_is_ones_own() {
        let key = key();
        let (_folder, places) = places();
        for place in places {
            let leases = Leases::with(place.clone(), TIMES);
            place.objects.put(&place.lease_path(&key), leases.0.says(0).into()).await.unwrap();
            assert!(leases.take(&key).await.unwrap());
            leases.release(&key).await;
        }
    }

    #[tokio::test]
    async fn where_leases_cannot_be_the_layer_is_made() {
        let key = key();
        let (folder, places) = places();
        let place = places[1].clone();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/leases"), "a file").unwrap();
        let leases = Leases::with(place, TIMES);
        leases.take(&key).await.unwrap_err();
        assert_eq!(leases.wait(&key, LONG, nothing).await, None);
    }
}
