//! Hashes that somebody states of a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use imgbuild_oci::Digest;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha384, Sha512};

/// How many digits hashes have.
const LENGTHS: [(&str, usize); 6] =
    [("md5", 32), ("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// The hashes that a lock states of a file, by the names of their algorithms. Its sha256 proves the file; where that is not
/// among them, the file is downloaded while locking, and held against the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedHashes(BTreeMap<String, String>);

/// The hashes that are known of what is to be built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownHashes<'a> {
    /// Those of which the archive must have one.
    pub(crate) hashes: &'a [Digest],
    /// Those that a lock states of the archive.
    pub(crate) stated: &'a StatedHashes,
}

/// A file that has not a hash that is stated of it, or of which nothing is stated that can be checked.
#[derive(Debug, thiserror::Error)]
pub enum StatedError {
    /// It has another hash.
    #[error("`{file}` has the {algorithm} `{found}`, and the lock says `{stated}`")]
    Other {
        /// The file.
        file: String,
        /// The algorithm.
        algorithm: String,
        /// Its hash.
        found: String,
        /// What is stated.
        stated: String,
    },
    /// Only hashes are stated by which nothing can be checked here.
    #[error("of `{file}` the lock has no hash that is known here, but {}", algorithms.join(", "))]
    Unknown {
        /// The file.
        file: String,
        /// The algorithms, in backticks.
        algorithms: Vec<String>,
    },
    /// The file cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl StatedHashes {
    /// Hashes as they are written: algorithms and hexadecimal digits.
    pub fn new(hashes: impl IntoIterator<Item = (String, String)>) -> Self {
        let lower = |(algorithm, digits): (String, String)| {
            (algorithm.to_ascii_lowercase(), digits.to_ascii_lowercase())
        };
        Self(hashes.into_iter().map(lower).collect())
    }

    /// The sha256, where it is among them and is one.
    pub fn sha256(&self) -> Option<Digest> {
        self.0.get("sha256").and_then(|digits| Digest::from_hex(digits).ok())
    }

    /// The algorithm and digits of one that cannot be a hash of an algorithm that is known here.
    pub(crate) fn odd(&self) -> Option<(&str, &str)> {
        let is_odd = |(algorithm, digits): &(&String, &String)| {
            let length = LENGTHS.iter().find(|(name, _)| name == algorithm).map(|(_, length)| *length);
            length.is_some_and(|it| it != digits.len() || !digits.bytes().all(|it| it.is_ascii_hexdigit()))
        };
        self.0.iter().find(is_odd).map(|(algorithm, digits)| (algorithm.as_str(), digits.as_str()))
    }

    /// Holds a file, which messages call `name`, against all of them that are known here.
    ///
    /// # Errors
    ///
    /// When it has another one, or only such are stated as are not known.
    pub fn check(&self, name: &str, path: &Path) -> Result<(), StatedError> {
        let file = || name.to_owned();
        let mut known = false;
        for (algorithm, stated) in &self.0 {
            let found = hash(algorithm, path).map_err(|error| StatedError::Read { file: file(), error })?;
            let Some(found) = found else { continue };
            known = true;
            if found != *stated {
                let (algorithm, stated) = (algorithm.clone(), stated.clone());
                return Err(StatedError::Other { file: file(), algorithm, found, stated });
            }
        }
        if known || self.0.is_empty() {
            return Ok(());
        }
        let algorithms = self.0.keys().map(|name| format!("`{}`", name.escape_default())).collect();
        Err(StatedError::Unknown { file: file(), algorithms })
    }
}

/// The hash of a file in hexadecimal digits; nothing where the algorithm is not known.
fn hash(algorithm: &str, path: &Path) -> io::Result<Option<String>> {
    macro_rules! hashed {
        ($hasher:ty, $digest:path) => {{
            use $digest as _;
            let mut hasher = <$hasher>::default();
            let mut file = File::open(path)?;
            let mut buffer = vec![0; 1 << 16];
            loop {
                match io::Read::read(&mut file, &mut buffer)? {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
            hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        }};
    }
    Ok(Some(match algorithm {
        "md5" => hashed!(Md5, md5::Digest),
        "sha1" => hashed!(Sha1, sha1::Digest),
        "sha224" => hashed!(Sha224, sha2::Digest),
        "sha256" => hashed!(sha2::Sha256, sha2::Digest),
        "sha384" => hashed!(Sha384, sha2::Digest),
        "sha512" => hashed!(Sha512, sha2::Digest),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hashes: &[(&str, &str)]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let hashes = hashes.iter().map(|(algorithm, digits)| ((*algorithm).to_owned(), (*digits).to_owned()));
        StatedHashes::new(hashes).check("a.whl", file.path()).map_err(|error| error.to_string())
    }

    fn odd(algorithm: &str, digits: &str) -> Option<(String, String)> {
        let hashes = StatedHashes::new([(algorithm.to_owned(), digits.to_owned())]);
        hashes.odd().map(|(algorithm, digits)| (algorithm.to_owned(), digits.to_owned()))
    }

    #[test]
    fn a_file_has_every_hash_that_is_stated_of_it() {
        // The examples of the algorithms' specifications.
        const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
        for (algorithm, digits) in [
            ("md5", MD5),
            ("MD5", "900150983CD24FB0D6963F7D28E17F72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(check(&[(algorithm, digits)]), Ok(()), "{algorithm}");
            assert_eq!(odd(algorithm, digits), None);
            assert!(odd(algorithm, &digits[1..]).is_some());
            assert!(odd(algorithm, &format!("{}z", &digits[1..])).is_some());
            let other: String = digits.chars().rev().collect();
            let error = check(&[(algorithm, &other)]).unwrap_err();
            assert!(error.contains(&digits.to_lowercase()), "{error}");
        }
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("blake3", "00"), ("md5", MD5)]), Ok(()));
        assert_eq!(
            check(&[("blake3", "00")]).unwrap_err(),
            "of `a.whl` the lock has no hash that is known here, but `blake3`"
        );
    }
}
