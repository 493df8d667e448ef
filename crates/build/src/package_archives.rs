//! Getting the archives of a variant's packages: from the store, a folder, or the mirrors that its spec names.

use std::collections::BTreeMap;
use std::sync::Arc;

use debian::Mirror;
use futures::future::BoxFuture;
use lock::{PypiBuild, PypiPackage};
use net::Locations;
use pypi::{DownloadError, PackageFinder};
use secret::{SecretText, SecretUrl};
use spec::{Base, Variant};
use tokio::runtime::Handle;
use url::Url;

use crate::debian_base::{expanded, snapshot_mirror};
use crate::error::ArchiveFailure;
use crate::fetch_failure::FetchFailure;
use crate::locked_package::{LockedPackage, verify_archives};
use crate::secrets::secrets;
use crate::{BuildError, Context};

/// What builds the wheels of a lock anew that are nowhere.
pub(crate) trait WheelRebuilder: Send + Sync {
    /// Builds one into the store. An error is told with the wheel that it was to be.
    fn rebuild<'a>(
        &'a self,
        package: &'a PypiPackage,
        build: &'a PypiBuild,
    ) -> BoxFuture<'a, Result<(), BuildError>>;
}

/// Gets the archives of one variant, from the mirrors that its spec names.
#[derive(Clone)]
pub(crate) struct PackageArchives {
    context: Context,
    channels: Arc<[conda::Served]>,
    base: Option<DebianMirror>,
    wheels: Option<PackageFinder>,
    rebuilder: Option<Arc<dyn WheelRebuilder>>,
    handle: Handle,
}

/// Where a Debian base comes from. The mirror is looked for when an archive is missing: a build that lacks none needs none.
#[derive(Clone)]
struct DebianMirror {
    /// The archives of a snapshot, which come before any other mirror.
    snapshot: Option<Mirror>,
    given: Option<SecretText>,
    suite: &'static str,
    /// The roots of further repositories, by name.
    repositories: BTreeMap<String, SecretUrl>,
}

impl PackageArchives {
    /// What gets them for a variant. It is made inside the runtime that will do the downloads.
    ///
    /// # Errors
    ///
    /// When a channel of the spec is none.
    pub(crate) fn new(variant: &Variant, context: &Context) -> Result<Self, BuildError> {
        let channels = match &variant.conda {
            None => Vec::new(),
            Some(conda) => {
                let names = conda.channels.iter().map(|channel| &channel.name);
                let settings = context.channel_settings()?;
                let (root, variables) = (&context.folder, &context.variables);
                let place = conda::Place { root, variables, settings: &settings };
                conda::serving_channels(names, &conda.mirrors, place)?
            }
        };
        let base = match &variant.base {
            Base::Scratch | Base::Layout(_) => None,
            Base::Debian(base) => Some(DebianMirror {
                snapshot: base
                    .snapshot
                    .as_ref()
                    .map(|snapshot| snapshot_mirror(snapshot, &context.variables))
                    .transpose()?,
                given: base.mirror.as_ref().map(|it| expanded(it.secret(), &context.variables)),
                suite: base.suite.as_str(),
                repositories: repositories(base, &context.variables)?,
            }),
        };
        let context = context.knowing(&secrets(variant, &channels, context));
        let (channels, handle) = (channels.into(), Handle::current());
        Ok(Self { context, channels, base, wheels: None, rebuilder: None, handle })
    }

    /// The same, which gets wheels as well.
    pub(crate) fn with_wheels(self, wheels: PackageFinder, rebuilder: Arc<dyn WheelRebuilder>) -> Self {
        Self { wheels: Some(wheels), rebuilder: Some(rebuilder), ..self }
    }

    /// Where an archive is to be had; nothing where its URL is none.
    fn locations(&self, needed: &LockedPackage) -> Result<Option<Locations>, BuildError> {
        match needed {
            LockedPackage::Conda(package) => Ok(conda::locations(&self.channels, &package.url)
                .or_else(|| Url::parse(&package.url).ok().map(Locations::from))),
            // See `PackageFinder`.
            LockedPackage::Pypi(_) => Ok(None),
            LockedPackage::Debian(package) => {
                let Some(base) = &self.base else { return Ok(None) };
                if let Some(root) = base.repositories.get(&package.archive) {
                    return Ok(debian::url(package, root).map(Locations::from));
                }
                let mirror = match &base.snapshot {
                    Some(snapshot) => snapshot.clone(),
                    None => Mirror::choose(base.given.as_ref(), &self.context.apt, base.suite)?,
                };
                Ok(debian::url(package, mirror.archive(&package.archive)).map(Locations::from))
            }
        }
    }

    /// Gets one archive into the store.
    pub(crate) async fn get(&self, needed: &LockedPackage) -> Result<(), BuildError> {
        let (name, size) = (needed.archive_name(), needed.size());
        let sha256 = needed.sha256();
        if self.context.store.archive(&sha256)?.is_some() {
            return Ok(());
        }
        let nowhere = || net::NetError::NotFound { url: name.clone() };
        let failed =
            |error: FetchFailure| ArchiveFailure::Fetch { name: name.clone(), error: Box::new(error) };
        if let Some(vendor) = &self.context.vendor {
            let (fetcher, vendor) = (self.context.fetcher.clone(), Arc::clone(vendor));
            let taken = tokio::task::spawn_blocking(move || fetcher.vendored(&vendor, &sha256)).await?;
            return Ok(taken.map_err(failed)?);
        }
        if let (LockedPackage::Pypi(package), Some(rebuilder)) = (needed, &self.rebuilder)
            && let Some(build) = &package.build
        {
            return rebuilder.rebuild(package, build).await;
        }
        if let (LockedPackage::Pypi(package), Some(wheels)) = (needed, &self.wheels) {
            return wheels.get(package).await.map_err(|error| wheel_failure(package, error));
        }
        let from = self.locations(needed)?.ok_or_else(|| failed(nowhere().into()))?;
        let fetcher = match needed {
            LockedPackage::Conda(_) => self.context.channel_fetcher()?,
            LockedPackage::Debian(_) | LockedPackage::Pypi(_) => self.context.fetcher.clone(),
        };
        let fetched = fetcher.archive(&name, from, sha256, size).await;
        fetched.map_err(|error| match (error, needed) {
            (FetchFailure::Net(net::NetError::NotFound { url }), LockedPackage::Debian(_)) => {
                failed(FetchFailure::Gone(url))
            }
            (error, _) => failed(error),
        })?;
        Ok(())
    }

    /// Gets archives and checks them, from a thread that may block.
    pub(crate) fn get_all(&self, needed: &[LockedPackage]) -> Result<(), BuildError> {
        self.handle.block_on(async {
            for one in needed {
                self.get(one).await?;
            }
            Ok::<(), BuildError>(())
        })?;
        verify_archives(needed, &self.context.store)
    }
}

/// A wheel that cannot be had, by its name.
pub(crate) fn wheel_failure(package: &PypiPackage, error: DownloadError) -> BuildError {
    let error = match error {
        DownloadError::Index(error) => FetchFailure::Index(error),
        DownloadError::Fetch(error) => FetchFailure::Wheel(error),
    };
    ArchiveFailure::Fetch { name: package.filename.clone(), error: Box::new(error) }.into()
}

fn repositories(
    base: &spec::Debian,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, SecretUrl>, BuildError> {
    let root = |it: &spec::Repository| {
        Ok((it.name.to_string(), Mirror::new(&expanded(it.url.secret(), variables))?.main))
    };
    base.sources.iter().map(root).collect()
}
