//! The lock beside a spec: the one that is there, or a new one.

use std::path::Path;

use imgbuild_fetch::Context;
use imgbuild_layer::FormatVersion;
use imgbuild_lock::{Changes, Lock, LockError};
use imgbuild_spec::{Base, Spec, Variant};

use crate::error::{LockFailure, LockSpecError};
use crate::lock_file::{read_lock, write_lock};
use crate::locking::{PackageUpgrade, Upgrade, inputs, lock};

/// A lock and its text.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The lock.
    pub lock: Lock,
    /// Its text, as it stands in the file.
    pub text: String,
    /// What changed, where it was written now.
    pub changes: Option<Changes>,
    /// The format version that it had before, where it was written now and is another.
    pub format_before: Option<FormatVersion>,
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
) -> Result<Locked, LockSpecError> {
    let earlier = read_lock(path)?.map(|(lock, _)| lock);
    let lock = lock(spec, variants, earlier.as_ref(), upgrade, context).await?;
    let changes = changes(earlier.as_ref(), &lock, variants)?;
    let text = write_lock(path, &lock)?;
    let format_before = earlier.map(|lock| lock.version).filter(|version| *version != lock.version);
    Ok(Locked { lock, text, changes: Some(changes), format_before })
}

/// What `imgbuild lock --upgrade` would change of a lock, which must be that of the spec and stays as it is.
///
/// # Errors
///
/// When there is no such lock, or a variant cannot be locked anew.
pub async fn outdated(
    spec: &Spec,
    variants: &[Variant],
    path: &Path,
    context: &Context,
) -> Result<Changes, LockSpecError> {
    check_lock(variants, path)?;
    let earlier = read_lock(path)?.map(|(lock, _)| lock);
    let upgrade = Upgrade { packages: PackageUpgrade::All, format: false };
    let new = lock(spec, variants, earlier.as_ref(), &upgrade, context).await?;
    changes(earlier.as_ref(), &new, variants)
}

fn changes(before: Option<&Lock>, after: &Lock, variants: &[Variant]) -> Result<Changes, LockSpecError> {
    let bases = variants.iter().filter_map(|variant| match &variant.base {
        Base::Debian(base) => Some(&base.packages),
        Base::Layout(_) | Base::Image(_) | Base::Scratch => None,
    });
    let requested = bases.flatten().map(|package| package.text.public()).collect();
    Ok(Changes::between(before, after, &requested)?)
}

/// Whether a lock is that of these variants. Its inputs say so; but a lock can be edited, and then its variants need not be
/// those that it was made for.
fn fits(lock: &Lock, variants: &[Variant]) -> bool {
    let same = |(locked, variant): (&imgbuild_lock::Variant, &Variant)| {
        (&locked.tags, locked.platform, &locked.keys) == (&variant.tags, variant.platform, &variant.keys)
            && locked.layout.is_some() == matches!(variant.base, Base::Layout(_))
            && locked.image.is_some() == matches!(variant.base, Base::Image(_))
            && locked.environments.len() == variant.environments.len()
            && variant
                .environments
                .iter()
                .all(|it| locked.environments.iter().any(|other| other.name == it.name.as_str()))
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
) -> Result<Locked, LockSpecError> {
    match read_lock(path)? {
        Some((lock, text)) if fits(&lock, variants) => match imgbuild_wheels::changed_folder(&lock, path) {
            None => Ok(Locked { lock, text, changes: None, format_before: None }),
            Some(folder) if locked => Err(LockFailure::StaleFolder { path: path.to_owned(), folder }.into()),
            Some(_) => renew_lock(spec, variants, path, &Upgrade::default(), context).await,
        },
        Some(_) if locked => Err(LockFailure::Stale { path: path.to_owned() }.into()),
        None if locked => Err(LockFailure::NoLock { path: path.to_owned() }.into()),
        _ => renew_lock(spec, variants, path, &Upgrade::default(), context).await,
    }
}

/// Whether a lock is that of a spec.
///
/// # Errors
///
/// When there is none, it cannot be read, or it is stale.
pub fn check_lock(variants: &[Variant], path: &Path) -> Result<(), LockSpecError> {
    match read_lock(path)? {
        None => Err(LockFailure::Unlocked { path: path.to_owned() }.into()),
        Some((lock, _)) if fits(&lock, variants) => match imgbuild_wheels::changed_folder(&lock, path) {
            None => Ok(()),
            Some(folder) => Err(LockFailure::StaleFolder { path: path.to_owned(), folder }.into()),
        },
        Some(_) => Err(LockFailure::Stale { path: path.to_owned() }.into()),
    }
}

/// A lock of which only the text is known, as images have it; nothing where it is not that of these variants.
///
/// # Errors
///
/// When it is none.
pub fn fitting_lock(variants: &[Variant], text: &str) -> Result<Option<Locked>, LockError> {
    let lock = Lock::parse(text)?;
    let (text, changes, format_before) = (text.to_owned(), None, None);
    Ok(fits(&lock, variants).then_some(Locked { lock, text, changes, format_before }))
}

/// The lock of a spec, where there is one and it is not stale.
///
/// # Errors
///
/// When it cannot be read.
pub fn known_lock(variants: &[Variant], path: &Path) -> Result<Option<Locked>, LockSpecError> {
    let known = read_lock(path)?.filter(|(lock, _)| fits(lock, variants));
    Ok(known.map(|(lock, text)| Locked { lock, text, changes: None, format_before: None }))
}
