//! Archives that cannot be had.

use std::path::PathBuf;

use miette::Diagnostic;

use crate::fetch_failure::FetchFailure;

/// Archives that cannot be had.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ArchiveFailure {
    /// A folder of archives cannot be used.
    #[error("`{}` is not a folder of archives: it has no `SHA256SUMS` that can be read", folder.display())]
    #[diagnostic(help("make it with `imgbuild lock --vendor`"))]
    NoVendor {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        error: Option<std::io::Error>,
    },
    /// The index of a folder of archives is damaged.
    #[error("line {line} of `{}` is not a hash and a path", path.display())]
    #[diagnostic(help("remove the file and run `imgbuild lock --vendor` again"))]
    VendorIndex {
        /// The index.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// An archive cannot be had.
    #[error("cannot get `{name}`")]
    Fetch {
        /// The archive.
        name: String,
        /// Why.
        #[source]
        error: Box<FetchFailure>,
    },
    /// A locked wheel is nowhere, and cannot be built anew.
    #[error("the locked wheel `{wheel}` is not in the cache, and cannot be built anew")]
    Rebuild {
        /// The wheel.
        wheel: String,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}
