//! The whole way: spec in, image out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_copies::Copies;
use imgbuild_layer::Policy;
use imgbuild_lock::{Changes, Lock, LockedVariant};
use imgbuild_oci::{Digest, Image, Platform, Reference};
use imgbuild_runtime::{Ground, Start};
use imgbuild_spec::{Base, Spec, Variant};
use imgbuild_store::Store;

use crate::assembly::{Assembly, Extras};
use crate::built_layer::BuiltLayer;
use crate::checks::{Checked, run_checks};
use crate::delivery::{Delivered, Format, deliver, groups};
use crate::derived::Execution;
use crate::error::LockFailure;
use crate::layers::{ImagePlan, make, plan};
use crate::lock_file::{read_lock, write_lock};
use crate::locking::{Upgrade, inputs, lock, lock_path};
use crate::validating::{notes, validate_copying};
use crate::{BuildError, Context, confinement, image, variant_name, wheel_frontend};

/// What to build, and where to put it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The folder for the outputs; the current one where nothing is said.
    pub output: Option<PathBuf>,
    /// The form of the outputs.
    pub format: Format,
    /// Refuse to make or renew a lock.
    pub locked: bool,
    /// Only variants with these matrix values.
    pub only: BTreeMap<String, String>,
    /// Only variants of these platforms; all where nothing is said.
    pub platforms: Vec<Platform>,
    /// Deliver without running the checks.
    pub unchecked: bool,
}

/// One image that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// How messages call the variant.
    pub name: String,
    /// The platform.
    pub platform: Platform,
    /// The image.
    pub image: Image,
    /// Its layers, the first first.
    pub layers: Vec<BuiltLayer>,
    /// The activation scripts that need the entrypoint or a login shell, with their packages.
    pub dynamic: Vec<(String, String)>,
    /// The paths that two packages hold, and who has them: loser, path, winner.
    pub excluded: Vec<(String, String, String)>,
    /// What was run in the sandbox to make its layers, in its order: now, or when they were made.
    pub executions: Vec<Execution>,
    /// What its packages want to be shown to whoever installs them.
    pub messages: Vec<String>,
    /// What became of its checks.
    pub checks: Vec<Checked>,
    /// Whether what it starts is process 1 itself, because the image that it stands on has nothing that reaps and
    /// forwards signals.
    pub no_init: bool,
}

/// What a build made.
#[derive(Debug, Clone)]
pub struct Report {
    /// The images.
    pub built: Vec<Built>,
    /// The outputs.
    pub delivered: Vec<Delivered>,
    /// What changed in the lock, where it was made or renewed.
    pub changes: Option<Changes>,
    /// The lock.
    pub lock: PathBuf,
    /// What a person should know of the spec's files.
    pub notes: Vec<String>,
}

/// A lock and its text.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The lock.
    pub lock: Lock,
    /// Its text, as it stands in the file.
    pub text: String,
    /// What changed, where it was written now.
    pub changes: Option<Changes>,
}

/// Makes or renews the lock of a spec, and writes it.
///
/// # Errors
///
/// When a variant cannot be locked, or the lock cannot be read or written.
pub async fn renew_lock(
    spec: &Spec,
    variants: &[Variant],
    path: &Path,
    upgrade: &Upgrade,
    context: &Context,
) -> Result<Locked, BuildError> {
    let earlier = read_lock(path)?.map(|(lock, _)| lock);
    let lock = lock(spec, variants, earlier.as_ref(), upgrade, context).await?;
    let empty = Lock {
        variants: Vec::new(),
        debian: Vec::new(),
        conda: Vec::new(),
        pypi: Vec::new(),
        ..lock.clone()
    };
    let bases = variants.iter().filter_map(|variant| match &variant.base {
        Base::Debian(base) => Some(&base.packages),
        Base::Layout(_) | Base::Scratch => None,
    });
    let requested = bases.flatten().map(|package| package.text.public()).collect();
    let changes = Changes::between(earlier.as_ref().unwrap_or(&empty), &lock, &requested)?;
    let text = write_lock(path, &lock)?;
    Ok(Locked { lock, text, changes: Some(changes) })
}

/// Whether a lock is that of these variants. Its inputs say so; but a lock can be edited, and then its variants need not be
/// those that it was made for.
fn fits(lock: &Lock, variants: &[Variant]) -> bool {
    let same = |(locked, variant): (&imgbuild_lock::Variant, &Variant)| {
        (&locked.tags, locked.platform, &locked.keys) == (&variant.tags, variant.platform, &variant.keys)
            && locked.layout.is_some() == matches!(variant.base, Base::Layout(_))
    };
    lock.inputs == inputs(variants)
        && lock.variants.len() == variants.len()
        && lock.variants.iter().zip(variants).all(same)
}

/// The lock to build from: the one that is there where it is that of the spec, else a new one.
///
/// # Errors
///
/// When it cannot be read or made, or must be made and `locked` forbids it.
pub async fn current_lock(
    spec: &Spec,
    variants: &[Variant],
    path: &Path,
    locked: bool,
    context: &Context,
) -> Result<Locked, BuildError> {
    match read_lock(path)? {
        Some((lock, text)) if fits(&lock, variants) => match imgbuild_wheels::changed_folder(&lock, path) {
            None => Ok(Locked { lock, text, changes: None }),
            Some(folder) if locked => Err(LockFailure::StaleFolder { path: path.to_owned(), folder }.into()),
            Some(_) => renew_lock(spec, variants, path, &Upgrade::Keep, context).await,
        },
        Some(_) if locked => Err(LockFailure::Stale { path: path.to_owned() }.into()),
        None if locked => Err(LockFailure::NoLock { path: path.to_owned() }.into()),
        _ => renew_lock(spec, variants, path, &Upgrade::Keep, context).await,
    }
}

/// Whether a lock is that of a spec.
///
/// # Errors
///
/// When there is none, it cannot be read, or it is stale.
pub fn check_lock(variants: &[Variant], path: &Path) -> Result<(), BuildError> {
    match read_lock(path)? {
        None => Err(LockFailure::NoLock { path: path.to_owned() }.into()),
        Some((lock, _)) if fits(&lock, variants) => match imgbuild_wheels::changed_folder(&lock, path) {
            None => Ok(()),
            Some(folder) => Err(LockFailure::StaleFolder { path: path.to_owned(), folder }.into()),
        },
        Some(_) => Err(LockFailure::Stale { path: path.to_owned() }.into()),
    }
}

/// Which variants are asked for.
fn chosen(variants: &[Variant], request: &Request) -> Result<Vec<usize>, BuildError> {
    let wanted = |variant: &Variant| {
        let keys = request.only.iter().all(|(key, value)| variant.keys.get(key) == Some(value));
        keys && (request.platforms.is_empty() || request.platforms.contains(&variant.platform))
    };
    let chosen: Vec<usize> = (0..variants.len()).filter(|index| wanted(&variants[*index])).collect();
    if chosen.is_empty() {
        let keys = request.only.iter().map(|(key, value)| format!("{key} = \"{value}\""));
        let platforms = request.platforms.iter().map(|platform| format!("the platform {platform}"));
        return Err(BuildError::Nothing(keys.chain(platforms).collect::<Vec<_>>().join(" and ")));
    }
    Ok(chosen)
}

/// Builds every chosen variant of a spec and delivers the images.
///
/// # Errors
///
/// When anything fails; then nothing is delivered.
pub async fn build(
    spec: &Spec,
    spec_path: &Path,
    request: &Request,
    context: &Context,
) -> Result<Report, BuildError> {
    imgbuild_layer::check_libraries()?;
    let all = spec.variants(context.host)?;
    let chosen = chosen(&all, request)?;
    validate_copying(spec, chosen.iter().map(|index| &all[*index]))?;
    let lock_path = lock_path(spec_path);
    let locked = current_lock(spec, &all, &lock_path, request.locked, context).await?;
    let lock_digest = Digest::of(&locked.text);
    let mut plans = Vec::new();
    for index in &chosen {
        plans.push(image_plan(spec, &locked, *index, &all[*index], request.format, context)?);
    }
    for plan in &plans {
        plan.assembly.base.keep(&context.store)?;
    }
    let made = make(&plans, context).await?;
    let mut built = Vec::new();
    for ((index, plan), layers) in chosen.iter().zip(&plans).zip(made) {
        let variant = &all[*index];
        let variables = &plan.assembly.variables;
        let of_lock = locked.lock.variant(*index)?;
        let conda_init = environment_init(&of_lock);
        let base = &plan.assembly.base;
        let ground = base.ground(conda_init);
        let parts =
            image::Parts { variant, variables, base: base.image(), ground: &ground, lock: lock_digest };
        let image = image::assemble(of_lock.variant.timestamp, &parts, &layers)?;
        let below = base.titled_records().into_iter().map(BuiltLayer::of_base);
        let layers: Vec<BuiltLayer> = below.chain(layers).collect();
        let said = layers.iter().map(|layer| &layer.record.messages).filter(|text| !text.is_empty());
        built.push(Built {
            name: variant_name(variant),
            platform: variant.platform,
            image,
            messages: said.cloned().collect(),
            layers,
            dynamic: variables.dynamic.clone(),
            excluded: excluded(of_lock.variant),
            executions: executions(&of_lock, &plan.assembly),
            checks: Vec::new(),
            no_init: lacks_init(variant, &ground),
        });
    }
    if !request.unchecked {
        check(&mut built, &chosen, &all, context).await?;
    }
    for (index, built) in chosen.iter().zip(&built) {
        remember(&all[*index], &built.image, &context.store)?;
    }
    let variants: Vec<Variant> = chosen.iter().map(|index| all[*index].clone()).collect();
    let folder = request.output.clone().unwrap_or_else(|| PathBuf::from("."));
    if request.output.is_some() {
        std::fs::create_dir_all(&folder).map_err(BuildError::file(&folder, "made"))?;
    }
    let mut delivered = Vec::new();
    for group in groups(&variants) {
        let images: Vec<Image> = group.iter().map(|index| built[*index].image.clone()).collect();
        delivered.push(deliver(&folder, &variants[group[0]], &images, request.format, &context.layers)?);
    }
    let mut notes = notes(spec, &variants, context);
    notes.extend(confinement::note(context));
    Ok(Report { built, delivered, changes: locked.changes, lock: lock_path, notes })
}

/// What was run to make an image: what its layers are derived by, and the builds of its wheels.
fn executions(locked: &LockedVariant<'_>, assembly: &Assembly) -> Vec<Execution> {
    let derived = assembly.ingredients.iter().filter_map(|it| it.as_derived()?.execution());
    let wheels = locked.pypi.iter().flat_map(|pypi| &pypi.packages);
    let built = wheels.filter(|package| package.build.is_some());
    let of: Vec<String> = built.map(|package| format!("{} {}", package.name, package.version)).collect();
    let builds = (!of.is_empty()).then(|| Execution { what: "builds of wheels".to_owned(), of });
    derived.chain(builds).collect()
}

/// Runs every image's checks.
async fn check(
    built: &mut [Built],
    chosen: &[usize],
    all: &[Variant],
    context: &Context,
) -> Result<(), BuildError> {
    for (index, built) in chosen.iter().zip(built) {
        let (variant, image, context) = (all[*index].clone(), built.image.clone(), context.clone());
        built.checks = tokio::task::spawn_blocking(move || run_checks(&variant, &image, &context)).await??;
    }
    Ok(())
}

/// Keeps in the store what the image's names stand for.
fn remember(variant: &Variant, image: &Image, store: &Store) -> Result<(), BuildError> {
    for tag in &variant.tags {
        let reference = Reference::new(&variant.name, tag);
        store.put_image(&reference, variant.platform, image.manifest(), image.config())?;
    }
    Ok(())
}

/// The `tini` of a variant's environment.
fn environment_init(locked: &LockedVariant<'_>) -> Option<String> {
    let conda = locked.conda.as_ref()?;
    let init = conda.packages.iter().find(|package| package.name() == "tini");
    init.map(|_| format!("{}/bin/tini", conda.set.prefix))
}

fn lacks_init(variant: &Variant, ground: &Ground) -> bool {
    let own = |start: &Start| start.entrypoint.is_empty() && variant.image.entrypoint.is_none();
    matches!(ground, Ground::Image { start, init: None, .. } if own(start))
}

fn excluded(variant: &imgbuild_lock::Variant) -> Vec<(String, String, String)> {
    let conda = variant.conda.iter().flat_map(|set| &set.excluded);
    let debian = variant.debian.iter().flat_map(|set| &set.excluded);
    let wheels = variant.pypi.iter().flat_map(|set| &set.excluded);
    debian
        .chain(conda)
        .chain(wheels)
        .map(|it| (it.part.to_string(), it.path.to_string(), it.winner.to_string()))
        .collect()
}

fn image_plan(
    spec: &Spec,
    locked: &Locked,
    index: usize,
    variant: &Variant,
    format: Format,
    context: &Context,
) -> Result<ImagePlan, BuildError> {
    let of_lock = locked.lock.variant(index)?;
    let copies = Copies::read(spec.folder(), &variant.copy, of_lock.variant.timestamp)?;
    let extras = Extras { lock_text: &locked.text, copies };
    let assembly = Assembly::new(&of_lock, variant, Some(extras), context)?;
    let budget = variant.layers.budget.get().into();
    let reserved = assembly.base.layers();
    let policy = Policy { budget, reserved, threshold: of_lock.variant.threshold };
    let codec = format.codec(variant);
    let planned = plan(&assembly, &policy, codec)?;
    Ok(ImagePlan {
        assembly: Arc::new(assembly),
        planned,
        archives: wheel_frontend::archives(&locked.lock, &of_lock, variant, context)?,
        codec,
    })
}

/// A layer as `check` shows it.
#[derive(Debug, Clone)]
pub struct LayerSummary {
    /// What is in it.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether the store has it.
    pub present: bool,
}

/// The layers of every variant that the lock of a spec plans; nothing where there is no lock or it is stale.
///
/// # Errors
///
/// When the lock is damaged, or what is copied cannot be read.
pub fn planned_layers(
    spec: &Spec,
    spec_path: &Path,
    variants: &[Variant],
    context: &Context,
) -> Result<Option<Vec<Vec<LayerSummary>>>, BuildError> {
    let Some((lock, text)) = read_lock(&lock_path(spec_path))? else { return Ok(None) };
    if !fits(&lock, variants) {
        return Ok(None);
    }
    let locked = Locked { lock, text, changes: None };
    let mut all = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let plan = image_plan(spec, &locked, index, variant, Format::Oci, context)?;
        let below = plan.assembly.base.titled_records().into_iter();
        let below = below.map(|(title, it)| LayerSummary { title, weight: it.size, present: true });
        let mut layers: Vec<LayerSummary> = below.collect();
        for planned in &plan.planned {
            let present = context.layers.layer(&planned.key)?.is_some();
            layers.push(LayerSummary { title: planned.title.clone(), weight: planned.weight, present });
        }
        all.push(layers);
    }
    Ok(Some(all))
}
