//! How repositories come to be spoken to: where they are, with TLS or without, and who asks there.

use std::sync::PoisonError;

use imgbuild_net::{Client, NetError, Transport};
use imgbuild_oci::{ImageName, Reference, RegistryHost};
use reqwest::{Method, Request, Response, StatusCode};

use crate::credential::Credential;
use crate::error::{Doing, Failed, RegistryError};
use crate::registries::Registries;
use crate::remote::RemoteRepository;
use crate::repository::{Repository, RepositoryError, Scheme, place};
use crate::settings::{Asked, Endpoint, Endpoints, Tls};
use crate::sought::Sought;
use crate::who::Who;

impl Registries {
    /// The repository of an image, where it is written to.
    ///
    /// # Errors
    ///
    /// When its registry cannot be reached, or it cannot be found out who asks.
    pub async fn open(&self, reference: &Reference) -> Result<RemoteRepository, RegistryError> {
        let (host, name) = place(reference);
        self.open_at(&self.0.settings.push(&host, &name)?).await
    }

    /// The repository that something is read from: the first of an image's mirrors that can be reached and has it, and else where
    /// its registry is. Whether that has it is not asked.
    ///
    /// # Errors
    ///
    /// As [`Registries::open`].
    pub async fn open_for_reading(
        &self,
        image: &Reference,
        sought: &Sought,
    ) -> Result<RemoteRepository, RegistryError> {
        let (host, name) = place(image);
        let Endpoints { mirrors, own } = self.0.settings.pull(&host, &name, sought.asked())?;
        for mirror in &mirrors {
            let host = mirror.host.to_string();
            if self.learned(&host).is_silent {
                continue;
            }
            match self.at_mirror(mirror, sought).await {
                Ok(Some(remote)) => return Ok(remote),
                Ok(None) => tracing::debug!("the mirror {host} has no {sought} of `{image}`"),
                Err(error) => {
                    tracing::debug!("the mirror {host} is passed over: {error}");
                    let is_silent = matches!(error, RegistryError::Net { .. });
                    self.learn(&host, |learned| learned.is_silent = is_silent);
                }
            }
        }
        self.open_at(&own).await
    }

    /// The repository whose tags are listed: where its images are read from, but for mirrors, which may have a part of them.
    ///
    /// # Errors
    ///
    /// As [`Registries::open`].
    pub async fn open_for_listing(&self, repository: &Reference) -> Result<RemoteRepository, RegistryError> {
        let (host, name) = place(repository);
        self.open_at(&self.0.settings.pull(&host, &name, Asked::Tag)?.own).await
    }

    async fn at_mirror(
        &self,
        mirror: &Endpoint,
        sought: &Sought,
    ) -> Result<Option<RemoteRepository>, RegistryError> {
        let remote = self.open_at(mirror).await?;
        Ok(remote.has_at_once(sought).await?.then_some(remote))
    }

    /// A repository as it is reached.
    async fn open_at(&self, endpoint: &Endpoint) -> Result<RemoteRepository, RegistryError> {
        let (host, name) = (&endpoint.host, endpoint.repository.as_str());
        let client = self.client(endpoint)?;
        let repository = Repository::at(self.scheme(endpoint, &client).await?, host, name)?;
        let who = self.0.known_credentials.find(&*self.0.credentials, host, name).await?;
        Ok(RemoteRepository::new(self.clone(), client, repository, who))
    }

    /// Asks a registry whether it accepts a credential.
    ///
    /// # Errors
    ///
    /// When it does not, or cannot be reached.
    pub async fn sign_in(&self, host: &RegistryHost, credential: Credential) -> Result<(), RegistryError> {
        // No repository is asked for anything.
        let name: ImageName = "any".parse().map_err(|_| RepositoryError(host.to_string()))?;
        let endpoint = self.0.settings.push(host, &name)?;
        let client = self.client(&endpoint)?;
        let repository = Repository::at(self.scheme(&endpoint, &client).await?, host, name.as_str())?;
        RemoteRepository::new(self.clone(), client, repository, Who::Given(credential)).sign_in().await
    }

    /// What reaches an endpoint, as its certificates want it.
    pub(crate) fn client(&self, endpoint: &Endpoint) -> Result<Client, RegistryError> {
        if endpoint.transport == Transport::default() {
            return Ok(self.0.client.clone());
        }
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(transport, _)| *transport == endpoint.transport) {
            return Ok(client.clone());
        }
        let client = self.0.client.conversing(&endpoint.transport);
        let client = client.map_err(|error| unreachable(&endpoint.host, error))?;
        clients.push((endpoint.transport.clone(), client.clone()));
        Ok(client)
    }

    /// How a registry is spoken to.
    pub(crate) async fn scheme(&self, endpoint: &Endpoint, client: &Client) -> Result<Scheme, RegistryError> {
        let host = endpoint.host.to_string();
        let known = match endpoint.tls {
            Tls::Required => Some(Scheme::Https),
            Tls::Off => Some(Scheme::Http),
            Tls::Preferred | Tls::Optional => self.learned(&host).scheme,
        };
        if let Some(scheme) = known {
            return Ok(scheme);
        }
        let scheme = match endpoint.tls {
            Tls::Optional => without_tls(endpoint, client).await?,
            _ => with_tls(endpoint, client).await?,
        };
        self.learn(&host, |learned| learned.scheme = Some(scheme));
        Ok(scheme)
    }
}

/// Asks a registry anything, by one of two ways.
pub(crate) async fn ask(
    endpoint: &Endpoint,
    client: &Client,
    scheme: Scheme,
) -> Result<Response, RegistryError> {
    let root = Repository::at(scheme, &endpoint.host, endpoint.repository.as_str())?.root();
    let answer = client.exchange(Request::new(Method::GET, root)).await;
    answer.map_err(|error| unreachable(&endpoint.host, error))
}

/// A registry on the loopback may have no TLS, as docker has it.
async fn without_tls(endpoint: &Endpoint, client: &Client) -> Result<Scheme, RegistryError> {
    match ask(endpoint, client, Scheme::Http).await {
        // What servers say to whom they expected to speak TLS.
        Ok(answer) if answer.status() == StatusCode::BAD_REQUEST => Ok(Scheme::Https),
        Ok(_) => Ok(Scheme::Http),
        Err(plain) if client.is_offline() => Err(plain),
        // Some servers hang up on who does not speak TLS. Where TLS does not work either, that is told if somebody speaks it.
        Err(plain) => match ask(endpoint, client, Scheme::Https).await {
            Ok(_) => Ok(Scheme::Https),
            Err(RegistryError::Net { at, error }) if error.is_of_tls() => {
                Err(RegistryError::Net { at, error })
            }
            Err(error) => {
                tracing::debug!("with TLS: {error}");
                Err(plain)
            }
        },
    }
}

/// One that needs no TLS has it where somebody answers to it.
async fn with_tls(endpoint: &Endpoint, client: &Client) -> Result<Scheme, RegistryError> {
    match ask(endpoint, client, Scheme::Https).await {
        Ok(_) => Ok(Scheme::Https),
        Err(error) if client.is_offline() => Err(error),
        Err(error) => match ask(endpoint, client, Scheme::Http).await {
            Ok(_) => Ok(Scheme::Http),
            Err(plain) => {
                tracing::debug!("without TLS: {plain}");
                Err(error)
            }
        },
    }
}

fn unreachable(host: &RegistryHost, error: NetError) -> RegistryError {
    let at = Box::new(Failed { place: host.to_string(), doing: Doing::Reach });
    RegistryError::Net { at, error: Box::new(error) }
}
