//! A repository of a registry, as it is spoken to.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use imgbuild_net::{Client, NetError, Retry, is_transient, retry_after};
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::address::{Misled, within};
use crate::answer::{AnswerError, read_bytes};
use crate::authorization::{Access, Authorization, Sender};
use crate::credential::Credential;
use crate::error::{Doing, Failed, Refusal, RegistryError, Said};
use crate::limits::{ANSWER_LIMIT, DRAINED, REFUSAL_LIMIT, SILENCE};
use crate::registries::Registries;
use crate::repository::Repository;

/// The most characters that are kept of what a registry says.
const SAID: usize = 300;

/// A repository of a registry, as it is spoken to.
#[derive(Debug, Clone)]
pub struct RemoteRepository {
    registries: Registries,
    /// What reaches its registry.
    client: Client,
    repository: Repository,
    credential: Option<Credential>,
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
    pub(crate) fn new(
        registries: Registries,
        client: Client,
        repository: Repository,
        credential: Option<Credential>,
    ) -> Self {
        Self { registries, client, repository, credential, sources: Vec::new() }
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
        Ok(Self { repository: self.repository.sibling(name)?, sources: Vec::new(), ..self.clone() })
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

    /// Sends a request and reads the document that is answered, again where the connection breaks in its middle. An answer that
    /// is no success is given as it is.
    pub(crate) async fn read(
        &self,
        doing: &Doing,
        make: &(dyn Fn() -> Request + Sync),
    ) -> Result<Read, RegistryError> {
        let mut retry = Retry::new(self.client().schedule());
        loop {
            let answer = self.send(doing, make).await?;
            if !answer.status().is_success() {
                return Ok(Read::Other(answer));
            }
            let (status, headers) = (answer.status(), answer.headers().clone());
            match read_bytes(answer, ANSWER_LIMIT, self.client().read_timeout()).await {
                Ok(bytes) => return Ok(Read::Document { status, headers, bytes }),
                Err(AnswerError::CutOff { url, found, .. }) if retry.may_retry() => {
                    let broken = NetError::Truncated { url, found: found as u64 };
                    retry.wait(broken).await.map_err(|error| self.net(doing, error))?;
                }
                Err(error) => return Err(self.answer(doing, error)),
            }
        }
    }

    /// Sends a request once, but for tokens.
    pub(crate) async fn send_once(
        &self,
        doing: &Doing,
        make: &(dyn Fn() -> Request + Sync),
    ) -> Result<Response, RegistryError> {
        let authorization = Authorization {
            tokens: &self.registries.0.tokens,
            repository: &self.repository,
            access: match doing {
                Doing::SignIn => Access::SignIn,
                doing if doing.writes() => Access::Push,
                _ => Access::Pull,
            },
            sources: if doing.writes() { &self.sources } else { &[] },
            credential: self.credential.as_ref(),
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
        // What says nothing that can be read says nothing.
        let read = read_bytes(answer, REFUSAL_LIMIT, self.client().read_timeout()).await;
        let said = read.map(|bytes| said(&bytes)).unwrap_or_default();
        let signed_in = self.credential.is_some();
        Refusal { place: self.place_of(doing), doing: doing.clone(), status, said, signed_in }.into()
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

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<ErrorItem>,
}

#[derive(Deserialize)]
struct ErrorItem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// The errors that an answer lists; nothing where it is something else, such as a proxy's page.
fn said(bytes: &[u8]) -> Vec<Said> {
    let short =
        |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SAID).collect();
    let Ok(Errors { errors }) = serde_json::from_slice(bytes) else { return Vec::new() };
    let item = |it: ErrorItem| Said { code: short(it.code), message: short(it.message.unwrap_or_default()) };
    errors.into_iter().take(5).map(item).filter(|said| !said.code.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_read() {
        let text = br#"{"errors":[{"code":"DENIED","message":"requested access\n to the resource","detail":[{}]},{"code":"X"}]}"#;
        let shown: Vec<_> = said(text).into_iter().map(|it| format!("{}: {}", it.code, it.message)).collect();
        assert_eq!(shown, ["DENIED: requested access to the resource", "X: "]);
        for text in ["", "<html>", "{}", "[]", "{\"errors\":null}", "{\"errors\":[{}]}"] {
            assert_eq!(said(text.as_bytes()), [], "{text}");
        }
    }
}
