//! What a spec has copied and cannot be.

use std::path::PathBuf;

use imgbuild_archive::PathError;
use imgbuild_base::BaseFailure;
use imgbuild_document::Snippet;
use miette::Diagnostic;

/// What a spec has copied and cannot be.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CopyFailure {
    /// What is copied holds secrets.
    #[error("`{}` {what}, and is not copied into an image by accident", path.display())]
    #[diagnostic(help(
        "name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image"
    ))]
    Secret {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// What is copied cannot be read.
    #[error("`{}` cannot be copied", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// What is copied cannot be put into an image.
    #[error("`{}` {what}, and cannot be copied", path.display())]
    Uncopyable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The ignore file of the spec's folder cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ignore(#[from] imgbuild_folder::IgnoreError),
    /// What the image stands on has something where a file would be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Base(#[from] BaseFailure),
    /// A path is too long.
    #[error(transparent)]
    Path(#[from] PathError),
}
