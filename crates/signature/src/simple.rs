//! The older form of cosign's signatures: a text that names an image ("simple signing"), and its signature beside it, both under
//! the tag `sha256-HEX.sig`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::{Digest, canonical};
use serde::Deserialize;
use serde_json::json;

use crate::error::SignatureError;
use crate::signing_key::SigningKey;
use crate::verifying_key::VerifyingKey;

/// The media type of the text.
pub const SIMPLE_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// What the text says that it is.
const KIND: &str = "cosign container image signature";

/// A text that names an image, and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSignature {
    /// The text.
    pub payload: Vec<u8>,
    /// Its signature in Base64, as the annotation of its layer has it.
    pub signature: String,
}

#[derive(Deserialize)]
#[serde(expecting = "a text of an image")]
struct Fields {
    critical: Critical,
}

#[derive(Deserialize)]
#[serde(expecting = "what is critical")]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "an image")]
struct Image {
    docker_manifest_digest: String,
}

impl SimpleSignature {
    /// The annotation of a layer that holds the signature.
    pub const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

    /// The tag under which signatures of an image are.
    pub fn tag(image: &Digest) -> String {
        format!("sha256-{}.sig", image.hex())
    }

    /// Signs an image, which is called so in its repository.
    ///
    /// # Errors
    ///
    /// When the text cannot be written.
    pub fn sign(
        repository: &str,
        image: &Digest,
        key: &SigningKey,
    ) -> Result<Self, canonical::CanonicalError> {
        let payload = canonical::to_vec(&json!({
            "critical": {
                "identity": { "docker-reference": repository },
                "image": { "docker-manifest-digest": image.to_string() },
                "type": KIND,
            },
            "optional": null,
        }))?;
        let signature = STANDARD.encode(key.sign(&payload));
        Ok(Self { payload, signature })
    }

    /// The image, where the key has signed it.
    ///
    /// # Errors
    ///
    /// When it has not, or the text names no image.
    pub fn verified(&self, key: &VerifyingKey) -> Result<Digest, SignatureError> {
        let unreadable =
            |reason: String| SignatureError::Unreadable { what: "signature of an image", reason };
        let signature = STANDARD.decode(&self.signature).map_err(|error| unreadable(error.to_string()))?;
        if !key.verifies(&self.payload, &signature) {
            return Err(SignatureError::Broken);
        }
        let fields: Fields =
            serde_json::from_slice(&self.payload).map_err(|error| unreadable(error.to_string()))?;
        if fields.critical.kind != KIND {
            return Err(unreadable(format!("it says that it is a `{}`", fields.critical.kind)));
        }
        let named = fields.critical.image.docker_manifest_digest;
        named.parse().map_err(|_| unreadable(format!("`{named}` is no digest")))
    }

    /// Checks that the key has signed this image.
    ///
    /// # Errors
    ///
    /// When it has not.
    pub fn is_about(&self, wanted: &Digest, key: &VerifyingKey) -> Result<(), SignatureError> {
        match self.verified(key)? {
            found if found == *wanted => Ok(()),
            found => Err(SignatureError::AnotherSubject { found: vec![found], wanted: *wanted }),
        }
    }
}
