//! Uploads: a blob whole, or in pieces where it is not taken whole (distribution specification, "Pushing blobs").

use std::io;
use std::sync::Arc;

use http::header::RANGE;
use imgbuild_net::{Retry, is_transient};
use imgbuild_oci::{BlobError, Blobs, Digest, HashReader};
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use crate::body::Outgoing;
use crate::error::{Doing, RegistryError};
use crate::hosts::{Chunks, Taking, taking};
use crate::manifest::CONTENT_DIGEST;
use crate::remote::{RemoteRepository, drain, header};
use crate::sending::{Sent, Trouble, Upload, empty, is_too_large};
use crate::session::Session;

/// How often an upload may begin anew.
const MOST_STALLS: u32 = 3;

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was there.
    There,
    /// The registry has it from another of its repositories.
    Mounted,
    /// It was sent.
    Sent,
}

impl RemoteRepository {
    /// Mounts a blob from another repository of the registry.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked. That it does not mount is none.
    pub async fn mount(&self, digest: &Digest, from: &str) -> Result<bool, RegistryError> {
        Ok(self.mount_if_there(digest, from).await?.unwrap_or(false))
    }

    /// The same of a repository that may not be there: nothing where it is not, and is not made by this.
    pub(crate) async fn mount_if_there(
        &self,
        digest: &Digest,
        from: &str,
    ) -> Result<Option<bool>, RegistryError> {
        match self.try_mount(digest, from).await? {
            Mount::NoRepository => Ok(None),
            Mount::Done => Ok(Some(true)),
            Mount::Refused => Ok(Some(false)),
            Mount::Upload(mut session) => {
                self.cancel(&mut session).await;
                Ok(Some(false))
            }
        }
    }

    /// Sends a blob of a size. Where it can be mounted from one of `sources`, nothing is sent.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the registry does not take it.
    pub async fn upload(
        &self,
        digest: Digest,
        size: u64,
        blobs: Arc<dyn Blobs>,
        sources: &[String],
    ) -> Result<Arrival, RegistryError> {
        let mut begun = None;
        for source in sources {
            if self.registries().unreadable().contains(&(self.repository().url().clone(), source.clone())) {
                continue;
            }
            match self.try_mount(&digest, source).await? {
                Mount::Done => return Ok(Arrival::Mounted),
                Mount::Upload(session) => {
                    begun = Some(session);
                    break;
                }
                Mount::Refused | Mount::NoRepository => {}
            }
        }
        let outgoing = Outgoing::new(Arc::clone(&blobs), digest);
        let upload = Upload { remote: self, digest, size, outgoing, blobs, doing: Doing::WriteBlob(digest) };
        upload.send(begun).await.map(|()| Arrival::Sent)
    }

    async fn try_mount(&self, digest: &Digest, from: &str) -> Result<Mount, RegistryError> {
        let doing = Doing::WriteBlob(*digest);
        let mut url = self.repository().uploads()?;
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        let answer = self.send(&doing, &|| empty(Method::POST, &url)).await?;
        let mount = match answer.status() {
            StatusCode::CREATED => Mount::Done,
            // It does not mount, and has begun an upload instead. One whose place is wrong is of no use.
            StatusCode::ACCEPTED => self.session(&doing, &answer).map_or(Mount::Refused, Mount::Upload),
            // It may not be read there, nor may any other blob. Whether it may be written here, the upload says.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.registries().unreadable().insert((self.repository().url().clone(), from.to_owned()));
                Mount::Refused
            }
            StatusCode::NOT_FOUND => {
                let refused = self.refused(&doing, answer).await;
                let is_absent = refused.refusal().is_some_and(|refusal| refusal.says("NAME_UNKNOWN"));
                return Ok(if is_absent { Mount::NoRepository } else { Mount::Refused });
            }
            // Mounting is not known.
            _ => Mount::Refused,
        };
        drain(answer).await;
        Ok(mount)
    }
}

/// Sends a blob in pieces of a size, whatever is known of the registry.
pub(crate) async fn pushed_in_chunks(
    remote: &RemoteRepository,
    digest: Digest,
    size: u64,
    blobs: Arc<dyn Blobs>,
    chunks: Chunks,
) -> Result<(), RegistryError> {
    let (outgoing, doing) = (Outgoing::new(Arc::clone(&blobs), digest), Doing::WriteBlob(digest));
    let upload = Upload { remote, digest, size, outgoing, blobs, doing };
    let mut session = upload.begin().await?;
    let error = match upload.in_chunks(&mut session, chunks).await {
        Outcome::Done => {
            session.close();
            return Ok(());
        }
        Outcome::Failed(error) | Outcome::Anew(error) => error,
        Outcome::Again(trouble) => upload.told(trouble),
        Outcome::Smaller(_, refused) => refused,
    };
    remote.cancel(&mut session).await;
    Err(error)
}

/// What became of asking for a mount.
enum Mount {
    Done,
    Upload(Session),
    Refused,
    /// There is no repository to mount to.
    NoRepository,
}

impl Upload<'_> {
    /// Sends the blob, whole where the registry takes it whole.
    async fn send(&self, begun: Option<Session>) -> Result<(), RegistryError> {
        let host = self.remote.repository().host().to_owned();
        let mut begun = begun;
        let mut retry = Retry::new(self.remote.client().schedule());
        let mut stalls = 0;
        let mut too_large = None;
        loop {
            let chunks = self.remote.registries().learned(&host).chunks.filter(|it| self.size > it.size);
            let mut session = match begun.take() {
                Some(session) => session,
                None => self.begin().await?,
            };
            let outcome = match chunks {
                Some(chunks) => self.in_chunks(&mut session, chunks).await,
                None => self.whole(&mut session).await,
            };
            match outcome {
                Outcome::Done => {
                    session.close();
                    return Ok(());
                }
                Outcome::Smaller(chunks, refused) => {
                    // The registry may have been done when its proxy gave up.
                    if has_status(&refused, is_transient) && self.has_arrived().await {
                        session.close();
                        return Ok(());
                    }
                    self.remote.registries().learn(&host, |learned| learned.chunks = Some(chunks));
                    too_large = Some(refused);
                }
                Outcome::Again(trouble) => {
                    self.wait(&mut retry, trouble).await?;
                    if self.has_arrived().await {
                        session.close();
                        return Ok(());
                    }
                }
                // The registry has forgotten the upload.
                Outcome::Anew(error) => {
                    if self.has_arrived().await {
                        session.close();
                        return Ok(());
                    }
                    stalls += 1;
                    if stalls > MOST_STALLS {
                        return Err(error);
                    }
                }
                Outcome::Failed(error) => {
                    self.remote.cancel(&mut session).await;
                    return Err(self.failed(error, too_large).await);
                }
            }
            self.remote.cancel(&mut session).await;
        }
    }

    /// Why it is not taken. A registry that takes no pieces at all was asked for them because it had not taken the blob whole: that is
    /// the reason.
    async fn failed(&self, error: RegistryError, too_large: Option<RegistryError>) -> RegistryError {
        match too_large {
            Some(too_large) if has_status(&error, |status| status == StatusCode::METHOD_NOT_ALLOWED) => {
                let host = self.remote.repository().host();
                self.remote.registries().learn(host, |learned| learned.chunks = None);
                too_large
            }
            _ => self.explained(error).await,
        }
    }

    /// Whether the blob is there after all: the answer that said so may have been lost.
    async fn has_arrived(&self) -> bool {
        let Ok(url) = self.remote.repository().blob(&self.digest) else { return false };
        // Where that is not known either, the upload that begins anew shows it.
        let asked = self.remote.send_once(&self.doing, &|| Request::new(Method::HEAD, url.clone())).await;
        asked.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Begins an upload.
    async fn begin(&self) -> Result<Session, RegistryError> {
        let url = self.remote.repository().uploads()?;
        let answer = self.remote.send(&self.doing, &|| empty(Method::POST, &url)).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.remote.refused(&self.doing, answer).await);
        }
        let session = self.remote.session(&self.doing, &answer)?;
        drain(answer).await;
        Ok(session)
    }

    /// Sends it in one request. What is there after the connection broke is gone on with in pieces.
    async fn whole(&self, session: &mut Session) -> Outcome {
        let ending = self.ending(session.location());
        let answer = match self.sending(Method::PUT, &ending, 0, self.size).await {
            Ok(Sent::Answer(answer)) => answer,
            Ok(Sent::Broken(trouble)) => return self.broken(session, trouble).await,
            Err(error) => return Outcome::Failed(error),
        };
        if is_too_large(answer.status()) {
            return self.too_large(session, answer).await;
        }
        self.ended(answer).await
    }

    /// It was not taken whole, or not in the time that a proxy gives it.
    async fn too_large(&self, session: &Session, answer: Response) -> Outcome {
        let status = answer.status();
        let chunks = Chunks::of(self.remote.repository().host(), answer.headers());
        let chunks = chunks.map(|chunks| chunks.at_least(session.least.unwrap_or(1)));
        match chunks.and_then(|chunks| self.fitting(chunks)) {
            Some(chunks) => self.smaller(chunks, answer).await,
            // What is smaller than any piece was not too large.
            None if is_transient(status) => Outcome::Again(self.trouble(answer).await),
            None => Outcome::Failed(self.remote.refused(&self.doing, answer).await),
        }
    }

    /// It is to be sent in smaller pieces, for what the registry has answered.
    pub(crate) async fn smaller(&self, chunks: Chunks, answer: Response) -> Outcome {
        Outcome::Smaller(chunks, self.remote.refused(&self.doing, answer).await)
    }

    /// Pieces that are smaller than the blob.
    fn fitting(&self, mut chunks: Chunks) -> Option<Chunks> {
        while chunks.size >= self.size {
            chunks = chunks.smaller()?;
        }
        Some(chunks)
    }

    /// The connection broke while it was sent whole: where the registry has a part, the rest goes on in pieces.
    async fn broken(&self, session: &mut Session, trouble: Trouble) -> Outcome {
        let host = self.remote.repository().host();
        if matches!(taking(host), Some(Taking::Whole)) {
            return Outcome::Again(trouble);
        }
        // A place from which nothing can be learned is a reason to begin anew.
        match self.standing(session.location()).await {
            Ok(Some((location, at))) if at > 0 && at < self.size => {
                let Some(chunks) = Chunks::of(host, &http::HeaderMap::new()) else {
                    return Outcome::Again(trouble);
                };
                let chunks = chunks.at_least(session.least.unwrap_or(1));
                session.go_on_at(location);
                self.pieces(session, at, chunks).await
            }
            _ => Outcome::Again(trouble),
        }
    }

    /// How much of an upload the registry has, and where it goes on; nothing where it does not know it.
    pub(crate) async fn standing(&self, location: &Url) -> Result<Option<(Url, u64)>, RegistryError> {
        let answer = self.remote.send(&self.doing, &|| empty(Method::GET, location)).await?;
        if !answer.status().is_success() {
            drain(answer).await;
            return Ok(None);
        }
        let next = self.remote.location(&self.doing, &answer).unwrap_or_else(|_| location.clone());
        let has = received(&answer);
        drain(answer).await;
        Ok(has.map(|has| (next, has)))
    }

    async fn in_chunks(&self, session: &mut Session, chunks: Chunks) -> Outcome {
        let chunks = chunks.at_least(session.least.unwrap_or(1));
        self.pieces(session, 0, chunks).await
    }

    /// The answer to the end of an upload.
    pub(crate) async fn ended(&self, answer: Response) -> Outcome {
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Outcome::Anew(self.remote.refused(&self.doing, answer).await),
            status if is_transient(status) => return Outcome::Again(self.trouble(answer).await),
            _ => return Outcome::Failed(self.remote.refused(&self.doing, answer).await),
        }
        let stored = header(answer.headers(), CONTENT_DIGEST).map(str::to_owned);
        drain(answer).await;
        match stored {
            Some(found) if found != self.digest.to_string() => Outcome::Failed(RegistryError::Stored {
                at: self.remote.failed(&self.doing),
                wanted: self.digest,
                found,
            }),
            _ => Outcome::Done,
        }
    }

    /// A refusal, or what is wrong with the blob here where the registry has found that out.
    async fn explained(&self, error: RegistryError) -> RegistryError {
        if error.refusal().is_none_or(|refusal| !refusal.says("DIGEST_INVALID")) {
            return error;
        }
        let (blobs, digest) = (Arc::clone(&self.blobs), self.digest);
        let checked = tokio::task::spawn_blocking(move || check(&*blobs, digest)).await;
        match checked {
            Ok(Err(damaged)) => self.unreadable(damaged),
            _ => error,
        }
    }
}

/// What became of an upload.
pub(crate) enum Outcome {
    Done,
    /// It is to begin anew, in pieces, or in smaller ones, because of a refusal.
    Smaller(Chunks, RegistryError),
    /// It is to begin anew after a while.
    Again(Trouble),
    /// It is to begin anew: the registry does not know it any more.
    Anew(RegistryError),
    Failed(RegistryError),
}

/// Whether an error is an answer with such a status.
fn has_status(error: &RegistryError, is: impl Fn(StatusCode) -> bool) -> bool {
    error.refusal().is_some_and(|refusal| is(refusal.status))
}

/// Whether a blob here is what its digest says.
fn check(blobs: &dyn Blobs, digest: Digest) -> Result<(), BlobError> {
    let mut reader = HashReader::new(blobs.open(&digest)?);
    io::copy(&mut reader, &mut io::sink()).map_err(|error| BlobError::Read { digest, error })?;
    let (found, _) = reader.finish();
    if found == digest { Ok(()) } else { Err(BlobError::Digest { wanted: digest, found }) }
}

/// How many bytes a registry says it has: `Range: 0-99`, and `bytes=0-99` of some. `0-0` is nothing, or one byte: nothing is
/// right more often.
pub(crate) fn received(answer: &Response) -> Option<u64> {
    let text = header(answer.headers(), RANGE)?;
    let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    match (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}
