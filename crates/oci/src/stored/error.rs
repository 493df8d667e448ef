//! Why a stored image cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits::MOST_DOCUMENT_BYTES;
use crate::{BlobError, DiffId, Digest, Platform};

/// A stored image that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReadError {
    /// It cannot be read at all.
    #[error("`{}` cannot be read as an image", file.display())]
    Open {
        /// The layout or tarball.
        file: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The tarball is compressed as a whole.
    #[error("`{}` is compressed with {how} as a whole, and so cannot be read piece by piece", file.display())]
    #[diagnostic(help("decompress it first"))]
    Compressed {
        /// The tarball.
        file: PathBuf,
        /// With what.
        how: &'static str,
    },
    /// It is something else.
    #[error(
        "`{}` is neither an OCI layout nor a tarball of `docker save`: it has no `index.json`, and no `manifest.json`",
        file.display()
    )]
    Neither {
        /// The file or folder.
        file: PathBuf,
    },
    /// A folder is something else.
    #[error("`{}` is a folder and no OCI layout: it has no `index.json`", file.display())]
    #[diagnostic(help("what others wrote as `dir:` becomes a layout: `skopeo copy dir:{} oci:LAYOUT`", file.display()))]
    NoLayout {
        /// The folder.
        file: PathBuf,
    },
    /// A document cannot be read.
    #[error("`{name}` of `{}` cannot be read", file.display())]
    Document {
        /// The layout or tarball.
        file: PathBuf,
        /// The document.
        name: String,
        /// Why.
        #[source]
        error: serde_json::Error,
    },
    /// A document is too large.
    #[error("`{name}` of `{}` is larger than 4 MiB", file.display())]
    TooLarge {
        /// The layout or tarball.
        file: PathBuf,
        /// The document.
        name: String,
    },
    /// A document that engines take for different things.
    #[error("`{name}` of `{}` {rule}: engines would not agree on what it is", file.display())]
    Mixed {
        /// The layout or tarball.
        file: PathBuf,
        /// The document.
        name: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// The indexes lead to too much.
    #[error("the indexes and manifests of `{}` have more than {} MiB together", file.display(), MOST_DOCUMENT_BYTES >> 20)]
    TooMuch {
        /// The layout or tarball.
        file: PathBuf,
    },
    /// A document is not there, or is another one.
    #[error("the {what} of `{}` cannot be read", file.display())]
    Blob {
        /// The layout or tarball.
        file: PathBuf,
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<BlobError>,
    },
    /// An image of docker's first format.
    #[error("`{}` holds an image of docker's schema 1, which has no digests of its layers and is not read", file.display())]
    #[diagnostic(help("convert it: `skopeo copy --format oci`"))]
    Schema1 {
        /// The layout or tarball.
        file: PathBuf,
    },
    /// Indexes nest too deep.
    #[error("the indexes of `{}` nest too deep", file.display())]
    TooDeep {
        /// The layout or tarball.
        file: PathBuf,
    },
    /// There is no image.
    #[error("`{}` holds no image", file.display())]
    Empty {
        /// The layout or tarball.
        file: PathBuf,
    },
    /// No image has that name.
    #[error("`{}` holds no image `{wanted}`; there are: {}", file.display(), list(there))]
    Reference {
        /// The layout or tarball.
        file: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: Vec<String>,
    },
    /// No image is for that platform.
    #[error("`{}` holds no image for {wanted}; there are: {}", file.display(), list(there))]
    Platform {
        /// The layout or tarball.
        file: PathBuf,
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        there: Vec<String>,
    },
    /// Several images fit.
    #[error("`{}` holds several images: {}", file.display(), list(there))]
    #[diagnostic(help(
        "name one: `{}`, or in a spec `layout = {{ path = \"…\", reference = \"…\" }}`",
        naming(file, there)
    ))]
    Ambiguous {
        /// The layout or tarball.
        file: PathBuf,
        /// Which.
        there: Vec<String>,
    },
    /// The numbers of layers and diffIDs differ.
    #[error("the image in `{}` has {layers} layers, and its configuration names {diff_ids}", file.display())]
    Count {
        /// The layout or tarball.
        file: PathBuf,
        /// Layers of the manifest.
        layers: usize,
        /// DiffIDs of the configuration.
        diff_ids: usize,
    },
    /// A layer that may not be handed on.
    #[error(
        "layer {number} of `{}` is a foreign layer (`{media_type}`), which may not be handed on and is not stored with its image",
        file.display()
    )]
    Foreign {
        /// The layout or tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
        /// Its media type.
        media_type: String,
    },
    /// A layer of a kind that is not known.
    #[error("layer {number} of `{}` has the media type `{media_type}`, which is not a layer's", file.display())]
    LayerType {
        /// The layout or tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
        /// Its media type.
        media_type: String,
    },
    /// There is no such layer.
    #[error("the image in `{}` has no layer {number}", file.display())]
    NoLayer {
        /// The layout or tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
    },
    /// The configuration of a tarball of `docker save` is not in it.
    #[error("the configuration of `{}` is not there: it should be `{name}`", file.display())]
    NoFile {
        /// The tarball.
        file: PathBuf,
        /// Its file.
        name: String,
    },
    /// A layer of a tarball of `docker save` is not in it.
    #[error("layer {number} of `{}` is not there: it should be `{name}`", file.display())]
    NoLayerFile {
        /// The tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
        /// Its file.
        name: String,
    },
    /// A layer is not what its image says.
    #[error("layer {number} of `{}` (`{digest}`) cannot be used", file.display())]
    Layer {
        /// The layout or tarball.
        file: PathBuf,
        /// The layer, the first being 1.
        number: usize,
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        #[source]
        #[diagnostic_source]
        fault: Box<LayerFault>,
    },
}

/// What can be wrong with a layer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LayerFault {
    /// Its blob is not there, or not what its descriptor says.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Blob(#[from] BlobError),
    /// It cannot be decompressed.
    #[error("it cannot be decompressed")]
    Decompress(#[source] io::Error),
    /// It unpacks to far too much.
    #[error("it unpacks to more than {0} bytes, far more than a layer of its size does")]
    Bomb(u64),
    /// Its tar has another digest than the configuration says.
    #[error("its diffID is `{found}`, and its image states `{wanted}`")]
    DiffId {
        /// What the configuration says.
        wanted: DiffId,
        /// What it is.
        found: DiffId,
    },
}

imgbuild_diagnostic::boxed_sources!(LayerFault);

/// How the first of several images is named behind its file.
fn naming(file: &Path, there: &[String]) -> String {
    let first = there.first().map_or("…", String::as_str);
    let between = if first.starts_with("sha256:") { '@' } else { ':' };
    format!("{}{between}{first}", file.display())
}

fn list(there: &[String]) -> String {
    let quoted: Vec<_> = there.iter().map(|one| format!("`{one}`")).collect();
    quoted.join(", ")
}
