//! Why an archive cannot be had.

use std::path::PathBuf;

/// An archive that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// The network.
    #[error(transparent)]
    Net(#[from] net::NetError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The indexes do not have it.
    #[error(transparent)]
    Index(Box<pypi::LockingError>),
    /// A wheel cannot be downloaded.
    #[error(transparent)]
    Wheel(net::FetchError),
    /// What the store holds is not what its name says.
    #[error(transparent)]
    Archive(#[from] store::ArchiveFault),
    /// A folder of archives lacks it.
    #[error("the folder `{}` does not hold it\n\nhint: run `imgbuild lock --vendor {}` where there is a network", .0.display(), .0.display())]
    NotVendored(PathBuf),
    /// A folder of archives holds something else.
    #[error("`{}` is not what the lock says\n\nhint: it was changed or damaged: run `imgbuild lock --vendor` where there is a network", .0.display())]
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
    /// The mirror has not that version any more.
    #[error(
        "`{0}` is not there\n\nhint: mirrors keep a version only for as long as its release has it: `imgbuild lock --upgrade` takes the present ones, and a mirror of `[base] snapshot` keeps old ones"
    )]
    Gone(String),
}
