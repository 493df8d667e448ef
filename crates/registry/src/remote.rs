//! A repository of a registry, as it is spoken to.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use imgbuild_net::{Client, NetError, Retry, is_transient, retry_after};
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use crate::address::{Misled, within};
use crate::answer::{AnswerError, read_bytes};
use crate::authorization::{Access, Authorization, Sender};
use crate::credential::Credential;
use crate::error::{Doing, Failed, Refusal, RegistryError};
use crate::limits::{ANSWER_LIMIT, DRAINED, REFUSAL_LIMIT, SILENCE};
use crate::registries::Registries;
use crate::repository::Repository;
use crate::said::{TokenRefusal, said};
use crate::who::Who;

/// A repository of a registry, as it is spoken to.
#[derive(Debug, Clone)]
pub struct RemoteRepository {
    registries: Registries,
    /// What reaches its registry.
    client: Client,
    repository: Repository,
    who: Who,
    /// Whether it is written to.
    is_written: bool,
    /// Other repositories of the registry, from which blobs are mounted.
    sources: Vec<String>,
}

/// What came for a request.
pub(crate) enum Read {
    /// A document.
    Document {
        /// With which status.
        status: StatusCode,
        /// What is said of it.
        headers: HeaderMap,
        /// Where it is.
        url: Url,
        /// The document.
        bytes: Vec<u8>,
    },
    /// Anything but a success.
    Other(Response),
}

/// Why a request has no answer.
enum Unanswered {
    Net(NetError),
    Answer(AnswerError),
}

impl From<AnswerError> for Unanswered {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}

/// Sends what needs a token, and what gets one.
struct Exchange<'a>(&'a Client);

#[async_trait::async_trait]
impl Sender for Exchange<'_> {
    type Error = Unanswered;

    async fn send(&mut self, request: Request) -> Result<Response, Unanswered> {
        self.0.exchange(request).await.map_err(Unanswered::Net)
    }
}

impl RemoteRepository {
    pub(crate) fn new(registries: Registries, client: Client, repository: Repository, who: Who) -> Self {
        Self { registries, client, repository, who, is_written: false, sources: Vec::new() }
    }

    /// The same for who writes to it: all that is asked is asked with the right to write. Some registries, such as Docker Hub, tell
    /// nobody else that a repository is not there yet.
    #[must_use]
    pub fn writing(mut self) -> Self {
        self.is_written = true;
        self
    }

    /// The same, which mounts blobs from other repositories of the registry: it is asked at once whether it may read them.
    #[must_use]
    pub fn mounting_from(mut self, sources: impl IntoIterator<Item = String>) -> Self {
        self.sources.extend(sources);
        self.sources.retain(|name| name != self.repository.name());
        self.sources.sort();
        self.sources.dedup();
        self
    }

    /// Another repository of the same registry, for who may read it with the same credential.
    pub(crate) fn sibling(&self, name: &str) -> Result<Self, RegistryError> {
        let repository = self.repository.sibling(name)?;
        Ok(Self { repository, is_written: false, sources: Vec::new(), ..self.clone() })
    }

    /// Asks its registry whether it accepts whoever asks.
    ///
    /// # Errors
    ///
    /// When it does not, or cannot be reached.
    pub(crate) async fn sign_in(&self) -> Result<(), RegistryError> {
        let root = self.repository.root();
        let answer = self.send(&Doing::SignIn, &|| Request::new(Method::GET, root.clone())).await?;
        if answer.status().is_success() { Ok(()) } else { Err(self.refused(&Doing::SignIn, answer).await) }
    }

    /// Which one it is.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The repositories that blobs are mounted from.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How its registry is called in messages.
    pub(crate) fn place(&self) -> String {
        self.repository.to_string()
    }

    /// The same of what something is done with: who signs in does it at the registry.
    fn place_of(&self, doing: &Doing) -> String {
        if *doing == Doing::SignIn { self.repository.host().to_owned() } else { self.place() }
    }

    /// What is not done.
    pub(crate) fn failed(&self, doing: &Doing) -> Box<Failed> {
        Box::new(Failed { place: self.place_of(doing), doing: doing.clone() })
    }

    /// Sends a request, again where that may help, and gives what is answered in the end, whatever it says.
    pub(crate) async fn send(
        &self,
        doing: &Doing,
        make: &(dyn Fn() -> Request + Sync),
    ) -> Result<Response, RegistryError> {
        let mut retry = Retry::new(self.client().schedule());
        loop {
            let failure = match self.send_once(doing, make).await {
                Ok(answer) if is_transient(answer.status()) => {
                    if !retry.may_retry() {
                        return Ok(answer);
                    }
                    passing(&answer)
                }
                Err(RegistryError::Net { error, .. }) => *error,
                Err(RegistryError::Answer { at, error }) => match error.passing() {
                    Some(failure) if retry.may_retry() => failure,
                    _ => return Err(RegistryError::Answer { at, error }),
                },
                result => return result,
            };
            self.had_trouble();
            retry.wait(failure).await.map_err(|error| self.net(doing, error))?;
        }
    }

    /// Its registry was too busy, or a connection broke.
    pub(crate) fn had_trouble(&self) {
        let host = self.repository.host();
        self.registries.learn(host, |learned| learned.troubles = learned.troubles.saturating_add(1));
    }

    /// How often that was until now.
    pub(crate) fn troubles(&self) -> u32 {
        self.registries.learned(self.repository.host()).troubles
    }

    /// Reads the document at a place, wherever it leads, again where the connection breaks in its middle. An answer that is no
    /// success is given as it is.
    pub(crate) async fn read(
        &self,
        doing: &Doing,
        url: &Url,
        make: &(dyn Fn(&Url) -> Request + Sync),
    ) -> Result<Read, RegistryError> {
        let mut retry = Retry::new(self.client().schedule());
        loop {
            let answer = self.fetch(doing, url, make).await?;
            if !answer.status().is_success() {
                return Ok(Read::Other(answer));
            }
            let (status, headers, url) = (answer.status(), answer.headers().clone(), answer.url().clone());
            match read_bytes(answer, ANSWER_LIMIT, self.client().read_timeout()).await {
                Ok(bytes) => return Ok(Read::Document { status, headers, url, bytes }),
                Err(error) => match error.passing() {
                    Some(passing) if retry.may_retry() => {
                        retry.wait(passing).await.map_err(|error| self.net(doing, error))?;
                    }
                    _ => return Err(self.answer(doing, error)),
                },
            }
        }
    }

    /// Sends a request once, but for tokens.
    pub(crate) async fn send_once(
        &self,
        doing: &Doing,
        make: &(dyn Fn() -> Request + Sync),
    ) -> Result<Response, RegistryError> {
        let credential = self.registries.credential(&self.who).await;
        let answer = self.send_as(doing, make, credential.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.registries.renewed(&self.who, credential.as_ref()).await {
            Some(credential) => self.send_as(doing, make, Some(&credential)).await,
            None => Ok(answer),
        }
    }

    async fn send_as(
        &self,
        doing: &Doing,
        make: &(dyn Fn() -> Request + Sync),
        credential: Option<&Credential>,
    ) -> Result<Response, RegistryError> {
        let access = match doing {
            Doing::SignIn => Access::SignIn,
            doing if doing.writes() || self.is_written => Access::Push,
            _ => Access::Pull,
        };
        let authorization = Authorization {
            tokens: &self.registries.0.tokens,
            repository: &self.repository,
            access,
            sources: if access == Access::Push { &self.sources } else { &[] },
            credential,
        };
        let answer = authorization.send(make, &mut Exchange(self.client())).await;
        answer.map_err(|error| match error {
            Unanswered::Net(error) => self.net(doing, error),
            Unanswered::Answer(error) => self.answer(doing, error),
        })
    }

    pub(crate) fn net(&self, doing: &Doing, error: NetError) -> RegistryError {
        RegistryError::Net { at: self.failed(doing), error: Box::new(error) }
    }

    pub(crate) fn answer(&self, doing: &Doing, error: AnswerError) -> RegistryError {
        RegistryError::Answer { at: self.failed(doing), error: Box::new(error) }
    }

    pub(crate) fn misled(&self, doing: &Doing, status: StatusCode, misled: Misled) -> RegistryError {
        let hint = misled.hint();
        RegistryError::Misled { at: self.failed(doing), status, misled, hint }
    }

    /// What an answer says that is no success.
    pub(crate) async fn refused(&self, doing: &Doing, answer: Response) -> RegistryError {
        let status = answer.status();
        let token = answer.extensions().get::<TokenRefusal>().cloned();
        // What says nothing that can be read says nothing.
        let read = read_bytes(answer, REFUSAL_LIMIT, self.client().read_timeout()).await;
        let said = read.map(|bytes| said(&bytes)).unwrap_or_default();
        let signed_in = self.registries.credential(&self.who).await.is_some();
        let (place, doing) = (self.place_of(doing), doing.clone());
        Refusal { place, doing, status, said, token, signed_in }.into()
    }

    /// Where an answer leads that must stay at this registry.
    pub(crate) fn location(&self, doing: &Doing, answer: &Response) -> Result<Url, RegistryError> {
        let asked = answer.url();
        within(header(answer.headers(), http::header::LOCATION), asked)
            .map_err(|misled| self.misled(doing, answer.status(), misled))
    }
}

/// An answer that means a trouble of the moment, as what is waited after.
pub(crate) fn passing(answer: &Response) -> NetError {
    NetError::Status {
        url: SecretUrl::from(answer.url()).to_string(),
        status: answer.status(),
        retry_after: retry_after(answer.headers()),
    }
}

/// A header of an answer as text.
pub(crate) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Reads what is left of an answer that matters no more, where that is little: its connection can then be used again.
pub(crate) async fn drain(answer: Response) {
    // Nothing is lost where that fails.
    let _unread = read_bytes(answer, DRAINED, Duration::from_secs(SILENCE)).await;
}
