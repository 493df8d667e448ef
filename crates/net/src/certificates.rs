//! Whose certificates count and what this machine shows of itself: certificates and keys in files, in PEM.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Certificate;

/// The variables that say what requests, and so conda and pip, trust; the first one that is set counts.
pub const BUNDLES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The variables of OpenSSL, which go before those.
const OPENSSL: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The file or folder that one of [`BUNDLES`] names, with the variable's name.
pub fn bundle(variable: impl Fn(&str) -> Option<String>) -> Option<(&'static str, PathBuf)> {
    let set = |name: &&'static str| Some((*name, variable(name).filter(|value| !value.is_empty())?));
    BUNDLES.iter().find_map(set).map(|(name, value)| (name, value.into()))
}

/// The same where OpenSSL's variables say nothing.
pub fn usual_bundle(variable: impl Fn(&str) -> Option<String>) -> Option<(&'static str, PathBuf)> {
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    if OPENSSL.iter().any(is_set) { None } else { bundle(variable) }
}

/// A certificate of this machine's own, with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(pub(crate) Vec<u8>);

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Whose certificates count.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts, or that variables name.
    #[default]
    System,
    /// Those that these authorities have signed, in PEM, and no others.
    Only(Vec<u8>),
    /// Those that the system trusts, or that variables name, and those that these authorities have signed, in PEM.
    Also(Vec<u8>),
    /// Anybody's: nothing is checked.
    Anybody,
}

impl fmt::Debug for Trust {
    /// Without the certificates, which are long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "the system's",
            Self::Only(_) => "some",
            Self::Also(_) => "the system's, and some",
            Self::Anybody => "anybody's",
        })
    }
}

impl Trust {
    /// The authorities of a file, or of all files of a folder.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds no certificate.
    pub fn read(path: &Path) -> io::Result<Self> {
        authorities(path).map(Self::Only)
    }

    /// The same, and in addition what these authorities have signed, in PEM.
    #[must_use]
    pub(crate) fn with(self, more: &[u8]) -> Self {
        let joined = |pem: &[u8]| [pem, b"\n", more].concat();
        match self {
            Self::System => Self::Also(more.to_owned()),
            Self::Only(pem) => Self::Only(joined(&pem)),
            Self::Also(pem) => Self::Also(joined(&pem)),
            Self::Anybody => Self::Anybody,
        }
    }
}

/// The authorities of a file, or of all files of a folder, in PEM.
///
/// # Errors
///
/// When it cannot be read, or holds no certificate.
pub fn authorities(path: &Path) -> io::Result<Vec<u8>> {
    let pem = if path.is_dir() { folder(path)? } else { std::fs::read(path)? };
    let found = Certificate::from_pem_bundle(&pem);
    if found.map_err(|_| invalid("what it holds is no PEM"))?.is_empty() {
        return Err(invalid("it holds no certificate in PEM"));
    }
    Ok(pem)
}

impl Identity {
    /// A certificate with the key of another file, or of the same one.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or they are no certificate with its key.
    pub fn read(certificate: &Path, key: Option<&Path>) -> io::Result<Self> {
        let mut pem = std::fs::read(certificate)?;
        if let Some(key) = key {
            pem.push(b'\n');
            pem.extend(std::fs::read(key)?);
        }
        let found = reqwest::Identity::from_pem(&pem);
        found
            .map_err(|_| invalid("a certificate and a key without a password, in PEM, are what is needed"))?;
        Ok(Self(pem))
    }
}

fn folder(path: &Path) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut entries = std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().map(std::fs::DirEntry::path).filter(|path| path.is_file()) {
        all.extend(std::fs::read(entry)?);
        all.push(b'\n');
    }
    Ok(all)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_counts() {
        let of = |set: &[(&str, &str)]| {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            let shown = |found: Option<(&str, PathBuf)>| {
                found.map(|(name, path)| format!("{name}={}", path.display())).unwrap_or_default()
            };
            (shown(bundle(variable)), shown(usual_bundle(variable)))
        };
        let both = |text: &str| (text.to_owned(), text.to_owned());
        let (requests, curl) = (("REQUESTS_CA_BUNDLE", "/r"), ("CURL_CA_BUNDLE", "/c"));
        assert_eq!(of(&[]), both(""));
        assert_eq!(of(&[curl]), both("CURL_CA_BUNDLE=/c"));
        assert_eq!(of(&[curl, requests]), both("REQUESTS_CA_BUNDLE=/r"));
        assert_eq!(of(&[("REQUESTS_CA_BUNDLE", ""), curl]), both("CURL_CA_BUNDLE=/c"));
        assert_eq!(of(&[requests, ("SSL_CERT_FILE", "")]), both("REQUESTS_CA_BUNDLE=/r"));
        assert_eq!(
            of(&[requests, ("SSL_CERT_DIR", "/d")]),
            ("REQUESTS_CA_BUNDLE=/r".to_owned(), String::new())
        );
    }

    #[test]
    fn further_authorities_are_added_to_whom_is_trusted_already() {
        let only = |pem: &str| Trust::Only(pem.as_bytes().to_vec());
        assert_eq!(Trust::System.with(b"own"), Trust::Also(b"own".to_vec()));
        assert_eq!(only("bundle").with(b"own"), only("bundle\nown"));
        assert_eq!(Trust::Also(b"one".to_vec()).with(b"two"), Trust::Also(b"one\ntwo".to_vec()));
        assert_eq!(Trust::Anybody.with(b"own"), Trust::Anybody);
    }

    #[test]
    fn what_holds_nothing_to_trust_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = |path: &Path| Trust::read(path).unwrap_err().to_string();
        assert_eq!(wrong(folder.path()), "it holds no certificate in PEM");
        let file = folder.path().join("a.pem");
        assert_eq!(wrong(&file), "No such file or directory (os error 2)");
        std::fs::write(&file, "der, perhaps\n").unwrap();
        assert_eq!(wrong(&file), "it holds no certificate in PEM");
        assert_eq!(wrong(folder.path()), "it holds no certificate in PEM");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(wrong(&file), "what it holds is no PEM");
        let wrong = |key: Option<&Path>| Identity::read(&file, key).unwrap_err().to_string();
        assert_eq!(wrong(None), "a certificate and a key without a password, in PEM, are what is needed");
        assert_eq!(wrong(Some(&folder.path().join("no.key"))), "No such file or directory (os error 2)");
    }
}
