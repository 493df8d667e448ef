//! Reads back what was written, and checks every digest, size and diff id.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::contents::{DockerItem, LayoutMarker, blob_path};
use crate::layout::{Layout, open_beneath};
use crate::limits::{DOCUMENT_LIMIT, MOST_NESTED};
use crate::tarball::Tarball;
use crate::{
    BlobError, Blobs, Descriptor, DiffId, Digest, HashReader, ImageConfig, Index, Manifest, MediaType,
    Platform, uncompressed,
};

/// A layout or tarball in which everything held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// The digests of the manifests, with the platforms that their configurations state, in the order of the index.
    pub images: Vec<(Digest, Option<Platform>)>,
    /// The layers, each once, with their diff ids.
    pub layers: BTreeMap<Digest, DiffId>,
    /// The bytes of all layers as they are stored.
    pub size: u64,
}

/// A layout or tarball that does not hold what it says.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ValidateError {
    /// It cannot be read at all.
    #[error("`{}` cannot be read as an image", path.display())]
    Read {
        /// The layout or tarball.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It is not what it says.
    #[error("`{}` is damaged: {}", path.display(), list(faults))]
    Damaged {
        /// The layout or tarball.
        path: PathBuf,
        /// Everything that was found, at least one.
        faults: Vec<Fault>,
    },
}

fn list(faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Fault {
    /// A blob is absent, unreadable, or not what its digest and size say.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Blob(#[from] BlobError),
    /// A document is not well-formed.
    #[error("`{name}` is not well-formed: {error}")]
    Document {
        /// Its path.
        name: String,
        /// Why.
        #[source]
        error: serde_json::Error,
    },
    /// A file is missing.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A document is too large.
    #[error("`{0}` is larger than 4 MiB")]
    TooLarge(String),
    /// A document is something that cannot stand there.
    #[error("`{digest}` is of the type `{media_type}`, where a {wanted} should be")]
    Type {
        /// The document.
        digest: Digest,
        /// Its type.
        media_type: MediaType,
        /// What should be there.
        wanted: &'static str,
    },
    /// Indexes nest too deep.
    #[error("the index `{0}` nests too deep")]
    TooDeep(Digest),
    /// The numbers of layers, diff ids and items of the history differ.
    #[error(
        "the image `{image}` has {layers} layers, {diff_ids} diff ids, and {history} layers in its history"
    )]
    Count {
        /// The image.
        image: Digest,
        /// Layers of its manifest.
        layers: usize,
        /// Diff ids of its configuration.
        diff_ids: usize,
        /// Items of its history that have a layer.
        history: usize,
    },
    /// A layer's tar has another digest than the configuration says.
    #[error("the layer `{layer}` has the diff id `{found}`, and its image states `{wanted}`")]
    DiffId {
        /// The layer.
        layer: Digest,
        /// What the configuration says.
        wanted: DiffId,
        /// What it is.
        found: DiffId,
    },
    /// A layer cannot be decompressed.
    #[error("the layer `{layer}` cannot be decompressed: {error}")]
    Decompress {
        /// The layer.
        layer: Digest,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The index and the configuration state different platforms.
    #[error("the index states the platform `{index}` for `{image}`, and its configuration `{config}`")]
    Platform {
        /// The image.
        image: Digest,
        /// In the index.
        index: String,
        /// In the configuration.
        config: String,
    },
    /// Docker's `manifest.json` describes none of the images of `index.json`.
    #[error("`manifest.json` describes an image that `index.json` does not point to")]
    Docker,
}

/// Checks a layout (a folder) or a tarball (a file).
///
/// # Errors
///
/// When it cannot be read, or anything in it is not what it says; then all that was found is told.
pub fn validate(path: &Path) -> Result<Validated, ValidateError> {
    let read = |error| ValidateError::Read { path: path.to_owned(), error };
    let (found, faults) = if path.is_dir() {
        let layout = Layout::open(path).map_err(read)?;
        let root = path.to_owned();
        let file = move |name: &str| match open_beneath(&root, name) {
            Ok(file) => Ok(Some(Box::new(file) as Box<dyn Read>)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        check_all(&layout, &file)
    } else {
        let tarball = Tarball::open(path).map_err(read)?;
        let file = |name: &str| Ok(tarball.file(name)?.map(|file| Box::new(file) as Box<dyn Read>));
        check_all(&tarball, &file)
    }
    .map_err(read)?;
    if faults.is_empty() { Ok(found) } else { Err(ValidateError::Damaged { path: path.to_owned(), faults }) }
}

type OpenFile<'a> = &'a dyn Fn(&str) -> io::Result<Option<Box<dyn Read>>>;

fn check_all(blobs: &dyn Blobs, file: OpenFile<'_>) -> io::Result<(Validated, Vec<Fault>)> {
    let found = Validated { images: Vec::new(), layers: BTreeMap::new(), size: 0 };
    let mut check = Check { blobs, found, faults: Vec::new(), stacks: BTreeSet::new() };
    match file("oci-layout")? {
        Some(marker) => _ = check.parse_file::<LayoutMarker>("oci-layout", marker)?,
        None => check.faults.push(Fault::Missing("oci-layout".to_owned())),
    }
    match file("index.json")? {
        Some(index) => {
            if let Some(index) = check.parse_file::<Index>("index.json", index)? {
                check.index(&index, 0);
            }
        }
        None => check.faults.push(Fault::Missing("index.json".to_owned())),
    }
    if let Some(docker) = file("manifest.json")?
        && let Some(items) = check.parse_file::<Vec<DockerItem>>("manifest.json", docker)?
    {
        check.docker(items);
    }
    Ok((check.found, check.faults))
}

struct Check<'a> {
    blobs: &'a dyn Blobs,
    found: Validated,
    faults: Vec<Fault>,
    /// Configuration and layers of each image, as paths: what `manifest.json` must repeat.
    stacks: BTreeSet<Vec<String>>,
}

impl Check<'_> {
    fn parse_file<T: DeserializeOwned>(&mut self, name: &str, file: impl Read) -> io::Result<Option<T>> {
        let mut bytes = Vec::new();
        file.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > DOCUMENT_LIMIT {
            self.faults.push(Fault::TooLarge(name.to_owned()));
            return Ok(None);
        }
        Ok(self.parse(name, &bytes))
    }

    fn parse<T: DeserializeOwned>(&mut self, name: &str, bytes: &[u8]) -> Option<T> {
        let fault = |error| Fault::Document { name: name.to_owned(), error };
        serde_json::from_slice(bytes).map_err(|error| self.faults.push(fault(error))).ok()
    }

    fn document<T: DeserializeOwned>(&mut self, descriptor: &Descriptor) -> Option<T> {
        let name = blob_path(&descriptor.digest);
        if descriptor.size > DOCUMENT_LIMIT {
            self.faults.push(Fault::TooLarge(name));
            return None;
        }
        let mut bytes = Vec::new();
        match read_blob(self.blobs, descriptor, |reader| reader.read_to_end(&mut bytes).map(|_| ())) {
            Ok(()) => self.parse(&name, &bytes),
            Err(fault) => {
                self.faults.push(fault.into());
                None
            }
        }
    }

    fn index(&mut self, index: &Index, depth: usize) {
        for descriptor in &index.manifests {
            match descriptor.media_type {
                MediaType::Index | MediaType::DockerIndex if depth == MOST_NESTED => {
                    self.faults.push(Fault::TooDeep(descriptor.digest));
                }
                MediaType::Index | MediaType::DockerIndex => {
                    if let Some(inner) = self.document::<Index>(descriptor) {
                        self.index(&inner, depth + 1);
                    }
                }
                MediaType::Manifest | MediaType::DockerManifest => self.image(descriptor),
                media_type => {
                    let (digest, wanted) = (descriptor.digest, "manifest");
                    self.faults.push(Fault::Type { digest, media_type, wanted });
                }
            }
        }
    }

    fn image(&mut self, descriptor: &Descriptor) {
        let image = descriptor.digest;
        if self.found.images.iter().any(|(seen, _)| *seen == image) {
            return; // Another reference to the same image.
        }
        let Some(manifest) = self.document::<Manifest>(descriptor) else { return };
        let Some(config) = self.document::<ImageConfig>(&manifest.config) else { return };
        self.platform(descriptor, &config);
        let diff_ids = &config.rootfs.diff_ids;
        let history = config.history.iter().filter(|item| !item.empty_layer).count();
        let layers = manifest.layers.len();
        if layers != diff_ids.len() || (!config.history.is_empty() && layers != history) {
            self.faults.push(Fault::Count { image, layers, diff_ids: diff_ids.len(), history });
        }
        for (layer, wanted) in manifest.layers.iter().zip(diff_ids) {
            self.layer(layer, *wanted);
        }
        let paths = std::iter::once(&manifest.config).chain(&manifest.layers);
        self.stacks.insert(paths.map(|blob| blob_path(&blob.digest)).collect());
    }

    fn platform(&mut self, descriptor: &Descriptor, config: &ImageConfig) {
        let stated = format!("{}/{}", config.os, config.architecture);
        if let Some(platform) = &descriptor.platform {
            let index = format!("{}/{}", platform.os, platform.architecture);
            if index != stated {
                let image = descriptor.digest;
                self.faults.push(Fault::Platform { image, index, config: stated.clone() });
            }
        }
        self.found.images.push((descriptor.digest, stated.parse().ok()));
    }

    fn layer(&mut self, layer: &Descriptor, wanted: DiffId) {
        let found = match self.found.layers.get(&layer.digest) {
            Some(found) => *found,
            None => match diff_id(self.blobs, layer) {
                Ok(found) => {
                    self.found.layers.insert(layer.digest, found);
                    self.found.size += layer.size;
                    found
                }
                Err(fault) => return self.faults.push(fault),
            },
        };
        if found != wanted {
            self.faults.push(Fault::DiffId { layer: layer.digest, wanted, found });
        }
    }

    fn docker(&mut self, items: Vec<DockerItem>) {
        for item in items {
            let stack: Vec<_> = std::iter::once(item.config).chain(item.layers).collect();
            // Where an image itself is damaged, that is told already.
            if !self.stacks.contains(&stack) && self.faults.is_empty() {
                self.faults.push(Fault::Docker);
            }
        }
    }
}

/// Reads a blob whole, through `read`, and checks its size and digest.
fn read_blob(
    blobs: &dyn Blobs,
    descriptor: &Descriptor,
    read: impl FnOnce(&mut (dyn Read + Send)) -> io::Result<()>,
) -> Result<(), BlobError> {
    let Descriptor { digest, size, .. } = *descriptor;
    let failed = |error| BlobError::Read { digest, error };
    let mut reader = HashReader::new(blobs.open(&digest)?.take(size.saturating_add(1)));
    let result = read(&mut reader);
    // What the decompressor left unread counts as well, and a wrong digest says more than why it failed.
    io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
    let (found, read) = reader.finish();
    match () {
        () if read != size => Err(BlobError::Size { digest, wanted: size, found: read }),
        () if found != digest => Err(BlobError::Digest { wanted: digest, found }),
        () => result.map_err(failed),
    }
}

/// Checks a layer and computes its diff id.
fn diff_id(blobs: &dyn Blobs, layer: &Descriptor) -> Result<DiffId, Fault> {
    let mut outcome = None;
    read_blob(blobs, layer, |reader| {
        outcome = Some(decompress(layer, reader));
        Ok(())
    })?;
    match outcome {
        Some(Ok(digest)) => Ok(DiffId(digest)),
        Some(Err(error)) if layer.media_type.is_layer() => {
            Err(Fault::Decompress { layer: layer.digest, error })
        }
        None | Some(Err(_)) => {
            Err(Fault::Type { digest: layer.digest, media_type: layer.media_type, wanted: "layer" })
        }
    }
}

fn decompress(layer: &Descriptor, reader: &mut (dyn Read + Send)) -> io::Result<Digest> {
    let mut reader = HashReader::new(uncompressed(layer.media_type, reader)?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}
