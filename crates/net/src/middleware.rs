//! The same client for libraries that bring their own requests.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};

use crate::retry::{is_transient, retry_after};
use crate::{Client, RedactedUrl, Schedule};

impl Client {
    /// This client for rattler: offline guard and retries outside, then the layers of `inner`, the outermost first.
    ///
    /// Retries stand outside of mirrors: a mirror layer counts only failures of the server and the connection against a
    /// mirror, and can ask another one the next time.
    pub fn middleware(&self, inner: impl IntoIterator<Item = Arc<dyn Middleware>>) -> ClientWithMiddleware {
        let builder = ClientBuilder::new(self.http.clone())
            .with(OfflineGuard(self.clone()))
            .with(RetryTransient(self.options.schedule));
        // Once more within, since a mirror layer may have changed the URL, from `file` to `https` too.
        let builder = inner.into_iter().fold(builder, ClientBuilder::with_arc);
        builder.with(OfflineGuard(self.clone())).build()
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
        if self.0.is_offline() {
            self.0.guard(request.url()).map_err(Error::middleware)?;
        }
        next.run(request, extensions).await
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
            tracing::debug!("{}: {why}; trying again in {delay:?}", RedactedUrl(request.url()));
            tokio::time::sleep(delay).await;
        }
        next.run(request, extensions).await
    }
}
