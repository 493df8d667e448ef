//! What a registry is shown of who asks.

use std::fmt;

use http::header::HeaderValue;
use imgbuild_oci::RegistryHost;

use crate::basic::encoded;

/// Why it is not known who asks.
pub type CredentialFailure = Box<dyn miette::Diagnostic + Send + Sync>;

/// Who knows who asks: files and programs of this machine.
#[async_trait::async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credential for a repository of a registry, where there is one.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    async fn credential(
        &self,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialFailure>;
}

/// Who asks without any credential.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

#[async_trait::async_trait]
impl CredentialSource for Anonymous {
    async fn credential(&self, _: &RegistryHost, _: &str) -> Result<Option<Credential>, CredentialFailure> {
        Ok(None)
    }
}

/// What a registry is shown of who asks. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password, or what a registry takes for one.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// What tokens are given for (docker's "identity token": a refresh token of OAuth2).
    IdentityToken(String),
    /// A token that is used as it is.
    RegistryToken(String),
    /// An `Authorization` header that somebody else has made.
    Header(HeaderValue),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic",
            Self::IdentityToken(_) => "IdentityToken",
            Self::RegistryToken(_) => "RegistryToken",
            Self::Header(_) => "Header",
        })
    }
}

impl Credential {
    /// The `Authorization` header that says it; nothing for what has none, or can be no header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Basic { user, password } => {
                format!("Basic {}", encoded(user, password))
            }
            Self::RegistryToken(token) => format!("Bearer {token}"),
            Self::Header(header) => return Some(header.clone()),
            Self::IdentityToken(_) => return None,
        };
        secret_header(&text)
    }
}

/// A header that no log shows.
pub(crate) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_a_header_and_is_not_shown() {
        let basic = Credential::Basic { user: "u".to_owned(), password: "s3cret".to_owned() };
        assert_eq!(basic.header().unwrap().to_str().unwrap(), "Basic dTpzM2NyZXQ=");
        let token = Credential::RegistryToken("s3cret".to_owned());
        assert_eq!(token.header().unwrap().to_str().unwrap(), "Bearer s3cret");
        assert_eq!(Credential::IdentityToken("s3cret".to_owned()).header(), None);
        assert_eq!(
            format!("{basic:?} {token:?} {:?}", token.header()),
            "Basic RegistryToken Some(Sensitive)"
        );
    }
}
