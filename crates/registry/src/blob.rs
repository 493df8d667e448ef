//! Reading blobs: each is checked while it comes, and goes on where the connection broke.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use http::header::{HeaderValue, RANGE};
use imgbuild_net::{NetError, Pace, Retry, skipped};
use imgbuild_oci::{BlobError, Blobs, Digest, HashWriter};
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use url::Url;

use crate::error::{Doing, RegistryError};
use crate::remote::RemoteRepository;

/// How many pieces of a blob wait to be read.
const AHEAD: usize = 8;

/// A blob as it comes.
pub struct BlobReader<'a> {
    remote: &'a RemoteRepository,
    digest: Digest,
    size: u64,
    hash: HashWriter<io::Sink>,
    at: u64,
    coming: Option<Coming>,
    retry: Retry,
    /// Whether it came too slowly before: who trickles gets no further attempts for that.
    is_slow: bool,
}

/// An answer that is being read.
struct Coming {
    answer: Response,
    /// How many of the bytes that are still to come have come before.
    skip: u64,
    pace: Pace,
}

impl RemoteRepository {
    /// Whether a blob is there.
    ///
    /// # Errors
    ///
    /// When the registry does not say it.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let doing = Doing::ReadBlob(*digest);
        let url = self.repository().blob(digest)?;
        let answer = self.send(&doing, &|| Request::new(Method::HEAD, url.clone())).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            // Some send whoever asks for a blob to where it is.
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(self.refused(&doing, answer).await),
        }
    }

    /// A blob, whose size a manifest states.
    pub fn blob(&self, digest: Digest, size: u64) -> BlobReader<'_> {
        let retry = Retry::new(self.client().schedule());
        BlobReader {
            remote: self,
            digest,
            size,
            hash: HashWriter::new(io::sink()),
            at: 0,
            coming: None,
            retry,
            is_slow: false,
        }
    }

    /// A small blob as a whole.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not what it should be.
    pub async fn blob_bytes(&self, digest: Digest, size: u64) -> Result<Vec<u8>, RegistryError> {
        let mut reader = self.blob(digest, size);
        let mut bytes = Vec::new();
        while let Some(piece) = reader.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

impl BlobReader<'_> {
    /// The next bytes; nothing at the end, when all of it was right.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not what it should be.
    pub async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            if self.at == self.size {
                return self.check().map(|()| None);
            }
            let remote = self.remote;
            let coming = match &mut self.coming {
                Some(coming) => coming,
                None => {
                    let opened = self.open().await?;
                    self.coming.insert(opened)
                }
            };
            match remote.client().next_bytes(&mut coming.answer, &mut coming.pace).await {
                Ok(Some(mut piece)) => {
                    let skipped = coming.skip.min(piece.len() as u64);
                    coming.skip -= skipped;
                    let piece = piece.split_off(skipped as usize);
                    if !piece.is_empty() {
                        return self.came(piece).map(Some);
                    }
                }
                Ok(None) => {
                    let url = SecretUrl::from(coming.answer.url()).to_string();
                    self.coming = None;
                    self.wait(NetError::Truncated { url, found: self.at }).await?;
                }
                Err(error) => {
                    self.is_slow |= matches!(error, NetError::Slow { .. });
                    self.coming = None;
                    self.wait(error).await?;
                }
            }
        }
    }

    fn doing(&self) -> Doing {
        Doing::ReadBlob(self.digest)
    }

    async fn wait(&mut self, error: NetError) -> Result<(), RegistryError> {
        let doing = self.doing();
        self.retry.wait(error).await.map_err(|error| self.remote.net(&doing, error))
    }

    fn came(&mut self, piece: Bytes) -> Result<Bytes, RegistryError> {
        if !self.is_slow {
            self.retry.progressed();
        }
        self.at += piece.len() as u64;
        if self.at > self.size {
            return Err(RegistryError::Longer { at: self.remote.failed(&self.doing()), wanted: self.size });
        }
        // Hashing does not fail.
        let _hashed = io::Write::write_all(&mut self.hash, &piece);
        Ok(piece)
    }

    fn check(&mut self) -> Result<(), RegistryError> {
        let hash = std::mem::replace(&mut self.hash, HashWriter::new(io::sink()));
        let (_, found, _) = hash.finish();
        if found == self.digest {
            return Ok(());
        }
        Err(RegistryError::Digest { at: self.remote.failed(&self.doing()), found })
    }

    /// Asks for what is still to come, wherever it is: the answer, and how many of its bytes have come before.
    async fn open(&self) -> Result<Coming, RegistryError> {
        let (remote, doing, at) = (self.remote, self.doing(), self.at);
        let url = remote.repository().blob(&self.digest)?;
        let answer = remote.fetch(&doing, &url, &|url| from(url, at)).await?;
        let skip = match answer.status() {
            // It may know no ranges, and send everything.
            StatusCode::OK => at,
            StatusCode::PARTIAL_CONTENT if at > 0 => {
                let url = SecretUrl::from(answer.url());
                skipped(&url, &answer, at).map_err(|error| remote.net(&doing, error))?
            }
            _ => return Err(remote.refused(&doing, answer).await),
        };
        Ok(Coming { answer, skip, pace: remote.client().pace() })
    }
}

/// A request for a blob from a byte on.
fn from(url: &Url, at: u64) -> Request {
    let mut request = Request::new(Method::GET, url.clone());
    if at > 0
        && let Ok(range) = HeaderValue::from_str(&format!("bytes={at}-"))
    {
        request.headers_mut().insert(RANGE, range);
    }
    request
}

/// The blobs of an image in a registry, for whoever reads without waiting for anything else.
#[derive(Debug, Clone)]
pub struct RemoteBlobs {
    remote: RemoteRepository,
    sizes: Arc<std::collections::BTreeMap<Digest, u64>>,
    runtime: Handle,
}

impl RemoteBlobs {
    /// The blobs of these digests and sizes.
    pub fn new(
        remote: RemoteRepository,
        sizes: impl IntoIterator<Item = (Digest, u64)>,
        runtime: Handle,
    ) -> Self {
        Self { remote, sizes: Arc::new(sizes.into_iter().collect()), runtime }
    }
}

impl Blobs for RemoteBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let (remote, digest) = (self.remote.clone(), *digest);
        let size = *self.sizes.get(&digest).ok_or(BlobError::Absent(digest))?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        self.runtime.spawn(async move {
            let mut reader = remote.blob(digest, size);
            loop {
                let next = reader.next().await;
                let is_last = !matches!(next, Ok(Some(_)));
                // Who reads no more has dropped the other end.
                if sender.send(next).await.is_err() || is_last {
                    break;
                }
            }
        });
        Ok(Box::new(Pieces { pieces, rest: Bytes::new(), has_ended: false }))
    }
}

/// The pieces of a blob as a stream.
struct Pieces {
    pieces: mpsc::Receiver<Result<Option<Bytes>, RegistryError>>,
    rest: Bytes,
    has_ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.has_ended {
            // Whoever reads may be a task that tokio has already asked to yield: that cannot be done here.
            match block_on(unconstrained(self.pieces.recv())) {
                Some(Ok(Some(piece))) => self.rest = piece,
                Some(Ok(None)) => self.has_ended = true,
                Some(Err(error)) => {
                    self.has_ended = true;
                    return Err(imgbuild_diagnostic::io_error(io::ErrorKind::Other, error));
                }
                // The program is ending.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
