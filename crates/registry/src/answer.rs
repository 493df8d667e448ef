//! Documents that registries answer with.

use imgbuild_secret::SecretUrl;
use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::limits::ANSWER_LIMIT;

/// An answer that is none.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AnswerError {
    /// It is not the document that it should be.
    #[error("the registry's answer for `{0}` cannot be read")]
    Document(String, #[source] serde_json::Error),
    /// It is larger than any such document.
    #[error("the registry's answer for `{0}` is larger than {ANSWER_LIMIT} bytes")]
    TooLarge(String),
    /// The connection broke.
    #[error("the registry's answer for `{0}` is cut off")]
    CutOff(String, #[source] reqwest::Error),
}

imgbuild_diagnostic::boxed_sources!(AnswerError);

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
    let bytes = read_bytes(answer, ANSWER_LIMIT).await?;
    serde_json::from_slice(&bytes).map_err(|error| AnswerError::Document(shown, error))
}

/// Reads an answer of at most so many bytes.
///
/// # Errors
///
/// When it cannot be had, or is larger.
pub(crate) async fn read_bytes(mut answer: Response, limit: usize) -> Result<Vec<u8>, AnswerError> {
    let shown = SecretUrl::from(answer.url()).to_string();
    let cut_off = |error: reqwest::Error| AnswerError::CutOff(shown.clone(), error.without_url());
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(cut_off)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > limit {
            return Err(AnswerError::TooLarge(shown));
        }
    }
    Ok(bytes)
}
