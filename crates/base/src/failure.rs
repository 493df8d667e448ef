//! An existing image that cannot be stood on.

use std::path::PathBuf;

use imgbuild_document::{Origin, Snippet};
use imgbuild_spec::{Layout, RegistryImage};
use imgbuild_store::StoreError;
use miette::Diagnostic;

use crate::{BaseError, NoGlibc, NoWheels};

/// An existing image that cannot be stood on.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BaseFailure {
    /// An existing image cannot be a base.
    #[error("cannot build on `{base}`")]
    Base {
        /// The image, as it is written.
        base: String,
        /// Why.
        #[source]
        #[diagnostic_source]
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
        /// The image, as it is written.
        base: String,
        /// The digest in the lock.
        locked: imgbuild_oci::Digest,
        /// The digest that it has.
        found: imgbuild_oci::Digest,
    },
    /// An existing image cannot carry a conda environment.
    #[error("no conda environment can stand on `{base}`")]
    #[diagnostic(help(
        "build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = \"trixie\"`"
    ))]
    BaseGlibc {
        /// The image, as it is written.
        base: String,
        /// Why.
        #[source]
        error: NoGlibc,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image cannot carry wheels.
    #[error("no wheels can be chosen for `{base}`")]
    #[diagnostic(help("build on an image with glibc, as Debian, Ubuntu and Fedora have it"))]
    WheelsGlibc {
        /// The image, as it is written.
        base: String,
        /// Why.
        #[source]
        error: NoWheels,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image has no Python where one is needed.
    #[error("the base `{base}` has no Python: there is neither `python` nor `python3` on its `PATH`")]
    #[diagnostic(help("{hint}"))]
    NoPython {
        /// The image, as it is written.
        base: String,
        /// What to do.
        hint: String,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// It is not known which Python an existing image has.
    #[error(
        "the Python of the base `{base}` is `{program}`, which is not known to be CPython 3: it leads to no `bin/python3.N` with a `lib/python3.N` beside it"
    )]
    #[diagnostic(help(
        "build on an image whose `PATH` has the folder of a CPython 3 first; or take Python from conda: `python = {{ version = \"3.11\", from = \"conda\" }}`"
    ))]
    UnknownPython {
        /// The image, as it is written.
        base: String,
        /// The first program on its `PATH`.
        program: String,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image has another Python than the spec says.
    #[error("the Python of the base `{base}` is {found}, and not {wanted}")]
    #[diagnostic(help(
        "leave `python` out, or build on an image with that one; or take it from conda: `python = {{ version = \"{wanted}\", from = \"conda\" }}`"
    ))]
    OtherPython {
        /// The image, as it is written.
        base: String,
        /// Its version and its program.
        found: String,
        /// The version that is asked for.
        wanted: String,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image has no shell where one is needed.
    #[error("the base `{base}` has no `/bin/bash`, which {what} need")]
    #[diagnostic(help("build on an image that has bash"))]
    BaseShell {
        /// The image, as it is written.
        base: String,
        /// What needs it.
        what: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image lacks a program.
    #[error("the base `{base}` has no `{program}`, which {what} needs")]
    #[diagnostic(help("build on `base = \"trixie\"`, which gets it, or on an image that has it"))]
    NoProgram {
        /// The image, as it is written.
        base: String,
        /// The program.
        program: String,
        /// What needs it.
        what: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The image is to run as somebody whom its base does not know.
    #[error("the image is to run as `{user}`, whom the base `{base}` does not know")]
    #[diagnostic(help("name a user by number: `user = \"1000\"` in `[image]`; or let `[user]` add one"))]
    BaseUser {
        /// The image, as it is written.
        base: String,
        /// The user.
        user: String,
    },
    /// The same, of a Debian base.
    #[error("the image is to run as `{user}`, whom the base does not know")]
    #[diagnostic(help("`name = \"{user}\"` in `[user]` adds it"))]
    User {
        /// The user.
        user: String,
    },
    /// The image's user cannot be added to an existing image.
    #[error("the base cannot have the user `{user}`: {error}")]
    #[diagnostic(help(
        "choose another name or number in `[user]`, or leave the table out and name the base's user by `user` in `[image]`"
    ))]
    UserTaken {
        /// The user.
        user: String,
        /// Why.
        error: imgbuild_runtime::UserError,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The store fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
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
    pub(crate) fn of(named: &Named, error: impl Into<BaseError>) -> Self {
        Self::Base { base: named.text.clone(), error: Box::new(error.into()), asked: named.asked() }
    }
}

/// An image as a spec names it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Its path or its reference, as it is written.
    pub(crate) text: String,
    origin: Origin,
}

impl Named {
    /// The line that asked for it.
    pub(crate) fn asked(&self) -> Vec<Snippet> {
        vec![self.origin.snippet("it was asked for here", "this base")]
    }
}

impl From<&Layout> for Named {
    fn from(layout: &Layout) -> Self {
        Self { text: layout.text.clone(), origin: layout.origin.clone() }
    }
}

impl From<&RegistryImage> for Named {
    fn from(image: &RegistryImage) -> Self {
        Self { text: image.reference.to_string(), origin: image.origin.clone() }
    }
}
