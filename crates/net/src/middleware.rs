//! The same client for libraries that bring their own requests.

use std::io;
use std::path::{Component, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Extensions;
use http::header::{AUTHORIZATION, HeaderValue};
use imgbuild_secret::{KnownSecrets, Login, SecretUrl};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};

use crate::answer::{is_transient, retry_after, stating};
use crate::bounds::Bounds;
use crate::{Client, NetError, Schedule, file};

impl Client {
    /// This client for rattler: retries outside, then the layers of `mirrors`, the secrets that are known for what is then asked
    /// for, the layers of `inner`, the outermost first, the offline guard, the limits of what an answer may cost, and innermost
    /// what answers for those `folders` of this machine that mirrors are, and for no other: an index may name any URL.
    ///
    /// Retries stand outside of mirrors: a mirror layer counts only failures of the server and the connection against a
    /// mirror, and can ask another one the next time.
    pub fn middleware(
        &self,
        mirrors: impl IntoIterator<Item = Arc<dyn Middleware>>,
        inner: impl IntoIterator<Item = Arc<dyn Middleware>>,
        folders: Vec<PathBuf>,
    ) -> ClientWithMiddleware {
        let builder = ClientBuilder::new(self.http.clone()).with(RetryTransient(self.options.schedule));
        let builder = mirrors.into_iter().fold(builder, ClientBuilder::with_arc);
        let builder = builder.with(Secrets(Arc::clone(&self.known)));
        let builder = inner.into_iter().fold(builder, ClientBuilder::with_arc);
        let patience = self.options.patience.saturating_add(self.options.connect_timeout);
        // The guard stands within: a mirror layer changes URLs, from `https` to `file` and back.
        builder.with(OfflineGuard(self.clone())).with(Bounds::new(patience)).with(Folders(folders)).build()
    }
}

struct OfflineGuard(Client);

#[async_trait::async_trait]
impl Middleware for OfflineGuard {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        if self.0.is_offline() && request.url().scheme() != "file" {
            let refused =
                |error| Error::middleware(imgbuild_diagnostic::io_error(io::ErrorKind::Other, error));
            self.0.guard(&request.url().into()).map_err(refused)?;
        }
        next.run(request, extensions).await
    }
}

/// Answers for folders of this machine.
struct Folders(Vec<PathBuf>);

impl Folders {
    /// Whether a URL is that of a file in one of them, as the file will be opened: `%2F` is a slash there.
    fn holds(&self, url: &Url) -> bool {
        let Ok(path) = url.to_file_path() else { return false };
        let goes_up = path.components().any(|part| part == Component::ParentDir);
        !goes_up && self.0.iter().any(|folder| path.starts_with(folder))
    }
}

#[async_trait::async_trait]
impl Middleware for Folders {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        if request.url().scheme() != "file" {
            return next.run(request, extensions).await;
        }
        if !self.holds(request.url()) {
            let url = SecretUrl::from(request.url()).to_string();
            let error = io::Error::other("it is in no folder that serves a channel");
            return Err(Error::middleware(NetError::File { url, error }));
        }
        let (status, body) = match file::open(&request.url().into()).await {
            Ok(_) if request.method() == Method::HEAD => (StatusCode::OK, Body::default()),
            Ok(file) => (StatusCode::OK, file.into()),
            Err(NetError::NotFound { .. }) => (StatusCode::NOT_FOUND, Body::default()),
            Err(error) => return Err(Error::middleware(error)),
        };
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        Ok(stating(request.url().clone(), answer))
    }
}

struct RetryTransient(Schedule);

#[async_trait::async_trait]
impl Middleware for RetryTransient {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        for failure in 0..self.0.retries {
            // A body that is a stream can be sent once only.
            let Some(copy) = request.try_clone() else { break };
            let (why, asked) = match next.clone().run(copy, extensions).await {
                Ok(response) if is_transient(response.status()) => {
                    (response.status().to_string(), retry_after(response.headers()))
                }
                Err(Error::Reqwest(error)) if !error.is_builder() && !error.is_redirect() => {
                    (error.without_url().to_string(), None)
                }
                result => return result,
            };
            let delay = self.0.delay(failure, asked);
            tracing::debug!("{}: {why}; trying again in {delay:?}", SecretUrl::from(request.url()));
            tokio::time::sleep(delay).await;
        }
        next.run(request, extensions).await
    }
}

/// Asks with the secrets that are known, and hides them again: from errors, and from whoever keeps where an answer came from.
struct Secrets(Arc<KnownSecrets>);

#[async_trait::async_trait]
impl Middleware for Secrets {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let whole = self.0.whole(request.url());
        // The library makes a header of user and password where a request is built; this one is built already.
        let header = authorization(&whole).filter(|_| !request.headers().contains_key(AUTHORIZATION));
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        *request.url_mut() = whole.without_login().whole().clone();
        match next.run(request, extensions).await {
            Ok(response) => Ok(from_public(response)),
            Err(Error::Reqwest(error)) => Err(Error::Reqwest(error.with_url(whole.public()))),
            Err(error) => Err(error),
        }
    }
}

/// An answer that says by its public URL where it came from.
pub(crate) fn from_public(response: Response) -> Response {
    let from = SecretUrl::from(response.url());
    if !from.is_secret() {
        return response;
    }
    stating(from.public(), response.into())
}

/// User and password of a URL, as a server is told them (RFC 7617).
pub(crate) fn authorization(url: &SecretUrl) -> Option<HeaderValue> {
    let Login { user, password } = url.login()?;
    let mut header =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
    header.set_sensitive(true);
    Some(header)
}
