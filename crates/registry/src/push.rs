//! Pushing: only what a repository lacks, in an order in which nothing points to what is not there.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use imgbuild_oci::{Blobs, Digest};
use reqwest::StatusCode;
use tokio::sync::OnceCell;

use crate::error::{Refusal, RegistryError};
use crate::lanes::Lanes;
use crate::limits::CONNECTIONS;
use crate::manifest::RemoteManifest;
use crate::push_error::PushError;
use crate::pushing::{Counts, Home, Pushable, Pushed, PushedBlob, TagChange};
use crate::remote::RemoteRepository;
use crate::upload::Arrival;

/// How a push is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushOptions {
    /// Write nothing; find out what would be written.
    pub dry_run: bool,
    /// Fail where a layer would have to be sent.
    pub mount_only: bool,
    /// Fail where a tag means something else.
    pub immutable_tags: bool,
}

/// Who is told of each blob that is in a repository now.
pub type Told = Arc<dyn Fn(&Digest, u64, Arrival) + Send + Sync>;

/// Where blobs of a registry are, as several pushes have found out.
#[derive(Debug, Clone, Default)]
pub struct Homes(Arc<Mutex<HashMap<(String, Digest), String>>>);

impl Homes {
    /// No thread leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, Digest), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What pushes to a repository: it knows what it has found there.
pub struct Pusher {
    remote: RemoteRepository,
    /// Where all blobs go first, and are mounted from.
    staging: Option<RemoteRepository>,
    options: PushOptions,
    homes: Homes,
    told: Told,
    lanes: Lanes,
    blobs: Mutex<HashMap<Digest, Arc<OnceCell<Arrival>>>>,
    /// The blobs that were counted for an image: for the next one they are there.
    counted: Mutex<BTreeSet<Digest>>,
    known: Mutex<Known>,
}

/// What is known of a repository's blobs before they are asked for.
#[derive(Debug, Default)]
struct Known {
    /// A manifest that is there points to them.
    there: BTreeSet<Digest>,
    /// Nothing is there: there was no such repository.
    is_new: bool,
}

impl Pusher {
    /// What pushes to a repository.
    pub fn new(
        remote: RemoteRepository,
        staging: Option<RemoteRepository>,
        options: PushOptions,
        homes: Homes,
        told: Told,
    ) -> Self {
        let staging = staging.filter(|it| it.repository() != remote.repository());
        let remote = remote.writing();
        let lanes = Lanes::new(remote.troubles());
        Self {
            remote,
            staging: staging.map(RemoteRepository::writing),
            options,
            homes,
            told,
            lanes,
            blobs: Mutex::default(),
            counted: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// The repository.
    pub fn remote(&self) -> &RemoteRepository {
        &self.remote
    }

    /// Pushes an image: nothing where all its tags mean it, and else what is lacking, blobs first, then manifests, lists after
    /// what they list, and tags last.
    ///
    /// # Errors
    ///
    /// When the registry does not take it, or a rule of the options forbids it: then no tag has changed.
    pub async fn push(&self, image: &Pushable) -> Result<Pushed, PushError> {
        let pushed = self.push_all(image).await;
        if pushed.is_err() {
            for remote in [&self.remote].into_iter().chain(&self.staging) {
                remote.cancel_abandoned().await;
            }
        }
        pushed
    }

    async fn push_all(&self, image: &Pushable) -> Result<Pushed, PushError> {
        let (top, all) = (&image.top, Pushable::blobs_of(image.manifests()));
        let mut tags = Vec::new();
        for tag in &image.tags {
            let asked = Instant::now();
            let was = self.remote.head_manifest(tag).await;
            self.lanes.measured(asked.elapsed());
            // Whether a tag may change is found out before anything is written.
            let is_written = !self.options.dry_run && !self.options.immutable_tags;
            let was = found(was, is_written)?.map(|head| head.digest);
            tags.push(TagChange { tag: tag.clone(), was });
        }
        self.check_tags(&tags, top.digest)?;
        let mut pushed = Pushed {
            repository: self.remote.repository().to_string(),
            digest: top.digest,
            counts: Counts::default(),
            tags,
        };
        let is_named = !pushed.tags.is_empty() && pushed.tags.iter().all(|it| it.was == Some(top.digest));
        let missing = if is_named { Vec::new() } else { self.missing(image, &pushed.tags).await? };
        let lacking = Pushable::blobs_of(missing.iter().copied());
        for blob in all.iter().filter(|blob| !lacking.contains(blob)) {
            pushed.counts.add(blob.size, Arrival::There);
        }
        if missing.is_empty() {
            if !self.options.dry_run {
                self.remote.attach(&image.attachments).await?;
            }
            if !is_named && !self.options.dry_run {
                self.put_top(top, &pushed.tags).await?;
            }
            return Ok(pushed);
        }
        self.learn(&pushed.tags).await?;
        let counts = self.put_blobs(&lacking, image).await?;
        pushed.counts.and(&counts);
        if !self.options.dry_run {
            self.put_manifests(image, &missing, &lacking, &pushed.tags).await?;
        }
        Ok(pushed)
    }

    fn check_tags(&self, tags: &[TagChange], digest: Digest) -> Result<(), PushError> {
        let moved = tags.iter().find_map(|it| Some((it, it.was.filter(|was| *was != digest)?)));
        match moved {
            Some((TagChange { tag, .. }, was)) if self.options.immutable_tags => Err(PushError::TagTaken {
                repository: self.remote.repository().to_string(),
                tag: tag.clone(),
                was: Box::new(was),
                digest: Box::new(digest),
            }),
            _ => Ok(()),
        }
    }

    /// The manifests that are not there: one that is there has all that it points to.
    async fn missing<'a>(
        &self,
        image: &'a Pushable,
        tags: &[TagChange],
    ) -> Result<Vec<&'a RemoteManifest>, PushError> {
        if tags.iter().any(|it| it.was == Some(image.top.digest)) {
            return Ok(Vec::new());
        }
        if tags.iter().all(|it| it.was.is_none()) {
            let is_new = self.remote.is_absent().await?;
            self.known().is_new = is_new;
            if is_new {
                return Ok(image.manifests().collect());
            }
        }
        if self.has_manifest(&image.top).await? {
            return Ok(Vec::new());
        }
        let asked = image
            .children
            .iter()
            .map(|child| async move { Ok::<_, RegistryError>((child, self.has_manifest(child).await?)) });
        let mut missing: Vec<&RemoteManifest> = Vec::new();
        for found in futures::stream::iter(asked).buffered(CONNECTIONS).collect::<Vec<_>>().await {
            let (child, is_there) = found?;
            if !is_there {
                missing.push(child);
            }
        }
        missing.push(&image.top);
        Ok(missing)
    }

    async fn has_manifest(&self, manifest: &RemoteManifest) -> Result<bool, RegistryError> {
        let head = self.remote.head_manifest(&manifest.digest.to_string()).await;
        Ok(found(head, !self.options.dry_run)?.is_some())
    }

    /// Learns what the repository has from what its tags have meant until now.
    async fn learn(&self, tags: &[TagChange]) -> Result<(), PushError> {
        let before: BTreeSet<Digest> = tags.iter().filter_map(|it| it.was).collect();
        for digest in before.iter().take(2) {
            let blobs = self.remote.blobs_below(digest).await?;
            self.known().there.extend(blobs);
        }
        Ok(())
    }

    /// Puts blobs into the repository, several at once.
    async fn put_blobs(&self, lacking: &[PushedBlob], image: &Pushable) -> Result<Counts, PushError> {
        let (mut counts, mut unsent) = (Counts::default(), Vec::new());
        let mut running: FuturesUnordered<_> =
            lacking
                .iter()
                .map(|blob| async move {
                    (blob, self.put(blob, &image.blobs, image.homes.get(&blob.digest)).await)
                })
                .collect();
        while let Some((blob, arrival)) = running.next().await {
            match arrival? {
                Arrival::Sent if self.options.mount_only && blob.is_layer => unsent.push(blob.digest),
                arrival => {
                    let is_first = self.counted().insert(blob.digest);
                    counts.add(blob.size, if is_first { arrival } else { Arrival::There });
                }
            }
        }
        if unsent.is_empty() {
            return Ok(counts);
        }
        Err(PushError::Lacking { repository: self.remote.repository().to_string(), layers: unsent })
    }

    /// Puts a layer into the repository before the image is known that has it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the registry does not take it.
    pub async fn put_layer(
        &self,
        digest: Digest,
        size: u64,
        blobs: &Arc<dyn Blobs>,
    ) -> Result<(), RegistryError> {
        self.put(&PushedBlob { digest, size, is_layer: true }, blobs, None).await.map(drop)
    }

    /// Puts a blob into the repository, once however often it is asked for.
    async fn put(
        &self,
        blob: &PushedBlob,
        blobs: &Arc<dyn Blobs>,
        homes: Option<&Vec<Home>>,
    ) -> Result<Arrival, RegistryError> {
        let cell = Arc::clone(self.cells().entry(blob.digest).or_default());
        let put = || async {
            let _lane = self.lanes.enter(self.remote.troubles()).await;
            let arrival = self.put_now(blob, blobs, homes.map(Vec::as_slice).unwrap_or_default()).await?;
            // What would be sent was not.
            let is_done = arrival != Arrival::Sent || !self.is_withheld(blob);
            if is_done && !self.options.dry_run {
                (self.told)(&blob.digest, blob.size, arrival);
            }
            Ok::<_, RegistryError>(arrival)
        };
        cell.get_or_try_init(put).await.copied()
    }

    async fn put_now(
        &self,
        blob: &PushedBlob,
        blobs: &Arc<dyn Blobs>,
        homes: &[Home],
    ) -> Result<Arrival, RegistryError> {
        let (is_known, is_new) = {
            let known = self.known();
            (known.there.contains(&blob.digest), known.is_new)
        };
        if is_known {
            return Ok(Arrival::There);
        }
        let Home { host, repository } = Home::of(&self.remote);
        let place = (host.clone(), blob.digest);
        let mut sources: Vec<String> = self.homes.lock().get(&place).cloned().into_iter().collect();
        sources.extend(homes.iter().filter(|home| home.host == host).map(|home| home.repository.clone()));
        let mut seen = BTreeSet::from([repository.clone()]);
        sources.retain(|name| seen.insert(name.clone()));
        let may_send = !self.is_withheld(blob);
        if !is_new && found(self.remote.has_blob(&blob.digest).await, may_send)? {
            self.homes.lock().insert(place, repository);
            return Ok(Arrival::There);
        }
        let arrival =
            if may_send { self.send(blob, blobs, sources).await? } else { self.find(blob, &sources).await? };
        if may_send {
            self.homes.lock().insert(place, repository);
        }
        Ok(arrival)
    }

    /// Whether a blob may not be sent.
    fn is_withheld(&self, blob: &PushedBlob) -> bool {
        self.options.dry_run || self.options.mount_only && blob.is_layer
    }

    async fn send(
        &self,
        blob: &PushedBlob,
        blobs: &Arc<dyn Blobs>,
        mut sources: Vec<String>,
    ) -> Result<Arrival, RegistryError> {
        let PushedBlob { digest, size, .. } = *blob;
        let mut staged = None;
        if let Some(staging) = &self.staging {
            let arrival = match found(staging.has_blob(&digest).await, true)? {
                true => Arrival::Mounted,
                false => staging.upload(digest, size, Arc::clone(blobs), &sources).await?,
            };
            staged = Some(arrival);
            sources.insert(0, staging.repository().name().to_owned());
        }
        let arrival = self.remote.upload(digest, size, Arc::clone(blobs), &sources).await?;
        Ok(match (arrival, staged) {
            // It was sent to be mounted.
            (Arrival::Mounted, Some(staged)) => staged,
            (arrival, _) => arrival,
        })
    }

    /// What would become of a blob of which nothing may be sent. With `mount_only` what can be mounted is.
    async fn find(&self, blob: &PushedBlob, sources: &[String]) -> Result<Arrival, RegistryError> {
        let staging = self.staging.as_ref().map(|it| it.repository().name().to_owned());
        for source in staging.iter().chain(sources) {
            let found = match self.options.dry_run {
                // What may not be read there is not mounted from there.
                true => found(self.remote.sibling(source)?.has_blob(&blob.digest).await, true)?,
                false => self.remote.mount(&blob.digest, source).await?,
            };
            if found {
                return Ok(Arrival::Mounted);
            }
        }
        Ok(Arrival::Sent)
    }

    async fn put_manifests(
        &self,
        image: &Pushable,
        missing: &[&RemoteManifest],
        lacking: &[PushedBlob],
        tags: &[TagChange],
    ) -> Result<(), PushError> {
        let (top, children): (Vec<_>, Vec<_>) =
            missing.iter().copied().partition(|it| it.digest == image.top.digest);
        for attempt in 0..2 {
            let put = async {
                for child in &children {
                    self.remote.put_manifest(child, &child.digest.to_string(), &[]).await?;
                }
                for top in &top {
                    if !image.attachments.is_empty() {
                        self.remote.put_manifest(top, &top.digest.to_string(), &[]).await?;
                        self.remote.attach(&image.attachments).await?;
                    }
                    self.put_top(top, tags).await?;
                }
                Ok::<_, RegistryError>(())
            };
            match put.await {
                // A blob was removed since it was found, or one of a manifest that is there was: all are asked for anew.
                Err(error) if attempt == 0 && error.refusal().is_some_and(lacks_a_blob) => {
                    tracing::info!("{error}: its blobs are looked for once more");
                    *self.known() = Known::default();
                    self.cells().clear();
                    self.put_blobs(lacking, image).await?;
                }
                result => return Ok(result?),
            }
        }
        Ok(())
    }

    /// Writes what is named under its tags: in one request where the registry knows that, and else one after the other.
    async fn put_top(&self, top: &RemoteManifest, tags: &[TagChange]) -> Result<(), RegistryError> {
        let mut wanted: Vec<String> =
            tags.iter().filter(|it| it.was != Some(top.digest)).map(|it| it.tag.clone()).collect();
        let digest = top.digest.to_string();
        if tags.is_empty() {
            self.remote.put_manifest(top, &digest, &[]).await?;
        }
        if wanted.len() > 1 {
            let taken: BTreeSet<String> =
                self.remote.put_manifest(top, &digest, &wanted).await?.into_iter().collect();
            wanted.retain(|tag| !taken.contains(tag));
        }
        for tag in wanted {
            self.remote.put_manifest(top, &tag, &[]).await?;
        }
        Ok(())
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<Digest, Arc<OnceCell<Arrival>>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a registry refuses a manifest because a blob of it, or a manifest of its list, is not there.
fn lacks_a_blob(refusal: &Refusal) -> bool {
    let is_refused = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND].contains(&refusal.status);
    let codes = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];
    is_refused && codes.iter().any(|code| refusal.says(code))
}

/// What was found of what may be there. What may not be asked for is not known, where the write that follows says whether that may be
/// done.
fn found<T: Default>(asked: Result<T, RegistryError>, is_written: bool) -> Result<T, RegistryError> {
    match asked {
        Err(error) if is_written && error.refusal().is_some_and(Refusal::is_denied) => {
            tracing::debug!("{error}");
            Ok(T::default())
        }
        asked => asked,
    }
}
