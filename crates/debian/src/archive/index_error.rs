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
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IndexError {
    /// Something could not be fetched.
    #[error("cannot fetch the index of the suite `{suite}`")]
    Fetch {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<FetchError>,
    },
    /// The archive does not have the suite.
    #[error("{} has no suite `{suite}`: `{url}` is not there", called(archive))]
    #[diagnostic(help("{}", suite_hint(archive, suite)))]
    NoSuite {
        /// The suite.
        suite: String,
        /// The archive.
        archive: String,
        /// What was looked for.
        url: Box<SecretUrl>,
    },
    /// `InRelease` is not good.
    #[error("cannot trust the index `{url}` of the suite `{suite}`: {error}")]
    Release {
        /// Where it is.
        url: Box<SecretUrl>,
        /// The suite.
        suite: String,
        /// The archive: Debian's, or a further repository by its name.
        archive: String,
        /// Why.
        error: Box<ReleaseError>,
        /// What to do, where that is known.
        #[help]
        hint: Option<String>,
    },
    /// An index file is not what `InRelease` says.
    #[error(
        "`{url}` is not the file that the signed index names\nexpected: {expected_size} bytes, {expected}\n   found: {found_size} bytes, {found}"
    )]
    #[diagnostic(help(
        "the mirror may be in the middle of an update: try again, or take another with `[base] mirror`"
    ))]
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
    #[error("the suite `{suite}` has no component `{component}` for `{architecture}`")]
    #[diagnostic(help("it has the components {known} for {architectures}"))]
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
    #[error("the flat repository `{url}` names no index of packages")]
    #[diagnostic(help("it must have one of {}", PACKINGS))]
    NoIndex {
        /// Its folder.
        url: Box<SecretUrl>,
    },
    /// The cache lacks it, and the network may not be used.
    #[error("the index of the suite `{suite}` is not in the cache, and `--offline` forbids fetching it")]
    #[diagnostic(help("run `imgbuild lock` once without `--offline`"))]
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

/// What to do about an `InRelease` that is not good.
pub(crate) fn release_hint(error: &ReleaseError, archive: &str) -> Option<String> {
    let hint = match error {
        ReleaseError::Signature(_) if is_debian(archive) => {
            "where the mirror is not Debian's own, name its keys with `[base] keyring`".to_owned()
        }
        ReleaseError::Signature(_) => {
            format!("name the keys of this source with `keyring` in `[base.sources.{archive}]`")
        }
        ReleaseError::Expired(_) | ReleaseError::Future(_) => {
            "the mirror is out of date, or this machine's clock is wrong".to_owned()
        }
        ReleaseError::OlderThanSnapshot(_) | ReleaseError::NewerThanSnapshot(_) => {
            "the mirror of `[base] snapshot` answers with another time than was asked for".to_owned()
        }
        ReleaseError::OtherSuite { .. } if is_debian(archive) => {
            "the mirror answers with another suite than was asked for".to_owned()
        }
        ReleaseError::OtherSuite { found, .. } => {
            format!("where that is the one, write `suite = \"{found}\"` in `[base.sources.{archive}]`")
        }
        ReleaseError::Stanza(_) | ReleaseError::Field(_) => return None,
    };
    Some(hint)
}

fn is_debian(archive: &str) -> bool {
    [crate::MAIN_ARCHIVE, crate::SECURITY_ARCHIVE].contains(&archive)
}

fn called(archive: &str) -> String {
    if is_debian(archive) { "the mirror".to_owned() } else { format!("the source `{archive}`") }
}

fn suite_hint(archive: &str, suite: &str) -> &'static str {
    if is_debian(archive) {
        "the suites are called by their code names, such as `bookworm` and `trixie`"
    } else if suite.ends_with('/') {
        "the folder of a flat repository holds `InRelease`, or `Release` with `Release.gpg`"
    } else {
        "a repository without the folder `dists` is flat: its suite ends with a slash, like `./`"
    }
}
