//! Tokens: a registry that wants one says where it is to be had (distribution specification, "Token Authentication").

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use imgbuild_net::retry_after;
use imgbuild_secret::{SecretUrl, public};
use reqwest::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::address::realm;
use crate::answer::{AnswerError, read_bytes, read_json};
use crate::challenge::bearer;
use crate::credential::{Credential, secret_header};
use crate::limits::{REFUSAL_LIMIT, SILENCE};
use crate::repository::Repository;
use crate::said::{TokenRefusal, said_of_tokens};

/// How long a token is good for where nothing is said.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long before its end a token is no longer used: a request may be on its way for a while.
const MARGIN: Duration = Duration::from_secs(10);
/// Who asks for tokens, as registries log it.
const CLIENT: &str = "imgbuild";

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It is read.
    Pull,
    /// It is written, and read.
    Push,
    /// Nothing: it is asked whether whoever asks is known to the registry.
    SignIn,
}

impl Access {
    /// What a token is asked for.
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
            Self::SignIn => "",
        }
    }
}

/// A repository, and what is done in it and in those that it mounts from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Scope {
    repository: Url,
    access: Access,
    sources: Vec<String>,
}

/// A token that was had.
#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

/// The tokens that were had already, and where a registry said that they are to be had.
#[derive(Debug, Default)]
pub struct Tokens {
    /// While one is fetched, who else needs one waits: it may be the same.
    had: Mutex<HashMap<Scope, Token>>,
    /// By the registry's root.
    realms: std::sync::Mutex<BTreeMap<Url, Realm>>,
}

/// Sends one request, and gives the answer as it is.
#[async_trait::async_trait]
pub trait Sender: Send {
    /// Why a request is not answered.
    type Error: From<AnswerError>;

    /// Sends it.
    async fn send(&mut self, request: Request) -> Result<Response, Self::Error>;
}

/// Who may do what, and where.
#[derive(Debug)]
pub struct Authorization<'a> {
    /// What was had already.
    pub tokens: &'a Tokens,
    /// Where.
    pub repository: &'a Repository,
    /// What is to be done there.
    pub access: Access,
    /// Further repositories of the registry that are read at the same time: blobs are mounted from there.
    pub sources: &'a [String],
    /// Who asks.
    pub credential: Option<&'a Credential>,
}

/// Where a registry's tokens are to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Realm {
    url: Url,
    service: Option<String>,
}

/// One of the two is there.
#[derive(Deserialize)]
#[serde(expecting = "a token")]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl TokenAnswer {
    fn token(self, now: Instant) -> Option<Token> {
        let text = self.token.or(self.access_token).filter(|text| !text.is_empty())?;
        let lifetime = self.expires_in.map_or(LIFETIME, Duration::from_secs);
        let until = now.checked_add(lifetime.saturating_sub(MARGIN.min(lifetime / 2)))?;
        Some(Token { header: secret_header(&format!("Bearer {text}"))?, until })
    }
}

impl Authorization<'_> {
    /// Sends a request with what is known of credentials; where the registry asks for a token, once more with one. `make` gives
    /// the same request each time.
    ///
    /// # Errors
    ///
    /// When it cannot be sent, or the token is to be had where nobody is asked for one. An answer that says no is none; where that is
    /// for want of a token, it has a [`TokenRefusal`] among its extensions.
    pub async fn send<S: Sender>(
        &self,
        make: &(dyn Fn() -> Request + Sync),
        sender: &mut S,
    ) -> Result<Response, S::Error> {
        let known = self.known(sender).await?;
        let first = known.as_ref().map(|token| token.header.clone());
        let mut answer = self.send_with(first.or_else(|| self.credential?.header()), make, sender).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(realm) = self.realm(&answer)? else { return Ok(answer) };
        self.realms().insert(self.registry(), realm.clone());
        match self.token(known.as_ref(), &realm, sender).await? {
            Ok(token) => self.send_with(Some(token.header), make, sender).await,
            Err(refusal) => {
                answer.extensions_mut().insert(refusal);
                Ok(answer)
            }
        }
    }

    async fn send_with<S: Sender>(
        &self,
        header: Option<HeaderValue>,
        make: &(dyn Fn() -> Request + Sync),
        sender: &mut S,
    ) -> Result<Response, S::Error> {
        let mut request = make();
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        sender.send(request).await
    }

    fn scope(&self) -> Scope {
        Scope {
            repository: self.repository.url().clone(),
            access: self.access,
            sources: self.sources.to_vec(),
        }
    }

    fn registry(&self) -> Url {
        self.repository.root()
    }

    /// No thread leaves them half changed.
    fn realms(&self) -> std::sync::MutexGuard<'_, BTreeMap<Url, Realm>> {
        self.tokens.realms.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A token that is good for this, where the registry has said for another repository that it wants one, or one was had.
    async fn known<S: Sender>(&self, sender: &mut S) -> Result<Option<Token>, S::Error> {
        let realm = self.realms().get(&self.registry()).cloned();
        match realm {
            Some(realm) => Ok(self.token(None, &realm, sender).await?.ok()),
            None => Ok(None),
        }
    }

    /// A token that is not the one that was refused.
    async fn token<S: Sender>(
        &self,
        refused: Option<&Token>,
        realm: &Realm,
        sender: &mut S,
    ) -> Result<Result<Token, TokenRefusal>, S::Error> {
        let mut had = self.tokens.had.lock().await;
        let now = Instant::now();
        let is_good = |token: &&Token| {
            token.until > now && refused.is_none_or(|refused| refused.header != token.header)
        };
        if let Some(token) = had.get(&self.scope()).filter(is_good) {
            return Ok(Ok(token.clone()));
        }
        let mut given = self.asked(realm, self.sources, sender).await?;
        // Some servers give none at all where one of several repositories may not be read.
        if given.is_err() && !self.sources.is_empty() {
            given = self.asked(realm, &[], sender).await?;
        }
        if let Ok(token) = &given {
            had.insert(self.scope(), token.clone());
        }
        Ok(given)
    }

    /// Asks for a token.
    async fn asked<S: Sender>(
        &self,
        realm: &Realm,
        sources: &[String],
        sender: &mut S,
    ) -> Result<Result<Token, TokenRefusal>, S::Error> {
        let now = Instant::now();
        let answer = sender.send(self.request(realm, sources)).await?;
        let status = answer.status();
        // These say that the credential is not accepted, which is told with the registry's own answer.
        let no = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if !status.is_success() && !no.contains(&status) {
            let (url, retry_after) = (SecretUrl::from(&realm.url).to_string(), retry_after(answer.headers()));
            return Err(AnswerError::NoToken { url, status, retry_after }.into());
        }
        if !status.is_success() {
            // What says nothing that can be read says nothing.
            let read = read_bytes(answer, REFUSAL_LIMIT, Duration::from_secs(SILENCE)).await;
            let said = read.ok().and_then(|bytes| said_of_tokens(&bytes));
            return Ok(Err(TokenRefusal { status, said }));
        }
        let answer: TokenAnswer = read_json(answer).await?;
        Ok(answer.token(now).ok_or(TokenRefusal { status, said: None }))
    }

    /// What asks for a token: with a password by GET, with an identity token by a form (docker's "OAuth2 token
    /// authentication").
    fn request(&self, realm: &Realm, sources: &[String]) -> Request {
        let scope = |name: &str, access: Access| format!("repository:{name}:{}", access.actions());
        let own = (self.access != Access::SignIn).then(|| scope(self.repository.name(), self.access));
        let scopes = own.into_iter().chain(sources.iter().map(|name| scope(name, Access::Pull)));
        let service = realm.service.as_ref().map(|service| ("service", service.clone()));
        if let Some(Credential::IdentityToken(token)) = self.credential {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
            form.append_pair("client_id", CLIENT).extend_pairs(service);
            form.append_pair("scope", &scopes.collect::<Vec<_>>().join(" "));
            let mut request = Request::new(Method::POST, realm.url.clone());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, kind);
            *request.body_mut() = Some(form.finish().into());
            return request;
        }
        let mut url = realm.url.clone();
        url.query_pairs_mut().extend_pairs(service).extend_pairs(scopes.map(|scope| ("scope", scope)));
        let mut request = Request::new(Method::GET, url);
        if let Some(header) = self.credential.and_then(Credential::header) {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        request
    }

    /// Where a challenge says that a token is to be had, if it says that.
    fn realm(&self, answer: &Response) -> Result<Option<Realm>, AnswerError> {
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        let parameters = challenges.iter().filter_map(|header| bearer(header.to_str().ok()?)).next();
        let Some((text, parameters)) = parameters.and_then(|it| Some((it.get("realm")?.clone(), it))) else {
            return Ok(None);
        };
        let url = realm(&text, self.repository.url())
            .map_err(|misled| AnswerError::Realm { url: public(&text), misled })?;
        Ok(Some(Realm { url, service: parameters.get("service").cloned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers in order, and keeps what was sent: where to, and with which header.
    struct Registry {
        answers: Vec<http::Response<&'static str>>,
        sent: Vec<(String, Option<String>)>,
    }

    impl Registry {
        fn new(answers: impl IntoIterator<Item = (u16, &'static str, &'static str)>) -> Self {
            let answer = |(status, challenge, body): (u16, &str, &'static str)| {
                let mut answer = http::Response::builder().status(status);
                if !challenge.is_empty() {
                    answer = answer.header(WWW_AUTHENTICATE, challenge);
                }
                answer.body(body).unwrap()
            };
            let mut answers: Vec<_> = answers.into_iter().map(answer).collect();
            answers.reverse();
            Self { answers, sent: Vec::new() }
        }
    }

    #[async_trait::async_trait]
    impl Sender for Registry {
        type Error = AnswerError;

        async fn send(&mut self, request: Request) -> Result<Response, AnswerError> {
            let header = request.headers().get(AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
            self.sent.push((request.url().to_string(), header));
            Ok(self.answers.pop().expect("one answer for each request").into())
        }
    }

    const CHALLENGE: &str = "Bearer realm=\"https://auth.example/token\",service=\"r\"";

    async fn ask(registry: &mut Registry, tokens: &Tokens, host: &str, access: Access) -> (u16, usize) {
        let repository = Repository::new(host, None, "a/b").unwrap();
        let credential = Credential::Header(HeaderValue::from_static("Basic secret"));
        let credential = Some(&credential);
        let own = Authorization { tokens, repository: &repository, access, sources: &[], credential };
        let before = registry.sent.len();
        let make = || Request::new(Method::GET, repository.manifest("1").unwrap());
        let status = own.send(&make, registry).await.map_or(0, |answer| answer.status().as_u16());
        (status, registry.sent.len() - before)
    }

    #[tokio::test]
    async fn a_challenge_is_answered_once_for_each_repository_and_access() {
        let tokens = Tokens::default();
        let mut registry = Registry::new([
            (401, CHALLENGE, ""),
            (200, "", "{\"token\": \"t1\"}"),
            (200, "", "manifest"),
            (200, "", "again"),
            (200, "", "{\"access_token\": \"t2\"}"),
            (200, "", "pushed"),
        ]);
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Pull).await, (200, 3));
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Pull).await, (200, 1));
        // It is known that this registry wants one.
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Push).await, (200, 2));
        let sent: Vec<String> = registry
            .sent
            .iter()
            .map(|(url, header)| format!("{url} {}", header.as_deref().unwrap_or("-")))
            .collect();
        let manifest = "https://r.example/v2/a/b/manifests/1";
        let token = "https://auth.example/token?service=r&scope=repository%3Aa%2Fb%3Apull";
        assert_eq!(
            sent,
            [
                format!("{manifest} Basic secret"),
                format!("{token} Basic secret"),
                format!("{manifest} Bearer t1"),
                format!("{manifest} Bearer t1"),
                format!("{token}%2Cpush Basic secret"),
                format!("{manifest} Bearer t2"),
            ]
        );
    }

    #[tokio::test]
    async fn credentials_go_nowhere_without_tls_and_a_refusal_is_an_answer() {
        // 0 is an error: a token is to be had where nobody is asked for one.
        for (host, challenge, status, requests) in [
            ("r.example", "Bearer realm=\"http://auth.example/token\"", 0, 1),
            ("r.example", "Bearer realm=\"http://localhost/token\"", 0, 1),
            ("localhost", "Bearer realm=\"http://auth.example/token\"", 0, 1),
            ("localhost", "Bearer realm=\"http://localhost/token\"", 401, 2),
            ("r.example", "Bearer service=\"x\"", 401, 1),
            ("r.example", "Basic realm=\"x\"", 401, 1),
            ("r.example", "", 401, 1),
        ] {
            let mut registry = Registry::new([(401, challenge, ""), (403, "", "no")]);
            let asked = ask(&mut registry, &Tokens::default(), host, Access::Pull).await;
            assert_eq!(asked, (status, requests), "{host} {challenge}");
        }
    }
}
