//! Why an image cannot be what ours stands on.

use std::path::PathBuf;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{MergeError, ResolveError};
use imgbuild_oci::ReadError;

/// An image that ours cannot stand on.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BaseError {
    /// It cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] ReadError),
    /// A layer cannot be laid over those below it.
    #[error("layer {number} of `{}` cannot be read", file.display())]
    Layer {
        /// The layout or tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
        /// Why.
        #[source]
        error: Box<MergeError>,
    },
    /// A path cannot be followed.
    #[error("the base has a path that cannot be followed")]
    Resolve(#[from] ResolveError),
    /// What a lock holds of it cannot be read.
    #[error("what the lock holds of it cannot be read")]
    #[diagnostic(help("remove the lock and run `imgbuild lock` to make it anew"))]
    Content(#[source] std::io::Error),
    /// A prefix that would be written through a link.
    #[error(
        "`{prefix}` cannot be the environment's folder: in the base, `{link}` is a link, and the path leads to `{target}`"
    )]
    #[diagnostic(help("set `prefix = \"{target}\"` in `[conda]`"))]
    PrefixLink {
        /// The prefix.
        prefix: ImagePath,
        /// The link.
        link: ImagePath,
        /// Where the prefix leads.
        target: ImagePath,
    },
    /// A prefix that is there already.
    #[error("`{prefix}` cannot be the environment's folder: the base has {what} there")]
    #[diagnostic(help("{hint}"))]
    PrefixTaken {
        /// The prefix.
        prefix: ImagePath,
        /// What the base has: `files`, `Python 3.11.9 and 58 conda packages`.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// No folder is left for a virtual environment.
    #[error("the base has something at `{prefix}` and in each folder of such a name that was tried")]
    NoFolder {
        /// The first of them.
        prefix: ImagePath,
    },
    /// A file that would hide something of the base.
    #[error("`{path}` cannot be written: the base has {what} there")]
    Taken {
        /// The path.
        path: ImagePath,
        /// What the base has: `a folder`, `a link`.
        what: &'static str,
    },
}

imgbuild_diagnostic::boxed_sources!(BaseError);

/// A base without the C library that conda's packages are linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoGlibc {
    /// It has another one.
    #[error("its C library is musl, and conda's packages need glibc: the image could not start")]
    Musl,
    /// It has none at all.
    #[error("it has no C library, and conda's packages need glibc: the image could not start")]
    Nothing,
}

/// A base without the C library that wheels are linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWheels {
    /// It has another one.
    #[error("its C library is musl, and wheels are chosen for glibc")]
    Musl,
    /// It has none at all.
    #[error("it has no C library, and wheels are chosen for glibc")]
    Nothing,
}

impl From<NoGlibc> for NoWheels {
    fn from(missing: NoGlibc) -> Self {
        match missing {
            NoGlibc::Musl => Self::Musl,
            NoGlibc::Nothing => Self::Nothing,
        }
    }
}
