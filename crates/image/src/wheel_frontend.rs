//! What builds of wheels need of the pipeline: the image without its wheels, and build requirements.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveError, ArchiveSource, EcosystemError};
use imgbuild_fetch::{ArchiveFailure, Context, Event, FetchFailure, PackageArchives, verify_archives};
use imgbuild_lock::{Archive, Lock, LockedPackage, LockedVariant, PypiBuild, PypiPackage};
use imgbuild_pypi::{LockedWheelsError, PackageFinder};
use imgbuild_sandbox::Machine;
use imgbuild_secret::SecretUrl;
use imgbuild_spec::Variant;
use imgbuild_store::LayerRecord;
use imgbuild_wheels::{Failure, Frontend, Progress, Root, SourceFetcher, WheelBuilder};

use crate::assembly::Assembly;
use crate::delivery::Format;
use crate::error::MakeError;
use crate::layers::make;
use crate::plan::ImagePlan;
use crate::unpacked::{NamedLayer, unpacked_layers};
use crate::wheel_finder::finder_of_lock;

/// Has the wheels of one variant built.
struct Pipeline {
    context: Context,
    variant: Variant,
    /// The variant's lock without its wheels.
    lock: Lock,
    /// What finds and locks what they are built with.
    finder: PackageFinder,
}

/// What builds wheels for a variant, whose `lock` has no wheels and no other variant. `earlier` are packages of an earlier
/// lock of the variant.
pub fn wheel_builder(
    variant: Variant,
    lock: Lock,
    finder: PackageFinder,
    earlier: Vec<PypiPackage>,
    context: Context,
) -> WheelBuilder {
    let (platform, tags) = (variant.platform, finder.request().environment.tags().clone());
    let sources = SourceFetcher {
        client: finder.client().clone(),
        archives: Arc::clone(finder.archives()),
        store: context.store.clone(),
        folder: context.folder.clone(),
    };
    let frontend = Arc::new(Pipeline { context, variant, lock, finder });
    WheelBuilder::new(frontend, sources, platform, tags, earlier)
}

/// What gets all archives of a variant of `lock`, and builds those wheels anew that are nowhere.
///
/// # Errors
///
/// When a channel of the spec is none, or the settings of an index are damaged.
pub(crate) fn archives(
    lock: &Lock,
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<PackageArchives, MakeError> {
    let archives = PackageArchives::of_variant(locked, variant, context)?;
    let Some(finder) = finder_of_lock(locked, variant, context)? else { return Ok(archives) };
    let (beneath, earlier) = (locked.beneath_wheels(lock), lock.pypi.clone());
    let builder = wheel_builder(variant.clone(), beneath, finder.clone(), earlier, context.clone());
    let built = locked.pypi.iter().flat_map(|pypi| &pypi.packages);
    let built = built.filter_map(|package| Some(((*package).clone(), package.build.clone()?)));
    let built = BuiltWheels { builder, built: built.collect() };
    Ok(archives.with([Arc::new(built) as Arc<dyn ArchiveSource>, Arc::new(finder)]))
}

/// The wheels of a variant that were built, as the source of what has to be built anew.
struct BuiltWheels {
    builder: WheelBuilder,
    built: Vec<(PypiPackage, PypiBuild)>,
}

impl ArchiveSource for BuiltWheels {
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>> {
        let (package, build) = self.built.iter().find(|(package, _)| package.sha256 == archive.sha256)?;
        let failed = |error| ArchiveError::Build(Box::new(error));
        Some(self.builder.rebuild(package, build).map(move |built| built.map_err(failed)).boxed())
    }
}

impl Pipeline {
    /// Makes the layers of the only variant of the lock and unpacks them. Those that the image itself will have are made only
    /// once.
    async fn unpacked(&self, machine: Machine) -> Result<Root, MakeError> {
        let (variant, context) = (&self.variant, &self.context);
        let locked = self.lock.variant(0)?;
        let mut assembly = Assembly::new(&locked, variant, None, context)?;
        let python =
            assembly.python.take().ok_or_else(|| EcosystemError::from(LockedWheelsError::NoPython))?;
        let variables = assembly.variables.clone();
        let below = assembly.base.records();
        assembly.base.keep(&context.store)?;
        let archives = || Ok(PackageArchives::of_variant(&locked, variant, context)?);
        let plan = ImagePlan::of_assembly(assembly, &locked, variant, Format::Oci, archives)?;
        let finished = make(&[plan], context).await?.into_iter().flatten().map(|layer| layer.record);
        let named = |LayerRecord { descriptor, diff_id, .. }| NamedLayer { descriptor, diff_id };
        let layers: Vec<NamedLayer> = below.into_iter().chain(finished).map(named).collect();
        let (context, own) = (context.clone(), machine.clone());
        let unpack = move || unpacked_layers(&context.store, &own, &context.layers, &layers);
        let layers = tokio::task::spawn_blocking(unpack).await??;
        Ok(Root { machine, layers, variables, python })
    }

    async fn requirements(&self, packages: Vec<PypiPackage>) -> Result<(), MakeError> {
        for package in &packages {
            if self.context.store.archive(&package.sha256)?.is_none() {
                let got = self.finder.get(package).await;
                got.map_err(|error| ArchiveFailure::Fetch {
                    name: package.filename.clone(),
                    error: Box::new(FetchFailure::Source(Box::new(error))),
                })?;
            }
        }
        let store = self.context.store.clone();
        let archives: Vec<Archive> = packages.iter().map(LockedPackage::archive).collect();
        Ok(tokio::task::spawn_blocking(move || verify_archives(&archives, &store)).await??)
    }
}

impl Frontend for Pipeline {
    fn root(&self, machine: Machine) -> BoxFuture<'_, Result<Root, Failure>> {
        self.unpacked(machine).map(|root| root.map_err(Failure::from)).boxed()
    }

    fn lock(
        &self,
        requirements: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<PypiPackage>, imgbuild_pypi::LockingError>> {
        self.finder.lock_requirements(requirements).boxed()
    }

    fn fetch(&self, packages: Vec<PypiPackage>) -> BoxFuture<'_, Result<(), Failure>> {
        self.requirements(packages).map(|got| got.map_err(Failure::from)).boxed()
    }

    fn locate<'a>(
        &'a self,
        package: &'a PypiPackage,
    ) -> BoxFuture<'a, Result<Option<SecretUrl>, imgbuild_pypi::LockingError>> {
        let PypiPackage { build, .. } = package;
        let source = build.as_ref().and_then(|build| match &build.source {
            imgbuild_lock::PypiSource::Sdist { sha256, .. } => Some(*sha256),
            imgbuild_lock::PypiSource::Git { .. } | imgbuild_lock::PypiSource::Folder { .. } => None,
        });
        async move {
            let mut located = self.finder.locate(&[package], false).await?;
            Ok(source.and_then(|sha256| located.remove(&sha256)))
        }
        .boxed()
    }

    fn report(&self, progress: Progress) {
        self.context.reporter.event(match progress {
            Progress::Started { name } => Event::WheelStarted { name },
            Progress::Finished { name, size } => Event::WheelFinished { name, size },
        });
    }
}
