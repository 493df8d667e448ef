//! Tarballs of `docker save` as it was before it wrote OCI layouts, and as skopeo and podman write them:
//! `manifest.json` names the configuration and the layers by their files.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::documents::{bytes, parse};
use super::plain::{CONFIG_KEYS, DOCKER_KEYS};
use super::{Choice, ReadError, StoredImage, StoredLayer, sniffed};
use crate::contents::DockerItem;
use crate::image::Document;
use crate::tarball::Tarball;
use crate::{BlobError, Blobs, Descriptor, Digest, HashReader, ImageConfig, Manifest, MediaType, Platform};

/// A tarball whose blobs are files of any name.
struct NamedFiles {
    tarball: Tarball,
    names: BTreeMap<Digest, String>,
}

impl Blobs for NamedFiles {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let name = self.names.get(digest).ok_or(BlobError::Absent(*digest))?;
        match self.tarball.file(name) {
            Ok(Some(file)) => Ok(Box::new(file)),
            Ok(None) => Err(BlobError::Absent(*digest)),
            Err(error) => Err(BlobError::Read { digest: *digest, error }),
        }
    }
}

/// Finds the image that is meant by `manifest.json`.
pub(super) fn image(
    file: &Path,
    manifest: &[u8],
    tarball: Tarball,
    choice: &Choice<'_>,
) -> Result<StoredImage, ReadError> {
    let items: Vec<DockerItem> = parse(file, "manifest.json", manifest, DOCKER_KEYS)?;
    let (item, made) = one(file, items, choice)?;
    let failed = |error| ReadError::Open { file: file.to_owned(), error };
    let Some(config) = tarball.file(&item.config).map_err(failed)? else {
        return Err(ReadError::NoFile { file: file.to_owned(), name: item.config });
    };
    let config_bytes = bytes(file, &item.config, config)?;
    let config: ImageConfig = parse(file, &item.config, &config_bytes, CONFIG_KEYS)?;
    platform(file, &config, choice.platform)?;
    let diff_ids = &config.rootfs.diff_ids;
    if item.layers.len() != diff_ids.len() {
        let (layers, diff_ids) = (item.layers.len(), diff_ids.len());
        return Err(ReadError::Count { file: file.to_owned(), layers, diff_ids });
    }
    let config_descriptor =
        Descriptor::new(MediaType::Config, Digest::of(&config_bytes), config_bytes.len() as u64);
    let mut names = BTreeMap::from([(config_descriptor.digest, item.config.clone())]);
    let mut layers = Vec::new();
    for (index, (name, diff_id)) in item.layers.iter().zip(diff_ids).enumerate() {
        let Some(layer) = tarball.file(name).map_err(failed)? else {
            let (file, name) = (file.to_owned(), name.clone());
            return Err(ReadError::NoLayerFile { file, number: index + 1, name });
        };
        let descriptor = described(layer).map_err(failed)?;
        names.insert(descriptor.digest, name.clone());
        layers.push(StoredLayer { descriptor, diff_id: *diff_id });
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::Manifest),
        config: config_descriptor.clone(),
        layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        annotations: BTreeMap::new(),
    };
    let document =
        Document::new(MediaType::Manifest, &manifest).map_err(|error| failed(io::Error::other(error)))?;
    if let Some(Made { wanted, there }) = made.filter(|it| it.wanted != document.descriptor.digest) {
        return Err(ReadError::Reference { file: file.to_owned(), wanted: wanted.to_string(), there });
    }
    Ok(StoredImage {
        file: file.to_owned(),
        blobs: Box::new(NamedFiles { tarball, names }),
        digest: document.descriptor.digest,
        has_manifest: false,
        name: item.repo_tags.and_then(|tags| tags.into_iter().next()),
        annotations: BTreeMap::new(),
        config,
        config_descriptor,
        config_bytes,
        layers,
    })
}

/// A digest that the manifest that is made of an image must have, and what there is if it has another one.
struct Made {
    wanted: Digest,
    there: Vec<String>,
}

/// The one image that may be meant. Where several are in a tarball, each is called by its configuration, and not by what is made of it.
fn one(
    file: &Path,
    items: Vec<DockerItem>,
    choice: &Choice<'_>,
) -> Result<(DockerItem, Option<Made>), ReadError> {
    let names = |item: &DockerItem| item.repo_tags.clone().unwrap_or_default();
    // Where several have one name, only their configurations tell them apart.
    let is_own = |name: &String| items.iter().filter(|it| names(it).contains(name)).count() == 1;
    let there: Vec<String> = items
        .iter()
        .map(|item| names(item).into_iter().find(is_own).unwrap_or_else(|| item.config.clone()))
        .collect();
    let file = file.to_owned();
    let fits = |item: &DockerItem| match choice.reference {
        None => true,
        Some(wanted) => item.config == wanted || names(item).iter().any(|name| name == wanted),
    };
    let (mut fitting, mut others): (Vec<DockerItem>, Vec<DockerItem>) = items.into_iter().partition(fits);
    if let (true, [_], Some(Ok(wanted))) = (fitting.is_empty(), &others[..], choice.reference.map(str::parse))
        && let Some(item) = others.pop()
    {
        return Ok((item, Some(Made { wanted, there })));
    }
    match (fitting.len(), fitting.pop(), choice.reference) {
        (1, Some(item), _) => Ok((item, None)),
        (0, _, Some(wanted)) if !there.is_empty() => {
            Err(ReadError::Reference { file, wanted: wanted.to_owned(), there })
        }
        (0, ..) => Err(ReadError::Empty { file }),
        _ => Err(ReadError::Ambiguous { file, there }),
    }
}

fn platform(file: &Path, config: &ImageConfig, wanted: Platform) -> Result<(), ReadError> {
    if (config.os.as_str(), config.architecture.as_str()) == (wanted.os(), wanted.architecture()) {
        return Ok(());
    }
    let there = vec![format!("{}/{}", config.os, config.architecture)];
    Err(ReadError::Platform { file: file.to_owned(), wanted, there })
}

/// The descriptor of a layer that stands in the tarball without one.
fn described(layer: impl Read) -> io::Result<Descriptor> {
    let mut reader = HashReader::new(layer);
    let mut head = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut head)?;
    io::copy(&mut reader, &mut io::sink())?;
    let (digest, size) = reader.finish();
    Ok(Descriptor::new(sniffed(&head), digest, size))
}
