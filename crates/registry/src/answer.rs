//! Documents that registries answer with.

use std::time::Duration;

use imgbuild_net::{NetError, Pace, is_transient};
use imgbuild_secret::SecretUrl;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::address::Misled;
use crate::limits::{ANSWER_LIMIT, SILENCE};

/// An answer that is none.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AnswerError {
    /// It is not the document that it should be.
    #[error("the registry's answer for `{0}` cannot be read")]
    Document(String, #[source] serde_json::Error),
    /// Who gives tokens gives none, and does not say that it is for the credential.
    #[error("`{url}` gives no token ({})", status.as_u16())]
    #[diagnostic(help(
        "the registry's server of tokens does not work as it should: try again later, or tell whoever runs it"
    ))]
    NoToken {
        /// Where they are to be had.
        url: String,
        /// The answer.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It wants a token from where nobody is asked for one.
    #[error("the registry wants a token from `{url}`, which is asked for none: {misled}")]
    #[diagnostic(help("the registry is set up wrongly: tell whoever runs it"))]
    Realm {
        /// Where it is to be had.
        url: String,
        /// Why not.
        misled: Misled,
    },
    /// It comes so slowly that it would never end.
    #[error("the registry sends its answer for `{0}` too slowly")]
    Slow(String),
    /// It is larger than any such document.
    #[error("the registry's answer for `{0}` is larger than {ANSWER_LIMIT} bytes")]
    TooLarge(String),
    /// The connection broke, or nothing came any more.
    #[error("the registry's answer for `{url}` is cut off after {found} bytes")]
    CutOff {
        /// What was asked for.
        url: String,
        /// How many bytes came.
        found: usize,
        /// Why; nothing where the registry fell silent.
        #[source]
        error: Option<reqwest::Error>,
    },
}

imgbuild_diagnostic::boxed_sources!(AnswerError);

impl AnswerError {
    /// A trouble of the moment, as what is waited after.
    pub(crate) fn passing(&self) -> Option<NetError> {
        match self {
            Self::NoToken { url, status, retry_after } if is_transient(*status) => {
                Some(NetError::Status { url: url.clone(), status: *status, retry_after: *retry_after })
            }
            Self::CutOff { url, found, .. } => {
                Some(NetError::Truncated { url: url.clone(), found: *found as u64 })
            }
            Self::Slow(url) => Some(NetError::Slow { url: url.clone() }),
            Self::NoToken { .. } | Self::Realm { .. } | Self::Document(..) | Self::TooLarge(_) => None,
        }
    }
}

impl From<AnswerError> for reqwest_middleware::Error {
    fn from(error: AnswerError) -> Self {
        Self::middleware(error)
    }
}

/// Reads a JSON document out of an answer.
///
/// # Errors
///
/// When it cannot be had, is none, or is too large.
pub async fn read_json<T: DeserializeOwned>(answer: Response) -> Result<T, AnswerError> {
    let shown = SecretUrl::from(answer.url()).to_string();
    parse_json(&read_bytes(answer, ANSWER_LIMIT, Duration::from_secs(SILENCE)).await?, shown)
}

/// A JSON document that was had from a place.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8], shown: String) -> Result<T, AnswerError> {
    serde_json::from_slice(bytes).map_err(|error| AnswerError::Document(shown, error))
}

/// Reads an answer of at most so many bytes, the next of which take `silence` at most; who trickles is read no longer than that.
///
/// # Errors
///
/// When it cannot be had, or is larger.
pub(crate) async fn read_bytes(
    mut answer: Response,
    limit: usize,
    silence: Duration,
) -> Result<Vec<u8>, AnswerError> {
    let url = SecretUrl::from(answer.url()).to_string();
    let mut bytes = Vec::new();
    let mut pace = Pace::new(silence);
    loop {
        let found = bytes.len();
        let error = match tokio::time::timeout(silence, answer.chunk()).await {
            Ok(Ok(None)) => return Ok(bytes),
            Ok(Ok(Some(piece))) => {
                if pace.came(piece.len()).is_err() {
                    return Err(AnswerError::Slow(url));
                }
                bytes.extend_from_slice(&piece);
                if bytes.len() > limit {
                    return Err(AnswerError::TooLarge(url));
                }
                continue;
            }
            Ok(Err(error)) => Some(error.without_url()),
            Err(_) => None,
        };
        return Err(AnswerError::CutOff { url, found, error });
    }
}
