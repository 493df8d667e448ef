//! Parts of a blob on their way: one request each.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use imgbuild_net::{NetError, Retry, is_transient};
use imgbuild_oci::{BlobError, Blobs, Digest};
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use crate::body::Outgoing;
use crate::error::{Doing, RegistryError};
use crate::limits::STALL;
use crate::remote::{RemoteRepository, passing};

/// What became of a request that sends a part of a blob.
pub(crate) enum Sent {
    /// The registry has answered.
    Answer(Response),
    /// The connection broke, or the registry had a trouble of the moment.
    Broken(Trouble),
}

/// What may pass.
pub(crate) struct Trouble {
    /// What is waited after.
    error: NetError,
    /// What the registry has said, where it has.
    refusal: Option<RegistryError>,
}

impl From<NetError> for Trouble {
    fn from(error: NetError) -> Self {
        Self { error, refusal: None }
    }
}

/// One blob on its way to a repository.
pub(crate) struct Upload<'a> {
    pub(crate) remote: &'a RemoteRepository,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) outgoing: Outgoing,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) doing: Doing,
}

impl Upload<'_> {
    /// Sends a part of the blob. A request that nothing is taken of any more is given up.
    pub(crate) async fn sending(
        &self,
        method: Method,
        url: &Url,
        at: u64,
        length: u64,
    ) -> Result<Sent, RegistryError> {
        let make = || {
            let mut request = empty(method.clone(), url);
            let headers = request.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            // Without the word `bytes` before it, and without the size behind it: some refuse both.
            let is_part = method == Method::PATCH || length < self.size;
            if is_part
                && let Ok(range) = HeaderValue::from_str(&format!("{at}-{}", (at + length).saturating_sub(1)))
            {
                headers.insert(CONTENT_RANGE, range);
            }
            *request.body_mut() = Some(self.outgoing.body(at, length));
            request
        };
        let sent = tokio::select! {
            sent = self.remote.send_once(&self.doing, &make) => sent,
            () = self.stall(length) => {
                let url = SecretUrl::from(url).to_string();
                return Ok(Sent::Broken(NetError::Slow { url }.into()));
            }
        };
        if let Some(error) = self.outgoing.failure() {
            return Err(self.unreadable(error));
        }
        match sent {
            Ok(answer) if is_transient(answer.status()) && !is_too_large(answer.status()) => {
                Ok(Sent::Broken(self.trouble(answer).await))
            }
            Ok(answer) => Ok(Sent::Answer(answer)),
            Err(RegistryError::Net { error, .. }) if error.is_transient() => {
                Ok(Sent::Broken((*error).into()))
            }
            Err(RegistryError::Answer { at, error }) => match error.passing() {
                Some(passing) => {
                    let refusal = Some(RegistryError::Answer { at, error });
                    Ok(Sent::Broken(Trouble { error: passing, refusal }))
                }
                None => Err(RegistryError::Answer { at, error }),
            },
            Err(error) => Err(error),
        }
    }

    /// What a registry says that has a trouble of the moment.
    pub(crate) async fn trouble(&self, answer: Response) -> Trouble {
        let error = passing(&answer);
        Trouble { error, refusal: Some(self.remote.refused(&self.doing, answer).await) }
    }

    /// Waits until a trouble may have passed; one too many is told.
    pub(crate) async fn wait(&self, retry: &mut Retry, trouble: Trouble) -> Result<(), RegistryError> {
        self.remote.had_trouble();
        let waited = retry.wait(trouble.error).await;
        waited.map_err(|error| self.told(Trouble { error, ..trouble }))
    }

    /// A trouble that does not pass.
    pub(crate) fn told(&self, trouble: Trouble) -> RegistryError {
        trouble.refusal.unwrap_or_else(|| self.remote.net(&self.doing, trouble.error))
    }

    /// Ends when nothing of a body of `length` bytes was taken for a while, and when no answer comes to one that was taken.
    async fn stall(&self, length: u64) {
        let answer_patience = self.remote.client().answer_patience();
        let pause = Duration::from_secs(STALL).min(answer_patience);
        let mut before = self.outgoing.taken();
        let end = before + length;
        let mut idle = Duration::ZERO;
        loop {
            tokio::time::sleep(pause).await;
            let now = self.outgoing.taken();
            idle = if now == before { idle.saturating_add(pause) } else { Duration::ZERO };
            if !idle.is_zero() && (now < end || idle >= answer_patience) {
                return;
            }
            before = now;
        }
    }

    /// Where an upload ends.
    pub(crate) fn ending(&self, location: &Url) -> Url {
        let mut url = location.clone();
        url.query_pairs_mut().append_pair("digest", &self.digest.to_string());
        url
    }

    /// The blob cannot be read here.
    pub(crate) fn unreadable(&self, error: BlobError) -> RegistryError {
        RegistryError::Local { at: self.remote.failed(&self.doing), error: Box::new(error) }
    }
}

pub(crate) fn empty(method: Method, url: &Url) -> Request {
    let is_bodied = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    let mut request = Request::new(method, url.clone());
    if is_bodied {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    request
}

/// Whether it may be taken in smaller pieces: a proxy says that it takes no such body, or gave up waiting for its end.
pub(crate) fn is_too_large(status: StatusCode) -> bool {
    let waited = [408, 499, 504, 522, 524];
    [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::RANGE_NOT_SATISFIABLE].contains(&status)
        || waited.contains(&status.as_u16())
}
