//! The image that a user means: a file, a folder, a digest, a spec, or a name.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use imgbuild_diagnostic::plain;
use imgbuild_oci::{
    Blobs, Choice, ContainerConfig, Digest, History, Image, ImageConfig, Manifest, Platform, Reference,
    StoredImage, StoredLayer, Timestamp,
};
use imgbuild_spec::Spec;
use imgbuild_store::{ImageRecord, LayerCaches, Store};
use serde::de::DeserializeOwned;

use crate::error::{MakeError, OpenFailure};
use crate::image::WRITER;
use crate::image_lock::is_as_we_made_it;
use crate::limits::DOCUMENT_LIMIT;
use crate::unpacked::NamedLayer;

/// An image whose documents were read.
pub struct Opened {
    /// The digest of its manifest; of a tarball of `docker save`, which has none, that of the one that imgbuild makes.
    pub digest: Digest,
    /// The platform that it is built for.
    pub platform: Platform,
    /// When it was made, where it says it.
    pub created: Option<Timestamp>,
    /// What its file calls it, or its registry.
    pub name: Option<Reference>,
    /// How its layers came to be.
    pub history: Vec<History>,
    /// What its manifest says beside.
    pub annotations: BTreeMap<String, String>,
    /// How a container of it is started.
    pub config: ContainerConfig,
    /// Its layers, the first first.
    pub layers: Vec<NamedLayer>,
    blobs: OpenedBlobs,
}

/// Where the layers of an image are.
enum OpenedBlobs {
    Store(LayerCaches),
    File(Box<StoredImage>),
}

impl Opened {
    /// An image that was built, whose layers are there.
    pub(crate) fn built(image: &Image, platform: Platform, layers: LayerCaches) -> Self {
        let named = image.layers().iter();
        let named =
            named.map(|it| NamedLayer { descriptor: it.descriptor.clone(), diff_id: it.diff_id }).collect();
        let head = image.head();
        Self {
            digest: image.digest(),
            platform,
            name: None,
            created: Some(head.created),
            history: image.history().cloned().collect(),
            annotations: head.annotations.clone(),
            config: head.config.clone(),
            layers: named,
            blobs: OpenedBlobs::Store(layers),
        }
    }

    /// An image of anybody's making, wherever it is stored.
    ///
    /// # Errors
    ///
    /// When its platform is none of ours.
    pub fn of_stored(image: StoredImage) -> Result<Self, MakeError> {
        let named =
            |layer: &StoredLayer| NamedLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id };
        Ok(Self {
            digest: image.digest,
            platform: platform_of(&image.config)?,
            name: image.name.as_ref().and_then(|name| name.parse().ok()),
            created: image.config.created,
            history: image.config.history.clone(),
            annotations: image.annotations.clone(),
            config: image.config.config.clone(),
            layers: image.layers.iter().map(named).collect(),
            blobs: OpenedBlobs::File(Box::new(image)),
        })
    }

    /// What made its layers, the first first; nothing where the history has more or fewer of them than the image.
    fn makers(&self) -> Option<Vec<&History>> {
        let made: Vec<&History> = self.history.iter().filter(|item| !item.empty_layer).collect();
        (made.len() == self.layers.len()).then_some(made)
    }

    /// What each of its layers is made of, as their history says it, the first first; nothing of those of which it does not say it.
    pub fn titles(&self) -> Vec<Option<&str>> {
        let Some(made) = self.makers() else { return vec![None; self.layers.len()] };
        made.into_iter().map(title).collect()
    }

    /// Whether nothing was laid over what imgbuild made.
    pub(crate) fn is_as_we_made_it(&self) -> bool {
        is_as_we_made_it(&self.history, self.layers.len())
    }

    /// Where its layers are.
    pub fn blobs(&self) -> &dyn Blobs {
        match &self.blobs {
            OpenedBlobs::Store(layers) => layers,
            OpenedBlobs::File(image) => image.blobs(),
        }
    }
}

/// What an item of a history says: ours says it in the comment, others by what ran (BuildKit's comment is always the same).
fn title(item: &History) -> Option<&str> {
    let said = [item.comment.as_str(), item.created_by.as_str()];
    let of_ours = item.created_by == WRITER;
    let order = if of_ours { said } else { [said[1], said[0]] };
    order.into_iter().find(|it| !it.is_empty())
}

/// Opens the image that `text` means: a tarball or a layout by its path, one of several that it holds by its name behind that
/// (`layout:1`), a manifest of the store by its digest, the image that a spec was built into by the spec's path, or by its name and tag.
///
/// # Errors
///
/// When there is none, or its documents are damaged.
pub fn open_image(text: &str, platform: Platform, layers: &LayerCaches) -> Result<Opened, MakeError> {
    let path = Path::new(text);
    if let Some(hex) = text.strip_prefix("sha256:") {
        let digest = Digest::from_hex(hex).map_err(|_| not_found(text, layers))?;
        return in_store(&digest, text, layers);
    }
    if is_spec(path) {
        return of_spec(path, platform, layers);
    }
    // A project's folder often bears the name of its image.
    let is_built = || -> Result<bool, MakeError> {
        let Some(reference) = reference(text).filter(|_| !path.exists() || path.is_dir() && !is_layout(path))
        else {
            return Ok(false);
        };
        Ok(layers.store().image(&reference, platform)?.is_some())
    };
    if path.exists() && !is_built()? {
        return in_file(path, platform, None);
    }
    match within_file(text) {
        Some((path, name)) if !is_built()? => in_file(path, platform, Some(name)),
        _ => named(text, platform, layers),
    }
}

/// Whether a folder has what layouts and unpacked tarballs of images begin with.
pub fn is_layout(folder: &Path) -> bool {
    ["oci-layout", "index.json", "manifest.json"].iter().any(|name| folder.join(name).exists())
}

/// A layout or a tarball that is there, and the name of one of its images behind it: `layout:1`, `images.tar:example.com/a:1`,
/// `layout@sha256:…`. What names a registry's image is that, unless something in the folder is called that as a whole; `./localhost/layout:1` never does.
pub fn within_file(text: &str) -> Option<(&Path, &str)> {
    let is_of_registry = text.parse().is_ok_and(|it: Reference| it.registry().is_some());
    let parts = |(at, _): (usize, &str)| (Path::new(&text[..at]), &text[at + 1..]);
    let is_there = |(path, name): &(&Path, &str)| {
        !name.is_empty() && (is_layout(path) || path.is_file() && !is_spec(path))
    };
    text.match_indices([':', '@'])
        .map(parts)
        .find(is_there)
        .filter(|_| !is_of_registry && !Path::new(text).exists())
}

fn named(text: &str, platform: Platform, layers: &LayerCaches) -> Result<Opened, MakeError> {
    let Some(reference) = reference(text) else { return Err(not_found(text, layers)) };
    if let Some(digest) = reference.digest() {
        return in_store(digest, text, layers);
    }
    match layers.store().image(&reference, platform)? {
        Some(record) => in_store(&record.manifest.digest, text, layers),
        None => Err(not_found(text, layers)),
    }
}

/// A name with or without a tag; nothing where it is none.
fn reference(text: &str) -> Option<Reference> {
    let reference: Reference = text.parse().ok()?;
    if reference.tag().is_some() || reference.digest().is_some() {
        return Some(reference);
    }
    Some(reference.with_tag("latest".parse().ok()?))
}

fn of_spec(path: &Path, platform: Platform, layers: &LayerCaches) -> Result<Opened, MakeError> {
    let spec = Spec::load(path)?;
    let variants = spec.variants(platform)?;
    let of_platform: Vec<_> = variants.iter().filter(|variant| variant.platform == platform).collect();
    let references: Vec<Reference> = of_platform
        .iter()
        .filter_map(|variant| Some(Reference::new(&variant.name, variant.tags.first()?)))
        .collect();
    let listed = || references.iter().map(ToString::to_string).collect::<Vec<_>>();
    match references.as_slice() {
        [reference] => match layers.store().image(reference, platform)? {
            Some(record) => in_store(&record.manifest.digest, &reference.to_string(), layers),
            None => {
                Err(OpenFailure::NotBuilt { spec: path.to_owned(), reference: reference.to_string() }.into())
            }
        },
        [] => Err(MakeError::Nothing(format!("the platform {platform}"))),
        _ => Err(OpenFailure::Several { spec: path.to_owned(), references: listed() }.into()),
    }
}

/// An image of anybody's making, in a tarball or a layout.
fn in_file(path: &Path, platform: Platform, reference: Option<&str>) -> Result<Opened, MakeError> {
    Opened::of_stored(StoredImage::open(path, &Choice { platform, reference })?)
}

fn in_store(digest: &Digest, text: &str, layers: &LayerCaches) -> Result<Opened, MakeError> {
    if layers.store().blob(digest)?.is_none() {
        return Err(not_found(text, layers));
    }
    let manifest: Manifest = document(digest, layers)?;
    let config: ImageConfig = document(&manifest.config.digest, layers)?;
    if manifest.layers.len() != config.rootfs.diff_ids.len() {
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        return Err(OpenFailure::Layers { layers, diff_ids }.into());
    }
    let pairs = manifest.layers.into_iter().zip(&config.rootfs.diff_ids);
    let named = pairs.map(|(descriptor, diff_id)| NamedLayer { descriptor, diff_id: *diff_id }).collect();
    Ok(Opened {
        digest: *digest,
        platform: platform_of(&config)?,
        name: None,
        created: config.created,
        history: config.history,
        annotations: manifest.annotations,
        layers: named,
        config: config.config,
        blobs: OpenedBlobs::Store(layers.clone()),
    })
}

fn platform_of(config: &ImageConfig) -> Result<Platform, MakeError> {
    Ok(format!("{}/{}", config.os, config.architecture).parse()?)
}

fn document<T: DeserializeOwned>(digest: &Digest, blobs: &dyn Blobs) -> Result<T, MakeError> {
    let failed =
        |error: Box<dyn miette::Diagnostic + Send + Sync>| OpenFailure::Document { digest: *digest, error };
    let blob = blobs.open(digest).map_err(|error| failed(Box::new(error)))?;
    let mut bytes = Vec::new();
    blob.take(DOCUMENT_LIMIT).read_to_end(&mut bytes).map_err(|error| failed(plain(error)))?;
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(failed(Box::new(imgbuild_oci::BlobError::Digest { wanted: *digest, found })).into());
    }
    Ok(serde_json::from_slice(&bytes).map_err(|error| failed(plain(error)))?)
}

/// What the store knows of the image that a name, a digest or a spec means, for some platforms.
///
/// # Errors
///
/// When the store cannot be read, or the spec is wrong.
pub fn image_records(
    text: &str,
    platforms: &[Platform],
    store: &Store,
) -> Result<Vec<ImageRecord>, MakeError> {
    let path = Path::new(text);
    let hex = text.strip_prefix("sha256:").map(Digest::from_hex).and_then(Result::ok);
    let reference = reference(text);
    if let Some(digest) = hex.or_else(|| reference.as_ref()?.digest().copied()) {
        return Ok(store
            .images()?
            .into_iter()
            .find(|record| record.manifest.digest == digest)
            .into_iter()
            .collect());
    }
    let references: Vec<Reference> = match reference {
        _ if is_spec(path) => {
            let variants =
                Spec::load(path)?.variants(platforms.first().copied().ok_or(MakeError::NoHost)?)?;
            variants.iter().filter_map(|it| Some(Reference::new(&it.name, it.tags.first()?))).collect()
        }
        reference => reference.into_iter().collect(),
    };
    let mut found = Vec::new();
    for (reference, platform) in references.iter().flat_map(|it| platforms.iter().map(move |p| (it, *p))) {
        found.extend(store.image(reference, platform)?);
    }
    Ok(found)
}

fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml") && path.is_file()
}

/// The error that there is no image of a name.
pub fn not_found(text: &str, layers: &LayerCaches) -> MakeError {
    // What cannot be listed is not what was asked for.
    let mut known: Vec<String> =
        layers.store().images().unwrap_or_default().into_iter().map(|record| record.reference).collect();
    known.dedup();
    OpenFailure::NoImage { text: text.to_owned(), known }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_is_the_latest() {
        let shown = |text: &str| reference(text).map(|reference| reference.to_string());
        assert_eq!(shown("base"), Some("base:latest".to_owned()));
        assert_eq!(shown("base:3.9-cuda11.8"), Some("base:3.9-cuda11.8".to_owned()));
        assert_eq!(shown("Not A Name"), None);
    }
}
