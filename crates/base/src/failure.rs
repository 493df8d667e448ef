//! An existing image that cannot be stood on.

use miette::Diagnostic;
use spec::Snippet;

/// An existing image that cannot be stood on.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BaseFailure {
    /// An existing image cannot be a base.
    #[error("cannot build on `{base}`")]
    Base {
        /// The layout or tarball, as it is written.
        base: String,
        /// Why.
        #[source]
        error: Box<base::BaseError>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image is another one than it was.
    #[error(
        "the base `{base}` is another image than the one that was locked: its digest is `{found}`, and the lock has `{locked}`"
    )]
    #[diagnostic(help("run `imgbuild lock` to take it as it is now"))]
    BaseChanged {
        /// The layout or tarball, as it is written.
        base: String,
        /// The digest in the lock.
        locked: oci::Digest,
        /// The digest that it has.
        found: oci::Digest,
    },
    /// An existing image cannot carry a conda environment.
    #[error("no conda environment can stand on `{base}`")]
    #[diagnostic(help(
        "build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = \"bookworm\"`"
    ))]
    BaseGlibc {
        /// The layout or tarball, as it is written.
        base: String,
        /// Why.
        #[source]
        error: base::NoGlibc,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image has no shell where one is needed.
    #[error("the base `{base}` has no `/bin/bash`, which {what} need")]
    #[diagnostic(help("build on an image that has bash"))]
    BaseShell {
        /// The layout or tarball, as it is written.
        base: String,
        /// What needs it.
        what: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The prefix is to belong to somebody whom the image does not know.
    #[error("the environment is to belong to `{user}`, whom the base `{base}` does not know")]
    #[diagnostic(help("name a user by number: `user = \"1000:100\"` in `[image]`"))]
    BaseUser {
        /// The layout or tarball, as it is written.
        base: String,
        /// The user.
        user: String,
    },
}
