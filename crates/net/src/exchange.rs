//! Requests of every method, with bodies, and answers as they are.

use std::time::Duration;

use bytes::Bytes;
use imgbuild_secret::SecretUrl;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH};
use reqwest::{Request, Response};

use crate::client::chunk;
use crate::limits::LEAST_PACE;
use crate::middleware::{authorization, from_public};
use crate::pace::Pace;
use crate::{Client, NetError};

impl Client {
    /// Sends a request once, with the secrets that are known for its URL, and gives the answer whatever its status is: for
    /// whom the status and the headers say what to do next. A body may be a stream, whose length the
    /// header `Content-Length` says: it decides how long sending it may take. The answer says by its public URL where
    /// it came from.
    ///
    /// # Errors
    ///
    /// When it cannot be sent, or no answer comes.
    pub async fn exchange(&self, request: Request) -> Result<Response, NetError> {
        self.execute(request).await.map(from_public)
    }

    /// The next bytes of an answer of [`Client::exchange`], whose pace is that of [`Client::pace`]: they may be late, but neither
    /// for ever nor always. What time passes between two calls does not count.
    ///
    /// # Errors
    ///
    /// When the connection breaks, nothing comes, or too little.
    pub async fn next_bytes(
        &self,
        answer: &mut Response,
        pace: &mut Pace,
    ) -> Result<Option<Bytes>, NetError> {
        let url = SecretUrl::from(answer.url());
        pace.go_on();
        let chunk = tokio::time::timeout(self.options.read_timeout, chunk(&url, answer, pace)).await;
        pace.rest();
        chunk.map_err(|_| NetError::Slow { url: url.to_string() })?
    }

    /// The same, whose answer bears the URL that was asked for, secrets and all.
    pub(crate) async fn execute(&self, mut request: Request) -> Result<Response, NetError> {
        let url = SecretUrl::from(request.url());
        self.guard(&url)?;
        let whole = self.whole(&url);
        // The library makes a header of user and password where a request is built; this one is built already.
        let header = authorization(&whole).filter(|_| !request.headers().contains_key(AUTHORIZATION));
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        *request.url_mut() = whole.without_login().whole().clone();
        tracing::debug!("{} {url}", request.method());
        let patience = self.patience().saturating_add(self.sending(&request));
        let sent = tokio::time::timeout(patience, self.layered.execute(request)).await;
        let response = sent.map_err(|_| NetError::Slow { url: url.to_string() })?;
        response.map_err(|error| match error {
            reqwest_middleware::Error::Reqwest(error) => NetError::transport(&url, error),
            reqwest_middleware::Error::Middleware(error) => {
                NetError::Layer { url: url.to_string(), error: error.into() }
            }
        })
    }

    /// How long the body of a request may take: the head of the answer comes after it. Whoever sends a stream sees how it is taken; what is
    /// in memory is never so much.
    fn sending(&self, request: &Request) -> Duration {
        let time = |bytes: u64| Duration::from_secs(bytes / LEAST_PACE);
        let stated = || request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        match request.body().and_then(|body| body.as_bytes()) {
            Some(bytes) => time(bytes.len() as u64).min(self.answer_patience()),
            None => time(stated().unwrap_or(0)),
        }
    }
}
