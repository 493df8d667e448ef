//! What builds of wheels need of the pipeline: the image without its wheels.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveSource, EcosystemError, ImagePython};
use imgbuild_fetch::{Context, Event, PackageArchives, in_each_environment};
use imgbuild_lock::{BasePython, Lock, LockedVariant, PypiPackage};
use imgbuild_pypi::{LockedWheelsError, PackageFinder};
use imgbuild_sandbox::Machine;
use imgbuild_spec::Variant;
use imgbuild_store::LayerRecord;
use imgbuild_wheels::{BuiltWheels, Failure, Frontend, Progress, Root, WheelBuilder};

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
    /// The Python of an existing image that they are for; nothing where the lock has it.
    base_python: Option<BasePython>,
}

/// What builds wheels for a variant, whose `lock` has no wheels and no other variant. `base_python` is the Python of an existing
/// image, where they are for that one. `earlier` are packages of an earlier lock of the variant.
pub fn wheel_builder(
    variant: Variant,
    (lock, base_python): (Lock, Option<BasePython>),
    finder: PackageFinder,
    earlier: Vec<PypiPackage>,
    context: Context,
) -> WheelBuilder {
    let (store, folder) = (context.store.clone(), context.folder.clone());
    let pipeline = Arc::new(Pipeline { context, variant, lock, base_python });
    WheelBuilder::new(pipeline, finder, store, folder, earlier)
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
    let mut archives = PackageArchives::of_variant(locked, variant, context)?;
    for (locked, variant) in in_each_environment(locked, variant) {
        let Some(finder) = finder_of_lock(&locked, &variant, context)? else { continue };
        let python = locked.pypi.as_ref().and_then(|pypi| pypi.set.python.clone());
        let (beneath, earlier) = ((locked.beneath_wheels(lock), python), lock.pypi.clone());
        let builder = wheel_builder(variant, beneath, finder.clone(), earlier, context.clone());
        let packages = locked.pypi.iter().flat_map(|pypi| &pypi.packages).copied();
        let built = Arc::new(BuiltWheels::new(builder, packages)) as Arc<dyn ArchiveSource>;
        archives = archives.with([built, Arc::new(finder)]);
    }
    Ok(archives)
}

impl Pipeline {
    /// Makes the layers of the only variant of the lock and unpacks them. Those that the image itself will have are made only
    /// once.
    async fn unpacked(&self, machine: Machine) -> Result<Root, MakeError> {
        let (variant, context) = (&self.variant, &self.context);
        let locked = self.lock.variant(0)?;
        let mut assembly = Assembly::new(&locked, variant, None, context)?;
        let no_python = || EcosystemError::from(LockedWheelsError::NoPython);
        let of_base = self.base_python.as_ref();
        let of_base = of_base.and_then(|it| ImagePython::new(&it.version, it.program.clone(), None, None));
        let python = assembly.python.take().or(of_base).ok_or_else(no_python)?;
        let variables = assembly.variables.clone();
        let below = assembly.base.records();
        assembly.base.keep(&context.store)?;
        let archives = || Ok(PackageArchives::of_variant(&locked, variant, context)?);
        let plan = ImagePlan::of_assembly(assembly, &locked, variant, Format::Oci, archives)?;
        let finished = make(&[plan], None, context).await?.into_iter().flatten().map(|layer| layer.record);
        let named = |LayerRecord { descriptor, diff_id, .. }| NamedLayer { descriptor, diff_id };
        let layers: Vec<NamedLayer> = below.into_iter().chain(finished).map(named).collect();
        let (context, own) = (context.clone(), machine.clone());
        let unpack = move || unpacked_layers(&context.store, &own, &context.layers, &layers);
        let layers = tokio::task::spawn_blocking(unpack).await??;
        Ok(Root { machine, layers, variables, python })
    }
}

impl Frontend for Pipeline {
    fn root(&self, machine: Machine) -> BoxFuture<'_, Result<Root, Failure>> {
        self.unpacked(machine).map(|root| root.map_err(Failure::from)).boxed()
    }

    fn report(&self, progress: Progress) {
        self.context.reporter.event(match progress {
            Progress::Started { name } => Event::WheelStarted { name },
            Progress::Finished { name, size } => Event::WheelFinished { name, size },
        });
    }
}
