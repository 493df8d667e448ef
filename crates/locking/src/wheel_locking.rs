//! Locking the wheels of a variant, on top of the lock of everything beneath them.

use std::collections::BTreeSet;

use futures::FutureExt;
use imgbuild_conda::{LockedEnvironmentError, Metadata, ServedChannel, Solving};
use imgbuild_fetch::{Context, Event, secrets};
use imgbuild_image::{
    MakeError, WheelsPython, absolute, finder, listed_error, pypi_error, variant_name, wheel_builder,
};
use imgbuild_layer::{Claim, PartId};
use imgbuild_lock::{ExcludedPath, Lock, LockedVariant, PypiPackage, PypiSet};
use imgbuild_pypi::{
    ChosenWheel, Layout, Locked, LockedWheelsError, Locking, LockingError, Provided, Request, listed_packages,
};
use imgbuild_python::CacheTag;
use imgbuild_requirement::RequirementSource;
use imgbuild_spec::{CondaPackages, LayerSize, Pip, PipPackages, Variant};

use crate::base_distributions::BaseDistributions;
use crate::conda_distributions::CondaDistributions;
use crate::cutting::Sizes;
use crate::error::LockSpecError;
use crate::locking::{Locker, finish};

/// What wheels stand on, beside what a lock says of it.
#[derive(Clone, Copy)]
struct Ground<'a> {
    /// What reads conda packages, where there are any.
    metadata: Option<&'a Metadata<'a>>,
    /// The existing image whose Python they are for.
    base: Option<&'a BaseDistributions>,
}

/// Wheels as they are locked.
struct LockedWheels {
    set: PypiSet,
    packages: Vec<PypiPackage>,
    /// The sizes of the files of the large ones.
    sizes: Sizes,
}

impl Locker<'_> {
    /// The variant with its wheels, which stand on everything that is locked already. `base` is the existing image whose Python they
    /// are for.
    pub(crate) async fn wheels(
        &mut self,
        variant: &Variant,
        pip: &Pip,
        locked: imgbuild_lock::Variant,
        base: Option<&BaseDistributions>,
    ) -> Result<imgbuild_lock::Variant, LockSpecError> {
        let mut beneath = self.lock.beneath_wheels(locked.clone());
        finish(&mut beneath, 0, variant, &self.sizes, self.context)?;
        let (context, earlier) = (self.context, self.kept_wheels(variant)?);
        let LockedWheels { set, packages, sizes } = match &variant.conda {
            None => {
                let ground = Ground { metadata: None, base };
                lock_wheels(variant, pip, beneath, earlier, ground, context).boxed().await?
            }
            Some(conda) => {
                let names = conda.channels.iter().map(|channel| &channel.name);
                let settings = context.channel_settings()?;
                let (root, variables) = (self.spec.folder(), &context.variables);
                let place = imgbuild_conda::ChannelLookup { root, variables, settings: &settings };
                let serving = imgbuild_conda::serving_channels(names, &conda.mirrors, place)?;
                let context = &context.knowing(&secrets(variant, &serving, context));
                let (fetcher, store) = (&context.channel_fetcher()?, &context.store);
                let solving =
                    Solving::new(fetcher.client(), &serving, store.repodata_folder().join("conda-v1"))?;
                let damaged = locked.conda.iter().flat_map(|set| &set.accept_damaged).cloned().collect();
                let metadata = Metadata {
                    client: fetcher.client(),
                    archives: fetcher,
                    store,
                    channels: &serving,
                    accept_damaged: &damaged,
                };
                let ground = Ground { metadata: Some(&metadata), base };
                let locking = lock_wheels(variant, pip, beneath, earlier, ground, context);
                let locked = locking.boxed().await?;
                if let CondaPackages::Requirements(_) = &conda.packages {
                    hint(variant, pip, &solving, &serving, context).await?;
                }
                locked
            }
        };
        self.lock.add_pypi(packages);
        self.sizes.extend(sizes);
        Ok(imgbuild_lock::Variant { pypi: Some(set), ..locked })
    }

    /// What the earlier lock has of wheels for this variant and may stay, with what they were built with.
    fn kept_wheels(&self, variant: &Variant) -> Result<Vec<PypiPackage>, LockSpecError> {
        let Some(LockedVariant { pypi: Some(pypi), wheels, .. }) = self.same(variant)? else {
            return Ok(Vec::new());
        };
        let builds = pypi.packages.iter().filter_map(|package| package.build.as_ref());
        let ids: BTreeSet<&String> = builds.flat_map(|build| &build.requires).collect();
        let requires = wheels.iter().filter(|package| ids.contains(&package.id()));
        let kept = pypi.packages.iter().copied().filter(|package| self.upgrade.keeps(&package.name));
        Ok(kept.chain(requires).cloned().collect())
    }
}

/// Locks the wheels of a variant. `lock` holds that variant alone, and no wheels; `earlier` are those of an earlier lock
/// that may stay, and those that they were built with.
///
/// # Errors
///
/// When they cannot be chosen, read or built.
async fn lock_wheels(
    variant: &Variant,
    pip: &Pip,
    lock: Lock,
    earlier: Vec<PypiPackage>,
    ground: Ground<'_>,
    context: &Context,
) -> Result<LockedWheels, LockSpecError> {
    let beneath = lock.variant(0)?;
    let python = match ground.base {
        Some(base) => {
            WheelsPython::of_base(&beneath, &base.python.locked, base.prefix()?).map_err(MakeError::from)?
        }
        None => WheelsPython::new(&beneath, variant)?,
    };
    let finder = finder(variant, pip, &python, context)?;
    let conda = beneath.conda.as_ref().filter(|_| python.is_conda);
    let of_conda = CondaDistributions::new(conda.map_or(&[], |conda| &conda.packages), ground.metadata);
    let (provided, packages): (&dyn Provided, _) = match ground.base {
        Some(base) => (base, base.packages()),
        None => (&of_conda, of_conda.packages()),
    };
    let request = Request { provided: packages, earlier: earlier.clone(), ..finder.request().clone() };
    let base_python = ground.base.map(|base| base.python.locked.clone());
    let (lock, found) = ((lock.clone(), base_python.clone()), finder.clone());
    let building = wheel_builder(variant.clone(), lock, found, earlier, context.clone());
    let failed = |error| pypi_error(variant, Some(pip), error);
    let uv = finder.uv().await.map_err(failed)?;
    let locking = Locking {
        uv: &uv,
        settings: finder.settings(),
        metadata: finder.reader(),
        provided,
        builder: &building,
    };
    let locked = chosen(&locking, &request, pip, context).await?.map_err(failed)?;
    let layout = layout(&beneath, &python)?;
    let excluded = excluded(&beneath, (&python, &layout), &locked.wheels, ground.metadata).await?;
    let sizes = sizes(variant, &locked.wheels, &layout)?;
    let mut packages: Vec<PypiPackage> = locked.wheels.into_iter().map(|chosen| chosen.package).collect();
    let mut ids: Vec<String> = packages.iter().map(PypiPackage::id).collect();
    ids.sort();
    packages.extend(locked.build_requires);
    let set = PypiSet {
        python: base_python,
        environment: conda.and_then(|conda| conda.set.scope()).map(str::to_owned),
        prefix: python.prefix,
        requested: locked.requested,
        packages: ids,
        provided: locked.provided,
        excluded,
    };
    Ok(LockedWheels { set, packages, sizes })
}

/// Where the files of wheels stand.
fn layout(beneath: &LockedVariant<'_>, image_python: &WheelsPython) -> Result<Layout, LockSpecError> {
    let WheelsPython { prefix, is_conda, environment, site_packages } = image_python;
    let scope = beneath.conda.as_ref().filter(|_| *is_conda).and_then(|conda| conda.set.scope());
    let layout = Layout::of(prefix.clone(), *is_conda, environment.target().minor, site_packages.as_deref())?;
    Ok(layout.of_environment(scope))
}

/// The sizes of the files of the wheels that are large enough to be cut.
fn sizes(variant: &Variant, wheels: &[ChosenWheel], layout: &Layout) -> Result<Sizes, LockSpecError> {
    let Some(most) = variant.layers.max_layer.map(LayerSize::bytes) else { return Ok(Sizes::new()) };
    let large = wheels.iter().filter(|chosen| chosen.package.facts.installed_size > most);
    let sized = large.map(|chosen| {
        let sizes = imgbuild_pypi::sizes(&chosen.wheel, layout);
        let sizes = sizes.map_err(|error| LockedWheelsError::wheel(&chosen.package, error))?;
        Ok((layout.part(&chosen.package.name), sizes))
    });
    sized.collect()
}

/// The wheels that a spec asks for: chosen, or taken from another tool's lock.
async fn chosen(
    locking: &Locking<'_>,
    request: &Request,
    pip: &Pip,
    context: &Context,
) -> Result<Result<Locked, LockingError>, LockSpecError> {
    Ok(match &pip.packages {
        PipPackages::Requirements(_) => locking.lock(request).await,
        PipPackages::Pylock(file) => {
            context.reporter.event(Event::Taking { file: file.path.display().to_string() });
            let folder = absolute(file.path.parent().unwrap_or(&file.path))?;
            locking.take_pylock(request, &file.text, &folder, &file.parts).await
        }
        PipPackages::Listed(listed) => {
            context.reporter.event(Event::Taking { file: listed.file.clone() });
            let packages = listed_packages(listed, &request.folder);
            let packages = packages.map_err(|error| listed_error(listed, error))?;
            locking.take_listed(request, &packages).await
        }
    })
}

/// Who has the paths that several wheels, or wheels and conda packages, hold: as with pip, what is installed later. Paths
/// that conda packages hold among themselves are decided already.
async fn excluded(
    beneath: &LockedVariant<'_>,
    (image_python, layout): (&WheelsPython, &Layout),
    wheels: &[ChosenWheel],
    metadata: Option<&Metadata<'_>>,
) -> Result<Vec<ExcludedPath>, LockSpecError> {
    let mut claims: Vec<(PartId, Vec<Claim>)> = Vec::new();
    let mut decided = BTreeSet::new();
    if let (Some(conda), Some(metadata), true) = (&beneath.conda, metadata, image_python.is_conda) {
        let (set, platform) = (conda.set, beneath.variant.platform);
        let found = imgbuild_conda::claims(set, &conda.packages, platform, metadata).await;
        claims = found.map_err(LockedEnvironmentError::from)?;
        decided = set.excluded.iter().map(|it| (it.part.clone(), it.path.clone())).collect();
    }
    for chosen in wheels {
        let wheel_error = |error| LockedWheelsError::wheel(&chosen.package, error);
        let claimed = imgbuild_pypi::claims(&chosen.wheel, &chosen.package, layout);
        claims.push((layout.part(&chosen.package.name), claimed.map_err(wheel_error)?));
    }
    let minor = image_python.environment.target().minor;
    let resolution = imgbuild_python::resolve(&claims, Some(&CacheTag::cpython(minor.into())))
        .map_err(|error| LockedEnvironmentError::from(imgbuild_conda::LockingError::Conflict(error)))?;
    let excluded = resolution.excluded.into_iter();
    let excluded = excluded.filter(|it| !decided.contains(&(it.part.clone(), it.path.clone())));
    Ok(excluded.map(|it| ExcludedPath { part: it.part, path: it.path, winner: it.winner }).collect())
}

/// Tells of requirements that the channels have as conda packages: these fit the environment better.
///
/// # Errors
///
/// When a channel's index cannot be read.
async fn hint(
    variant: &Variant,
    pip: &Pip,
    solving: &Solving,
    channels: &[ServedChannel],
    context: &Context,
) -> Result<(), LockSpecError> {
    let PipPackages::Requirements(requirements) = &pip.packages else { return Ok(()) };
    let from_index = requirements.iter().filter(|it| matches!(it.source, RequirementSource::Index));
    let wanted = from_index.filter_map(|it| Some(it.name.as_ref()?.to_string())).collect();
    let known = solving.known_names(channels, imgbuild_conda::subdir(variant.platform), &wanted).await?;
    if !known.is_empty() {
        let (variant, names) = (variant_name(variant), known.into_values().collect());
        context.reporter.event(Event::InChannels { variant, names });
    }
    Ok(())
}
