//! How cosign encrypts keys: a password, scrypt, and NaCl's secretbox, in JSON (`encrypted` of go-securesystemslib).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{Key, KeyInit, Nonce, XSalsa20Poly1305};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::limits::{DERIVING_MEMORY, DERIVING_ROUNDS};

#[derive(Deserialize)]
#[serde(expecting = "an encrypted key")]
struct Encrypted {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
#[serde(expecting = "how a key comes from its password")]
struct Derivation {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Deserialize)]
#[serde(expecting = "numbers for scrypt")]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
#[serde(expecting = "a cipher")]
struct Cipher {
    name: String,
    nonce: String,
}

/// The bytes that were encrypted.
pub(crate) fn decrypted(document: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let damaged = |reason: String| KeyError::Damaged(reason);
    let Encrypted { kdf, cipher, ciphertext } =
        serde_json::from_slice(document).map_err(|error| damaged(error.to_string()))?;
    if kdf.name != "scrypt" {
        return Err(damaged(format!("its password goes through `{}`, which is not `scrypt`", kdf.name)));
    }
    if cipher.name != "nacl/secretbox" {
        return Err(damaged(format!("it is encrypted by `{}`, which is not `nacl/secretbox`", cipher.name)));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|error| damaged(error.to_string()));
    let (salt, nonce, ciphertext) = (decode(&kdf.salt)?, decode(&cipher.nonce)?, decode(&ciphertext)?);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| damaged("its nonce has not 24 bytes".to_owned()))?;
    let key = derived(&kdf.params, password, &salt)?;
    let box_ = XSalsa20Poly1305::new(Key::from_slice(&*key));
    let plain = box_.decrypt(&Nonce::from(nonce), ciphertext.as_slice());
    plain.map(Zeroizing::new).map_err(|_| KeyError::Password)
}

fn derived(parameters: &Parameters, password: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let Parameters { n, r, p } = *parameters;
    let memory = n.checked_mul(u64::from(r)).and_then(|blocks| blocks.checked_mul(128));
    let is_small = memory.is_some_and(|memory| memory <= DERIVING_MEMORY) && p <= DERIVING_ROUNDS;
    let unfit = || KeyError::Damaged(format!("scrypt is not done with N = {n}, r = {r} and p = {p}"));
    if !is_small || !n.is_power_of_two() {
        return Err(unfit());
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| unfit())?;
    let parameters = scrypt::Params::new(log_n, r, p, 32).map_err(|_| unfit())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, salt, &parameters, &mut *key).map_err(|_| unfit())?;
    Ok(key)
}
