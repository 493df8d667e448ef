//! Uploads that have begun. One that is given up is told to its registry, which else keeps what has come of it for days.

use futures::FutureExt;
use http::header::HeaderName;
use imgbuild_oci::Digest;
use reqwest::{Method, Request, Response};
use url::Url;

use crate::error::{Doing, RegistryError};
use crate::remote::{RemoteRepository, drain, header};
use crate::uploads::Cancel;

const LEAST_CHUNK: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// An upload that has begun.
pub(crate) struct Session {
    /// Where it goes on.
    location: Url,
    /// The least bytes of a piece that the registry takes.
    pub(crate) least: Option<u64>,
    remote: Box<RemoteRepository>,
    id: u64,
}

impl Session {
    /// Where it goes on.
    pub(crate) fn location(&self) -> &Url {
        &self.location
    }

    /// It goes on there.
    pub(crate) fn go_on_at(&mut self, location: Url) {
        self.remote.registries().uploads().go_on(self.id, self.remote.cancelling(&location));
        self.location = location;
    }

    /// It came to its end, good or bad: the registry keeps nothing of it.
    pub(crate) fn close(&mut self) {
        self.remote.registries().uploads().end(self.id);
    }
}

impl Drop for Session {
    /// Who gives up a push drops its uploads, and cannot ask anything then: they are cancelled later.
    fn drop(&mut self) {
        self.remote.registries().uploads().give_up(self.id);
    }
}

impl RemoteRepository {
    /// The upload that began with an answer.
    pub(crate) fn session(&self, doing: &Doing, answer: &Response) -> Result<Session, RegistryError> {
        let least = header(answer.headers(), LEAST_CHUNK).and_then(|text| text.parse().ok());
        let location = self.location(doing, answer)?;
        let own = self.repository().url().clone();
        let id = self.registries().uploads().begin(own, self.cancelling(&location));
        Ok(Session { location, least, remote: Box::new(self.clone()), id })
    }

    /// Tells a registry that nothing more of an upload will come. Where it does not hear it, it finds out by itself.
    pub(crate) async fn cancel(&self, session: &mut Session) {
        session.close();
        self.cancel_at(&session.location).await;
    }

    /// Tells a registry so of all uploads to this repository that were given up.
    pub(crate) async fn cancel_abandoned(&self) {
        let own = self.repository().url();
        self.registries().uploads().cancel(|upload| upload.is_given_up && upload.repository == *own).await;
    }

    fn cancelling(&self, location: &Url) -> Cancel {
        let (remote, location) = (self.clone(), location.clone());
        Box::new(move || async move { remote.cancel_at(&location).await }.boxed())
    }

    async fn cancel_at(&self, location: &Url) {
        let doing = Doing::WriteBlob(Digest::of(b""));
        match self.send_once(&doing, &|| Request::new(Method::DELETE, location.clone())).await {
            Ok(answer) => drain(answer).await,
            Err(error) => tracing::debug!("{error}"),
        }
    }
}
