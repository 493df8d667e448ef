//! Attestations that do not count, and why.

use imgbuild_oci::Digest;
use sigstore_verify::{CertificateError, Error, TransparencyLogError};

use crate::limits::{LONGEST_FACT, MOST_ENTRIES, MOST_OFFERED, MOST_SHOWN};

/// What helps where a key is not known.
const NEWER_KEYS: &str = "if it was made after this version of imgbuild, Sigstore may have new keys: name a newer `trusted_root.json` of its own as `[sigstore] trusted-root` in the settings";

/// Why an attestation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum Refusal {
    /// It is something else, or damaged.
    #[error("it is no {what} that can be read: {reason}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// There are more than anybody needs.
    #[error("there are {0} attestations for it, and no more than {MOST_OFFERED} are looked at")]
    Many(usize),
    /// Its signature does not hold.
    #[error("its signature does not hold: what is signed was changed, or another key has signed it")]
    Signature,
    /// Its certificate is not one of Sigstore's.
    #[error("its certificate is of nobody whom Sigstore's keys know: {0}")]
    #[diagnostic(help("{NEWER_KEYS}"))]
    Certificate(String),
    /// Its certificate does not hold for the time at which it was signed.
    #[error("its certificate did not hold when it was signed: {0}")]
    Expired(String),
    /// Its certificate is not noted where all certificates are.
    #[error("no log of certificates that Sigstore's keys know has noted its certificate: {0}")]
    #[diagnostic(help("{NEWER_KEYS}"))]
    Unnoted(String),
    /// The log that has noted it is not known.
    #[error("no log that Sigstore's keys know has noted it: it names the log `{0}`")]
    #[diagnostic(help("{NEWER_KEYS}"))]
    UnknownLog(String),
    /// It is not proved that a log has noted it.
    #[error("it is not proved that a log has noted it: {0}")]
    Log(String),
    /// Nobody proves when it was signed.
    #[error("nobody proves when it was signed: {0}")]
    #[diagnostic(help("{NEWER_KEYS}"))]
    Time(String),
    /// It is about no thing, or about several.
    #[error("it is about {0} things, and not about one")]
    Subjects(usize),
    /// It is about a file with another name.
    #[error("it is about `{found}`, and not about `{wanted}`")]
    Name {
        /// The file that it is about.
        found: String,
        /// The archive.
        wanted: String,
    },
    /// It is about other bytes.
    #[error("it is about {}, and not about `{wanted}`", found.as_ref().map_or_else(|| "nothing that has a SHA-256".to_owned(), |it| format!("`{it}`")))]
    Digest {
        /// The bytes that it is about.
        found: Option<Digest>,
        /// Those of the archive.
        wanted: Digest,
    },
    /// It says something else.
    #[error("it says something of a kind that is not known here: `{0}`")]
    Predicate(String),
    /// It says no channel.
    #[error("it says that the package was published to `{0}`, which is no channel's URL")]
    Channel(String),
    /// The index says that it is by somebody of whom nothing is known.
    #[error("the index says that it is by a publisher of the kind `{0}`, which is not known here")]
    #[diagnostic(help("a newer version of imgbuild may know it"))]
    PublisherKind(String),
    /// The index says that it is by somebody else.
    #[error("the index says that it is by {claimed}, and its certificate is of {found}")]
    Publisher {
        /// By whom the index says that it is.
        claimed: String,
        /// Whose certificate it is.
        found: String,
    },
    /// It names more entries of logs than anybody needs.
    #[error("it names {0} entries of logs, and no more than {MOST_ENTRIES} are looked at")]
    Entries(usize),
    /// Its certificate says something that cannot be kept as it is.
    #[error("the {0} in its certificate has control characters, or more than {LONGEST_FACT} characters")]
    Fact(&'static str),
    /// Its certificate names nobody.
    #[error("its certificate names nobody")]
    Nobody,
}

/// What a stranger wrote, as one line that is not long.
pub(crate) fn shown(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    match line.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

impl Refusal {
    pub(crate) fn unreadable(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unreadable { what, reason: shown(&reason.to_string()) }
    }

    /// What the library says, in our words where a user can do something about it.
    pub(crate) fn of_library(error: &Error) -> Self {
        let reason = shown(&error.to_string());
        match error {
            Error::SignatureInvalid(_) => Self::Signature,
            Error::Certificate(error) => match error {
                // The library gives this one as a text alone.
                CertificateError::ChainInvalid(text)
                    if text.contains("CertNotValidYet") || text.contains("CertExpired") =>
                {
                    Self::Expired(reason)
                }
                CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. } => {
                    Self::Certificate(reason)
                }
                CertificateError::NotYetValid { .. } | CertificateError::Expired { .. } => {
                    Self::Expired(reason)
                }
                CertificateError::Sct(_) => Self::Unnoted(reason),
                _ => Self::unreadable("certificate", reason),
            },
            Error::TransparencyLog(error) => match error {
                TransparencyLogError::UnknownLog { .. } => Self::UnknownLog(reason),
                TransparencyLogError::IntegratedTime(_) => Self::Expired(reason),
                _ => Self::Log(reason),
            },
            Error::Timestamp(_) => Self::Time(reason),
            // Its keys were found to be right when they were read: what lacks are those that it looks for here.
            Error::TrustRoot(_) | Error::InvalidTrustRoot(_) => Self::Unnoted(reason),
            _ => Self::unreadable("attestation", reason),
        }
    }
}
