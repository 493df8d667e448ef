//! Tokens: a registry that wants one says where it is to be had (distribution specification, "Token Authentication").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Request, Response, StatusCode};
use reqwest_middleware::Error;
use serde::Deserialize;
use url::Url;

use crate::answer::read_json;
use crate::challenge::bearer;
use crate::repository::{Repository, is_loopback};

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It is read.
    Pull,
    /// It is written, and read.
    Push,
}

impl Access {
    /// What a token is asked for.
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// The `Authorization` headers that were had already.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<(Url, Access), HeaderValue>>);

impl Tokens {
    /// No map is left half changed: a thread that died has done nothing to it.
    fn lock(&self) -> MutexGuard<'_, HashMap<(Url, Access), HeaderValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one request, and gives the answer as it is.
#[async_trait::async_trait]
pub trait Sender: Send {
    /// Sends it.
    async fn send(&mut self, request: Request) -> Result<Response, Error>;
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
    /// The `Authorization` header of who asks, with which tokens are asked for.
    pub credentials: Option<&'a HeaderValue>,
}

/// One of the two is there.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Authorization<'_> {
    /// Sends a request with what is known of credentials; where the registry asks for a token, once more with one. A request
    /// whose body is a stream is sent once.
    ///
    /// # Errors
    ///
    /// When it cannot be sent. An answer that says no is none.
    pub async fn send(&self, request: Request, sender: &mut dyn Sender) -> Result<Response, Error> {
        let Some(mut first) = request.try_clone() else {
            return sender.send(request).await;
        };
        let key = (self.repository.url().clone(), self.access);
        let known = self.tokens.lock().get(&key).cloned();
        if let Some(header) = known.as_ref().or(self.credentials) {
            first.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        let answer = sender.send(first).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(header) = self.token(&answer, sender).await? else { return Ok(answer) };
        self.tokens.lock().insert(key, header.clone());
        let mut second = request;
        second.headers_mut().insert(AUTHORIZATION, header);
        sender.send(second).await
    }

    /// A token from where the registry's challenge says; nothing where it asks for no token.
    async fn token(&self, answer: &Response, sender: &mut dyn Sender) -> Result<Option<HeaderValue>, Error> {
        let Some(from) = self.realm(answer) else { return Ok(None) };
        let mut request = Request::new(Method::GET, from);
        if let Some(credentials) = self.credentials {
            request.headers_mut().insert(AUTHORIZATION, credentials.clone());
        }
        let answer = sender.send(request).await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let Token { token, access_token } = read_json(answer).await?;
        let header =
            token.or(access_token).and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        Ok(header.map(|mut header| {
            header.set_sensitive(true);
            header
        }))
    }

    /// Where a challenge says that a token is to be had. Credentials go there: never without TLS, except where the registry
    /// itself has none.
    fn realm(&self, answer: &Response) -> Option<Url> {
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        let parameters = challenges.iter().filter_map(|header| bearer(header.to_str().ok()?)).next()?;
        let mut from = Url::parse(parameters.get("realm")?).ok()?;
        let is_local = from.host_str().is_some_and(is_loopback);
        if from.scheme() != "https" && !(self.repository.is_plain() && is_local) {
            return None;
        }
        if let Some(service) = parameters.get("service") {
            from.query_pairs_mut().append_pair("service", service);
        }
        let scope = format!("repository:{}:{}", self.repository.name(), self.access.actions());
        from.query_pairs_mut().append_pair("scope", &scope);
        Some(from)
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
        async fn send(&mut self, request: Request) -> Result<Response, Error> {
            let header = request.headers().get(AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
            self.sent.push((request.url().to_string(), header));
            Ok(self.answers.pop().expect("one answer for each request").into())
        }
    }

    const CHALLENGE: &str = "Bearer realm=\"https://auth.example/token\",service=\"r\"";

    async fn ask(registry: &mut Registry, tokens: &Tokens, host: &str, access: Access) -> (u16, usize) {
        let repository = Repository::new(host, None, "a/b").unwrap();
        let credentials = HeaderValue::from_static("Basic secret");
        let own = Authorization { tokens, repository: &repository, access, credentials: Some(&credentials) };
        let before = registry.sent.len();
        let request = Request::new(Method::GET, repository.manifest("1").unwrap());
        let status = own.send(request, registry).await.unwrap().status().as_u16();
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
            (401, CHALLENGE, ""),
            (200, "", "{\"access_token\": \"t2\"}"),
            (200, "", "pushed"),
        ]);
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Pull).await, (200, 3));
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Pull).await, (200, 1));
        assert_eq!(ask(&mut registry, &tokens, "r.example", Access::Push).await, (200, 3));
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
                format!("{manifest} Basic secret"),
                format!("{token}%2Cpush Basic secret"),
                format!("{manifest} Bearer t2"),
            ]
        );
    }

    #[tokio::test]
    async fn credentials_go_nowhere_without_tls_and_a_refusal_is_an_answer() {
        for (host, challenge, requests) in [
            ("r.example", "Bearer realm=\"http://auth.example/token\"", 1),
            ("r.example", "Bearer realm=\"http://localhost/token\"", 1),
            ("localhost", "Bearer realm=\"http://auth.example/token\"", 1),
            ("localhost", "Bearer realm=\"http://localhost/token\"", 2),
            ("r.example", "Bearer service=\"x\"", 1),
            ("r.example", "Basic realm=\"x\"", 1),
            ("r.example", "", 1),
        ] {
            let mut registry = Registry::new([(401, challenge, ""), (403, "", "no")]);
            let asked = ask(&mut registry, &Tokens::default(), host, Access::Pull).await;
            assert_eq!(asked, (401, requests), "{host} {challenge}");
        }
    }
}
