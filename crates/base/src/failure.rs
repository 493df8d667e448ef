//! An existing image that cannot be stood on.

use std::path::PathBuf;

use imgbuild_document::Snippet;
use imgbuild_spec::Layout;
use imgbuild_store::StoreError;
use miette::Diagnostic;

use crate::{BaseError, NoGlibc};

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
        error: Box<BaseError>,
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
        locked: imgbuild_oci::Digest,
        /// The digest that it has.
        found: imgbuild_oci::Digest,
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
        error: NoGlibc,
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
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is known of its layers cannot be kept.
    #[error("`{}` cannot be written", path.display())]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

impl BaseFailure {
    /// What is wrong with the image that a spec names.
    pub(crate) fn of(layout: &Layout, error: impl Into<BaseError>) -> Self {
        Self::Base { base: layout.text.clone(), error: Box::new(error.into()), asked: asked(layout) }
    }
}

/// The line that asked for a base.
pub(crate) fn asked(layout: &Layout) -> Vec<Snippet> {
    vec![layout.origin.snippet("it was asked for here", "this base")]
}
