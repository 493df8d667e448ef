//! Uploads that have begun. One that is given up is told to its registry, which else keeps what has come of it for days.

use http::header::HeaderName;
use imgbuild_oci::Digest;
use reqwest::{Method, Request, Response};
use url::Url;

use crate::error::{Doing, RegistryError};
use crate::registries::Registries;
use crate::remote::{RemoteRepository, drain, header};

const LEAST_CHUNK: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// An upload that has begun.
pub(crate) struct Session {
    /// Where it goes on.
    pub(crate) location: Url,
    /// The least bytes of a piece that the registry takes.
    pub(crate) least: Option<u64>,
    registries: Registries,
    is_open: bool,
}

impl Session {
    /// It came to its end, good or bad: the registry keeps nothing of it.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }
}

impl Drop for Session {
    /// Who gives up a push drops its uploads, and cannot ask anything then: they are cancelled later.
    fn drop(&mut self) {
        if self.is_open {
            self.registries.abandoned().push(self.location.clone());
        }
    }
}

impl RemoteRepository {
    /// The upload that began with an answer.
    pub(crate) fn session(&self, doing: &Doing, answer: &Response) -> Result<Session, RegistryError> {
        let least = header(answer.headers(), LEAST_CHUNK).and_then(|text| text.parse().ok());
        let location = self.location(doing, answer)?;
        Ok(Session { location, least, registries: self.registries().clone(), is_open: true })
    }

    /// Tells a registry that nothing more of an upload will come. Where it does not hear it, it finds out by itself.
    pub(crate) async fn cancel(&self, session: &mut Session) {
        session.close();
        self.cancel_at(&session.location).await;
    }

    /// Tells a registry so of all uploads to this repository that were given up. One that does not hear it is told no more.
    pub(crate) async fn cancel_abandoned(&self) {
        let own = self.repository().url().as_str().to_owned();
        let given_up: Vec<Url> =
            self.registries().abandoned().extract_if(.., |url| url.as_str().starts_with(&own)).collect();
        for location in given_up {
            if !self.cancel_at(&location).await {
                break;
            }
        }
    }

    /// Gives whether the registry has heard it.
    async fn cancel_at(&self, location: &Url) -> bool {
        let doing = Doing::WriteBlob(Digest::of(b""));
        match self.send_once(&doing, &|| Request::new(Method::DELETE, location.clone())).await {
            Ok(answer) => {
                drain(answer).await;
                true
            }
            Err(error) => {
                tracing::debug!("{error}");
                false
            }
        }
    }
}
