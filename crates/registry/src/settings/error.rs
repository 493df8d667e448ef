//! Why a registry cannot be reached as this machine's files say.

use std::io;
use std::path::PathBuf;

use imgbuild_document::DocumentError;

/// Why a registry cannot be reached as this machine's files say.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SettingsError {
    /// A file that a variable names is not there.
    #[error("`{}` is not there, which `CONTAINERS_REGISTRIES_CONF` names", .0.display())]
    #[diagnostic(help(
        "unset the variable, for the usual files to be read, or set it to `/dev/null` for none"
    ))]
    NoFile(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read the settings for registries in `{}`", path.display())]
    #[diagnostic(help("let it be a file that you can read, or take it away"))]
    Read {
        /// The file or the folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file says what it cannot.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wrong(Box<DocumentError>),
    /// Somebody forbids a registry.
    #[error("`{image}` is blocked on this machine: `{file}` has `blocked = true` for `{prefix}`")]
    #[diagnostic(help("whoever keeps that file decides; name another registry"))]
    Blocked {
        /// What was asked for.
        image: String,
        /// For what it is blocked.
        prefix: String,
        /// Who says so.
        file: String,
    },
    /// What a file puts in the place of a registry is none.
    #[error("`{file}` has `{image}` read from `{location}`, which names no repository")]
    #[diagnostic(help("correct the `location` of `{prefix}` there"))]
    Location {
        /// What was asked for.
        image: String,
        /// What was made of it.
        location: String,
        /// By which entry.
        prefix: String,
        /// Who says so.
        file: String,
    },
    /// Certificates cannot be used.
    #[error("the certificates for `{host}` in `{}` cannot be read", path.display())]
    Certificates {
        /// For whom.
        host: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A certificate of this machine has no key, or a key no certificate.
    #[error("`{}` stands without `{missing}`", there.display())]
    #[diagnostic(help(
        "`NAME.cert` and `NAME.key` are shown to a registry together; its own authorities are in files called `*.crt`"
    ))]
    Pair {
        /// What is there.
        there: PathBuf,
        /// The name of what is not.
        missing: String,
    },
}
