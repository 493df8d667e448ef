//! Keys, signatures, and what is refused. The keys of `keys/` sign nothing but these texts: OpenSSL has made them, and `cosign.key` is
//! `ec.key`, encrypted by PyNaCl and Python's scrypt with the password `correct horse`, as cosign does it.

mod keys;
mod signatures;

use crate::{SigningKey, VerifyingKey};

/// A file of `keys/`.
macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("keys/", $name))
    };
}
pub(super) use key;

fn ed25519() -> SigningKey {
    SigningKey::from_pem(key!("ed.key"), None).unwrap()
}

fn p256() -> SigningKey {
    SigningKey::from_pem(key!("p256.key"), None).unwrap()
}

fn public(text: &str) -> VerifyingKey {
    VerifyingKey::from_pem(text).unwrap()
}
