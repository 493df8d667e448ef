//! Keys that sign images or check signatures: where they are, and how they are read.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use imgbuild_signature::{KeyError, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

/// The variable with the password of an encrypted key: cosign's own.
const PASSWORD: &str = "COSIGN_PASSWORD";

/// Whether a text is a key itself: the base64 of DER, which begins with a sequence.
fn is_key(text: &str) -> bool {
    let is_base64 = |it: u8| it.is_ascii_alphanumeric() || b"+/=".contains(&it);
    text.len() >= LEAST_KEY && text.starts_with('M') && text.bytes().all(is_base64)
}

/// The digits that the shortest key has in base64.
const LEAST_KEY: usize = 40;

/// The most bytes of a key.
const KEY_LIMIT: usize = 64 << 10;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    File(PathBuf),
    Variable(String),
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum KeyFailure {
    /// The file cannot be read.
    #[error("the key {place} cannot be read")]
    Read {
        /// Where it should be.
        place: KeyPlace,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The variable is not set.
    #[error("the key {0} is not there: no such variable is set")]
    NoVariable(KeyPlace),
    /// It is none.
    #[error("the key {place} cannot be used")]
    Key {
        /// Where it is.
        place: KeyPlace,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: KeyError,
    },
}

impl FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("env:") {
            Some("") => Err("write it as env:NAME".to_owned()),
            Some(name) => Ok(Self::Variable(name.to_owned())),
            None if text.contains("PRIVATE KEY") || text.contains('\n') => {
                Err("that is a key, and not where one is: write the name of a file, or env:NAME".to_owned())
            }
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Somebody has given the key in the place of its file's name.
            Self::File(path) if path.to_str().is_some_and(is_key) => f.write_str("that is given"),
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Variable(name) => write!(f, "`env:{name}`"),
        }
    }
}

impl KeyPlace {
    /// The private key that is there.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, KeyFailure> {
        // One that is empty is a password, too.
        let password = std::env::var(PASSWORD).ok().map(Zeroizing::new);
        let key = SigningKey::from_pem(&self.text()?, password.as_ref().map(|it| it.as_str()));
        key.map_err(|error| KeyFailure::Key { place: self.clone(), error })
    }

    /// The public key that is there.
    pub(crate) fn verifying_key(&self) -> Result<VerifyingKey, KeyFailure> {
        let key = VerifyingKey::from_pem(&self.text()?);
        key.map_err(|error| KeyFailure::Key { place: self.clone(), error })
    }

    fn text(&self) -> Result<Zeroizing<String>, KeyFailure> {
        let text = match self {
            Self::Variable(name) => {
                Zeroizing::new(std::env::var(name).map_err(|_| KeyFailure::NoVariable(self.clone()))?)
            }
            Self::File(path) => std::fs::File::open(path)
                .and_then(read)
                .map_err(|error| KeyFailure::Read { place: self.clone(), error })?,
        };
        Ok(text)
    }
}

/// A text that is no longer than keys are. What is no text is no key: that is told by whoever reads it.
fn read(file: std::fs::File) -> std::io::Result<Zeroizing<String>> {
    // With all its room at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LIMIT + 1));
    std::io::Read::read_to_end(&mut std::io::Read::take(file, KEY_LIMIT as u64), &mut bytes)?;
    let text = std::str::from_utf8(&bytes).map(str::to_owned);
    Ok(Zeroizing::new(text.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned())))
}
