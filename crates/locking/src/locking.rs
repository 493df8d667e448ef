//! From a spec to a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use std::sync::Arc;

use imgbuild_base::LockedImage;
use imgbuild_fetch::{Context, Event};
use imgbuild_image::{ROLES, VariantParts, check_cuda_duplicates, parts, variant_name};
use imgbuild_layer::{FormatVersion, KeyHasher, Part, PartId, Policy, RecipeHash, Role, Threshold};
use imgbuild_lock::{DebianSet, Environment, Lock, LockBuilder, LockError, LockedVariant};
use imgbuild_oci::{Digest, Platform};
use imgbuild_spec::{Base, LayerSize, Spec, Variant};

use crate::base_distributions::BaseDistributions;
use crate::cutting::{Sizes, cut_files};
use crate::error::{LockFailure, LockSpecError};
use crate::other_locks;
use crate::resolved::Resolved;
use crate::validating::validate_locking;

/// What of an existing lock may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// What its packages are allowed to do.
    pub packages: PackageUpgrade,
    /// Whether it becomes a lock of the latest format version. Otherwise it keeps its own, whose images stay as they are.
    pub format: bool,
}

/// What an existing lock's packages are allowed to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PackageUpgrade {
    /// They stay where nothing speaks against it.
    #[default]
    Keep,
    /// These may move, the others stay.
    Packages(BTreeSet<String>),
    /// All may move.
    All,
}

impl Upgrade {
    pub(crate) fn keeps(&self, name: &str) -> bool {
        match &self.packages {
            PackageUpgrade::Keep => true,
            PackageUpgrade::Packages(names) => !names.contains(name),
            PackageUpgrade::All => false,
        }
    }

    /// The version of a lock that takes the place of `earlier`.
    fn format(&self, earlier: Option<&Lock>) -> FormatVersion {
        let kept = earlier.filter(|_| !self.format).map(|lock| lock.version);
        kept.unwrap_or(FormatVersion::LATEST)
    }
}

/// Where the lock of a spec stands: `spec.toml` has `spec.lock`.
pub fn lock_path(spec: &Path) -> PathBuf {
    spec.with_extension("lock")
}

/// A hash of everything that a lock depends on: when it is another one, the lock is stale.
pub(crate) fn inputs(variants: &[Variant]) -> Digest {
    let mut hasher = KeyHasher::new("lock inputs");
    for variant in variants {
        hasher = hasher
            .list("tag", variant.tags.iter().map(imgbuild_oci::Tag::as_str))
            .list("key", variant.keys.iter().map(|(key, value)| format!("{key}={value}")))
            .field("inputs", variant.inputs().as_bytes());
        for conda in variant.in_each_environment().iter().filter_map(|it| it.conda.as_ref()) {
            hasher = hasher
                .list(
                    "name",
                    conda.environment_name.iter().map(imgbuild_environment::EnvironmentName::as_str),
                )
                .list("alias", conda.alias.iter().map(imgbuild_environment::EnvironmentName::as_str))
                .list("variable", conda.variables.iter().map(|(name, value)| format!("{name}={value}")));
        }
    }
    hasher.finish()
}

/// Locks every variant of a spec. What an earlier lock has stays, as far as `upgrade` allows.
///
/// # Errors
///
/// When a variant cannot be locked.
pub(crate) async fn lock(
    spec: &Spec,
    variants: &[Variant],
    earlier: Option<&Lock>,
    upgrade: &Upgrade,
    context: &Context,
) -> Result<Lock, LockSpecError> {
    check_upgrade(variants, earlier, upgrade)?;
    validate_locking(spec, variants, context)?;
    let mut locker = Locker {
        spec,
        earlier,
        upgrade,
        context,
        bases: BTreeMap::new(),
        images: BTreeMap::new(),
        resolved: BTreeMap::new(),
        told: BTreeSet::new(),
        sizes: Sizes::new(),
        lock: LockBuilder::new(upgrade.format(earlier)),
    };
    let mut sizes = Vec::new();
    for variant in variants {
        context.reporter.event(Event::Locking { variant: variant_name(variant) });
        let locked = locker.variant(variant).await?;
        locker.lock.add_variant(locked);
        sizes.push(std::mem::take(&mut locker.sizes));
    }
    let mut lock = locker.lock.finish(inputs(variants));
    for (index, (variant, sizes)) in variants.iter().zip(&sizes).enumerate() {
        finish(&mut lock, index, variant, sizes, context)?;
    }
    Ok(lock)
}

fn check_upgrade(
    variants: &[Variant],
    earlier: Option<&Lock>,
    upgrade: &Upgrade,
) -> Result<(), LockSpecError> {
    let PackageUpgrade::Packages(names) = &upgrade.packages else { return Ok(()) };
    other_locks::check_upgrade(variants, names)?;
    let Some(earlier) = earlier else { return Ok(()) };
    let known = |name: &&String| {
        earlier.conda.iter().any(|package| package.name() == name.as_str())
            || earlier.debian.iter().any(|package| package.name == **name)
            || earlier.pypi.iter().any(|package| package.name == **name)
            || images(earlier).any(|image| image == name.as_str())
    };
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(LockFailure::NotLocked(unknown.clone()).into()),
        None => Ok(()),
    }
}

/// What a lock calls the images of registries that its variants stand on.
fn images(lock: &Lock) -> impl Iterator<Item = &str> {
    lock.variants.iter().filter_map(|variant| variant.image.as_ref()?.name.as_deref())
}

/// What depends on all packages of a variant together: its time, the threshold of its layers, and what of it is cut.
pub(crate) fn finish(
    lock: &mut Lock,
    index: usize,
    variant: &Variant,
    sizes: &Sizes,
    context: &Context,
) -> Result<(), LockSpecError> {
    let newest = newest(&lock.variant(index)?);
    let found = lock.variants.get_mut(index).ok_or(LockError::NoVariant { index })?;
    found.timestamp = context.source_date_epoch.unwrap_or(newest);
    let locked = lock.variant(index)?;
    check_cuda_duplicates(variant, &locked)?;
    let whole = parts(&locked, variant, context)?;
    let files = cut_files(&whole, sizes)?;
    let VariantParts { mut parts, reserved, .. } = whole;
    // What only a build has takes layers as well.
    parts.push(coming("lock", Role::METADATA));
    parts.extend((!variant.copy.is_empty()).then(|| coming("copies", Role::COPY)));
    let (format, budget) = (lock.version, variant.layers.budget.get().into());
    let threshold = imgbuild_layer::threshold(&parts, &ROLES, budget, reserved)?;
    let policy = Policy { format, budget, reserved, threshold, cuts: &[], roles: &ROLES };
    let most = variant.layers.max_layer.map(LayerSize::bytes);
    let cuts = most.map(|most| imgbuild_layer::cuts(&parts, &policy, most, &files)).transpose()?;
    let found = lock.variants.get_mut(index).ok_or(LockError::NoVariant { index })?;
    found.threshold = threshold;
    found.cuts = cuts.unwrap_or_default();
    Ok(())
}

/// A part of which nothing is known yet but that it will be there.
fn coming(name: &str, role: Role) -> Part {
    Part {
        id: PartId::new("imgbuild", name),
        title: String::new(),
        recipe: RecipeHash(Digest::of("")),
        archive: None,
        role,
        weight: 0,
        root: None,
    }
}

/// The newest time of what a variant is made of.
fn newest(locked: &LockedVariant<'_>) -> i64 {
    let base = locked.variant.existing().into_iter().filter_map(|base| base.created);
    base.chain(locked.newest()).max().unwrap_or(0)
}

/// What locks one variant after the other.
pub(crate) struct Locker<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) earlier: Option<&'a Lock>,
    pub(crate) upgrade: &'a Upgrade,
    pub(crate) context: &'a Context,
    /// Bases that were locked already, by all that they depend on: variants share them.
    pub(crate) bases: BTreeMap<Digest, DebianSet>,
    /// The images of registries that were locked already, by what they are called and their platforms.
    pub(crate) images: BTreeMap<(String, Platform), Arc<LockedImage>>,
    /// What references mean.
    pub(crate) resolved: BTreeMap<String, Resolved>,
    /// What was told already.
    told: BTreeSet<String>,
    /// The sizes of the files of large packages, of the variant that is being locked.
    pub(crate) sizes: Sizes,
    /// What is locked so far.
    pub(crate) lock: LockBuilder,
}

impl Locker<'_> {
    async fn variant(&mut self, variant: &Variant) -> Result<imgbuild_lock::Variant, LockSpecError> {
        let debian = match &variant.base {
            Base::Scratch | Base::Layout(_) | Base::Image(_) => None,
            Base::Debian(base) => Some(self.base(variant, base).await?),
        };
        let existing = self.existing(variant).await?;
        let glibc = debian.as_ref().and_then(|set| {
            let packages: Vec<_> =
                self.lock.debian().filter(|it| set.packages.contains(&it.id())).cloned().collect();
            imgbuild_debian::glibc(&packages)
        });
        let glibc = match &existing {
            Some(image) if variant.in_each_environment().iter().any(|it| it.conda.is_some()) => {
                Some(image.glibc()?.to_owned())
            }
            _ => glibc,
        };
        let pythons = variant.in_each_environment();
        let pythons = pythons.iter().map(|view| BaseDistributions::of(view, existing.as_ref(), self.context));
        let pythons: Vec<Option<BaseDistributions>> = pythons.collect::<Result<_, _>>()?;
        let existing = existing.map(|image| image.base.clone());
        let (layout, image) = match &variant.base {
            Base::Image(_) => (None, existing),
            Base::Layout(_) | Base::Debian(_) | Base::Scratch => (existing, None),
        };
        let common = imgbuild_lock::Variant {
            tags: variant.tags.clone(),
            platform: variant.platform,
            keys: variant.keys.clone(),
            timestamp: 0,
            threshold: Threshold(0),
            cuts: Vec::new(),
            debian,
            layout,
            image,
            conda: None,
            pypi: None,
            environments: Vec::new(),
        };
        let mut whole = common.clone();
        for (view, base) in variant.in_each_environment().into_iter().zip(&pythons) {
            let conda = match &view.conda {
                None => None,
                Some(conda) => Some(self.environment(&view, conda, glibc.as_deref()).await?),
            };
            let mut locked = imgbuild_lock::Variant { conda, ..common.clone() };
            if let Some(pip) = &view.pip {
                locked = self.wheels(&view, pip, locked, base.as_ref()).await?;
            }
            let imgbuild_lock::Variant { conda, pypi, .. } = locked;
            match view.environment {
                None => (whole.conda, whole.pypi) = (conda, pypi),
                Some(name) => {
                    whole.environments.push(Environment { name: name.to_string(), conda, pypi });
                }
            }
        }
        Ok(whole)
    }

    /// The image that somebody else made and that a variant stands on.
    async fn existing(&mut self, variant: &Variant) -> Result<Option<Arc<LockedImage>>, LockSpecError> {
        Ok(match &variant.base {
            Base::Layout(layout) => {
                Some(Arc::new(LockedImage::read(layout, variant.platform, &self.context.store)?))
            }
            Base::Image(image) => Some(self.image(variant, image).await?),
            Base::Debian(_) | Base::Scratch => None,
        })
    }

    /// The variant of the earlier lock that is the nearest to this one, as this environment of it.
    pub(crate) fn same(&self, variant: &Variant) -> Result<Option<LockedVariant<'_>>, LockSpecError> {
        let Some(earlier) = self.earlier else { return Ok(None) };
        let all = earlier.locked_variants()?.into_iter();
        let mut candidates: Vec<_> = all.filter(|other| other.variant.platform == variant.platform).collect();
        let same = candidates.iter().position(|other| other.variant.keys == variant.keys);
        let nearest = (!candidates.is_empty()).then(|| candidates.swap_remove(same.unwrap_or(0)));
        let name = variant.environment.as_ref().map(imgbuild_environment::EnvironmentName::as_str);
        Ok(nearest.and_then(|nearest| nearest.in_environment(name)))
    }

    /// The build machines for which interpreters are locked: those like the image, and this one.
    pub(crate) fn hosts(&self, variant: &Variant) -> BTreeSet<Platform> {
        if variant.layers.bytecode.makes_bytecode() {
            BTreeSet::from([variant.platform, self.context.host])
        } else {
            BTreeSet::new()
        }
    }

    /// Tells something once, however many variants it holds for.
    pub(crate) fn tell(&mut self, text: String) {
        if self.told.insert(text.clone()) {
            self.context.reporter.event(Event::Note { text });
        }
    }
}
