//! What is read where a registry leads: blobs at a host for content, and documents at another registry.

use http::header::LOCATION;
use imgbuild_net::{NetError, Retry, is_transient};
use imgbuild_secret::SecretUrl;
use reqwest::{Request, Response, StatusCode};
use url::Url;

use crate::address::elsewhere;
use crate::error::{Doing, RegistryError};
use crate::limits::MOST_REDIRECTS;
use crate::remote::{RemoteRepository, drain, header, passing};

/// Makes the request for what is to be read at a place.
type Asking<'a> = &'a (dyn Fn(&Url) -> Request + Sync);

impl RemoteRepository {
    /// Asks for what is to be read at a place, and wherever it leads from there: with a credential at this registry alone, and again
    /// where that may help. What another host says that has nothing is none of the registry's words.
    ///
    /// # Errors
    ///
    /// When nothing is answered, or it leads where nothing of ours goes.
    pub(crate) async fn fetch(
        &self,
        doing: &Doing,
        url: &Url,
        make: Asking<'_>,
    ) -> Result<Response, RegistryError> {
        let answer = self.ask(doing, url, make).await?;
        self.follow(doing, answer, url, make).await
    }

    /// The same from an answer on.
    ///
    /// # Errors
    ///
    /// As [`Self::fetch`].
    pub(crate) async fn follow(
        &self,
        doing: &Doing,
        mut answer: Response,
        url: &Url,
        make: Asking<'_>,
    ) -> Result<Response, RegistryError> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let status = answer.status();
            if !status.is_redirection() {
                // That a document is not there is told as if this registry had said it.
                let is_absent = status == StatusCode::NOT_FOUND && !matches!(doing, Doing::ReadBlob(_));
                return match status.is_success() || is_absent || self.is_here(&url) {
                    true => Ok(answer),
                    false => Err(self.net(doing, passing(&answer))),
                };
            }
            url = elsewhere(header(answer.headers(), LOCATION), &url)
                .map_err(|misled| self.misled(doing, status, misled))?;
            drain(answer).await;
            answer = self.ask(doing, &url, make).await?;
        }
        let error = NetError::Redirects { url: SecretUrl::from(&url).to_string() };
        Err(self.net(doing, error))
    }

    async fn ask(&self, doing: &Doing, url: &Url, make: Asking<'_>) -> Result<Response, RegistryError> {
        if self.is_here(url) {
            return self.send(doing, &|| make(url)).await;
        }
        let mut retry = Retry::new(self.client().schedule());
        loop {
            let failure = match self.client().exchange(make(url)).await {
                Ok(answer) if is_transient(answer.status()) => passing(&answer),
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            retry.wait(failure).await.map_err(|error| self.net(doing, error))?;
        }
    }

    fn is_here(&self, url: &Url) -> bool {
        url.origin() == self.repository().url().origin()
    }
}
