//! A locked wheel, and where what it comes from is.

use std::collections::BTreeMap;

use imgbuild_lock::{DirectUrlInfo, LockedVariant, PypiPackage, PypiSource};
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;

use crate::error::ExportError;

/// Where files are, by their hashes.
pub type Locations = BTreeMap<Digest, SecretUrl>;

/// What a wheel comes from.
pub(crate) enum From<'a> {
    /// A file of an index: a wheel, or sources of which it is built.
    Index { filename: &'a str, sha256: &'a Digest, size: Option<u64> },
    /// A file that a requirement or another lock names by its URL or path.
    File { location: &'a str, sha256: &'a Digest, size: Option<u64>, subdirectory: Option<&'a str> },
    /// A commit of a repository.
    Git { url: &'a str, commit: &'a str, subdirectory: Option<&'a str> },
    /// A folder beside the spec.
    Folder { path: &'a str },
}

/// What a wheel comes from.
pub(crate) fn from(package: &PypiPackage) -> From<'_> {
    match package.build.as_ref().map(|build| &build.source) {
        None => {
            let (filename, sha256, size) = (package.filename.as_str(), &package.sha256, package.size);
            match &package.url {
                None => From::Index { filename, sha256, size },
                Some(location) => From::File { location, sha256, size, subdirectory: None },
            }
        }
        Some(PypiSource::Sdist { filename, url, sha256, size, subdirectory }) => match url {
            None => From::Index { filename, sha256, size: *size },
            Some(location) => {
                From::File { location, sha256, size: *size, subdirectory: subdirectory.as_deref() }
            }
        },
        Some(PypiSource::Git { url, commit, subdirectory }) => {
            From::Git { url, commit, subdirectory: subdirectory.as_deref() }
        }
        Some(PypiSource::Folder { path, .. }) => From::Folder { path },
    }
}

/// Whether a file that has a URL was required by that: what an index or another lock has, is required by its version.
pub(crate) fn is_direct(package: &PypiPackage) -> bool {
    package.origin.as_ref().is_some_and(|origin| !matches!(origin.info, DirectUrlInfo::Dir(_)))
}

/// The wheels of a variant, sorted by name.
pub(crate) fn wheels<'a>(variant: &LockedVariant<'a>) -> Vec<&'a PypiPackage> {
    let mut wheels: Vec<&PypiPackage> = variant.pypi.iter().flat_map(|set| &set.packages).copied().collect();
    wheels.sort_by(|one, other| one.name.cmp(&other.name));
    wheels
}

/// The public URL of a file of an index.
pub(crate) fn location(
    filename: &str,
    sha256: &Digest,
    locations: &Locations,
) -> Result<String, ExportError> {
    let found = locations.get(sha256).map(|url| url.public().to_string());
    found.ok_or_else(|| ExportError::Location { filename: filename.to_owned() })
}

/// Whether a location is a path.
pub(crate) fn is_path(location: &str) -> bool {
    !location.contains("://")
}
