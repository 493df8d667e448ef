//! The registries that are spoken to: how each is reached, and who asks there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imgbuild_net::{Client, NetError, Transport};
use url::Url;

use crate::authorization::Tokens;
use crate::credential::{Credential, CredentialSource};
use crate::credentials::Credentials;
use crate::error::RegistryError;
use crate::hosts::Chunks;
use crate::repository::Scheme;
use crate::settings::RegistrySettings;
use crate::uploads::Uploads;
use crate::who::{KnownCredentials, Who};

/// What speaks to registries. Clones share connections, tokens, and what was learned of each registry.
#[derive(Clone)]
pub struct Registries(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) settings: RegistrySettings,
    pub(crate) tokens: Tokens,
    pub(crate) known_credentials: KnownCredentials,
    learned: Mutex<BTreeMap<String, Learned>>,
    /// What reaches those that have certificates of their own, or need none.
    pub(crate) clients: Mutex<Vec<(Transport, Client)>>,
    /// Repositories to which nothing can be mounted, and from where: whoever asks may not read there.
    unreadable: Mutex<BTreeSet<(Url, String)>>,
    /// Uploads that have begun, and of whose end no registry knows yet.
    uploads: Uploads,
}

/// What was learned of a registry, by its host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Learned {
    /// How it is spoken to.
    pub(crate) scheme: Option<Scheme>,
    /// That it did not answer as a mirror: it is not waited for again.
    pub(crate) is_silent: bool,
    /// That it takes blobs in pieces only, and in which.
    pub(crate) chunks: Option<Chunks>,
    /// How often it was too busy, or a connection broke.
    pub(crate) troubles: u32,
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registries")
    }
}

impl Registries {
    /// What speaks to registries with the connections, the proxies and the patience of a client, as if the machine had no
    /// settings for any.
    ///
    /// # Errors
    ///
    /// When no certificates can be had.
    pub fn new(client: &Client, credentials: Arc<dyn CredentialSource>) -> Result<Self, NetError> {
        Self::with_settings(client, credentials, RegistrySettings::default())
    }

    /// The same by the settings of a machine.
    ///
    /// # Errors
    ///
    /// As [`Registries::new`].
    pub fn with_settings(
        client: &Client,
        credentials: Arc<dyn CredentialSource>,
        settings: RegistrySettings,
    ) -> Result<Self, NetError> {
        Ok(Self(Arc::new(Shared {
            client: client.conversing(&Transport::default())?,
            credentials,
            settings,
            tokens: Tokens::default(),
            known_credentials: KnownCredentials::default(),
            learned: Mutex::default(),
            clients: Mutex::default(),
            unreadable: Mutex::default(),
            uploads: Uploads::default(),
        })))
    }

    /// The same by the settings and with the credentials of a machine, whose files are below `root`.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or no certificates can be had.
    pub fn of_machine(
        client: &Client,
        variables: &BTreeMap<String, String>,
        root: &Path,
    ) -> Result<Self, RegistryError> {
        let credentials = Arc::new(Credentials::of_machine(variables)?);
        let settings = RegistrySettings::of_machine(variables, root)?;
        let registries = Self::with_settings(client, credentials, settings);
        registries.map_err(|error| RegistryError::Client(Box::new(error)))
    }

    /// What a registry is shown of who asks.
    pub(crate) async fn credential(&self, who: &Who) -> Option<Credential> {
        self.0.known_credentials.of(who).await
    }

    /// The same for a registry that no longer accepts what it was shown.
    pub(crate) async fn renewed(&self, who: &Who, refused: Option<&Credential>) -> Option<Credential> {
        self.0.known_credentials.renewed(&*self.0.credentials, who, refused).await
    }

    /// What was learned of a registry.
    pub(crate) fn learned(&self, host: &str) -> Learned {
        self.lock().get(host).copied().unwrap_or_default()
    }

    /// Keeps what was learned of a registry.
    pub(crate) fn learn(&self, host: &str, learn: impl FnOnce(&mut Learned)) {
        learn(self.lock().entry(host.to_owned()).or_default());
    }

    /// The pairs of repositories between which nothing can be mounted. No thread leaves them half changed.
    pub(crate) fn unreadable(&self) -> MutexGuard<'_, BTreeSet<(Url, String)>> {
        self.0.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The uploads that have begun.
    pub(crate) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// Tells the registries that nothing more will come of all uploads that have begun and not ended: for a program that ends
    /// before its work is done. One that does not hear it finds out by itself, some days later.
    pub async fn cancel_uploads(&self) {
        self.0.uploads.cancel(|_| true).await;
    }

    /// No thread leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Learned>> {
        self.0.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
