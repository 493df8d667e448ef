//! Who asks: what the source of credentials has said, kept for the whole run, and asked for once more where it is no longer accepted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use imgbuild_oci::RegistryHost;
use tokio::sync::Mutex;

use crate::credential::{Credential, CredentialSource};
use crate::error::RegistryError;

/// How long the source of credentials is not asked again that has just been: what it has may not be accepted either, and it may start a
/// program.
const PAUSE: Duration = Duration::from_secs(60);

/// Who asks in a repository.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Somebody in particular.
    Given(Credential),
    /// Whoever is known for a repository of a registry.
    Known(RegistryHost, String),
}

/// What the source of credentials has said.
#[derive(Debug, Default)]
pub(crate) struct KnownCredentials(Mutex<BTreeMap<(RegistryHost, String), Known>>);

#[derive(Debug)]
struct Known {
    credential: Option<Credential>,
    /// When it was asked for once more.
    renewed: Option<Instant>,
}

impl KnownCredentials {
    /// Who asks in a repository of a registry. The source is asked once for each.
    pub(crate) async fn find(
        &self,
        source: &dyn CredentialSource,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Who, RegistryError> {
        let key = (host.clone(), repository.to_owned());
        // Who else needs one waits: it may be the same.
        let mut known = self.0.lock().await;
        if !known.contains_key(&key) {
            let credential = source.credential(host, repository).await;
            let credential =
                credential.map_err(|error| RegistryError::Credential { host: host.to_string(), error })?;
            known.insert(key.clone(), Known { credential, renewed: None });
        }
        Ok(Who::Known(key.0, key.1))
    }

    /// What a registry is shown of somebody.
    pub(crate) async fn of(&self, who: &Who) -> Option<Credential> {
        match who {
            Who::Given(credential) => Some(credential.clone()),
            Who::Known(host, repository) => {
                let known = self.0.lock().await;
                known.get(&(host.clone(), repository.clone()))?.credential.clone()
            }
        }
    }

    /// What a registry is shown that no longer accepts `refused`: what a cloud's program gives is good for an hour. Nothing where there
    /// is nothing else.
    pub(crate) async fn renewed(
        &self,
        source: &dyn CredentialSource,
        who: &Who,
        refused: Option<&Credential>,
    ) -> Option<Credential> {
        let (Who::Known(host, repository), Some(refused)) = (who, refused) else { return None };
        let mut known = self.0.lock().await;
        let known = known.get_mut(&(host.clone(), repository.clone()))?;
        let is_recent = known.renewed.is_some_and(|renewed| renewed.elapsed() < PAUSE);
        if known.credential.as_ref() == Some(refused) && !is_recent {
            known.renewed = Some(Instant::now());
            match source.credential(host, repository).await {
                Ok(credential) => known.credential = credential,
                Err(error) => tracing::debug!("it cannot be found out anew who asks at `{host}`: {error}"),
            }
        }
        known.credential.clone().filter(|credential| credential != refused)
    }
}
