//! What goes wrong between a registry and us.

use std::fmt;

use imgbuild_net::NetError;
use imgbuild_oci::{BlobError, Digest};
use reqwest::StatusCode;

use crate::address::Misled;
use crate::answer::AnswerError;
use crate::credential::CredentialFailure;
use crate::credentials::CredentialError;
use crate::repository::RepositoryError;
use crate::said::{Said, TokenRefusal};
use crate::settings::SettingsError;

/// What was asked of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// Reading a manifest, by its tag or digest.
    ReadManifest(String),
    /// Writing a manifest, by its tag or digest.
    WriteManifest(String),
    /// Reading a blob.
    ReadBlob(Digest),
    /// Writing a blob.
    WriteBlob(Digest),
    /// Listing its tags.
    ListTags,
    /// Listing what refers to a manifest.
    ListReferrers(Digest),
    /// Signing in.
    SignIn,
    /// Saying anything at all.
    Reach,
}

impl Doing {
    /// Whether something is written.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, Self::WriteManifest(_) | Self::WriteBlob(_))
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadManifest(reference) => write!(f, "the manifest `{reference}` cannot be read"),
            Self::WriteManifest(reference) => write!(f, "the manifest `{reference}` cannot be written"),
            Self::ReadBlob(digest) => write!(f, "the blob `{digest}` cannot be read"),
            Self::WriteBlob(digest) => write!(f, "the blob `{digest}` cannot be written"),
            Self::ListTags => f.write_str("its tags cannot be listed"),
            Self::ListReferrers(digest) => write!(f, "what refers to `{digest}` cannot be listed"),
            Self::SignIn => f.write_str("nobody can sign in"),
            Self::Reach => f.write_str("the registry cannot be reached"),
        }
    }
}

/// A request that a registry refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The repository, as images name it; the registry alone where it is about no repository.
    pub place: String,
    /// What was asked.
    pub doing: Doing,
    /// The answer.
    pub status: StatusCode,
    /// What the registry says of it.
    pub said: Vec<Said>,
    /// What the registry's server of tokens says that gave none.
    pub token: Option<TokenRefusal>,
    /// Whether a credential was shown.
    pub signed_in: bool,
}

impl Refusal {
    /// Whether the registry says this.
    pub fn says(&self, code: &str) -> bool {
        self.said.iter().any(|said| said.code == code)
    }

    /// Whether who asks may not do it, as far as the registry says it.
    pub(crate) fn is_denied(&self) -> bool {
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&self.status)
    }

    fn host(&self) -> &str {
        self.place.split('/').next().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.place.split_once('/').map_or("", |(_, name)| name)
    }

    /// What to do about it, where that is known.
    fn hint(&self) -> Option<String> {
        let host = self.host();
        Some(match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.doing == Doing::SignIn => {
                "check the user and the password: many registries want an access token as the password".to_owned()
            }
            StatusCode::NOT_FOUND if self.doing == Doing::SignIn => {
                format!("nothing at `{host}` speaks as registries do: check its name and its port")
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !self.signed_in => {
                format!("sign in with `imgbuild login {host}`, or see docs/registry-credentials.md for CI")
            }
            StatusCode::UNAUTHORIZED if !self.name().is_empty() => format!(
                "sign in anew with `imgbuild login {host}`, or see to it that who is signed in may use `{}`",
                self.name()
            ),
            StatusCode::UNAUTHORIZED => format!(
                "`{host}` does not take the credential that is stored for it: sign in anew with `imgbuild login {host}`"
            ),
            StatusCode::FORBIDDEN if self.doing.writes() => {
                format!("who is signed in at `{host}` must be allowed to push to `{}`", self.name())
            }
            StatusCode::NOT_FOUND if self.says("NAME_UNKNOWN") && self.doing.writes() => self.unknown_repository(),
            StatusCode::NOT_FOUND if matches!(self.doing, Doing::ReadManifest(_)) => {
                format!("`imgbuild tags {}` lists what is there", self.place)
            }
            StatusCode::PAYLOAD_TOO_LARGE if matches!(self.doing, Doing::WriteBlob(_)) => {
                "a proxy before the registry takes no request of that size, not even in pieces: raise its limit".to_owned()
            }
            StatusCode::TOO_MANY_REQUESTS => {
                format!("`{host}` takes no more requests for now: try again later, or sign in for a higher limit")
            }
            status if status.is_server_error() => "the registry has a trouble of its own: try again later".to_owned(),
            _ => return None,
        })
    }

    /// Some registries make no repository by themselves.
    fn unknown_repository(&self) -> String {
        // `ACCOUNT.dkr.ecr.REGION.amazonaws.com`
        let labels: Vec<&str> = self.host().split('.').collect();
        match labels.as_slice() {
            [_, "dkr", "ecr" | "ecr-fips", region, ..] => format!(
                "this registry makes no repository by itself: run `aws ecr create-repository --region {region} --repository-name {}`",
                self.name()
            ),
            _ => "this registry makes no repository by itself: make it first".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.status {
            StatusCode::UNAUTHORIZED if self.signed_in => "the registry does not accept the credential",
            StatusCode::UNAUTHORIZED => "the registry wants a credential",
            StatusCode::FORBIDDEN => "the registry does not allow it",
            StatusCode::NOT_FOUND if self.says("NAME_UNKNOWN") => "there is no such repository",
            StatusCode::NOT_FOUND => "it is not there",
            StatusCode::TOO_MANY_REQUESTS => "the registry takes no more requests",
            status if status.is_server_error() => "the registry fails",
            status if status.is_success() => "the registry answers something else",
            _ => "the registry refuses it",
        };
        write!(f, "`{}`: {}: {why} ({})", self.place, self.doing, self.status.as_u16())?;
        self.said.iter().try_for_each(|said| write!(f, ": {said}"))?;
        self.token.as_ref().map_or(Ok(()), |token| write!(f, ": {token}"))
    }
}

impl std::error::Error for Refusal {}

impl miette::Diagnostic for Refusal {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }
}

/// What was asked of which repository, and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The repository, as images name it.
    pub place: String,
    /// What was asked.
    pub doing: Doing,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.doing)
    }
}

/// What goes wrong between a registry and us.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RegistryError {
    /// It cannot be reached, or the connection broke.
    #[error("{at}")]
    Net {
        /// Where, and what.
        at: Box<Failed>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<NetError>,
    },
    /// It says no.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(Box<Refusal>),
    /// It answers with what cannot be read.
    #[error("{at}")]
    Answer {
        /// Where, and what.
        at: Box<Failed>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<AnswerError>,
    },
    /// It leads where nothing of ours goes.
    #[error("{at}: the registry's answer ({status}) is not followed: {misled}")]
    Misled {
        /// Where, and what.
        at: Box<Failed>,
        /// The answer.
        status: StatusCode,
        /// Why not.
        misled: Misled,
        /// What to do, where that is known.
        #[help]
        hint: Option<&'static str>,
    },
    /// What came is something else.
    #[error("{at}: what the registry sends is something else: its digest is `{found}`")]
    Digest {
        /// Where, and what.
        at: Box<Failed>,
        /// The digest of what came.
        found: Digest,
    },
    /// More comes than there should be.
    #[error("{at}: the registry sends more than the {wanted} bytes that it has")]
    Longer {
        /// Where, and what.
        at: Box<Failed>,
        /// How many there should be.
        wanted: u64,
    },
    /// The registry says that it has stored something else.
    #[error("{at}: the registry says that it has stored `{found}`, and `{wanted}` was sent")]
    Stored {
        /// Where, and what.
        at: Box<Failed>,
        /// What was sent.
        wanted: Digest,
        /// What the registry says.
        found: String,
    },
    /// An upload that begins again and again at the same place.
    #[error("{at}: the upload does not get past byte {position} of {size}")]
    #[diagnostic(help(
        "the connection breaks each time, or something before the registry takes no larger requests"
    ))]
    Stuck {
        /// Where, and what.
        at: Box<Failed>,
        /// Where it stands.
        position: u64,
        /// The size of the blob.
        size: u64,
    },
    /// What is to be sent cannot be read.
    #[error("{at}")]
    Local {
        /// Where, and what.
        at: Box<Failed>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<BlobError>,
    },
    /// A list that goes on and on.
    #[error("{at}: the registry's list has no end")]
    Endless {
        /// Where, and what.
        at: Box<Failed>,
    },
    /// A manifest that says of itself what cannot be.
    #[error("`{place}`: the manifest `{reference}` {reason}")]
    Manifest {
        /// The repository.
        place: String,
        /// Its tag or digest.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such manifest.
    #[error("there is no image `{}`", named(place, reference))]
    #[diagnostic(help("`imgbuild tags {place}` lists what is there"))]
    NoManifest {
        /// The repository.
        place: String,
        /// Its tag or digest.
        reference: String,
    },
    /// A list of images without ours.
    #[error("`{}` is not built for {platform}; it is for {}", named(place, reference), platforms(there))]
    Platform {
        /// The repository.
        place: String,
        /// Its tag or digest.
        reference: String,
        /// What was wanted.
        platform: String,
        /// What there is.
        there: Vec<String>,
    },
    /// It cannot be found out who asks.
    #[error("it cannot be found out who asks at `{host}`")]
    Credential {
        /// The registry.
        host: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: CredentialFailure,
    },
    /// What variables say of who asks cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Credentials(Box<CredentialError>),
    /// No connection can be made to any registry.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Client(Box<NetError>),
    /// This machine's files say that it is not spoken to, or what cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Settings(Box<SettingsError>),
    /// What names no repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

fn platforms(there: &[String]) -> String {
    if there.is_empty() { "no platform at all".to_owned() } else { there.join(", ") }
}

/// An image as people name it, by its tag or digest.
fn named(place: &str, reference: &str) -> String {
    let mark = if reference.contains(':') { '@' } else { ':' };
    format!("{place}{mark}{reference}")
}

imgbuild_diagnostic::boxed_sources!(RegistryError);

impl From<CredentialError> for RegistryError {
    fn from(error: CredentialError) -> Self {
        Self::Credentials(Box::new(error))
    }
}

impl From<SettingsError> for RegistryError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(Box::new(error))
    }
}

impl From<Refusal> for RegistryError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl RegistryError {
    /// The refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
