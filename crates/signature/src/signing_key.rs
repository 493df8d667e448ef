//! Keys that sign.

use std::fmt;

use ed25519_dalek::Signer;
use pkcs8::{DecodePrivateKey, PrivateKeyInfo};

use crate::armor::Armored;
use crate::error::KeyError;
use crate::secretbox::decrypted;
use crate::verifying_key::{VerifyingKey, kind};

/// How a key of SEC 1 names its curve: the identifier 1.2.840.10045.3.1.7 in DER.
const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A private key. Its secret is never printed, and is wiped from memory with it.
#[derive(Clone)]
pub struct SigningKey(Private);

#[derive(Clone)]
enum Private {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl fmt::Debug for SigningKey {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().hint())
    }
}

impl SigningKey {
    /// The key of a text in PEM: PKCS #8 (`PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`), or what `cosign generate-key-pair` writes, for
    /// which the password is needed; an empty one is one.
    ///
    /// # Errors
    ///
    /// When it holds none that can sign.
    pub fn from_pem(text: &str, password: Option<&str>) -> Result<Self, KeyError> {
        let armored = Armored::key(text)?;
        if armored.has_headers {
            return Err(KeyError::Encryption("OpenSSL of old"));
        }
        match armored.label {
            "PRIVATE KEY" => Self::from_pkcs8(&armored.bytes),
            "EC PRIVATE KEY" => Self::from_sec1(&armored.bytes),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let password = password.ok_or(KeyError::NoPassword)?;
                Self::from_pkcs8(&decrypted(&armored.bytes, password.as_bytes())?)
            }
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encryption("PKCS #8")),
            "RSA PRIVATE KEY" => Err(KeyError::Kind("RSA".to_owned())),
            "DSA PRIVATE KEY" => Err(KeyError::Kind("DSA".to_owned())),
            "OPENSSH PRIVATE KEY" => Err(KeyError::Kind("OpenSSH".to_owned())),
            "PUBLIC KEY" => Err(KeyError::Public),
            _ => Err(KeyError::NoKey),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |error: pkcs8::Error| KeyError::Damaged(error.to_string());
        let info = PrivateKeyInfo::try_from(der).map_err(damaged)?;
        let parameters = info.algorithm.parameters_oid().ok();
        match kind(info.algorithm.oid, parameters).as_str() {
            "Ed25519" => {
                let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
                Ok(Self(Private::Ed25519(key)))
            }
            "ECDSA over P-256" => {
                let key = p256::ecdsa::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
                Ok(Self(Private::P256(key)))
            }
            other => Err(KeyError::Kind(other.to_owned())),
        }
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        // Other curves have secrets of that size as well.
        if !der.windows(P256_OID.len()).any(|it| it == P256_OID) {
            return Err(KeyError::Kind("ECDSA over another curve".to_owned()));
        }
        let key = p256::SecretKey::from_sec1_der(der);
        let key = key.map_err(|_| KeyError::Damaged("it has no secret of P-256".to_owned()))?;
        Ok(Self(Private::P256(key.into())))
    }

    /// The public key that belongs to it.
    pub fn verifying_key(&self) -> VerifyingKey {
        match &self.0 {
            Private::Ed25519(key) => VerifyingKey::ed25519(key.verifying_key()),
            Private::P256(key) => VerifyingKey::p256(*key.verifying_key()),
        }
    }

    /// The signature of some bytes, always the same for the same bytes: Ed25519's (RFC 8032), or ECDSA's over their SHA-256 in DER
    /// (RFC 6979).
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.0 {
            Private::Ed25519(key) => key.sign(bytes).to_vec(),
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                signature.to_der().as_bytes().to_vec()
            }
        }
    }
}
