//! The keys that may sign an archive, and the signatures that they made (RFC 9580).

use std::io::Cursor;

use pgp::armor::BlockType;
use pgp::composed::{
    CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize;
use pgp::types::KeyDetails;

const ARCHIVE_KEYS: &[u8] = include_bytes!("../../keys/debian-archive-keyring.pgp");

/// How far a signature's time may lie ahead of the build host's clock, in seconds.
const CLOCK_TOLERANCE: i64 = 24 * 60 * 60;

/// The keys that may sign an archive's index.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
    armored: String,
    is_debian: bool,
}

/// A file that is not a keyring.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the keyring holds no OpenPGP public key")]
#[diagnostic(help("export one with `gpg --export`, with or without `--armor`"))]
pub struct KeyringError;

/// Why a signature is not good enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The text is not a signed message.
    #[error("it is not a signed text: {0}")]
    Format(String),
    /// No signature is by a key of the keyring, or the text is not what was signed.
    #[error("no key of the keyring made any of its signatures, or its text was changed")]
    Untrusted,
    /// The key or the signature has expired.
    #[error("the {what} `{key}` expired at {at}", at = time(*.at))]
    Expired {
        /// `key` or `signature by the key`.
        what: &'static str,
        /// The key's fingerprint.
        key: String,
        /// When, in seconds since 1970.
        at: i64,
    },
    /// The key has been revoked.
    #[error("the key `{key}` has been revoked")]
    Revoked {
        /// The key's fingerprint.
        key: String,
    },
    /// The signature is from the future.
    #[error("the signature by the key `{key}` was made at {at}, which is in the future", at = time(*.at))]
    Future {
        /// The key's fingerprint.
        key: String,
        /// When, in seconds since 1970.
        at: i64,
    },
    /// The signature rests on a hash that can be forged.
    #[error("the signature by the key `{key}` is made with {algorithm}, which is not safe any more")]
    Weak {
        /// The key's fingerprint.
        key: String,
        /// The hash.
        algorithm: String,
    },
}

/// A time as people read it.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

impl Keyring {
    /// Debian's own archive keys, as they ship with imgbuild; `keys/README.md` tells whence.
    ///
    /// # Errors
    ///
    /// Never, as a test shows.
    pub fn debian() -> Result<Self, KeyringError> {
        Ok(Self { is_debian: true, ..Self::read(ARCHIVE_KEYS)? })
    }

    /// Reads a keyring file, armored or not.
    ///
    /// # Errors
    ///
    /// When it holds no key.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyringError> {
        let is_armored = bytes.trim_ascii_start().starts_with(b"-----BEGIN");
        let keys: Vec<_> = if is_armored {
            let (keys, _) = SignedPublicKey::from_armor_many(Cursor::new(bytes)).map_err(|_| KeyringError)?;
            keys.filter_map(Result::ok).collect()
        } else {
            // A key of a kind that is unknown here verifies nothing, and does not make the others worse.
            let keys = SignedPublicKey::from_bytes_many(Cursor::new(bytes)).map_err(|_| KeyringError)?;
            keys.filter_map(Result::ok).collect()
        };
        if keys.is_empty() {
            return Err(KeyringError);
        }
        let armored = if is_armored {
            String::from_utf8(bytes.to_vec()).map_err(|_| KeyringError)?
        } else {
            armor(bytes).map_err(|_| KeyringError)?
        };
        Ok(Self { keys, armored, is_debian: false })
    }

    /// The whole file as armored text, which a lock can hold and apt can read; nothing for Debian's own keys, which
    /// every base has.
    pub(crate) fn for_lock(&self) -> Option<String> {
        Some(self.armored.clone()).filter(|_| !self.is_debian)
    }

    /// The fingerprints of the keys, in the order of the file.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.fingerprint().to_string().to_uppercase()).collect()
    }

    /// Checks a text with its signatures inside, such as `InRelease`, and gives the text that was signed.
    ///
    /// One good signature by any key is enough: Debian signs with the old and the new key at once.
    ///
    /// # Errors
    ///
    /// When no signature is good at the time `now`, in seconds since 1970; the error is that of the signature
    /// that came nearest.
    pub fn verify(&self, signed: &str, now: i64) -> Result<String, SignatureError> {
        let format = |error: pgp::errors::Error| SignatureError::Format(error.to_string());
        let (message, _) = CleartextSignedMessage::from_string(signed).map_err(format)?;
        let text = message.signed_text();
        self.check_any(message.signatures().iter(), text.as_bytes(), now)?;
        Ok(text.replace("\r\n", "\n"))
    }

    /// Checks a text whose signatures stand in a file beside it, such as `Release` with `Release.gpg`.
    ///
    /// # Errors
    ///
    /// As for [`Self::verify`].
    pub fn verify_detached(&self, text: &[u8], signatures: &[u8], now: i64) -> Result<(), SignatureError> {
        let format = |error: pgp::errors::Error| SignatureError::Format(error.to_string());
        let read: Vec<DetachedSignature> = if signatures.trim_ascii_start().starts_with(b"-----BEGIN") {
            let (read, _) = DetachedSignature::from_armor_many(Cursor::new(signatures)).map_err(format)?;
            read.filter_map(Result::ok).collect()
        } else {
            let read = DetachedSignature::from_bytes_many(Cursor::new(signatures)).map_err(format)?;
            read.filter_map(Result::ok).collect()
        };
        // A signature of another type says something else than that the text is good.
        let of_text = |it: &&Signature| matches!(it.typ(), Some(SignatureType::Binary | SignatureType::Text));
        self.check_any(read.iter().map(|it| &it.signature).filter(of_text), text, now)
    }

    /// Whether one of the signatures is good; else what is wrong with the one that came nearest.
    fn check_any<'s>(
        &self,
        signatures: impl Iterator<Item = &'s Signature>,
        text: &[u8],
        now: i64,
    ) -> Result<(), SignatureError> {
        let mut nearest = SignatureError::Untrusted;
        for signature in signatures {
            for key in &self.keys {
                match check(key, signature, text, now) {
                    Some(Ok(())) => return Ok(()),
                    Some(Err(error)) => nearest = error,
                    None => {}
                }
            }
        }
        Err(nearest)
    }
}

/// Bytes that are packets already.
struct Packets<'a>(&'a [u8]);

impl Serialize for Packets<'_> {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        Ok(writer.write_all(self.0)?)
    }

    fn write_len(&self) -> usize {
        self.0.len()
    }
}

fn armor(packets: &[u8]) -> pgp::errors::Result<String> {
    let mut bytes = Vec::new();
    pgp::armor::write(&Packets(packets), BlockType::PublicKey, &mut bytes, None, true)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether `signature` is good; nothing where it is not one of this key's.
fn check(
    key: &SignedPublicKey,
    signature: &Signature,
    text: &[u8],
    now: i64,
) -> Option<Result<(), SignatureError>> {
    let fingerprint = key.fingerprint().to_string().to_uppercase();
    let primary = signature.verify(&key.primary_key, text).is_ok();
    let subkey = key.public_subkeys.iter().find(|it| signature.verify(&it.key, text).is_ok());
    if !primary && subkey.is_none() {
        return None;
    }
    let result = (|| {
        check_primary(key, &fingerprint, now)?;
        if let Some(subkey) = subkey.filter(|_| !primary) {
            check_subkey(key, subkey, &fingerprint, now)?;
        }
        check_signature(signature, &fingerprint, now)
    })();
    Some(result)
}

fn check_signature(signature: &Signature, key: &str, now: i64) -> Result<(), SignatureError> {
    let key = key.to_owned();
    match signature.hash_alg() {
        Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => {}
        other => {
            let algorithm = other.map_or_else(|| "an unknown hash".to_owned(), |it| it.to_string());
            return Err(SignatureError::Weak { key, algorithm });
        }
    }
    let Some(created) = signature.created().map(|it| i64::from(it.as_secs())) else {
        return Err(SignatureError::Untrusted);
    };
    if created > now + CLOCK_TOLERANCE {
        return Err(SignatureError::Future { key, at: created });
    }
    let lifetime = signature.signature_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
    expires("signature by the key", &key, created, lifetime, now)
}

fn check_primary(key: &SignedPublicKey, fingerprint: &str, now: i64) -> Result<(), SignatureError> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|it| it.verify_key(primary).is_ok()) {
        return Err(SignatureError::Revoked { key: fingerprint.to_owned() });
    }
    let direct = key.details.direct_signatures.iter().filter(|it| it.typ() == Some(SignatureType::Key));
    let direct = newest(direct.filter(|it| it.verify_key(primary).is_ok()), now);
    let users = key.details.users.iter().filter_map(|user| {
        let own =
            |it: &&Signature| it.verify_certification(primary, pgp::types::Tag::UserId, &user.id).is_ok();
        // What takes a user id back says nothing of the key, and neither does that user id from then on.
        newest(user.signatures.iter().filter(own), now)
            .filter(|it| it.typ() != Some(SignatureType::CertRevocation))
    });
    // A key that nobody calls his own says nothing of how long it holds.
    let newest = newest(direct.into_iter().chain(users), now).ok_or(SignatureError::Untrusted)?;
    let lifetime = newest.key_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
    expires("key", fingerprint, i64::from(primary.created_at().as_secs()), lifetime, now)
}

fn check_subkey(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    fingerprint: &str,
    now: i64,
) -> Result<(), SignatureError> {
    use SignatureType::{SubkeyBinding, SubkeyRevocation};
    let primary = &key.primary_key;
    let own = |it: &&Signature| it.verify_subkey_binding(primary, &subkey.key).is_ok();
    let of_type =
        |kind| subkey.signatures.iter().filter(move |it: &&Signature| it.typ() == Some(kind)).filter(own);
    if of_type(SubkeyRevocation).next().is_some() {
        return Err(SignatureError::Revoked { key: fingerprint.to_owned() });
    }
    let binding = newest(of_type(SubkeyBinding), now).ok_or(SignatureError::Untrusted)?;
    // Without the embedded signature a subkey could be claimed by a key that does not have it.
    let claimed = binding
        .embedded_signature()
        .is_some_and(|it| it.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !binding.key_flags().sign() || !claimed {
        return Err(SignatureError::Untrusted);
    }
    let lifetime = binding.key_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
    expires("key", fingerprint, i64::from(subkey.key.created_at().as_secs()), lifetime, now)
}

/// The newest of some signatures that hold at this time.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: i64) -> Option<&'a Signature> {
    let made = |it: &&Signature| it.created().map(|time| i64::from(time.as_secs()));
    let holds = |it: &&Signature| {
        let lifetime = it.signature_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
        made(it).is_some_and(|made| made <= now + CLOCK_TOLERANCE && (lifetime == 0 || now < made + lifetime))
    };
    signatures.filter(holds).max_by_key(made)
}

/// A lifetime of nought is for ever.
fn expires(
    what: &'static str,
    key: &str,
    created: i64,
    lifetime: i64,
    now: i64,
) -> Result<(), SignatureError> {
    if lifetime > 0 && created + lifetime <= now {
        return Err(SignatureError::Expired { what, key: key.to_owned(), at: created + lifetime });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;

    use super::*;

    #[test]
    fn the_keys_are_those_that_the_readme_lists() {
        let listed = include_str!("../../keys/README.md");
        let fingerprints = Keyring::debian().unwrap().fingerprints();
        assert_eq!(fingerprints.len(), listed.matches("\n* `").count());
        for fingerprint in fingerprints {
            assert!(listed.contains(&fingerprint), "{fingerprint}");
        }
    }

    /// Made by gpg: a key that holds for two days from 2020-01-01 on, and a text that it signed in that time.
    #[test]
    fn the_lifetime_of_a_key_is_what_its_newest_own_signature_says() {
        const DAY: i64 = 24 * 3600;
        let made = 1_577_836_800;
        let verified = |key: &str, signed: &str, day: i64| {
            let keyring = Keyring::read(key.as_bytes()).unwrap();
            keyring.verify(signed, made + day * DAY).map_err(|error| error.to_string())
        };
        // A second user id was taken back later, which says nothing of how long the key holds.
        let (key, signed) =
            (include_str!("testdata/revoked-user.key"), include_str!("testdata/revoked-user.signed"));
        assert!(verified(key, signed, 1).is_ok());
        let error = verified(key, signed, 3).unwrap_err();
        assert!(
            error.starts_with("the key `") && error.ends_with("expired at 2020-01-03T00:00:00Z"),
            "{error}"
        );
        // The lifetime of this one was lifted later.
        let (key, signed) = (include_str!("testdata/extended.key"), include_str!("testdata/extended.signed"));
        assert!(verified(key, signed, 3).is_ok());
    }

    #[test]
    fn what_is_not_a_keyring_is_refused() {
        insta::assert_snapshot!(told(&Keyring::read(b"hello").unwrap_err()), @r"
        the keyring holds no OpenPGP public key
        hint: export one with `gpg --export`, with or without `--armor`
        ");
    }
}
