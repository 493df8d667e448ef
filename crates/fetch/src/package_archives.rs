//! Getting the archives of a variant's packages: from the store, a folder, or where each ecosystem has them.

use std::sync::Arc;

use imgbuild_conda::{ChannelArchives, ServedChannel};
use imgbuild_debian::{MirrorError, Repositories, RepositoryArchives};
use imgbuild_ecosystem::{ArchiveError, ArchiveSource};
use imgbuild_lock::{Archive, CondaPackage, DebianPackage, LockedVariant};
use imgbuild_spec::{Base, Repository, Variant};
use imgbuild_store::Store;
use tokio::runtime::Handle;

use crate::context::Context;
use crate::debian_sources::{expanded, repository_root, snapshot_mirror};
use crate::environments::in_each_environment;
use crate::error::ArchiveFailure;
use crate::fetch_failure::FetchFailure;
use crate::fetching::Fetcher;
use crate::secrets::secrets;

/// Gets archives, from the sources of a variant.
#[derive(Clone)]
pub struct PackageArchives {
    context: Context,
    sources: Vec<Arc<dyn ArchiveSource>>,
    handle: Handle,
}

impl PackageArchives {
    /// What gets them from some sources, which are asked in their order. It is made inside the runtime that will do the
    /// downloads.
    pub fn new(sources: Vec<Arc<dyn ArchiveSource>>, context: &Context) -> Self {
        Self { context: context.clone(), sources, handle: Handle::current() }
    }

    /// What gets those of a variant that are no wheels.
    ///
    /// # Errors
    ///
    /// When a channel or a mirror of the spec is none.
    pub fn of_variant(
        locked: &LockedVariant<'_>,
        variant: &Variant,
        context: &Context,
    ) -> Result<Self, ArchiveFailure> {
        let mut sources: Vec<Arc<dyn ArchiveSource>> = Vec::new();
        // An environment may have channels of its own.
        for (locked, variant) in in_each_environment(locked, variant) {
            if let Some(conda) = &locked.conda {
                sources.push(channels(conda.all_packages(), &variant, context)?);
            }
        }
        if let Some(debian) = &locked.debian {
            sources.extend(repositories(debian.all_packages(), variant, context)?);
        }
        Ok(Self::new(sources, context))
    }

    /// The same, with sources that are asked before the others.
    pub fn with(mut self, sources: impl IntoIterator<Item = Arc<dyn ArchiveSource>>) -> Self {
        self.sources.splice(..0, sources);
        self
    }

    /// Gets one archive into the store.
    pub async fn get(&self, archive: &Archive) -> Result<(), ArchiveFailure> {
        let Archive { name, sha256, .. } = archive;
        if self.context.store.archive(sha256)?.is_some() {
            return Ok(());
        }
        let failed =
            |error: FetchFailure| ArchiveFailure::Fetch { name: name.clone(), error: Box::new(error) };
        if let Some(vendor) = &self.context.vendor {
            let (fetcher, vendor, sha256) =
                (self.context.fetcher.clone(), Arc::clone(vendor), archive.sha256);
            let taken = tokio::task::spawn_blocking(move || fetcher.vendored(&vendor, &sha256)).await?;
            return taken.map_err(failed);
        }
        let nowhere = || failed(imgbuild_net::NetError::NotFound { url: name.clone() }.into());
        let got = self.sources.iter().find_map(|source| source.get(archive)).ok_or_else(nowhere)?;
        got.await.map_err(|error| match error {
            ArchiveError::Nowhere => nowhere(),
            ArchiveError::Place(error) => match imgbuild_diagnostic::downcast::<MirrorError>(error) {
                Ok(error) => ArchiveFailure::from(*error),
                Err(error) => failed(FetchFailure::Source(error)),
            },
            ArchiveError::Fetch(error) => failed(FetchFailure::Source(error)),
            ArchiveError::Build(error) => ArchiveFailure::Rebuild { wheel: name.clone(), error },
        })
    }

    /// Gets archives and checks them, from a thread that may block.
    pub fn get_all(&self, archives: &[Archive]) -> Result<(), ArchiveFailure> {
        self.handle.block_on(async {
            for archive in archives {
                self.get(archive).await?;
            }
            Ok::<(), ArchiveFailure>(())
        })?;
        verify_archives(archives, &self.context.store)
    }
}

/// The channels of a spec, as the source of some packages.
///
/// # Errors
///
/// When one is none, or conda's own settings cannot be used.
fn channels<'a>(
    packages: impl IntoIterator<Item = &'a CondaPackage>,
    variant: &Variant,
    context: &Context,
) -> Result<Arc<dyn ArchiveSource>, ArchiveFailure> {
    let (served, fetcher) = served_channels(variant, context)?;
    Ok(Arc::new(ChannelArchives::new(served.into(), packages, Arc::new(fetcher))))
}

/// Who serves the channels of a variant, and what gets things from there.
///
/// # Errors
///
/// When a channel is none, or conda's own settings cannot be used.
pub(crate) fn served_channels(
    variant: &Variant,
    context: &Context,
) -> Result<(Vec<ServedChannel>, Fetcher), ArchiveFailure> {
    let served = match &variant.conda {
        None => Vec::new(),
        Some(conda) => {
            let names = conda.channels.iter().map(|channel| &channel.name);
            let settings = context.channel_settings()?;
            let (root, variables) = (&context.folder, &context.variables);
            imgbuild_conda::serving_channels(
                names,
                &conda.mirrors,
                imgbuild_conda::ChannelLookup { root, variables, settings: &settings },
            )?
        }
    };
    let fetcher = context.knowing(&secrets(variant, &served, context)).channel_fetcher()?;
    Ok((served, fetcher))
}

/// The repositories of a spec's base, as the source of some packages; nothing where it has none.
///
/// # Errors
///
/// When a mirror is none.
fn repositories<'a>(
    packages: impl IntoIterator<Item = &'a DebianPackage>,
    variant: &Variant,
    context: &Context,
) -> Result<Option<Arc<dyn ArchiveSource>>, ArchiveFailure> {
    let Base::Debian(base) = &variant.base else { return Ok(None) };
    let variables = &context.variables;
    let root = |it: &Repository| Ok((it.name.to_string(), repository_root(it, variables)?));
    let snapshot = base.snapshot.as_ref().map(|snapshot| snapshot_mirror(snapshot, variables));
    let repositories = Repositories {
        snapshot: snapshot.transpose()?,
        given: base.mirror.as_ref().map(|it| expanded(it.secret(), variables)),
        suite: base.suite.as_str().to_owned(),
        apt: context.apt.clone(),
        further: base.sources.iter().map(root).collect::<Result<_, MirrorError>>()?,
    };
    let fetcher = context.knowing(&secrets(variant, &[], context)).fetcher;
    Ok(Some(Arc::new(RepositoryArchives::new(repositories, packages, fetcher))))
}

/// Checks that the archives in the store are what the lock says: nothing is made of anything else.
///
/// # Errors
///
/// When one is not there, or is another.
pub fn verify_archives<'a>(
    archives: impl IntoIterator<Item = &'a Archive>,
    store: &Store,
) -> Result<(), ArchiveFailure> {
    for archive in archives {
        store.verified_archive(&archive.sha256).map_err(|error| ArchiveFailure::Fetch {
            name: archive.name.clone(),
            error: Box::new(error.into()),
        })?;
    }
    Ok(())
}
