//! Archives that cannot be had.

use std::path::PathBuf;

use imgbuild_archive::PathError;
use imgbuild_conda::{ChannelError, CondarcError};
use imgbuild_document::DocumentError;
use imgbuild_folder::FileError;
use imgbuild_store::StoreError;
use miette::Diagnostic;
use tokio::task::JoinError;

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
        #[diagnostic_source]
        error: Box<FetchFailure>,
    },
    /// A locked wheel is nowhere, and cannot be built anew.
    #[error("the locked wheel `{wheel}` is not in the cache, and cannot be built anew")]
    Rebuild {
        /// The wheel.
        wheel: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
    },
    /// A Debian mirror cannot be used.
    #[error("cannot find a Debian mirror")]
    Mirror(
        #[from]
        #[diagnostic_source]
        imgbuild_debian::MirrorError,
    ),
    /// conda's own settings cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Condarc(CondarcError),
    /// Registries of images cannot be spoken to.
    #[error("registries of images cannot be spoken to")]
    Registries(
        #[source]
        #[diagnostic_source]
        Box<imgbuild_registry::RegistryError>,
    ),
    /// A channel cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Channel(#[from] ChannelError),
    /// A file of settings is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Settings(#[from] DocumentError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An archive has a name that is no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// An archive that is here cannot be read.
    #[error("an archive in the cache cannot be read")]
    #[diagnostic(help(
        "where it is damaged, `imgbuild cache verify` removes it, and the next build gets it anew"
    ))]
    Archive(
        #[from]
        #[diagnostic_source]
        imgbuild_debian::ArchiveError,
    ),
    /// The store fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A thread died.
    #[error("a part of the build died: {0}")]
    Died(String),
}

impl From<CondarcError> for ArchiveFailure {
    fn from(error: CondarcError) -> Self {
        match error {
            // It shows the line.
            CondarcError::Wrong(error) => Self::Settings(*error),
            error => Self::Condarc(error),
        }
    }
}

impl From<JoinError> for ArchiveFailure {
    fn from(error: JoinError) -> Self {
        Self::Died(error.to_string())
    }
}

impl From<imgbuild_registry::RegistryError> for ArchiveFailure {
    fn from(error: imgbuild_registry::RegistryError) -> Self {
        Self::Registries(Box::new(error))
    }
}
