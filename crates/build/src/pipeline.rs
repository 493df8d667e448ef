//! The whole way: spec in, image out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_attestation::{TrustRoot, Verifier};
use imgbuild_distribution::Published;
use imgbuild_fetch::Context;
use imgbuild_image::{
    Built, BuiltLayer, Delivered, Format, ImagePlan, LayerSummary, MakeError, Output, check_conformity,
    check_cuda_duplicates, check_kernels, deliver, groups, run_checks, unconfined, variant_plan,
};
use imgbuild_lock::Changes;
use imgbuild_locking::{
    CudaContract, LockSpecError, Locked, cuda_contract, current_lock, known_lock, lock_path, notes,
    validate_copying,
};
use imgbuild_oci::{Digest, Image, Platform};
use imgbuild_spec::{Spec, Variant};

use crate::attested::AttestedPackages;
use crate::error::BuildError;
use crate::licences::check_licences;
use crate::origins::origins;
use crate::pushing::Pushing;
use crate::request::Request;
use crate::sharding::of_shard;

/// What a build made.
#[derive(Debug, Clone)]
pub struct Report {
    /// The images.
    pub built: Vec<Built>,
    /// The outputs.
    pub delivered: Vec<Delivered>,
    /// What was pushed.
    pub published: Vec<Published>,
    /// How many packages have attestations, where provenance is written and any has.
    pub attested: Option<AttestedPackages>,
    /// What changed in the lock, where it was made or renewed.
    pub changes: Option<Changes>,
    /// The lock.
    pub lock: PathBuf,
    /// How many images were asked for, of which this machine has built its part, where it had one.
    pub chosen: usize,
    /// What a person should know of the spec's files.
    pub notes: Vec<String>,
    /// The most bytes of disk that the build took at a time, its outputs among them.
    pub peak_disk: u64,
}

/// The variants with these matrix values, of these platforms or of all where none is named: their places.
///
/// # Errors
///
/// When there are none.
pub fn chosen(
    variants: &[Variant],
    only: &BTreeMap<String, String>,
    platforms: &[Platform],
) -> Result<Vec<usize>, BuildError> {
    let wanted = |variant: &Variant| {
        let keys = only.iter().all(|(key, value)| variant.keys.get(key) == Some(value));
        keys && (platforms.is_empty() || platforms.contains(&variant.platform))
    };
    let chosen: Vec<usize> = (0..variants.len()).filter(|index| wanted(&variants[*index])).collect();
    if chosen.is_empty() {
        let keys = only.iter().map(|(key, value)| format!("{key} = \"{value}\""));
        let platforms = platforms.iter().map(|platform| format!("the platform {platform}"));
        return Err(MakeError::Nothing(keys.chain(platforms).collect::<Vec<_>>().join(" and ")).into());
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
    imgbuild_layer::check_libraries().map_err(MakeError::from)?;
    let all = spec.variants(context.host).map_err(LockSpecError::from)?;
    let asked = chosen(&all, &request.only, &request.platforms)?;
    validate_copying(spec, asked.iter().map(|index| &all[*index]))?;
    let verifier = verifier(request, context)?;
    let lock_path = lock_path(spec_path);
    let locked = locked(spec, &all, &lock_path, request, context).await?;
    let chosen = match request.shard {
        Some(shard) => of_shard(&all, &asked, &locked.lock, shard, request.platforms_of_a_tag())?,
        None => asked.clone(),
    };
    let mut notes = check_licences(&all, &chosen, &locked.lock)?;
    let variants: Vec<Variant> = chosen.iter().map(|index| all[*index].clone()).collect();
    one_for_stream(request, &variants)?;
    let mut pushing = Pushing::begin(request, &variants, context).await?;
    let mut context = pushing.context(context);
    let plans = planned(spec, &all, &chosen, &locked, request.format, &context)?;
    plans.iter().try_for_each(|plan| plan.keep_base(&context.store))?;
    pushing.look_up(&plans, &context).await?;
    let publication = pushing.open(&plans, &context).await?;
    let ahead = publication.as_ref().and_then(|it| pushing.ahead(it, &plans, &context));
    context.layers = ahead.into_iter().fold(context.layers, |layers, it| layers.with(Arc::new(it)));
    let output = output(request, pushing.is_asked());
    let outputs = output.as_ref().map(|output| (output, request.format));
    let made = pushing.made(&plans, outputs, &context).await?;
    let mut built = after_previous(assembled(&all, &chosen, &plans, made, &locked)?, &variants, &context)?;
    notes.extend(self::notes(spec, &variants, &context));
    if !request.unchecked {
        notes.extend(check(&mut built, &variants, &pushing, &context).await?);
    }
    remember(&built, &variants, &pushing, &context)?;
    let images = delivered_images(&built, request.format)?;
    let bases = built.iter().filter_map(|built| built.base.as_ref()).map(ToString::to_string);
    let elsewhere: Vec<String> = pushing.all_repositories().into_iter().chain(bases).collect();
    let delivered = deliver_all(&variants, &images, outputs, &elsewhere, &context).await?;
    let (mut published, mut attested) = (Vec::new(), None);
    if let Some(publication) = &publication {
        let mut all = Vec::new();
        if let Some(verifier) = &verifier {
            let lock = (chosen.as_slice(), &locked);
            let said = origins(spec_path, &variants, lock, &images, verifier, &context).await?;
            (all, attested) = (said.0, said.1.counted());
            notes.extend(said.1.told());
        }
        published = pushing.push(publication, &images, &all, &context).await?;
    }
    pushing.keep(&built, &context).await;
    notes.extend(pushing.notes.into_iter().chain(unconfined(&context)));
    let peak_disk = context.store.peak().max(context.store.written() + written(&delivered));
    let (changes, chosen) = (locked.changes, asked.len());
    Ok(Report { built, delivered, published, attested, changes, lock: lock_path, chosen, notes, peak_disk })
}

/// What checks who published packages, where provenance says it. Keys that cannot be used are better told before the build.
fn verifier(request: &Request, context: &Context) -> Result<Option<Verifier>, BuildError> {
    if request.provenance.is_none() {
        return Ok(None);
    }
    Ok(Some(Verifier::new(&TrustRoot::read(context.trusted_root.as_deref())?)?))
}

/// Remembers what each image is called, and where it is pushed to.
fn remember(
    built: &[Built],
    variants: &[Variant],
    pushing: &Pushing,
    context: &Context,
) -> Result<(), MakeError> {
    let repositories = pushing.repositories();
    variants.iter().zip(built).try_for_each(|(it, built)| built.remember(it, &context.store, &repositories))
}

/// The lock, made or renewed where it may be.
async fn locked(
    spec: &Spec,
    all: &[Variant],
    lock_path: &Path,
    request: &Request,
    context: &Context,
) -> Result<Locked, BuildError> {
    if request.shard.is_some() && !lock_path.exists() {
        return Err(BuildError::SharedWithoutLock { path: lock_path.to_owned() });
    }
    let must_be_locked = request.locked || request.shard.is_some();
    Ok(current_lock(spec, all, lock_path, must_be_locked, context).await?)
}

/// The bytes of the tarballs that were written; nothing of those that were right already, and of folders, which share the store's.
fn written(delivered: &[Delivered]) -> u64 {
    let tarballs = delivered.iter().filter(|delivered| delivered.is_written && delivered.path.is_file());
    tarballs.filter_map(|delivered| delivered.path.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Where the outputs are written: where nothing is said, into the current folder, unless they are pushed.
fn output(request: &Request, is_pushed: bool) -> Option<Output> {
    let here = || (!is_pushed).then(|| Output::Folder(PathBuf::from(".")));
    request.output.clone().or_else(here)
}

/// Whether what is asked for can be written as it is asked for: a stream takes one output.
fn one_for_stream(request: &Request, variants: &[Variant]) -> Result<(), BuildError> {
    let outputs = groups(variants).len();
    match &request.output {
        Some(Output::Stream(_)) if outputs != 1 => Err(BuildError::ManyForStream { outputs }),
        _ => Ok(()),
    }
}

/// The layers of the chosen variants, as they are planned.
pub(crate) fn planned(
    spec: &Spec,
    all: &[Variant],
    chosen: &[usize],
    locked: &Locked,
    format: Format,
    context: &Context,
) -> Result<Vec<ImagePlan>, BuildError> {
    let mut plans = Vec::new();
    for index in chosen {
        let of_lock = locked.lock.variant(*index).map_err(MakeError::from)?;
        check_cuda_duplicates(&all[*index], &of_lock)?;
        let lock = (&locked.lock, locked.text.as_str());
        plans.push(variant_plan(lock, *index, &all[*index], spec.folder(), format, context)?);
    }
    Ok(plans)
}

/// The images of the chosen variants, whose layers are made.
pub(crate) fn assembled(
    all: &[Variant],
    chosen: &[usize],
    plans: &[ImagePlan],
    made: Vec<Vec<BuiltLayer>>,
    locked: &Locked,
) -> Result<Vec<Built>, BuildError> {
    let lock_digest = Digest::of(&locked.text);
    let mut built = Vec::new();
    for ((index, plan), layers) in chosen.iter().zip(plans).zip(made) {
        let of_lock = locked.lock.variant(*index).map_err(MakeError::from)?;
        built.push(Built::new(plan, layers, &of_lock, &all[*index], lock_digest)?);
    }
    Ok(built)
}

/// The images, with what their tags stand for until now.
fn after_previous(
    built: Vec<Built>,
    variants: &[Variant],
    context: &Context,
) -> Result<Vec<Built>, MakeError> {
    let each = built.into_iter().zip(variants);
    each.map(|(built, variant)| built.after_previous(variant, &context.store)).collect()
}

/// The images in the form in which they are delivered.
fn delivered_images(built: &[Built], format: Format) -> Result<Vec<Image>, MakeError> {
    let image = |built: &Built| match format {
        Format::Docker => built.image.to_docker().map_err(MakeError::from),
        Format::Oci | Format::OciDir | Format::Sparse => Ok(built.image.clone()),
    };
    built.iter().map(image).collect()
}

/// Writes the images into the folder.
async fn deliver_all(
    variants: &[Variant],
    images: &[Image],
    outputs: Option<(&Output, Format)>,
    elsewhere: &[String],
    context: &Context,
) -> Result<Vec<Delivered>, BuildError> {
    let Some((output, format)) = outputs else { return Ok(Vec::new()) };
    if let Output::Folder(folder) = output {
        std::fs::create_dir_all(folder).map_err(MakeError::file(folder, "made"))?;
    }
    let mut delivered = Vec::new();
    for group in groups(variants) {
        let images: Vec<Image> = group.iter().map(|index| images[*index].clone()).collect();
        let (output, variant, layers) = (output.clone(), variants[group[0]].clone(), context.layers.clone());
        let elsewhere = elsewhere.to_vec();
        // Layers may come from a registry, for which threads wait.
        let written = tokio::task::spawn_blocking(move || {
            deliver(&output, &variant, images, format, &elsewhere, &layers)
        });
        delivered.push(written.await.map_err(MakeError::from)??);
    }
    Ok(delivered)
}

/// Runs every image's checks. An image that a registry has already, of which layers would have to be fetched for that, has been
/// checked when it was pushed: that is told.
async fn check(
    built: &mut [Built],
    variants: &[Variant],
    pushing: &Pushing,
    context: &Context,
) -> Result<Vec<String>, BuildError> {
    let mut notes = Vec::new();
    for (variant, built) in variants.iter().zip(built) {
        if let Some(reference) = pushing.pushed_before(&built.image.digest())
            && !has_layers(&built.image, context)?
        {
            notes.push(format!(
                "`{}` was not checked again: `{reference}` is this image, byte for byte",
                built.name
            ));
            continue;
        }
        let (variant, image, context) = (variant.clone(), built.image.clone(), context.clone());
        let check = move || {
            let mut checks = check_kernels(&variant, &image, &context)?;
            checks.extend(run_checks(&variant, &image, &context)?);
            checks.extend(check_conformity(&variant, &image, &context)?);
            Ok::<_, MakeError>(checks)
        };
        built.checks = tokio::task::spawn_blocking(check).await.map_err(MakeError::from)??;
    }
    Ok(notes)
}

/// Whether the store has all layers of an image.
fn has_layers(image: &Image, context: &Context) -> Result<bool, BuildError> {
    for layer in image.layers() {
        if context.store.blob(&layer.descriptor.digest).map_err(MakeError::from)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
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
    let Some(locked) = known_lock(variants, &lock_path(spec_path))? else { return Ok(None) };
    let lock = (&locked.lock, locked.text.as_str());
    let layers = variants.iter().enumerate().map(|(index, variant)| {
        variant_plan(lock, index, variant, spec.folder(), Format::Oci, context)?.layers(context)
    });
    Ok(Some(layers.collect::<Result<_, _>>()?))
}

/// What each variant demands of the machines that run it; nothing for those without CUDA. What their packages need is known where
/// there is a lock that fits.
///
/// # Errors
///
/// When the lock is damaged.
pub fn cuda_contracts(
    spec_path: &Path,
    variants: &[Variant],
) -> Result<Vec<Option<CudaContract>>, BuildError> {
    let locked = known_lock(variants, &lock_path(spec_path))?;
    let contract = |(index, variant): (usize, &Variant)| {
        let of_lock = locked.as_ref().map(|locked| locked.lock.variant(index)).transpose();
        Ok(cuda_contract(variant, of_lock.map_err(MakeError::from)?.as_ref()))
    };
    variants.iter().enumerate().map(contract).collect()
}
