//! Why the packages of a suite are not known.

use std::io;
use std::path::PathBuf;

use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;

use crate::archive::fetch::FetchError;
use crate::archive::release::ReleaseError;

/// How `Packages` may be packed, for people.
const PACKINGS: &str = "`Packages.xz`, `Packages.gz` and `Packages`";

/// Why the packages of a suite are not known.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Something could not be fetched.
    #[error("cannot fetch the index of the suite `{suite}`")]
    Fetch {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        error: Box<FetchError>,
    },
    /// The archive does not have the suite.
    #[error("{} has no suite `{suite}`: `{url}` is not there{}", called(archive), suite_hint(archive, suite))]
    NoSuite {
        /// The suite.
        suite: String,
        /// The archive.
        archive: String,
        /// What was looked for.
        url: Box<SecretUrl>,
    },
    /// `InRelease` is not good.
    #[error("cannot trust the index `{url}` of the suite `{suite}`: {error}{}", hint(error, archive))]
    Release {
        /// Where it is.
        url: Box<SecretUrl>,
        /// The suite.
        suite: String,
        /// The archive: Debian's, or a further repository by its name.
        archive: String,
        /// Why.
        error: Box<ReleaseError>,
    },
    /// An index file is not what `InRelease` says.
    #[error(
        "`{url}` is not the file that the signed index names\nexpected: {expected_size} bytes, {expected}\n   found: {found_size} bytes, {found}\nhint: the mirror may be in the middle of an update: try again, or take another with `[base] mirror`"
    )]
    Changed {
        /// Where it is.
        url: Box<SecretUrl>,
        /// The size that was signed.
        expected_size: u64,
        /// The hash that was signed.
        expected: Digest,
        /// The size that was found.
        found_size: u64,
        /// The hash that was found.
        found: Digest,
    },
    /// The suite has no such component.
    #[error(
        "the suite `{suite}` has no component `{component}` for `{architecture}`\nhint: it has the components {known} for {architectures}"
    )]
    NoComponent {
        /// The suite.
        suite: String,
        /// The component.
        component: String,
        /// The architecture.
        architecture: String,
        /// What it has.
        known: String,
        /// What it has.
        architectures: String,
    },
    /// A flat repository has no index of packages that can be read.
    #[error("the flat repository `{url}` names no index of packages\nhint: it must have one of {}", PACKINGS)]
    NoIndex {
        /// Its folder.
        url: Box<SecretUrl>,
    },
    /// The cache lacks it, and the network may not be used.
    #[error(
        "the index of the suite `{suite}` is not in the cache, and `--offline` forbids fetching it\nhint: run `imgbuild lock` once without `--offline`"
    )]
    Offline {
        /// The suite.
        suite: String,
    },
    /// The cache could not be read or written.
    #[error("cannot use the cached index `{}`", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A signed index cannot be read.
    #[error("the index of the suite `{suite}` cannot be read: {what}")]
    Unreadable {
        /// The suite.
        suite: String,
        /// What is wrong.
        what: String,
    },
}

fn hint(error: &ReleaseError, archive: &str) -> String {
    match error {
        ReleaseError::Signature(_) if is_debian(archive) => {
            "\nhint: where the mirror is not Debian's own, name its keys with `[base] keyring`".to_owned()
        }
        ReleaseError::Signature(_) => {
            format!("\nhint: name the keys of this source with `keyring` in `[base.sources.{archive}]`")
        }
        ReleaseError::Expired(_) | ReleaseError::Future(_) => {
            "\nhint: the mirror is out of date, or this machine's clock is wrong".to_owned()
        }
        ReleaseError::OlderThanSnapshot(_) | ReleaseError::NewerThanSnapshot(_) => {
            "\nhint: the mirror of `[base] snapshot` answers with another time than was asked for".to_owned()
        }
        ReleaseError::OtherSuite { .. } if is_debian(archive) => {
            "\nhint: the mirror answers with another suite than was asked for".to_owned()
        }
        ReleaseError::OtherSuite { found, .. } => {
            format!(
                "\nhint: where that is the one, write `suite = \"{found}\"` in `[base.sources.{archive}]`"
            )
        }
        ReleaseError::Stanza(_) | ReleaseError::Field(_) => String::new(),
    }
}

fn is_debian(archive: &str) -> bool {
    [crate::MAIN_ARCHIVE, crate::SECURITY_ARCHIVE].contains(&archive)
}

fn called(archive: &str) -> String {
    if is_debian(archive) { "the mirror".to_owned() } else { format!("the source `{archive}`") }
}

fn suite_hint(archive: &str, suite: &str) -> String {
    if is_debian(archive) {
        "\nhint: the suites are called by their code names, such as `bookworm` and `trixie`".to_owned()
    } else if suite.ends_with('/') {
        "\nhint: the folder of a flat repository holds `InRelease`, or `Release` with `Release.gpg`"
            .to_owned()
    } else {
        "\nhint: a repository without the folder `dists` is flat: its suite ends with a slash, like `./`"
            .to_owned()
    }
}
