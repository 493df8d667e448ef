//! What a build works with.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use imgbuild_conda::{ChannelSettings, CondarcError};
use imgbuild_lock::ImageBase;
use imgbuild_net::Client;
use imgbuild_oci::{Digest, Platform, Reference};
use imgbuild_registry::{Registries, RegistryError};
use imgbuild_secret::KnownSecrets;
use imgbuild_spec::RegistryImage;
use imgbuild_store::{LayerCaches, Store};

use crate::error::ArchiveFailure;
use crate::events::Reporter;
use crate::fetching::Fetcher;
use crate::registry_layers::RegistryLayers;
use crate::vendor_folder::Vendor;

/// What a build works with: everything that comes from the machine rather than from spec and lock.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub store: Store,
    /// Where layers are looked for: the store, the registries of the images that others stand on, and what the user trusts beside
    /// these.
    pub layers: LayerCaches,
    /// What gets archives into the store.
    pub fetcher: Fetcher,
    /// Who is told what happens.
    pub reporter: Arc<dyn Reporter>,
    /// The platform of this machine.
    pub host: Platform,
    /// How many threads work.
    pub threads: NonZero<u32>,
    /// The time, in seconds since 1970: signatures and indexes expire. It reaches no image.
    pub now: i64,
    /// `SOURCE_DATE_EPOCH`: when images count as created, instead of the newest package's time.
    pub source_date_epoch: Option<i64>,
    /// Where the machine's apt keeps its sources.
    pub apt: PathBuf,
    /// The variables of this process: they say where programs are, and which indexes uv and pip use.
    pub variables: BTreeMap<String, String>,
    /// The folder that archives come from, instead of the network.
    pub vendor: Option<Arc<Vendor>>,
    /// The file of Sigstore's keys, where it is not those that this version was made with.
    pub trusted_root: Option<PathBuf>,
    /// The folder of the spec: channels that are paths are relative to it.
    pub folder: PathBuf,
    /// Whether an archive goes when the layers are there that are made of it.
    pub discards_archives: bool,
    /// The archives of interpreters that may have to run here.
    run_from: Arc<Mutex<BTreeSet<Digest>>>,
    /// Why interpreters compiled outside of the sandbox, where they did.
    pub unconfined: Arc<OnceLock<String>>,
    /// conda's own settings on this machine, and the client that they make, where they were read already.
    channels: Arc<OnceLock<(Arc<ChannelSettings>, Client)>>,
    /// What speaks to registries of images, where one was spoken to already.
    registries: Arc<OnceLock<Registries>>,
    /// What has the layers of images of registries.
    registry_layers: RegistryLayers,
}

impl Context {
    /// A context for this machine.
    pub fn new(store: Store, client: Client, reporter: Arc<dyn Reporter>, host: Platform, now: i64) -> Self {
        let fetcher = Fetcher::new(client, store.clone(), Arc::clone(&reporter));
        let cores =
            std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok());
        let registry_layers = RegistryLayers::new(store.clone(), Arc::clone(&reporter));
        Self {
            layers: LayerCaches::new(store.clone()).with(Arc::new(registry_layers.clone())),
            registry_layers,
            store,
            fetcher,
            reporter,
            host,
            threads: cores.and_then(NonZero::new).unwrap_or(NonZero::<u32>::MIN),
            now,
            source_date_epoch: None,
            apt: PathBuf::from("/etc/apt"),
            // What is no text names no index and no program.
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            vendor: None,
            trusted_root: None,
            folder: PathBuf::new(),
            discards_archives: false,
            run_from: Arc::default(),
            unconfined: Arc::default(),
            channels: Arc::default(),
            registries: Arc::default(),
        }
    }

    /// Says that an interpreter may have to run here, which is read from these archives.
    pub fn will_run_from(&self, archives: impl IntoIterator<Item = Digest>) {
        self.run_from.lock().unwrap_or_else(PoisonError::into_inner).extend(archives);
    }

    /// Whether an interpreter that may have to run here is read from this archive.
    pub fn runs_from(&self, archive: &Digest) -> bool {
        self.run_from.lock().unwrap_or_else(PoisonError::into_inner).contains(archive)
    }

    /// What conda's own settings say of channels. They are read once, and only where channels are needed.
    ///
    /// # Errors
    ///
    /// When they cannot be read or used.
    pub fn channel_settings(&self) -> Result<Arc<ChannelSettings>, CondarcError> {
        Ok(Arc::clone(&self.channels()?.0))
    }

    /// What gets archives from channels: as conda's own settings say how servers are reached.
    ///
    /// # Errors
    ///
    /// When these cannot be read or used.
    pub fn channel_fetcher(&self) -> Result<Fetcher, CondarcError> {
        let client = self.channels()?.1.knowing_what(self.fetcher.client());
        Ok(self.fetcher.with_client(client))
    }

    fn channels(&self) -> Result<&(Arc<ChannelSettings>, Client), CondarcError> {
        if let Some(known) = self.channels.get() {
            return Ok(known);
        }
        let settings = ChannelSettings::read(&self.variables, Path::new("/"))?;
        let client = settings.client(self.fetcher.client())?;
        Ok(self.channels.get_or_init(|| (Arc::new(settings), client)))
    }

    /// What speaks to registries of images, as this machine's files say. All parts of a run share what it learns of them.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or no certificates can be had.
    pub fn registries(&self) -> Result<Registries, RegistryError> {
        if let Some(known) = self.registries.get() {
            return Ok(known.clone());
        }
        let registries = Registries::of_machine(self.fetcher.client(), &self.variables, Path::new("/"))?;
        Ok(self.registries.get_or_init(|| registries).clone())
    }

    /// The registries that are spoken to in this run, now or later: without anything else of it.
    pub fn spoken_to(&self) -> Arc<OnceLock<Registries>> {
        Arc::clone(&self.registries)
    }

    /// Has blobs of an image of a registry come from there where they are read.
    ///
    /// # Errors
    ///
    /// When registries cannot be spoken to at all.
    pub fn know_blobs(
        &self,
        image: &Reference,
        blobs: impl IntoIterator<Item = (Digest, u64)>,
    ) -> Result<(), ArchiveFailure> {
        let registries = self.registries().map_err(ArchiveFailure::from)?;
        self.registry_layers.know(&registries, image, blobs);
        Ok(())
    }

    /// The same of what a lock says of one that others stand on.
    ///
    /// # Errors
    ///
    /// As for [`Self::know_blobs`].
    pub fn know_base(&self, image: &RegistryImage, locked: &ImageBase) -> Result<(), ArchiveFailure> {
        let layers = locked.layers.iter().map(|layer| (layer.digest, layer.size));
        self.know_blobs(&image.reference, layers.chain([(locked.config, locked.config_size)]))
    }

    /// The same, which knows these secrets as well.
    pub fn knowing(&self, known: &KnownSecrets) -> Self {
        Self { fetcher: self.fetcher.knowing(known), ..self.clone() }
    }
}
