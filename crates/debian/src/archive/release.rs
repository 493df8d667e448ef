//! `InRelease`, or `Release` with its signature: the signed table of an archive's index files.

use std::collections::BTreeMap;

use imgbuild_oci::Digest;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::archive::keyring::{Keyring, SignatureError, time};
use crate::package::stanza::{Stanza, StanzaError};

/// A verified `Release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    files: BTreeMap<String, IndexFile>,
    components: Vec<String>,
    architectures: Vec<String>,
    automatic: bool,
    by_hash: bool,
}

/// A signed text.
#[derive(Debug)]
pub(crate) enum SignedText<'a> {
    /// With its signatures inside: `InRelease`.
    Inline(&'a [u8]),
    /// With its signatures beside it: `Release` and `Release.gpg`.
    Detached {
        /// The text.
        text: &'a [u8],
        /// The signatures, armored or not.
        signature: &'a [u8],
    },
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
        /// Which was asked for.
        asked: String,
    },
    /// It has expired.
    #[error("it was valid until {}", time(*.0))]
    Expired(i64),
    /// It is from the future.
    #[error("its date is {}, which is in the future", time(*.0))]
    Future(i64),
    /// It had expired at the snapshot's time.
    #[error("it was valid until {}, which is before the snapshot's time", time(*.0))]
    OlderThanSnapshot(i64),
    /// It was made after the snapshot's time.
    #[error("its date is {}, which is after the snapshot's time", time(*.0))]
    NewerThanSnapshot(i64),
}

impl Release {
    /// Verifies the `Release` of `suite` at the time `now`. That of a flat repository need not say what it is of.
    ///
    /// What an archive had at the time of a `snapshot` must have been valid then; its signatures must be good now.
    pub(crate) fn verify(
        signed: &SignedText<'_>,
        suite: Option<&str>,
        keyring: &Keyring,
        now: i64,
        snapshot: Option<i64>,
    ) -> Result<Self, ReleaseError> {
        let text = match signed {
            SignedText::Inline(bytes) => keyring.verify(&String::from_utf8_lossy(bytes), now)?,
            SignedText::Detached { text, signature } => {
                keyring.verify_detached(text, signature, now)?;
                String::from_utf8_lossy(text).into_owned()
            }
        };
        let stanza = Stanza::read_all(&text)?.into_iter().next().ok_or(ReleaseError::Field("Suite"))?;
        let names = ["Codename", "Suite"].map(|field| stanza.get(field).unwrap_or(""));
        // A mirror could answer with the release of another suite, which is signed as well.
        if let Some(suite) = suite.filter(|suite| !names.contains(suite)) {
            let found = names.into_iter().find(|name| !name.is_empty());
            let found = found.ok_or(ReleaseError::Field("Suite"))?.to_owned();
            return Err(ReleaseError::OtherSuite { found, asked: suite.to_owned() });
        }
        let date = stanza.get("Date").and_then(read_time).ok_or(ReleaseError::Field("Date"))?;
        let at = snapshot.unwrap_or(now);
        if date > at + 24 * 60 * 60 {
            let error =
                snapshot.map_or(ReleaseError::Future(date), |_| ReleaseError::NewerThanSnapshot(date));
            return Err(error);
        }
        if let Some(until) = stanza.get("Valid-Until") {
            let until = read_time(until).ok_or(ReleaseError::Field("Valid-Until"))?;
            if until <= at {
                let error =
                    snapshot.map_or(ReleaseError::Expired(until), |_| ReleaseError::OlderThanSnapshot(until));
                return Err(error);
            }
        }
        let words = |field| stanza.get(field).unwrap_or("").split_whitespace().map(str::to_owned).collect();
        let files = read_files(stanza.get("SHA256").ok_or(ReleaseError::Field("SHA256"))?)?;
        let says = |field| stanza.get(field).is_some_and(|it| it.eq_ignore_ascii_case("yes"));
        Ok(Self {
            files,
            components: words("Components"),
            architectures: words("Architectures"),
            automatic: !says("NotAutomatic"),
            by_hash: says("Acquire-By-Hash"),
        })
    }

    pub(crate) fn file(&self, path: &str) -> Option<IndexFile> {
        self.files.get(path).copied()
    }

    /// Whether apt takes its packages unasked.
    pub(crate) fn is_automatic(&self) -> bool {
        self.automatic
    }

    /// Whether its index files are also to be had by their hashes, and so as long as somebody may ask for them.
    pub(crate) fn is_by_hash(&self) -> bool {
        self.by_hash
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
        // Flat repositories' may begin so.
        let path = path.strip_prefix("./").unwrap_or(path);
        files.insert(path.to_owned(), IndexFile { size, sha256 });
    }
    Ok(files)
}

/// Such as `Sat, 17 May 2025 08:52:01 UTC`. Other words for the same zone are as good to apt, and no other zone is.
fn read_time(text: &str) -> Option<i64> {
    let (text, zone) = text.trim().rsplit_once(' ')?;
    if !["UTC", "GMT", "Z", "+0000"].contains(&zone) {
        return None;
    }
    let time = DateTime::strptime("%a, %d %b %Y %H:%M:%S", text.trim_end()).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 UTC"), Some(1_747_471_921));
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 +0000"), Some(1_747_471_921));
        assert_eq!(read_time("Sat, 17 May 2025 8:52:01 GMT"), Some(1_747_471_921));
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 CET"), None);
        assert_eq!(read_time("Sat, 17 May 2025 08:52:01 +0200"), None);
    }
}
