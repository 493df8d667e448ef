//! A layer that cannot be made.

use std::path::PathBuf;

use imgbuild_diagnostic::Size;
use imgbuild_document::Snippet;
use imgbuild_ecosystem::EcosystemError;
use imgbuild_layer::{LayerError, OverBudget};
use miette::Diagnostic;

/// A layer that cannot be made.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum MakeFailure {
    /// Debian packages cannot be configured.
    #[error("cannot configure the Debian packages of `{variant}`")]
    #[diagnostic(help(
        "their maintainer scripts run in the sandbox, off the network; `[base] configure = false` names them while locking"
    ))]
    Configure {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_debian::ConfigurationError>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A layer cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Layer(Box<LayerError>),
    /// The disk is too small for what will be written.
    #[error("a build that needs {} cannot begin: {} are free at `{}`", Size(*needed), Size(*free), place.display())]
    #[diagnostic(help("{remedy}"))]
    NoRoom {
        /// The folder.
        place: PathBuf,
        /// How many bytes are needed there, roughly.
        needed: u64,
        /// How many are free.
        free: u64,
        /// What makes room, or needs less.
        remedy: String,
    },
    /// A document that stands in the image cannot be written.
    #[error("the image's bill of materials cannot be written")]
    Document(#[from] imgbuild_oci::canonical::CanonicalError),
    /// There are too many layers.
    #[error(transparent)]
    #[diagnostic(help("raise `[layers] budget`"))]
    Budget(#[from] OverBudget),
    /// Locked packages cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Packages(#[from] EcosystemError),
    /// Libraries of CUDA come twice, and the spec refuses that.
    #[error("`{variant}` has libraries of CUDA twice, {bytes} bytes too many:\n{libraries}")]
    #[diagnostic(help("{remedy}; `cuda.duplicates = \"report\"` only tells of them"))]
    CudaTwice {
        /// The variant.
        variant: String,
        /// The libraries, a line each.
        libraries: String,
        /// How many bytes would be less.
        bytes: u64,
        /// How each would come once.
        remedy: &'static str,
        /// Where it was refused.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Jupyter is to be started, and is not there.
    #[error("Jupyter is to be started, and none of the image's packages is `{package}`")]
    #[diagnostic(help(
        "the packages come from another tool's lock, which is taken as it is: add `{package}` there"
    ))]
    NoJupyter {
        /// The package.
        package: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Jupyter is to be started, and the existing image has it for its own Python.
    #[error(
        "Jupyter is to be started in the environment of the wheels, and the base has `{provided}` for its own Python"
    )]
    #[diagnostic(help(
        "leave `jupyter` out and start the base's own by `entrypoint` or `cmd` in `[image]`; or take Python and Jupyter from conda, by `[conda]`"
    ))]
    JupyterOfBase {
        /// What the base has: name and version.
        provided: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A layer cannot be unpacked.
    #[error("the layer `{digest}` cannot be unpacked")]
    Unpack {
        /// The layer's blob.
        digest: imgbuild_oci::Digest,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
    },
    /// A post-link script failed.
    #[error("the post-link script of `{package}` {outcome}")]
    #[diagnostic(help(
        "it runs as root in the image, off the network; where the package works without it: `[conda] skip-post-link = [\"{package}\"]`"
    ))]
    PostLink {
        /// The package.
        package: String,
        /// What is wrong, and what it printed.
        outcome: String,
    },
    /// A compressor that was linked gives other bytes.
    #[error(transparent)]
    Library(#[from] imgbuild_layer::WrongLibrary),
    /// The image's documents do not fit together.
    #[error("the image cannot be assembled")]
    Image(
        #[from]
        #[diagnostic_source]
        imgbuild_oci::ImageError,
    ),
    /// The lock's time is none.
    #[error("the lock's timestamp cannot be used")]
    Timestamp(#[from] imgbuild_oci::TimestampError),
    /// A variant lacks a package, in a lock that no file holds yet.
    #[error(transparent)]
    #[diagnostic(help("this is a fault of imgbuild: please report it with the spec"))]
    Whole(#[from] imgbuild_lock::LockError),
}
