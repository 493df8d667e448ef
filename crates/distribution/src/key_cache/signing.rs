//! Whose word on a key is believed: a key of Ed25519 (RFC 8032) in a file, as `openssl genpkey -algorithm ed25519` makes it.

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

/// A text that is signed.
pub(super) struct Signed(pub(super) String);

/// A key that entries of a cache are signed with, or only checked with where it is the public half.
#[derive(Clone)]
pub struct CacheKey {
    private: Option<SigningKey>,
    public: VerifyingKey,
}

/// A file that holds no such key.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CacheKeyError {
    /// It cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// It is none.
    #[error("`{}` holds no key of Ed25519 in PEM", .0.display())]
    #[diagnostic(help(
        "`openssl genpkey -algorithm ed25519 -out cache.key` makes one, and `openssl pkey -in cache.key -pubout` its public half, with which entries are checked and none are signed"
    ))]
    NoKey(PathBuf),
}

impl fmt::Debug for CacheKey {
    /// Without the private half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey")
    }
}

impl CacheKey {
    /// The key of a file: a private one (PKCS #8), or a public one (SubjectPublicKeyInfo), in PEM.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, CacheKeyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| CacheKeyError::Read { path: path.to_owned(), error })?;
        if let Ok(private) = SigningKey::from_pkcs8_pem(&text) {
            let public = private.verifying_key();
            return Ok(Self { private: Some(private), public });
        }
        let public = VerifyingKey::from_public_key_pem(&text);
        public.map(|public| Self { private: None, public }).map_err(|_| CacheKeyError::NoKey(path.to_owned()))
    }

    #[cfg(test)]
    pub(super) fn of_seed(seed: [u8; 32]) -> Self {
        let private = SigningKey::from_bytes(&seed);
        Self { public: private.verifying_key(), private: Some(private) }
    }

    /// The signature of a text; nothing where only the public half is known.
    pub(super) fn sign(&self, text: &Signed) -> Option<Vec<u8>> {
        Some(self.private.as_ref()?.sign(text.0.as_bytes()).to_vec())
    }

    pub(super) fn verifies(&self, text: &Signed, signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|it| self.public.verify(text.0.as_bytes(), &it).is_ok())
    }
}
