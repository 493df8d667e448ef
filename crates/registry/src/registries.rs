//! The registries that are spoken to: how each is reached, and who asks there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imgbuild_net::{Client, NetError, Transport};
use imgbuild_oci::{Reference, RegistryHost};
use reqwest::{Method, Request, StatusCode};

use crate::authorization::Tokens;
use crate::credential::CredentialSource;
use crate::error::{Doing, Failed, RegistryError};
use crate::hosts::Chunks;
use crate::remote::RemoteRepository;
use crate::repository::{Repository, Scheme, is_loopback, place};

/// What speaks to registries. Clones share connections, tokens, and what was learned of each registry.
#[derive(Clone)]
pub struct Registries(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) client: Client,
    credentials: Arc<dyn CredentialSource>,
    pub(crate) tokens: Tokens,
    learned: Mutex<BTreeMap<String, Learned>>,
}

/// What was learned of a registry, by its host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Learned {
    /// How it is spoken to.
    pub(crate) scheme: Option<Scheme>,
    /// That it takes blobs in pieces only, and in which.
    pub(crate) chunks: Option<Chunks>,
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registries")
    }
}

impl Registries {
    /// What speaks to registries with the connections, the proxies and the patience of a client.
    ///
    /// # Errors
    ///
    /// When no certificates can be had.
    pub fn new(client: &Client, credentials: Arc<dyn CredentialSource>) -> Result<Self, NetError> {
        let client = client.conversing(&Transport::default())?;
        Ok(Self(Arc::new(Shared {
            client,
            credentials,
            tokens: Tokens::default(),
            learned: Mutex::default(),
        })))
    }

    /// The repository of an image.
    ///
    /// # Errors
    ///
    /// When its registry cannot be reached, or it cannot be found out who asks.
    pub async fn open(&self, reference: &Reference) -> Result<RemoteRepository, RegistryError> {
        let (host, name) = place(reference);
        let repository = Repository::of(reference, self.scheme(reference, &host).await?)?;
        let found = self.0.credentials.credential(&host, &name).await;
        let credential =
            found.map_err(|error| RegistryError::Credential { host: host.to_string(), error })?;
        Ok(RemoteRepository::new(self.clone(), repository, credential))
    }

    /// What was learned of a registry.
    pub(crate) fn learned(&self, host: &str) -> Learned {
        self.lock().get(host).copied().unwrap_or_default()
    }

    /// Keeps what was learned of a registry.
    pub(crate) fn learn(&self, host: &str, learn: impl FnOnce(&mut Learned)) {
        learn(self.lock().entry(host.to_owned()).or_default());
    }

    /// No thread leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Learned>> {
        self.0.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a registry is spoken to: with TLS. One on the loopback may have none, as docker has it, and is asked.
    async fn scheme(&self, reference: &Reference, host: &RegistryHost) -> Result<Scheme, RegistryError> {
        if !is_loopback(host.host()) {
            return Ok(Scheme::Https);
        }
        if let Some(scheme) = self.learned(&host.to_string()).scheme {
            return Ok(scheme);
        }
        let asked = Request::new(Method::GET, Repository::of(reference, Scheme::Http)?.root());
        let scheme = match self.0.client.exchange(asked).await {
            // What servers say to whom they expected to speak TLS.
            Ok(answer) if answer.status() == StatusCode::BAD_REQUEST => Scheme::Https,
            Ok(_) => Scheme::Http,
            Err(error @ NetError::Offline { .. }) => {
                return Err(unreachable(host, error));
            }
            Err(plain) => self.with_tls(reference, host, plain).await?,
        };
        self.learn(&host.to_string(), |learned| learned.scheme = Some(scheme));
        Ok(scheme)
    }

    /// Some servers hang up on who does not speak TLS. Where TLS does not work either, that is told if somebody is there.
    async fn with_tls(
        &self,
        reference: &Reference,
        host: &RegistryHost,
        plain: NetError,
    ) -> Result<Scheme, RegistryError> {
        let asked = Request::new(Method::GET, Repository::of(reference, Scheme::Https)?.root());
        match self.0.client.exchange(asked).await {
            Ok(_) => Ok(Scheme::Https),
            Err(error) => {
                tracing::debug!("with TLS: {error}");
                Err(unreachable(host, plain))
            }
        }
    }
}

fn unreachable(host: &RegistryHost, error: NetError) -> RegistryError {
    let at = Box::new(Failed { place: host.to_string(), doing: Doing::Reach });
    RegistryError::Net { at, error: Box::new(error) }
}
