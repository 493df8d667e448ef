//! `InRelease`: the signed table of an archive's index files.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use oci::Digest;

use crate::keyring::{Keyring, SignatureError, time};
use crate::stanza::{Stanza, StanzaError};

/// A verified `InRelease`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    files: BTreeMap<String, IndexFile>,
    components: Vec<String>,
    architectures: Vec<String>,
}

/// The size and the hash of an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
}

/// What is wrong with an `InRelease`.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Its signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not a control file.
    #[error(transparent)]
    Stanza(#[from] StanzaError),
    /// A field is missing or not what it must be.
    #[error("its field `{0}` is missing or not readable")]
    Field(&'static str),
    /// It belongs to another suite.
    #[error("it is that of the suite `{found}`")]
    OtherSuite {
        /// Which.
        found: String,
    },
    /// It has expired.
    #[error("it was valid until {}", time(*.0))]
    Expired(i64),
    /// It is from the future.
    #[error("its date is {}, which is in the future", time(*.0))]
    Future(i64),
}

impl Release {
    /// Verifies `text` as the `InRelease` of `suite` at the time `now`.
    pub(crate) fn verify(text: &str, suite: &str, keyring: &Keyring, now: i64) -> Result<Self, ReleaseError> {
        let signed = keyring.verify(text, now)?;
        let stanza = Stanza::read_all(&signed)?.into_iter().next().ok_or(ReleaseError::Field("Suite"))?;
        let names = ["Codename", "Suite"].map(|field| stanza.get(field).unwrap_or(""));
        // A mirror could answer with the release of another suite, which is signed as well.
        if !names.contains(&suite) {
            let found = if names[0].is_empty() { names[1] } else { names[0] };
            return Err(ReleaseError::OtherSuite { found: found.to_owned() });
        }
        let date = stanza.get("Date").and_then(read_time).ok_or(ReleaseError::Field("Date"))?;
        if date > now + 24 * 60 * 60 {
            return Err(ReleaseError::Future(date));
        }
        if let Some(until) = stanza.get("Valid-Until") {
            let until = read_time(until).ok_or(ReleaseError::Field("Valid-Until"))?;
            if until <= now {
                return Err(ReleaseError::Expired(until));
            }
        }
        let words = |field| stanza.get(field).unwrap_or("").split_whitespace().map(str::to_owned).collect();
        let files = read_files(stanza.get("SHA256").ok_or(ReleaseError::Field("SHA256"))?)?;
        Ok(Self { files, components: words("Components"), architectures: words("Architectures") })
    }

    pub(crate) fn file(&self, path: &str) -> Option<IndexFile> {
        self.files.get(path).copied()
    }

    pub(crate) fn components(&self) -> &[String] {
        &self.components
    }

    pub(crate) fn architectures(&self) -> &[String] {
        &self.architectures
    }
}

fn read_files(text: &str) -> Result<BTreeMap<String, IndexFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (sha256, size, path) = (words.next(), words.next(), words.next());
        let sha256 = sha256.and_then(|it| Digest::from_hex(it).ok());
        let size = size.and_then(|it| it.parse().ok());
        let (Some(sha256), Some(size), Some(path), None) = (sha256, size, path, words.next()) else {
            return Err(ReleaseError::Field("SHA256"));
        };
        files.insert(path.to_owned(), IndexFile { size, sha256 });
    }
    Ok(files)
}

/// Such as `Sat, 17 May 2025 08:52:01 UTC`.
fn read_time(text: &str) -> Option<i64> {
    let text = text.trim().strip_suffix("UTC")?.trim_end();
    let time = DateTime::strptime("%a, %d %b %Y %H:%M:%S", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 UTC"), Some(1_747_471_921));
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 CET"), None);
    }
}
