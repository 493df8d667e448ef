//! What images hold, read once: the indexes of their layers are kept in the store, and follow from the layers' bytes.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use imgbuild_archive::{ImagePath, LayerKind};
use imgbuild_diagnostic::plain;
use imgbuild_inventory::{Described, Installed, Inventory, LayerIndex, LayerOwners, Owners, index};
use imgbuild_layer::Merged;
use imgbuild_lock::{Lock, LockedVariant};
use imgbuild_oci::{Digest, Platform};
use imgbuild_store::Store;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{MakeError, OpenFailure};
use crate::image::LOCK_LABEL;
use crate::limits::LOCK_LAYER_LIMIT;
use crate::opening::Opened;
use crate::unpacked::{NamedLayer, read_layer};

/// The forms in which the store keeps what layers hold. Whoever changes what is read of a layer counts them up.
const INDEX_FORM: &str = "layer-index-v3";
const OWNERS_FORM: &str = "layer-owners-v2";

/// The annotation of a manifest that says the first tag of the image.
const VERSION: &str = "org.opencontainers.image.version";

/// Extended attributes by their names, such as `security.capability`.
pub type Attributes = BTreeMap<String, Vec<u8>>;

/// What an image holds, without its files' bytes.
pub struct Contents {
    /// The indexes of its layers, the first first.
    pub layers: Vec<LayerIndex>,
    /// The file system that they make together.
    pub merged: Merged,
    platform: Platform,
    owners: Vec<LayerOwners>,
}

/// The lock that an image was made of, and which of its variants the image is.
pub struct ImageLock {
    /// The text.
    pub text: String,
    /// The lock.
    pub lock: Lock,
    /// The number of the variant, the first being 0.
    pub variant: usize,
}

impl ImageLock {
    /// The variant, with its packages.
    ///
    /// # Errors
    ///
    /// When the lock is damaged.
    pub fn locked(&self) -> Result<LockedVariant<'_>, MakeError> {
        Ok(self.lock.variant(self.variant)?)
    }
}

impl Contents {
    /// What an image holds. Layers that nobody has read before are read, side by side.
    ///
    /// # Errors
    ///
    /// When a layer is not there, is damaged, or engines would make different images of it.
    pub fn of(opened: &Opened, store: &Store) -> Result<Self, MakeError> {
        let queue = Mutex::new(opened.layers.iter().enumerate());
        let done = Mutex::new(vec![None; opened.layers.len()]);
        let work = || -> Result<(), MakeError> {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((number, layer)) = next else { return Ok(()) };
                let read = layer_contents(opened, layer, store)?;
                done.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(read);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(opened.layers.len());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().map_err(|_| MakeError::Died("reading a layer".to_owned()))?
            })
        })?;
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (layers, owners): (Vec<LayerIndex>, Vec<LayerOwners>) = done.into_iter().flatten().unzip();
        let mut merged = Merged::new();
        for (layer, named) in layers.iter().zip(&opened.layers) {
            let digest = named.descriptor.digest;
            merged.lay(&layer.entries).map_err(|error| OpenFailure::Merge { digest, error })?;
        }
        Ok(Self { layers, merged, platform: opened.platform, owners })
    }

    /// What the files of the image say of its packages.
    pub fn installed(&self) -> Installed<'_> {
        Installed::of_layers(&self.layers, &self.merged)
    }

    /// The extended attributes of those of its paths that have any. A hard link has those of what it links to.
    pub fn attributes(&self) -> BTreeMap<&ImagePath, &Attributes> {
        let mut all = BTreeMap::new();
        for (number, layer) in self.layers.iter().enumerate() {
            let mut of_layer: BTreeMap<&ImagePath, &Attributes> = BTreeMap::new();
            for head in &layer.entries {
                let Some(path) = &head.path else { continue };
                let found = match &head.kind {
                    LayerKind::Hardlink(target) => of_layer.get(target).copied(),
                    _ => Some(&head.xattrs).filter(|it| !it.is_empty()),
                };
                match found {
                    Some(found) => of_layer.insert(path, found),
                    None => of_layer.remove(path),
                };
            }
            let is_seen = |path: &ImagePath| self.merged.get(path).is_some_and(|node| node.layer == number);
            all.extend(of_layer.into_iter().filter(|(path, _)| is_seen(path)));
        }
        all
    }

    /// Whose its files are, as they say it.
    pub fn owners(&self) -> Owners {
        Owners::of_layers(&self.owners, &self.merged, self.platform)
    }
}

/// What a layer holds: from the store, or by reading it.
fn layer_contents(
    opened: &Opened,
    layer: &NamedLayer,
    store: &Store,
) -> Result<(LayerIndex, LayerOwners), MakeError> {
    let key = layer.diff_id.0;
    if let (Some(index), Some(owners)) = (kept(store, INDEX_FORM, &key), kept(store, OWNERS_FORM, &key)) {
        return Ok((index, owners));
    }
    let mut found = None;
    read_layer(opened.blobs(), layer, |tar: &mut (dyn Read + Send)| {
        found = Some(index(tar).map_err(plain)?);
        Ok(())
    })?;
    let (index, owners) = found.unwrap_or_default();
    keep(store, INDEX_FORM, &key, &index);
    keep(store, OWNERS_FORM, &key, &owners);
    Ok((index, owners))
}

fn kept<T: DeserializeOwned>(store: &Store, form: &'static str, key: &Digest) -> Option<T> {
    store.documents(form).get(key)
}

fn keep<T: Serialize>(store: &Store, form: &'static str, key: &Digest, document: &T) {
    store.documents(form).put(key, document);
}

/// The lock that an image was made of; nothing of images that others made, or that they laid something over, and nothing where the
/// lock does not say which of its variants the image is.
///
/// It stands in one of the last and smallest layers, so that little of an image in a registry is read.
///
/// # Errors
///
/// When a layer is not there or is damaged, or the lock is not the one that the image says, or cannot be read.
pub fn image_lock(opened: &Opened, store: &Store) -> Result<Option<ImageLock>, MakeError> {
    let Some(stated) = opened.config.labels.get(LOCK_LABEL).filter(|_| opened.is_as_we_made_it()) else {
        return Ok(None);
    };
    let small = opened.layers.iter().rev().filter(|layer| layer.descriptor.size <= LOCK_LAYER_LIMIT);
    let mut other = None;
    for layer in small {
        let (index, _) = layer_contents(opened, layer, store)?;
        for text in index.locks() {
            let found = Digest::of(text);
            if found.to_string() != *stated {
                other = Some(found);
                continue;
            }
            let lock = Lock::parse(text).map_err(OpenFailure::Lock)?;
            return Ok(variant(opened, &lock).map(|variant| ImageLock {
                text: text.to_owned(),
                lock,
                variant,
            }));
        }
    }
    match other {
        Some(found) => Err(OpenFailure::OtherLock { stated: stated.clone(), found }.into()),
        None => Ok(None),
    }
}

/// Which variant of its lock an image is: by its platform, and where several are for that by the tag that its manifest or its file says.
fn variant(opened: &Opened, lock: &Lock) -> Option<usize> {
    let all = lock.variants.iter().enumerate().filter(|(_, it)| it.platform == opened.platform);
    let all: Vec<_> = all.collect();
    let of_name = || opened.name.as_ref()?.tag().map(ToString::to_string);
    let tag = opened.annotations.get(VERSION).cloned().or_else(of_name);
    let has_tag = |variant: &imgbuild_lock::Variant| {
        tag.as_ref().is_some_and(|tag| variant.tags.iter().any(|it| it.to_string() == *tag))
    };
    let of_tag: Vec<_> = all.iter().filter(|(_, variant)| has_tag(variant)).collect();
    match (all.as_slice(), of_tag.as_slice()) {
        ([(only, _)], _) | (_, [(only, _)]) => Some(*only),
        _ => None,
    }
}

/// The packages of an image: by its lock, where it has one that says all of it, else by what its files say.
///
/// # Errors
///
/// As [`Contents::of`] and [`image_lock`].
pub fn inventory(opened: &Opened, store: &Store) -> Result<Inventory, MakeError> {
    let lock = image_lock(opened, store)?;
    let locked = lock.as_ref().map(ImageLock::locked).transpose()?;
    if let Some(locked) = locked.as_ref().filter(|it| it.variant.existing().is_none()) {
        return Ok(Inventory::of_lock(locked, &[]));
    }
    let contents = Contents::of(opened, store)?;
    let installed = contents.installed();
    let mut all = installed.described(&contents.owners(), &contents.merged, opened.platform);
    // Of what both say the lock knows more.
    all.extend(locked.iter().flat_map(|locked| Described::of_lock(locked, &[])));
    Ok(Inventory::of_described(opened.platform, installed.system(), all))
}

/// The packages of an image, with what only their files say, such as the licences of wheels: every layer is read for it.
///
/// # Errors
///
/// As [`inventory`].
pub fn whole_inventory(opened: &Opened, store: &Store) -> Result<Inventory, MakeError> {
    let contents = Contents::of(opened, store)?;
    let installed = contents.installed();
    let described = installed.described(&contents.owners(), &contents.merged, opened.platform);
    let of_files = Inventory::of_described(opened.platform, installed.system(), described);
    Ok(inventory(opened, store)?.filled_from(&of_files))
}
