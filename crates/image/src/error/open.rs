//! An image that cannot be opened or started.

use std::path::PathBuf;

use miette::Diagnostic;

/// An image that cannot be opened or started.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum OpenFailure {
    /// There is no such image.
    #[error("there is no image `{text}`: it is no file or folder, and was not built here")]
    #[diagnostic(help("{}", built_here(known)))]
    NoImage {
        /// What was asked for.
        text: String,
        /// What was built here.
        known: Vec<String>,
    },
    /// A spec was not built yet.
    #[error("`{reference}` was not built here yet")]
    #[diagnostic(help("build it first: `imgbuild build {}`", spec.display()))]
    NotBuilt {
        /// The spec.
        spec: PathBuf,
        /// Its image.
        reference: String,
    },
    /// A spec has several images.
    #[error("the spec `{}` has {} images for this platform", spec.display(), references.len())]
    #[diagnostic(help("name one: {}", references.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")))]
    Several {
        /// The spec.
        spec: PathBuf,
        /// Its images.
        references: Vec<String>,
    },
    /// A document of an image cannot be read.
    #[error("the image's document `{digest}` cannot be read")]
    Document {
        /// The document.
        digest: imgbuild_oci::Digest,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<dyn Diagnostic + Send + Sync>,
    },
    /// A stored image cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(Box<imgbuild_oci::ReadError>),
    /// A platform is none of ours.
    #[error(transparent)]
    Platform(#[from] imgbuild_oci::PlatformError),
    /// An image's documents contradict each other.
    #[error("the image's manifest has {layers} layers, and its configuration {diff_ids}")]
    Layers {
        /// The layers of the manifest.
        layers: usize,
        /// The diffIDs of the configuration.
        diff_ids: usize,
    },
    /// A layer cannot be laid over those below it.
    #[error("the layer `{digest}` cannot be laid over those below it")]
    Merge {
        /// The layer.
        digest: imgbuild_oci::Digest,
        /// Why.
        #[source]
        error: imgbuild_layer::MergeError,
    },
    /// The lock in an image is not its own.
    #[error("the image says that it is made of the lock `{stated}`, and holds the lock `{found}`")]
    #[diagnostic(help("somebody has changed it since it was built: build it anew"))]
    OtherLock {
        /// What its label says.
        stated: String,
        /// The digest of the text that it holds.
        found: imgbuild_oci::Digest,
    },
    /// The lock in an image is one of another version, or none.
    #[error("the lock that the image is made of cannot be used")]
    #[diagnostic(help(
        "an imgbuild of another version has made the image, and that or a later one reads its lock; `imgbuild ls`, `cat` and `extract` \
         show its files without"
    ))]
    Lock(#[source] imgbuild_lock::LockError),
    /// A layer of an image cannot be read.
    #[error("the image's layer `{digest}` cannot be read")]
    Layer {
        /// The layer.
        digest: imgbuild_oci::Digest,
        /// Why.
        #[source]
        error: imgbuild_archive::TarError,
    },
    /// Neither the image nor the user says what to run.
    #[error("the image does not say what to run")]
    #[diagnostic(help("name a command: `imgbuild run IMAGE -- COMMAND`"))]
    NoCommand,
}

/// What to run instead of an image that is not there.
fn built_here(known: &[String]) -> String {
    if known.is_empty() {
        return "build one first: `imgbuild build SPEC`".to_owned();
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("built here: {}", known.join(", "))
}
