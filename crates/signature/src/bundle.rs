//! Bundles of Sigstore, version 0.3, of what is signed with a key: an envelope, and which key it is. As cosign 3 writes them, they
//! are what refers to a signed image in its registry.

use imgbuild_oci::canonical;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::{Envelope, STATEMENT_TYPE};
use crate::error::SignatureError;
use crate::signing_key::SigningKey;
use crate::statement::Statement;
use crate::verifying_key::VerifyingKey;

/// The media type of a bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The types of a bundle that are read: two ways to write 0.3.
const READ: [&str; 2] = [BUNDLE_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"];

/// A signed statement, and which key has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// How the key is named, where it is a key.
    pub hint: Option<String>,
    /// What is signed.
    pub envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a bundle")]
struct Fields {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the material of a verification")]
struct Material {
    public_key: Option<PublicKey>,
}

#[derive(Deserialize)]
#[serde(expecting = "the name of a key")]
struct PublicKey {
    #[serde(default)]
    hint: String,
}

impl Bundle {
    /// A statement that is signed now.
    ///
    /// # Errors
    ///
    /// When the statement cannot be written.
    pub fn sign(statement: &Statement, key: &SigningKey) -> Result<Self, canonical::CanonicalError> {
        let envelope = Envelope::sign(statement.to_bytes()?, STATEMENT_TYPE, key);
        Ok(Self { hint: Some(key.verifying_key().hint()), envelope })
    }

    /// It as JSON, always the same.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, canonical::CanonicalError> {
        canonical::to_vec(&json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": { "publicKey": { "hint": self.hint.clone().unwrap_or_default() } },
            "dsseEnvelope": self.envelope.to_value(),
        }))
    }

    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// When it is none, or one of another version, or of something else than an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let unreadable = |reason: String| SignatureError::Unreadable { what: "bundle (Sigstore)", reason };
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if !READ.contains(&fields.media_type.as_str()) {
            return Err(unreadable(format!("it says that it is `{}`", fields.media_type)));
        }
        let envelope =
            fields.dsse_envelope.ok_or_else(|| unreadable("it has no `dsseEnvelope`".to_owned()))?;
        let hint = fields.verification_material.public_key.map(|key| key.hint);
        Ok(Self { hint: hint.filter(|hint| !hint.is_empty()), envelope: Envelope::from_value(envelope)? })
    }

    /// The statement, where the key has signed it.
    ///
    /// # Errors
    ///
    /// When it has not, or what it has signed is no statement.
    pub fn verified(&self, key: &VerifyingKey) -> Result<Statement, SignatureError> {
        let payload = self.envelope.verified(key).map_err(|error| match &self.hint {
            // The name alone is no proof of anything: it only tells why the signature does not hold.
            Some(named) if *named != key.hint() => {
                SignatureError::AnotherKey { named: named.clone(), own: key.hint() }
            }
            _ => error,
        })?;
        if self.envelope.payload_type != STATEMENT_TYPE {
            let reason = format!("it is a `{}`", self.envelope.payload_type);
            return Err(SignatureError::Unreadable { what: "statement (in-toto)", reason });
        }
        Statement::parse(payload)
    }
}
