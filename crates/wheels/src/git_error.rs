//! Why a repository cannot be used.

use std::io;

use crate::limits::MOST_REPOSITORIES;

/// A repository that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GitError {
    /// There is no git.
    #[error("`git` is not on PATH, and fetches what is in a repository")]
    #[diagnostic(help("install it, for example by `apt-get install git`"))]
    Absent,
    /// It cannot be started, or does not answer.
    #[error("cannot run `git`")]
    Start(#[source] io::Error),
    /// It prints without end.
    #[error("`git` prints more about a repository than any real one has")]
    TooMuch,
    /// There is to be no network.
    #[error("the repository `{0}` cannot be fetched offline")]
    Offline(String),
    /// It failed.
    #[error("`git` could not {what} of `{url}`\nit printed:\n{printed}")]
    Failed {
        /// What it was to do.
        what: &'static str,
        /// The repository.
        url: String,
        /// What it printed.
        printed: String,
    },
    /// The repository has no such revision.
    #[error("the repository `{url}` has no branch, tag or commit `{}`", revision.escape_default())]
    NoRevision {
        /// The repository.
        url: String,
        /// What was asked for.
        revision: String,
    },
    /// It is reached in a way that is not allowed.
    #[error("the repository `{url}` {rule}")]
    Refused {
        /// The repository.
        url: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// It leads to too many others.
    #[error("the repository `{0}` has more than {MOST_REPOSITORIES} others in it")]
    TooMany(String),
    /// Its files are not listed as they should be.
    #[error("`git` lists the files of `{0}` in a way that is not known")]
    Listing(String),
}
