//! The one image that is meant, in a layout that may hold several.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::documents::{DocumentKind, LooseDescriptor, LooseDocument, LoosePlatform, blob, parse};
use super::plain::{CONFIG_KEYS, DOCUMENT_KEYS};
use super::{Choice, ReadError, StoredImage, StoredLayer};
use crate::contents::{IMAGE_NAME, REF_NAME, blob_path};
use crate::limits::{MOST_DOCUMENT_BYTES, MOST_NESTED};
use crate::{Blobs, Descriptor, Digest, ImageConfig, MediaType, Platform};

/// The media types of docker's schema 1.
const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
/// Docker's type for zstd, which its specification does not have and some tools write.
const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/// An image that the layout holds, for one platform.
struct Candidate {
    descriptor: LooseDescriptor,
    /// The names of the item of `index.json` that leads to it.
    names: Vec<String>,
    manifest: LooseDocument,
    platform: LoosePlatform,
}

struct Search<'a> {
    file: &'a Path,
    blobs: &'a dyn Blobs,
    found: Vec<Candidate>,
    /// The bytes of all documents that were read.
    read: u64,
}

/// Finds the image that is meant by `index.json`.
pub(super) fn image(
    file: &Path,
    index: &[u8],
    blobs: Box<dyn Blobs>,
    choice: &Choice<'_>,
) -> Result<StoredImage, ReadError> {
    let top: LooseDocument = parse(file, "index.json", index, DOCUMENT_KEYS)?;
    top.check(file, "index.json", MediaType::Index.as_str()).or_else(|error| {
        match top.media_type.as_deref() {
            // What docker's own tools write there is an index as well.
            Some(own) if own == MediaType::DockerIndex.as_str() => top.check(file, "index.json", own),
            _ => Err(error),
        }
    })?;
    let items = top.manifests.unwrap_or_default();
    let mut search = Search::new(file, blobs.as_ref());
    let Some(wanted) = choice.reference else {
        items.iter().try_for_each(|item| search.item(item, &names(item), 0))?;
        return stored(file, one(file, search.found, choice)?, blobs);
    };
    let mut is_there = false;
    for item in items.iter().filter(|item| is_called(&names(item), item.digest, wanted)) {
        is_there = true;
        search.item(item, &names(item), 0)?;
    }
    if !is_there && let Some((item, names)) = nested(file, &items, blobs.as_ref(), wanted)? {
        search.item(&item, &names, 0)?;
    }
    // What has the digest may be no image.
    if !is_there && search.found.is_empty() && !items.is_empty() {
        let named: Vec<_> = items.iter().map(|item| (names(item), item.digest)).collect();
        let there =
            told_apart(&named.iter().map(|(names, digest)| (names.as_slice(), *digest)).collect::<Vec<_>>());
        return Err(ReadError::Reference { file: file.to_owned(), wanted: wanted.to_owned(), there });
    }
    stored(file, one(file, search.found, choice)?, blobs)
}

/// The manifest or index of a digest that stands not among these items, but to which one of them leads, and what that one is called. What
/// cannot be read on the way there matters where nothing else leads to it.
pub(super) fn nested(
    file: &Path,
    items: &[LooseDescriptor],
    blobs: &dyn Blobs,
    wanted: &str,
) -> Result<Option<(LooseDescriptor, Vec<String>)>, ReadError> {
    let Ok(wanted) = wanted.parse() else { return Ok(None) };
    let mut search = Search::new(file, blobs);
    let found = |item: &LooseDescriptor| Ok(search.within(item, wanted, 0)?.map(|it| (it, names(item))));
    first(items, found)
}

/// What the first of these items has that has it; the first error, where none has.
fn first<T>(
    items: &[LooseDescriptor],
    mut find: impl FnMut(&LooseDescriptor) -> Result<Option<T>, ReadError>,
) -> Result<Option<T>, ReadError> {
    let mut failed = None;
    for item in items {
        match find(item) {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(None), Err)
}

/// The image of a manifest.
pub(super) fn of_manifest(
    file: &Path,
    bytes: &[u8],
    blobs: Box<dyn Blobs>,
    platform: Platform,
) -> Result<StoredImage, ReadError> {
    let digest = Digest::of(bytes);
    let manifest: LooseDocument = parse(file, &blob_path(&digest), bytes, DOCUMENT_KEYS)?;
    manifest.check(file, &blob_path(&digest), "")?;
    let Some(config) = manifest.config.as_ref().and_then(Option::as_ref).filter(|it| is_image(it)) else {
        return Err(ReadError::Empty { file: file.to_owned() });
    };
    let config = blob(file, "configuration", blobs.as_ref(), config)?;
    let found: LoosePlatform = parse(file, "configuration", &config, CONFIG_KEYS)?;
    if (found.os.as_str(), found.architecture.as_str()) != (platform.os(), platform.architecture()) {
        let there = vec![format!("{}/{}", found.os, found.architecture)];
        return Err(ReadError::Platform { file: file.to_owned(), wanted: platform, there });
    }
    let descriptor = LooseDescriptor {
        media_type: String::new(),
        digest,
        size: bytes.len() as u64,
        platform: None,
        annotations: BTreeMap::new(),
    };
    let names = vec![file.display().to_string()];
    stored(file, Candidate { descriptor, names, manifest, platform: found }, blobs)
}

/// Signatures and other artifacts are stored as manifests as well.
fn is_image(config: &LooseDescriptor) -> bool {
    [MediaType::Config, MediaType::DockerConfig].iter().any(|image| image.as_str() == config.media_type)
}

/// The one candidate for the platform.
fn one(file: &Path, found: Vec<Candidate>, choice: &Choice<'_>) -> Result<Candidate, ReadError> {
    if found.is_empty() {
        return Err(ReadError::Empty { file: file.to_owned() });
    }
    let (os, architecture) = (choice.platform.os(), choice.platform.architecture());
    let fits = |candidate: &Candidate| {
        (candidate.platform.os.as_str(), candidate.platform.architecture.as_str()) == (os, architecture)
    };
    let platforms: BTreeSet<String> = found
        .iter()
        .map(|candidate| format!("{}/{}", candidate.platform.os, candidate.platform.architecture))
        .collect();
    let mut fitting: Vec<Candidate> = found.into_iter().filter(fits).collect();
    let digests: BTreeSet<Digest> = fitting.iter().map(|candidate| candidate.descriptor.digest).collect();
    match (digests.len(), fitting.pop()) {
        (1, Some(candidate)) => Ok(candidate),
        (_, Some(last)) => {
            let all = fitting.iter().chain([&last]);
            let all = all.map(|candidate| (candidate.names.as_slice(), candidate.descriptor.digest));
            Err(ReadError::Ambiguous { file: file.to_owned(), there: told_apart(&all.collect::<Vec<_>>()) })
        }
        _ => {
            let there = platforms.into_iter().collect();
            Err(ReadError::Platform { file: file.to_owned(), wanted: choice.platform, there })
        }
    }
}

/// What an item of `index.json` is called.
pub(super) fn names(item: &LooseDescriptor) -> Vec<String> {
    [IMAGE_NAME, REF_NAME].iter().filter_map(|key| item.annotations.get(*key).cloned()).collect()
}

/// Whether that is what something of a layout is called, by one of its names or by its digest.
pub(super) fn is_called(names: &[String], digest: Digest, wanted: &str) -> bool {
    digest.to_string() == wanted || names.iter().any(|name| name == wanted)
}

/// What tells several of a layout apart, sorted: a name that no other one has, or the digest.
pub(super) fn told_apart(all: &[(&[String], Digest)]) -> Vec<String> {
    let is_own = |name: &String, digest: Digest| {
        all.iter().all(|(names, other)| *other == digest || !names.contains(name))
    };
    let shown = |(names, digest): &(&[String], Digest)| {
        names.iter().find(|name| is_own(name, *digest)).cloned().unwrap_or_else(|| digest.to_string())
    };
    all.iter().map(shown).collect::<BTreeSet<String>>().into_iter().collect()
}

impl<'a> Search<'a> {
    fn new(file: &'a Path, blobs: &'a dyn Blobs) -> Self {
        Self { file, blobs, found: Vec::new(), read: 0 }
    }

    /// Follows an item of an index down to images.
    fn item(&mut self, item: &LooseDescriptor, names: &[String], depth: usize) -> Result<(), ReadError> {
        if SCHEMA_1.contains(&item.media_type.as_str()) {
            return Err(ReadError::Schema1 { file: self.file.to_owned() });
        }
        // Buildkit's attestations, which belong to no platform.
        if item.platform.as_ref().is_some_and(|platform| platform.os == "unknown") {
            return Ok(());
        }
        // Whatever else may be stored in a layout; engines do not look at it.
        if !item.media_type.is_empty() && DocumentKind::of(&item.media_type).is_none() {
            return Ok(());
        }
        let document = self.document(item)?;
        if let Some(items) = &document.manifests {
            if depth == MOST_NESTED {
                return Err(ReadError::TooDeep { file: self.file.to_owned() });
            }
            return items.iter().try_for_each(|item| self.item(item, names, depth + 1));
        }
        let Some(config) = document.config.as_ref().and_then(Option::as_ref) else { return Ok(()) };
        if !is_image(config) {
            return Ok(());
        }
        // The configuration is what engines go by where the index says nothing.
        let platform = match &item.platform {
            Some(platform) => platform.clone(),
            None => {
                let bytes = blob(self.file, "configuration", self.blobs, config)?;
                parse(self.file, &blob_path(&config.digest), &bytes, CONFIG_KEYS)?
            }
        };
        let (descriptor, names) = (item.clone(), names.to_owned());
        self.found.push(Candidate { descriptor, names, manifest: document, platform });
        Ok(())
    }

    /// The manifest or index of a digest, if this is it or an index that leads to it.
    fn within(
        &mut self,
        item: &LooseDescriptor,
        wanted: Digest,
        depth: usize,
    ) -> Result<Option<LooseDescriptor>, ReadError> {
        if item.digest == wanted {
            return Ok(Some(item.clone()));
        }
        let is_index = DocumentKind::of(&item.media_type) == Some(DocumentKind::Index);
        if !is_index && !item.media_type.is_empty() {
            return Ok(None);
        }
        let Some(items) = self.document(item)?.manifests else { return Ok(None) };
        if depth == MOST_NESTED {
            return Err(ReadError::TooDeep { file: self.file.to_owned() });
        }
        first(&items, |item| self.within(item, wanted, depth + 1))
    }

    /// The manifest or index that a descriptor points to.
    fn document(&mut self, item: &LooseDescriptor) -> Result<LooseDocument, ReadError> {
        let bytes = blob(self.file, "manifest", self.blobs, item)?;
        self.read = self.read.saturating_add(bytes.len() as u64);
        if self.read > MOST_DOCUMENT_BYTES {
            return Err(ReadError::TooMuch { file: self.file.to_owned() });
        }
        let name = blob_path(&item.digest);
        let document: LooseDocument = parse(self.file, &name, &bytes, DOCUMENT_KEYS)?;
        document.check(self.file, &name, &item.media_type)?;
        Ok(document)
    }
}

fn stored(file: &Path, candidate: Candidate, blobs: Box<dyn Blobs>) -> Result<StoredImage, ReadError> {
    let Candidate { descriptor, names, manifest, .. } = candidate;
    let Some(config) = manifest.config.flatten() else {
        return Err(ReadError::Empty { file: file.to_owned() });
    };
    let config_bytes = blob(file, "configuration", blobs.as_ref(), &config)?;
    let parsed: ImageConfig = parse(file, &blob_path(&config.digest), &config_bytes, CONFIG_KEYS)?;
    let loose = manifest.layers.unwrap_or_default();
    let diff_ids = &parsed.rootfs.diff_ids;
    if loose.len() != diff_ids.len() {
        let (layers, diff_ids) = (loose.len(), diff_ids.len());
        return Err(ReadError::Count { file: file.to_owned(), layers, diff_ids });
    }
    let layers = loose.into_iter().zip(diff_ids).enumerate().map(|(index, (layer, diff_id))| {
        let media_type = layer_type(file, index + 1, &layer.media_type)?;
        let annotations = layer.annotations;
        let descriptor = Descriptor { annotations, ..Descriptor::new(media_type, layer.digest, layer.size) };
        Ok(StoredLayer { descriptor, diff_id: *diff_id })
    });
    let layers = layers.collect::<Result<Vec<_>, ReadError>>()?;
    Ok(StoredImage {
        file: file.to_owned(),
        blobs,
        digest: descriptor.digest,
        has_manifest: true,
        name: names.into_iter().next(),
        annotations: manifest.annotations.unwrap_or_default(),
        config_descriptor: Descriptor::new(MediaType::Config, config.digest, config.size),
        config: parsed,
        config_bytes,
        layers,
    })
}

/// The media type of a layer in OCI's words.
fn layer_type(file: &Path, number: usize, text: &str) -> Result<MediaType, ReadError> {
    let (file, media_type) = (file.to_owned(), text.to_owned());
    if text.contains(".foreign.") || text.contains(".nondistributable.") {
        return Err(ReadError::Foreign { file, number, media_type });
    }
    match text.parse() {
        Ok(MediaType::Layer | MediaType::DockerLayer) => Ok(MediaType::Layer),
        Ok(MediaType::LayerGzip | MediaType::DockerLayerGzip) => Ok(MediaType::LayerGzip),
        Ok(MediaType::LayerZstd) => Ok(MediaType::LayerZstd),
        _ if text == DOCKER_LAYER_ZSTD => Ok(MediaType::LayerZstd),
        _ => Err(ReadError::LayerType { file, number, media_type }),
    }
}
