//! Documents that registries answer with.

use imgbuild_secret::SecretUrl;
use reqwest::Response;
use reqwest_middleware::Error;
use serde::de::DeserializeOwned;

use crate::limits::ANSWER_LIMIT;

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not the document that it should be.
    #[error("the registry's answer for `{0}` cannot be read")]
    Document(String, #[source] serde_json::Error),
    /// It is larger than any such document.
    #[error("the registry's answer for `{0}` is larger than {ANSWER_LIMIT} bytes")]
    TooLarge(String),
}

/// Reads a JSON document out of an answer.
///
/// # Errors
///
/// When it cannot be had, is none, or is too large.
pub async fn read_json<T: DeserializeOwned>(mut answer: Response) -> Result<T, Error> {
    let shown = SecretUrl::from(answer.url()).to_string();
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > ANSWER_LIMIT {
            return Err(Error::middleware(AnswerError::TooLarge(shown)));
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| Error::middleware(AnswerError::Document(shown, error)))
}
