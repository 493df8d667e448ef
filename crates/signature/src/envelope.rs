//! Envelopes that are signed: DSSE v1 (secure-systems-lab/dsse).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use crate::error::SignatureError;
use crate::limits::MOST_SIGNATURES;
use crate::signing_key::SigningKey;
use crate::verifying_key::VerifyingKey;

/// The type of what an envelope holds: an in-toto Statement.
pub const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// What is signed, with its type and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is signed.
    pub payload: Vec<u8>,
    /// What it is, such as [`STATEMENT_TYPE`].
    pub payload_type: String,
    /// The signatures.
    pub signatures: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an envelope")]
struct Fields {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureFields>,
}

#[derive(Serialize, Deserialize)]
struct SignatureFields {
    sig: String,
}

/// The bytes that are signed: of the type and of the payload, so that one can never be taken for the other (DSSE's PAE).
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

impl Envelope {
    /// What is signed now.
    pub fn sign(payload: Vec<u8>, payload_type: &str, key: &SigningKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(payload_type, &payload));
        Self { payload, payload_type: payload_type.to_owned(), signatures: vec![signature] }
    }

    /// What is signed, where a signature is that of the key.
    ///
    /// # Errors
    ///
    /// When none is.
    pub fn verified(&self, key: &VerifyingKey) -> Result<&[u8], SignatureError> {
        let signed = pre_authentication_encoding(&self.payload_type, &self.payload);
        let mut signatures = self.signatures.iter().take(MOST_SIGNATURES);
        match signatures.any(|signature| key.verifies(&signed, signature)) {
            true => Ok(&self.payload),
            false => Err(SignatureError::Broken),
        }
    }

    /// It as JSON.
    pub fn to_value(&self) -> serde_json::Value {
        let signatures = self.signatures.iter().map(|it| serde_json::json!({ "sig": STANDARD.encode(it) }));
        serde_json::json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures.collect::<Vec<_>>(),
        })
    }

    /// Reads it of JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn from_value(value: serde_json::Value) -> Result<Self, SignatureError> {
        let unreadable = |reason: String| SignatureError::Unreadable { what: "envelope (DSSE)", reason };
        let fields: Fields = serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))?;
        let decode = |text: &str| {
            // The specification allows for both.
            let read = STANDARD.decode(text).or_else(|error| URL_SAFE.decode(text).map_err(|_| error));
            read.map_err(|error| unreadable(error.to_string()))
        };
        let signatures = fields.signatures.iter().map(|it| decode(&it.sig)).collect::<Result<_, _>>()?;
        Ok(Self { payload: decode(&fields.payload)?, payload_type: fields.payload_type, signatures })
    }
}
