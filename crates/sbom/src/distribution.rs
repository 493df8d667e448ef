//! Archives as documents name them.

use imgbuild_inventory::ArchiveFile;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Sha512;

/// What stands in the path of a URL as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b'/');

/// A hash: its name in hashes' own way of writing, such as `SHA-256`, and its digits.
pub(crate) type Hash = (&'static str, String);

/// What a package was installed from.
pub(crate) struct Distribution<'a> {
    /// The name of its file.
    pub(crate) name: &'a str,
    /// Where it is to be had: its URL, or, where no lock says that because any mirror may have it, its name as a relative reference.
    pub(crate) url: String,
    /// Its hashes.
    pub(crate) hashes: Vec<Hash>,
}

impl<'a> Distribution<'a> {
    pub(crate) fn new(archive: &'a ArchiveFile, sha512: &Sha512) -> Self {
        let digest = archive.sha256.as_ref();
        let strong = digest.and_then(|it| sha512.get(it)).map(|it| ("SHA-512", it.clone()));
        let hashes = digest.map(|it| ("SHA-256", it.hex())).into_iter().chain(strong).collect();
        let name = archive.name.rsplit('/').next().unwrap_or(&archive.name);
        let url = archive.url.clone().unwrap_or_else(|| utf8_percent_encode(name, PATH).to_string());
        Self { name, url, hashes }
    }
}
