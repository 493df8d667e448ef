//! Asking a registry whether it is there: nothing is shown to it.

use std::time::{Duration, Instant};

use http::header::{DATE, HeaderMap};
use imgbuild_oci::{ImageName, RegistryHost};
use reqwest::StatusCode;

use crate::error::RegistryError;
use crate::opening::ask;
use crate::registries::Registries;
use crate::repository::{RepositoryError, Scheme};

/// What a registry says to whom it does not know.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// Its answer to `GET /v2/`: 200, or 401 where it wants to know who asks.
    pub status: StatusCode,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// What it says of the time.
    pub date: Option<String>,
    /// How long the answer took.
    pub took: Duration,
}

impl Registries {
    /// Asks a registry whether it is there (`GET /v2/`), without any credential.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or the machine's files forbid it or say what they cannot.
    pub async fn greet(&self, host: &RegistryHost) -> Result<Greeting, RegistryError> {
        // No repository is asked for anything.
        let name: ImageName = "any".parse().map_err(|_| RepositoryError(host.to_string()))?;
        let endpoint = self.0.settings.push(host, &name)?;
        let client = self.client(&endpoint)?;
        let scheme = self.scheme(&endpoint, &client).await?;
        let begin = Instant::now();
        let answer = ask(&endpoint, &client, scheme).await?;
        Ok(Greeting {
            status: answer.status(),
            tls: scheme == Scheme::Https,
            date: date(answer.headers()),
            took: begin.elapsed(),
        })
    }
}

fn date(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(DATE)?.to_str().ok()?.to_owned())
}
