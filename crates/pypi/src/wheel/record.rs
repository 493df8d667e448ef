//! `RECORD`: the list of a wheel's files with their hashes, and of what was installed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// One line: what is said of a file. Lines sort as they are written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    /// The path, relative to `site-packages` once it is installed.
    pub path: String,
    /// The hash, such as `sha256=47DEQpj8HBSa…`, in base64; nothing for `RECORD` itself.
    pub hash: Option<String>,
    /// The size in bytes, where it is said.
    pub size: Option<u64>,
}

/// A wheel's `RECORD`: every path once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, Recorded>);

/// A `RECORD` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no list of paths, hashes and sizes.
    #[error("line {line} of its `RECORD` is not a path, a hash and a size")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// It says two things of one file.
    #[error("its `RECORD` lists `{}` twice", .0.escape_default())]
    Twice(String),
    /// It says nothing of a file.
    #[error("its `RECORD` does not list `{}`, which it holds", .0.escape_default())]
    Unlisted(String),
    /// It lists a file that is not there.
    #[error("its `RECORD` lists `{}`, which it does not hold", .0.escape_default())]
    Absent(String),
    /// It has no hash of a file, or none that may be relied upon.
    #[error("its `RECORD` has no hash of `{}` by sha256, sha384 or sha512", .0.escape_default())]
    NoHash(String),
    /// A file has another size.
    #[error("`{}` has {found} bytes, and its `RECORD` says {recorded}", path.escape_default())]
    Size {
        /// The file.
        path: String,
        /// The size in `RECORD`.
        recorded: u64,
        /// Its size.
        found: u64,
    },
    /// A file has another hash.
    #[error("`{}` has the hash `{found}`, and its `RECORD` says `{recorded}`", path.escape_default())]
    Hash {
        /// The file.
        path: String,
        /// The hash in `RECORD`.
        recorded: String,
        /// Its hash.
        found: String,
    },
}

impl Record {
    /// Reads the text of a `RECORD`.
    ///
    /// # Errors
    ///
    /// When a line is damaged, or a path is listed twice.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let mut record = BTreeMap::new();
        let mut lines =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        for (index, line) in lines.records().enumerate() {
            let damaged = || RecordError::Line { line: index + 1 };
            let line = line.map_err(|_| damaged())?;
            let fields: Vec<&str> = line.iter().collect();
            let &[path, hash, size] = fields.as_slice() else { return Err(damaged()) };
            // Some wheels list absolute paths; installers look for them below the wheel's root all the same.
            let path = path.trim_start_matches('/').to_owned();
            let size = if size.is_empty() { None } else { Some(size.parse().map_err(|_| damaged())?) };
            let hash = (!hash.is_empty()).then(|| hash.to_owned());
            if path.is_empty() {
                return Err(damaged());
            }
            if record.insert(path.clone(), Recorded { path: path.clone(), hash, size }).is_some() {
                return Err(RecordError::Twice(path));
            }
        }
        Ok(Self(record))
    }

    /// What it says of a file of the wheel.
    pub fn get(&self, path: &str) -> Option<&Recorded> {
        self.0.get(path)
    }

    /// The paths that it lists, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What it says of a file of `size` bytes, after that was found to be usable.
    ///
    /// # Errors
    ///
    /// When the file is not listed, has no hash, or another size.
    pub fn check(&self, path: &str, size: u64) -> Result<&Recorded, RecordError> {
        let recorded = self.get(path).ok_or_else(|| RecordError::Unlisted(path.to_owned()))?;
        if recorded.hasher().is_none() {
            return Err(RecordError::NoHash(path.to_owned()));
        }
        match recorded.size {
            Some(recorded) if recorded != size => {
                Err(RecordError::Size { path: path.to_owned(), recorded, found: size })
            }
            _ => Ok(recorded),
        }
    }
}

/// The text of an installed `RECORD`: its lines sorted, as `csv` quotes them.
pub(crate) fn text(mut lines: Vec<Recorded>) -> Result<Vec<u8>, csv::Error> {
    lines.sort();
    let mut writer = csv::WriterBuilder::new().has_headers(false).flexible(true).from_writer(Vec::new());
    for line in lines {
        let size = line.size.map(|size| size.to_string()).unwrap_or_default();
        writer.write_record([line.path, line.hash.unwrap_or_default(), size])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

impl Recorded {
    /// The line of a file that is written anew.
    pub(crate) fn of(path: String, sha256: &imgbuild_oci::Digest, size: u64) -> Self {
        let hash = format!("sha256={}", URL_SAFE_NO_PAD.encode(sha256.as_bytes()));
        Self { path, hash: Some(hash), size: Some(size) }
    }

    /// What computes the hash that is recorded; nothing where there is none by a sound algorithm.
    pub(crate) fn hasher(&self) -> Option<Hasher> {
        Some(match self.hash.as_deref()?.split_once('=')?.0 {
            "sha256" => Hasher::Sha256(Sha256::new()),
            "sha384" => Hasher::Sha384(Sha384::new()),
            "sha512" => Hasher::Sha512(Sha512::new()),
            _ => return None,
        })
    }

    /// Compares the recorded hash with what was computed. Padding of the base64 does not count.
    ///
    /// # Errors
    ///
    /// When they differ.
    pub(crate) fn compare(&self, hasher: Hasher) -> Result<(), RecordError> {
        let recorded = self.hash.clone().unwrap_or_default();
        let found = hasher.finish();
        if recorded.trim_end_matches('=') == found {
            return Ok(());
        }
        Err(RecordError::Hash { path: self.path.clone(), recorded, found })
    }
}

/// One of the hashes that a `RECORD` may use.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => format!("sha256={}", URL_SAFE_NO_PAD.encode(hasher.finalize())),
            Self::Sha384(hasher) => format!("sha384={}", URL_SAFE_NO_PAD.encode(hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512={}", URL_SAFE_NO_PAD.encode(hasher.finalize())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let lines = "\"a,b.py\",sha256=x,1\r\n/c.py,sha512=y,\r\na-1.dist-info/RECORD,,\r\n";
        let record = Record::read(lines).unwrap();
        assert_eq!(record.paths().collect::<Vec<_>>(), ["a,b.py", "a-1.dist-info/RECORD", "c.py"]);
        let written = text(record.0.into_values().rev().collect()).unwrap();
        let expected = "\"a,b.py\",sha256=x,1\na-1.dist-info/RECORD,,\nc.py,sha512=y,\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn a_damaged_record_is_refused() {
        let refused = |text: &str| Record::read(text).unwrap_err().to_string();
        assert_eq!(refused("a,sha256=x,1\nb\n"), "line 2 of its `RECORD` is not a path, a hash and a size");
        assert_eq!(refused("a,,-1\n"), "line 1 of its `RECORD` is not a path, a hash and a size");
        assert_eq!(refused("a,,\n/a,,\n"), "its `RECORD` lists `a` twice");
    }
}
