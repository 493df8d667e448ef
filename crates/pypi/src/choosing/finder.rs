//! What finds the wheels of one variant, and gets them: uv, with the settings and credentials of the indexes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveError, ArchiveSource};
use imgbuild_layer::KeyHasher;
use imgbuild_lock::{Archive, PypiPackage};
use imgbuild_net::{ArchiveRequest, Archives, Client, FetchError};
use imgbuild_oci::{Digest, Platform};
use imgbuild_secret::SecretUrl;
use imgbuild_spec::AllowBuilds;
use imgbuild_store::Store;
use tokio::sync::OnceCell;

use crate::choosing::building::NothingBuilt;
use crate::choosing::locking::Locking;
use crate::choosing::locking_error::LockingError;
use crate::choosing::provided::NothingProvided;
use crate::choosing::request::{Request, Requirement};
use crate::choosing::tool::VERSION;
use crate::choosing::uv::Uv;
use crate::index::fetch::WheelReader;
use crate::index::pytorch::PytorchIndex;
use crate::index::settings::Settings;

/// What finds wheels for one variant, and gets them.
#[derive(Clone)]
pub struct PackageFinder {
    request: Request,
    settings: Settings,
    client: Client,
    archives: Arc<dyn Archives>,
    store: Store,
    /// The platform of this machine.
    host: Platform,
    /// Where programs are, as `PATH` says it.
    programs: OsString,
    /// The wheels of the lock.
    packages: Arc<[PypiPackage]>,
    /// Where those are that the store lacks.
    located: Arc<OnceCell<BTreeMap<Digest, SecretUrl>>>,
}

/// What a [`PackageFinder`] works with.
pub struct FinderParts {
    /// The settings of the indexes.
    pub settings: Settings,
    /// What downloads, with the credentials of the indexes.
    pub client: Client,
    /// What gets archives, by the same client.
    pub archives: Arc<dyn Archives>,
    /// Where they are kept.
    pub store: Store,
    /// The platform of this machine.
    pub host: Platform,
    /// Where programs are, as `PATH` says it.
    pub programs: OsString,
}

/// A wheel that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DownloadError {
    /// No index has it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(Box<LockingError>),
    /// It cannot be downloaded.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
}

impl From<LockingError> for DownloadError {
    fn from(error: LockingError) -> Self {
        Self::Index(Box::new(error))
    }
}

impl PackageFinder {
    /// What finds what is requested.
    pub fn new(request: Request, parts: FinderParts) -> Self {
        let FinderParts { settings, client, archives, store, host, programs } = parts;
        let (packages, located) = (Arc::new([]), Arc::default());
        Self { request, settings, client, archives, store, host, programs, packages, located }
    }

    /// The same, which looks for all of these at once when the first one is asked for.
    pub fn knowing(self, packages: impl IntoIterator<Item = PypiPackage>) -> Self {
        Self { packages: packages.into_iter().collect(), ..self }
    }

    /// What is requested: whoever locks says what is there and what may stay.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// uv: from the PATH, or taken once.
    pub async fn uv(&self) -> Result<Uv, LockingError> {
        let (path, store, host) = (self.programs.clone(), self.store.clone(), self.host);
        let find = move || match Uv::find(&path) {
            Ok(uv) => Ok(uv),
            Err(_) => {
                let key = KeyHasher::new("uv").field("version", VERSION);
                // The machines of one home directory may be of several kinds.
                let key = key.field("host", host.to_string()).finish();
                let take = |folder: &Path| Uv::find_or_take(&path, folder);
                take(&store.filled_tool(&key, |folder| take(folder).map(drop))?)
            }
        };
        Ok(tokio::task::spawn_blocking(find).await.map_err(std::io::Error::other)??)
    }

    /// What reads wheels' metadata.
    pub fn reader(&self) -> WheelReader<'_> {
        WheelReader { client: &self.client, archives: &*self.archives, store: &self.store }
    }

    /// What downloads, with the credentials of the indexes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What gets archives, with the credentials of the indexes.
    pub fn archives(&self) -> &Arc<dyn Archives> {
        &self.archives
    }

    /// The settings of the indexes.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where wheels and source distributions are, by their hashes; asked `anew`, where nothing is remembered.
    ///
    /// # Errors
    ///
    /// When uv cannot be had or fails, or no index has one of them any more.
    pub async fn locate(
        &self,
        packages: &[&PypiPackage],
        anew: bool,
    ) -> Result<BTreeMap<Digest, SecretUrl>, LockingError> {
        let uv = self.uv().await?;
        self.locking(&uv).locate(&self.request, packages, anew).await
    }
}

impl PackageFinder {
    /// Locks what wheels are built with: for the image's Python, and wheels only.
    ///
    /// # Errors
    ///
    /// When they cannot be chosen or read.
    pub async fn lock_requirements(
        &self,
        requirements: Vec<String>,
    ) -> Result<Vec<PypiPackage>, LockingError> {
        let uv = self.uv().await?;
        let request = Request {
            requirements: requirements.into_iter().map(Requirement::new).collect(),
            constraints: Vec::new(),
            allow_builds: AllowBuilds::None,
            cuda: None,
            pytorch: PytorchIndex::default(),
            require_hashes: false,
            ..self.request.clone()
        };
        let locked = self.locking(&uv).lock(&request).await?;
        Ok(locked.wheels.into_iter().map(|chosen| chosen.package).collect())
    }

    /// Gets a wheel into the store.
    ///
    /// # Errors
    ///
    /// When no index has it, or it cannot be had.
    pub async fn get(&self, package: &PypiPackage) -> Result<(), DownloadError> {
        let url = self.url(package).await?;
        match self.download(package, url.clone()).await {
            // An index may have moved its files since.
            Err(FetchError::NotFound(_)) if package.url.is_none() => {
                let mut located = self.locate(&[package], true).await?;
                Ok(self.download(package, located.remove(&package.sha256).unwrap_or(url)).await?)
            }
            result => Ok(result?),
        }
    }

    async fn download(&self, package: &PypiPackage, url: SecretUrl) -> Result<(), FetchError> {
        let wanted = ArchiveRequest {
            name: package.filename.clone(),
            from: url.into(),
            sha256: Some(package.sha256),
            size: package.size,
        };
        self.archives.fetch(wanted).await.map(drop)
    }

    /// Where a wheel is. All that the variant lacks are looked for at once, when the first one is.
    async fn url(&self, package: &PypiPackage) -> Result<SecretUrl, LockingError> {
        let gone = || LockingError::Gone { filename: package.filename.clone(), name: package.name.clone() };
        let all = self.located.get_or_try_init(|| async {
            let is_missing = |it: &&PypiPackage| !matches!(self.store.archive(&it.sha256), Ok(Some(_)));
            let missing: Vec<&PypiPackage> = self.packages.iter().filter(is_missing).collect();
            self.locate(&missing, false).await
        });
        if let Some(url) = all.await?.get(&package.sha256) {
            return Ok(url.clone());
        }
        self.locate(&[package], false).await?.remove(&package.sha256).ok_or_else(gone)
    }

    /// What uv is asked by.
    pub(crate) fn locking<'a>(&'a self, uv: &'a Uv) -> Locking<'a> {
        Locking {
            uv,
            settings: &self.settings,
            metadata: self.reader(),
            provided: &NothingProvided,
            builder: &NothingBuilt,
        }
    }
}

/// Those wheels that it knows, at the indexes.
impl ArchiveSource for PackageFinder {
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>> {
        let package = self.packages.iter().find(|package| package.sha256 == archive.sha256)?;
        Some(Self::get(self, package).map(|got| got.map_err(ArchiveError::fetch)).boxed())
    }
}
