//! An existing image as what ours stands on: finding it again, and taking its layers over.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_lock::{ImageBase, ImageBaseLayer};
use imgbuild_oci::{
    BlobError, ContainerConfig, Descriptor, HashReader, History, ImageConfig, ImageLayer, Platform,
    ReadError, Reference, StoredImage,
};
use imgbuild_runtime::{AccountFiles, BaseStart, Start};
use imgbuild_spec::{Layout, RegistryImage};
use imgbuild_store::{LayerCaches, LayerRecord, Store};

use crate::content::{BaseContent, unpack};
use crate::failure::{BaseFailure, Named};
use crate::kept::{key, read_view, view, view_path};
use crate::reading::{gone, kept_config, remote, stored, unreadable};
use crate::view::BaseView;
use crate::{BaseError, ShellFile};

const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// An existing image that a variant stands on.
pub struct BaseImage {
    /// What its layers hold.
    pub(crate) view: BaseView,
    config: ImageConfig,
    locked: ImageBase,
    /// The file or folder that its layers are copied from into the store; nothing where it is gone and the store has everything,
    /// and for an image of a registry, whose layers come when they are read.
    stored: Option<StoredImage>,
    pub(crate) named: Named,
    /// What an image of a registry is called.
    reference: Option<Reference>,
}

impl BaseImage {
    /// The image that a variant was locked with.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or was changed since.
    pub fn open(
        locked: &ImageBase,
        layout: &Layout,
        platform: Platform,
        store: &Store,
    ) -> Result<Self, BaseFailure> {
        let (locked, named) = (locked.clone(), Named::from(layout));
        match stored(layout, platform) {
            Ok(stored) if stored.digest != locked.manifest => Err(BaseFailure::BaseChanged {
                base: layout.text.clone(),
                locked: locked.manifest,
                found: stored.digest,
            }),
            Ok(stored) => {
                let view = view(&stored, platform, store, &named)?;
                let config = stored.config.clone();
                Ok(Self { view, config, locked, stored: Some(stored), named, reference: None })
            }
            Err(ReadError::Open { error, .. }) if is_absent(&error) && is_kept(&locked, store) => {
                let config = kept_config(&locked, store).and_then(|it| Ok(serde_json::from_slice(&it)?));
                let config = config.map_err(|error| gone(layout, error))?;
                let kept = view_path(&key(&locked, platform), store);
                let Some(view) = read_view(&kept) else {
                    return Err(gone(layout, io::Error::from(io::ErrorKind::NotFound)));
                };
                Ok(Self { view, config, locked, stored: None, named, reference: None })
            }
            Err(error) => Err(BaseFailure::of(&named, error)),
        }
    }

    /// The image of a registry that a variant was locked with: by what the lock holds of it. Where the lock holds nothing, its
    /// configuration and what its layers hold are read from `layers`.
    ///
    /// # Errors
    ///
    /// When the lock is damaged, or what is read is not what it should be.
    pub fn of_registry(
        locked: &ImageBase,
        image: &RegistryImage,
        platform: Platform,
        layers: &LayerCaches,
    ) -> Result<Self, BaseFailure> {
        let named = Named::from(image);
        let content = unpack(locked).map_err(|error| BaseFailure::of(&named, BaseError::Content(error)))?;
        let (config, view) = match content {
            Some(BaseContent { config, view }) => {
                (serde_json::from_str(&config).map_err(io::Error::from), view)
            }
            None => {
                let stored = remote(locked, &named, layers)?;
                (Ok(stored.config.clone()), view(&stored, platform, layers.store(), &named)?)
            }
        };
        let config = config.map_err(|error| BaseFailure::of(&named, BaseError::Content(error)))?;
        let reference = Some(image.reference.clone());
        Ok(Self { view, config, locked: locked.clone(), stored: None, named, reference })
    }

    /// What the image is called, where it is one of a registry: its layers are in that repository.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Its configuration.
    pub fn config(&self) -> &ContainerConfig {
        &self.config.config
    }

    /// The folders whose mode or owner is not 0755 and `root:root`.
    pub fn special_folders(&self) -> impl Iterator<Item = (&ImagePath, u32, Owner)> {
        self.view.special_folders()
    }

    /// How many layers it has.
    pub fn layers(&self) -> u32 {
        u32::try_from(self.locked.layers.len()).unwrap_or(u32::MAX)
    }

    /// The digests of its uncompressed layers.
    pub fn diff_ids(&self) -> impl Iterator<Item = String> {
        self.locked.layers.iter().map(|layer| layer.diff_id.to_string())
    }

    /// Puts its layers and its configuration into the store, where they are not there: from then on they are like any
    /// other layer's blobs. Each is checked on the way.
    ///
    /// # Errors
    ///
    /// When one of them is not what its digest says, or the store cannot be written.
    pub fn keep(&self, store: &Store) -> Result<(), BaseFailure> {
        let Some(stored) = &self.stored else { return Ok(()) };
        if store.blob(&self.locked.config)?.is_none() {
            let mut writer = store.blob_writer()?;
            writer.write_all(&stored.config_bytes).map_err(|error| unreadable(&self.named, error))?;
            writer.commit(&stored.config_descriptor)?;
        }
        for (number, layer) in self.locked.layers.iter().enumerate() {
            if store.blob(&layer.digest)?.is_none() {
                self.copy(number, &layer.descriptor(), stored, store)?;
            }
        }
        Ok(())
    }

    fn copy(
        &self,
        number: usize,
        layer: &Descriptor,
        stored: &StoredImage,
        store: &Store,
    ) -> Result<(), BaseFailure> {
        let Descriptor { digest, size, .. } = *layer;
        let failed = |error: BlobError| {
            let (file, number) = (stored.file().to_owned(), number + 1);
            let fault = Box::new(error.into());
            BaseFailure::of(&self.named, ReadError::Layer { file, number, digest, fault })
        };
        let blob = stored.blobs().open(&digest).map_err(failed)?;
        let mut reader = HashReader::new(blob.take(size.saturating_add(1)));
        let mut writer = store.blob_writer()?;
        io::copy(&mut reader, &mut writer).map_err(|error| failed(BlobError::Read { digest, error }))?;
        let (found, read) = reader.finish();
        if read != size {
            return Err(failed(BlobError::Size { digest, wanted: size, found: read }));
        }
        if found != digest {
            return Err(failed(BlobError::Digest { wanted: digest, found }));
        }
        writer.commit(layer)?;
        Ok(())
    }

    /// Its layers as the store has them.
    pub fn records(&self) -> Vec<LayerRecord> {
        let record = |layer: &ImageBaseLayer| LayerRecord {
            messages: String::new(),
            descriptor: layer.descriptor(),
            diff_id: layer.diff_id,
            size: layer.uncompressed_size,
            archives: Vec::new(),
            notes: Vec::new(),
        };
        self.locked.layers.iter().map(record).collect()
    }

    /// Its layers as the store has them, each with what a report calls it.
    pub fn titled_records(&self) -> Vec<(String, LayerRecord)> {
        let name = self.locked.name.as_deref().unwrap_or(&self.named.text);
        let count = self.locked.layers.len();
        let records = self.records().into_iter().enumerate();
        records.map(|(index, record)| (format!("{name}, layer {} of {count}", index + 1), record)).collect()
    }

    /// Its layers with their history. Where the history does not fit the layers, each layer gets an item that says whose
    /// it is. The items behind the last layer are given beside.
    pub fn image_layers(&self) -> (Vec<ImageLayer>, Vec<History>) {
        let items = &self.config.history;
        let with_layer = items.iter().filter(|item| !item.empty_layer).count();
        let own = |(title, record): (String, LayerRecord)| {
            let history = History { comment: title, ..History::default() };
            ImageLayer::new(record.descriptor, record.diff_id, history)
        };
        let mut layers: Vec<ImageLayer> = self.titled_records().into_iter().map(own).collect();
        if with_layer != layers.len() {
            return (layers, Vec::new());
        }
        let (mut empty, mut next) = (Vec::new(), layers.iter_mut());
        for item in items {
            if item.empty_layer {
                empty.push(item.clone());
            } else if let Some(layer) = next.next() {
                layer.history = item.clone();
                layer.before = std::mem::take(&mut empty);
            }
        }
        (layers, empty)
    }

    /// The annotations that say what an image stands on.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let digest = self.locked.has_manifest.then(|| self.locked.manifest.to_string());
        // A name that everybody reads alike has its registry with it.
        let name = self.reference.as_ref().map(Reference::full).or_else(|| self.locked.name.clone());
        let named = [("name", name), ("digest", digest)];
        let annotation = |(key, value): (&str, Option<String>)| Some((format!("{BASE_KEYS}{key}"), value?));
        named.into_iter().filter_map(annotation).collect()
    }

    /// Its labels, but for those that say what it stands on itself.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.config.config.labels.clone();
        labels.into_iter().filter(|(key, _)| !key.starts_with(BASE_KEYS)).collect()
    }

    /// What it starts, with a program as process 1 that it has itself, or that its environment has.
    pub fn start(&self, environment_init: Option<String>) -> BaseStart {
        let config = &self.config.config;
        BaseStart {
            start: Start { entrypoint: config.entrypoint.clone(), cmd: config.cmd.clone() },
            init: self.view.init().or(environment_init),
            shell: self.shell().map(str::to_owned),
        }
    }

    /// Its shell.
    pub fn shell(&self) -> Option<&'static str> {
        SHELLS.into_iter().find(|shell| self.view.has_program(shell))
    }

    /// Checks that what is written for bash can be run.
    ///
    /// # Errors
    ///
    /// When the image has no bash.
    pub fn needs_bash(&self, what: &str) -> Result<(), BaseFailure> {
        if self.view.has_program("/bin/bash") {
            return Ok(());
        }
        let (base, what) = (self.named.text.clone(), what.to_owned());
        Err(BaseFailure::BaseShell { base, what, asked: self.named.asked() })
    }

    /// Checks that an environment can stand at a prefix.
    ///
    /// # Errors
    ///
    /// When a link of the image leads there, or it has something there.
    pub fn check_prefix(&self, prefix: &ImagePath) -> Result<(), BaseFailure> {
        self.view.check_prefix(prefix).map_err(|error| BaseFailure::of(&self.named, error))
    }

    /// Where a file must be written to be found at a path.
    ///
    /// # Errors
    ///
    /// When it would be written over a folder or a link of the image.
    pub fn file_path(&self, path: &ImagePath) -> Result<ImagePath, BaseFailure> {
        self.view.file_path(path).map_err(|error| BaseFailure::of(&self.named, error))
    }

    /// The same of a folder; nothing where the image has it.
    ///
    /// # Errors
    ///
    /// When the image has something else there.
    pub fn new_folder(&self, path: &ImagePath) -> Result<Option<ImagePath>, BaseFailure> {
        let found = self.view.folder_path(path).map_err(|error| BaseFailure::of(&self.named, error))?;
        Ok(found.filter(|(_, present)| !present).map(|(path, _)| path))
    }

    /// The number of a user, as a configuration names it.
    ///
    /// # Errors
    ///
    /// When the image does not know the user.
    pub fn user_number(&self, name: &str) -> Result<u32, BaseFailure> {
        let known = self.view.facts.user(name).map(|(uid, _)| uid);
        let unknown = || BaseFailure::BaseUser { base: self.named.text.clone(), user: name.to_owned() };
        known.ok_or_else(unknown)
    }

    /// Whether it has a program.
    pub fn has_program(&self, path: &str) -> bool {
        self.view.has_program(path)
    }

    /// Whether it has a file, by its path without a link in it.
    pub fn has_file(&self, path: &str) -> bool {
        self.view.has_file(path)
    }

    /// Its layout or tarball, or its reference, as it is written.
    pub fn name(&self) -> &str {
        &self.named.text
    }

    /// The name and the home of the user that it runs as, where it knows one.
    pub fn login(&self) -> Option<(String, String)> {
        let (uid, _) = self.view.facts.user(&self.config.config.user)?;
        self.view.facts.accounts.login(uid)
    }

    /// The files that shells read, as far as images add a line to them.
    pub fn shell_files(&self) -> &[ShellFile] {
        &self.view.facts.shell_files
    }

    /// The files that know its users.
    pub fn accounts(&self) -> AccountFiles {
        self.view.facts.accounts.clone()
    }
}

/// The annotations of the image specification that say what an image stands on.
const BASE_KEYS: &str = "org.opencontainers.image.base.";

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether the store has all of it.
fn is_kept(locked: &ImageBase, store: &Store) -> bool {
    let mut digests = locked.layers.iter().map(|layer| &layer.digest).chain([&locked.config]);
    digests.all(|digest| store.blob(digest).ok().flatten().is_some())
}
