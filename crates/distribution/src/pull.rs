//! Images from registries: into the store, or into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use imgbuild_fetch::{Context, Event};
use imgbuild_oci::layout::LayoutWriter;
use imgbuild_oci::tarball::TarballWriter;
use imgbuild_oci::{
    BlobError, Blobs, Descriptor, Digest, Document, HashReader, Manifest, MediaType, Order, Platform,
    Reference, Sink, WriteError,
};
use imgbuild_registry::{Content, Home, Pushable, RemoteBlobs, RemoteRepository, Sought};
use imgbuild_store::{ImageRecord, Store};
use tokio::runtime::Handle;

use crate::error::DistributionError;
use crate::progress::Counted;

/// How many layers come at once.
const AT_ONCE: usize = 4;

/// What a reference means in its repository.
pub(crate) fn wanted(reference: &Reference) -> String {
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.to_string(),
        (None, None) => "latest".to_owned(),
    }
}

/// From where an image of a registry is read by a tag. What has a digest is the same one everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// From a mirror of it, where this machine has one.
    Mirrors,
    /// From where it is written to, and from no mirror of it: what is signed is what is there.
    Registry,
}

/// An image of a registry as it is there, with all that it lists; of a list only the image for a platform, where one is named.
///
/// # Errors
///
/// When it is not there, or cannot be had.
pub async fn remote_image(
    reference: &Reference,
    platform: Option<Platform>,
    from: ReadFrom,
    context: &Context,
) -> Result<(RemoteRepository, Pushable), DistributionError> {
    let registries = context.registries()?;
    let remote = match from {
        ReadFrom::Registry if reference.digest().is_none() => registries.open(reference).await?,
        _ => registries.open_for_reading(reference, &Sought::Manifest(wanted(reference))).await?,
    };
    let top = match platform {
        Some(platform) => remote.image_manifest(&wanted(reference), platform).await?,
        None => remote.needed_manifest(&wanted(reference)).await?,
    };
    let children = remote.below(&top).await?;
    let blobs = children.iter().chain([&top]).flat_map(|it| it.blobs()).filter(|blob| !blob.is_foreign);
    let sizes: Vec<(Digest, u64)> = blobs.map(|blob| (blob.digest, blob.size)).collect();
    let blobs = RemoteBlobs::new(remote.clone(), sizes, Handle::current());
    let tags = reference.tag().map(ToString::to_string).into_iter().collect();
    // Within one registry they are mounted from there.
    let image = Pushable::new(children, top, Arc::new(blobs), tags).at_home(&Home::of(&remote));
    Ok((remote, image))
}

/// Writes an image of a registry into a file, or into the folder of a layout.
///
/// # Errors
///
/// When it cannot be had or written.
pub async fn pull_to(
    path: &Path,
    is_folder: bool,
    reference: &Reference,
    platform: Option<Platform>,
    context: &Context,
) -> Result<Digest, DistributionError> {
    let (_, image) = remote_image(reference, platform, ReadFrom::Mirrors, context).await?;
    let (path, reference, digest) = (path.to_owned(), reference.clone(), image.digest());
    let write = move || {
        let sink: Box<dyn Sink> = if is_folder {
            Box::new(LayoutWriter::new(&path)?)
        } else {
            Box::new(TarballWriter::new(&path)?)
        };
        write(&image, &reference, sink)
    };
    tokio::task::spawn_blocking(write)
        .await
        .map_err(|error| DistributionError::Died(error.to_string()))??;
    Ok(digest)
}

fn write(image: &Pushable, reference: &Reference, sink: Box<dyn Sink>) -> Result<(), DistributionError> {
    let documents = || -> Result<(), DistributionError> {
        let mut last = None;
        for manifest in image.manifests() {
            if let Content::Image(blobs) = &manifest.content
                && let Some(config) = blobs.first()
            {
                sink.put_document(&document(
                    config.digest,
                    config.size,
                    MediaType::Config,
                    &**image.blobs(),
                )?)?;
            }
            let media_type = manifest.media_type.parse().map_err(|_| DistributionError::NotAnImage {
                reference: reference.to_string(),
                media_type: manifest.media_type.clone(),
            })?;
            let descriptor = Descriptor::new(media_type, manifest.digest, manifest.bytes.len() as u64);
            sink.put_document(&Document { descriptor: descriptor.clone(), bytes: manifest.bytes.clone() })?;
            last = Some(descriptor);
        }
        let top = last.ok_or(WriteError::NoImage)?;
        Ok(sink.name(&top, std::slice::from_ref(reference))?)
    };
    let layers = || -> Result<(), DistributionError> {
        let mut seen = BTreeSet::new();
        for blob in image.manifests().flat_map(|it| it.blobs().iter().skip(1)).filter(|it| !it.is_foreign) {
            // What a layer is does not matter to whoever keeps it.
            let layer = Descriptor::new(MediaType::Layer, blob.digest, blob.size);
            if seen.insert(blob.digest) && !sink.has(&layer)? {
                let mut body = image.blobs().open(&blob.digest).map_err(WriteError::from)?;
                sink.put_layer(&layer, &mut body)?;
            }
        }
        Ok(())
    };
    match sink.order() {
        Order::DocumentsFirst => documents().and_then(|()| layers())?,
        Order::LayersFirst => layers().and_then(|()| documents())?,
    }
    Ok(sink.finish()?)
}

fn document(
    digest: Digest,
    size: u64,
    media_type: MediaType,
    blobs: &dyn Blobs,
) -> Result<Document, DistributionError> {
    let mut bytes = Vec::new();
    let mut blob = blobs.open(&digest).map_err(WriteError::from)?;
    std::io::Read::read_to_end(&mut blob, &mut bytes)
        .map_err(|error| WriteError::from(BlobError::Read { digest, error }))?;
    Ok(Document { descriptor: Descriptor::new(media_type, digest, size), bytes })
}

/// Gets an image of a registry into the store, under its name.
///
/// # Errors
///
/// When it cannot be had, is none that can be run, or the store cannot be written.
pub async fn pull(
    reference: &Reference,
    platform: Platform,
    context: &Context,
) -> Result<Digest, DistributionError> {
    let (remote, image) = remote_image(reference, Some(platform), ReadFrom::Mirrors, context).await?;
    let bytes = image.top_bytes().to_vec();
    let not_an_image = || DistributionError::NotAnImage {
        reference: reference.to_string(),
        media_type: image.top_media_type().to_owned(),
    };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| not_an_image())?;
    let config = remote.blob_bytes(manifest.config.digest, manifest.config.size).await?;
    fetch(&manifest.layers, &[remote], context).await?;
    let media_type = image.top_media_type().parse().map_err(|_| not_an_image())?;
    let descriptor = Descriptor::new(media_type, image.digest(), bytes.len() as u64);
    let document = Document { descriptor, bytes };
    let config = Document { descriptor: manifest.config.clone(), bytes: config };
    context.store.put_image(reference, platform, &document, &config, &[])?;
    Ok(image.digest())
}

/// Gets the layers of an image of the store that the store lacks.
///
/// # Errors
///
/// When they cannot be had, or the store cannot be written.
pub async fn complete(record: &ImageRecord, context: &Context) -> Result<(), DistributionError> {
    let missing = missing(record, &context.store)?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut remotes = BTreeMap::new();
    for text in &record.repositories {
        // It was written here.
        if let Ok(reference) = text.parse::<Reference>() {
            let remote = context.registries()?.open(&reference).await?;
            remotes.insert(remote.repository().clone(), remote);
        }
    }
    fetch(&missing, &remotes.into_values().collect::<Vec<_>>(), context).await
}

/// The layers of an image of the store that the store lacks.
///
/// # Errors
///
/// When the store cannot be read.
pub fn missing(record: &ImageRecord, store: &Store) -> Result<Vec<Descriptor>, DistributionError> {
    let Some(path) = store.blob(&record.manifest.digest)? else { return Ok(Vec::new()) };
    let read = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
    let mut missing = Vec::new();
    // A damaged one is told by whoever opens the image.
    for layer in read.map(|manifest| manifest.layers).unwrap_or_default() {
        if store.blob(&layer.digest)?.is_none() {
            missing.push(layer);
        }
    }
    Ok(missing)
}

/// Gets layers into the store, several at once, each from the first repository that has it.
async fn fetch(
    layers: &[Descriptor],
    remotes: &[RemoteRepository],
    context: &Context,
) -> Result<(), DistributionError> {
    let mut wanted: BTreeMap<Digest, Descriptor> = BTreeMap::new();
    for layer in layers {
        if context.store.blob(&layer.digest)?.is_none() {
            wanted.insert(layer.digest, layer.clone());
        }
    }
    let mut wanted: Vec<Descriptor> = wanted.into_values().collect();
    wanted.sort_by_key(|layer| std::cmp::Reverse(layer.size));
    let fetched = wanted.into_iter().map(|layer| fetch_one(layer, remotes, context));
    futures::stream::iter(fetched).buffer_unordered(AT_ONCE).try_collect().await
}

async fn fetch_one(
    layer: Descriptor,
    remotes: &[RemoteRepository],
    context: &Context,
) -> Result<(), DistributionError> {
    let mut failure = DistributionError::from(WriteError::Blob(BlobError::Absent(layer.digest)));
    for remote in remotes {
        match remote.has_blob(&layer.digest).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                failure = error.into();
                continue;
            }
        }
        let name = layer.digest.to_string();
        context.reporter.event(Event::DownloadStarted { name: name.clone(), size: Some(layer.size) });
        let blobs = RemoteBlobs::new(remote.clone(), [(layer.digest, layer.size)], Handle::current());
        let (own, store) = (layer.clone(), context.store.clone());
        let (named, reporter) = (name.clone(), Arc::clone(&context.reporter));
        let tell = move |bytes| reporter.event(Event::DownloadProgressed { name: named.clone(), bytes });
        let kept = tokio::task::spawn_blocking(move || keep(&own, &blobs, &store, tell)).await;
        kept.map_err(|error| DistributionError::Died(error.to_string()))??;
        context.reporter.event(Event::DownloadFinished { name, size: layer.size });
        return Ok(());
    }
    Err(failure)
}

/// Puts a blob into the store, which is checked once more while it is written.
fn keep(
    layer: &Descriptor,
    blobs: &dyn Blobs,
    store: &Store,
    tell: impl Fn(u64) + Send + 'static,
) -> Result<(), DistributionError> {
    let digest = layer.digest;
    let blob = Counted::new(blobs.open(&digest).map_err(WriteError::from)?, 0, tell);
    let mut reader = HashReader::new(blob);
    let mut writer = store.blob_writer()?;
    std::io::copy(&mut reader, &mut writer)
        .map_err(|error| WriteError::from(BlobError::Read { digest, error }))?;
    let (found, _) = reader.finish();
    if found != digest {
        return Err(WriteError::from(BlobError::Digest { wanted: digest, found }).into());
    }
    writer.commit(layer)?;
    Ok(())
}
