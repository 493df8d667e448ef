//! Keys that signatures are checked with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Verifier;
use imgbuild_oci::Digest;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{DecodePublicKey, ObjectIdentifier};

use crate::armor::Armored;
use crate::error::KeyError;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    public: Public,
    /// It as a SubjectPublicKeyInfo in DER.
    der: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// What stands before a key in its SubjectPublicKeyInfo: Ed25519 (RFC 8410), and a point of P-256 that is not compressed (RFC 5480).
const ED25519_BEFORE: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const P256_BEFORE: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl VerifyingKey {
    /// The key of a text in PEM (`PUBLIC KEY`, a SubjectPublicKeyInfo).
    ///
    /// # Errors
    ///
    /// When it holds none that signatures can be checked with.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let armored = Armored::key(text)?;
        match armored.label {
            "PUBLIC KEY" => Self::from_der(&armored.bytes),
            "RSA PUBLIC KEY" => Err(KeyError::Kind("RSA".to_owned())),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            _ => Err(KeyError::NoKey),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |error: pkcs8::spki::Error| KeyError::Damaged(error.to_string());
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(|it| KeyError::Damaged(it.to_string()))?;
        match kind(info.algorithm.oid, info.algorithm.parameters_oid().ok()).as_str() {
            "Ed25519" => Ok(Self::ed25519(DecodePublicKey::from_public_key_der(der).map_err(damaged)?)),
            "ECDSA over P-256" => Ok(Self::p256(DecodePublicKey::from_public_key_der(der).map_err(damaged)?)),
            other => Err(KeyError::Kind(other.to_owned())),
        }
    }

    pub(crate) fn ed25519(key: ed25519_dalek::VerifyingKey) -> Self {
        Self { der: [ED25519_BEFORE, key.as_bytes()].concat(), public: Public::Ed25519(key) }
    }

    pub(crate) fn p256(key: p256::ecdsa::VerifyingKey) -> Self {
        let point = key.to_encoded_point(false);
        Self { der: [P256_BEFORE, point.as_bytes()].concat(), public: Public::P256(key) }
    }

    /// How bundles name it: the SHA-256 of its SubjectPublicKeyInfo, in Base64, as cosign has it.
    pub fn hint(&self) -> String {
        STANDARD.encode(Digest::of(&self.der).as_bytes())
    }

    /// It as PEM, as cosign and OpenSSL write it.
    pub fn to_pem(&self) -> String {
        let packed = STANDARD.encode(&self.der);
        let mut text = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for line in packed.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END PUBLIC KEY-----\n");
        text
    }

    /// Whether this is its signature of these bytes.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            // Strictly: no key of small order, with which one signature would fit all texts.
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_strict(bytes, &it).is_ok()),
            Public::P256(key) => {
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|it| key.verify(bytes, &it).is_ok())
            }
        }
    }
}

/// What people call the keys of an algorithm.
pub(crate) fn kind(algorithm: ObjectIdentifier, parameters: Option<ObjectIdentifier>) -> String {
    let curve = parameters.map(|it| it.to_string()).unwrap_or_default();
    match (algorithm.to_string().as_str(), curve.as_str()) {
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        ("1.2.840.113549.1.1.1", _) => "RSA".to_owned(),
        ("1.2.840.10045.2.1", "1.2.840.10045.3.1.7") => "ECDSA over P-256".to_owned(),
        ("1.2.840.10045.2.1", "1.3.132.0.34") => "ECDSA over P-384".to_owned(),
        ("1.2.840.10045.2.1", "1.3.132.0.35") => "ECDSA over P-521".to_owned(),
        ("1.2.840.10045.2.1", _) => "ECDSA over another curve".to_owned(),
        (other, _) => format!("the algorithm {other}"),
    }
}
