//! Why an archive cannot be had.

use std::path::PathBuf;

/// An archive that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchFailure {
    /// The network.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] imgbuild_net::NetError),
    /// The store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] imgbuild_store::StoreError),
    /// Where its ecosystem has it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(Box<dyn miette::Diagnostic + Send + Sync>),
    /// What the store holds is not what its name says.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] imgbuild_store::ArchiveFault),
    /// A folder of archives lacks it.
    #[error("the folder `{}` does not hold it", .0.display())]
    #[diagnostic(help("run `imgbuild lock --vendor {}` where there is a network", .0.display()))]
    NotVendored(PathBuf),
    /// A folder of archives holds something else.
    #[error("`{}` is not what the lock says", .0.display())]
    #[diagnostic(help("it was changed or damaged: run `imgbuild lock --vendor` where there is a network"))]
    VendorDamaged(PathBuf),
    /// A file of such a folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Vendored {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

imgbuild_diagnostic::boxed_sources!(FetchFailure);
