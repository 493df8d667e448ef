//! Keeping the archives of a lock in a folder.

use std::path::Path;

use lock::{Lock, LockedVariant};
use spec::Variant;

use crate::locked_package::LockedPackage;
use crate::vendor_folder::Vendor;
use crate::wheel_frontend;
use crate::{BuildError, Context};
use store::verify;

/// What was put into such a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendored {
    /// How many archives the lock names.
    pub archives: usize,
    /// How many of them were not there yet.
    pub added: usize,
}

/// Keeps every archive of a lock in `folder`: those of all variants, and the interpreters that compile bytecode. What is
/// there stays, so that several locks may share a folder.
///
/// # Errors
///
/// When an archive cannot be had, or the folder not be written.
pub async fn vendor(
    lock: &Lock,
    variants: &[Variant],
    folder: &Path,
    context: &Context,
) -> Result<Vendored, BuildError> {
    let mut vendor = Vendor::open_or_new(folder)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut added = 0;
    for (index, variant) in variants.iter().enumerate() {
        let locked = lock.variant(index)?;
        let archives = wheel_frontend::archives(lock, &locked, variant, context)?;
        let missing: Vec<LockedPackage> = packages(&locked)
            .into_iter()
            .filter(|needed| seen.insert(needed.sha256()))
            .filter(|needed| {
                let sha256 = needed.sha256();
                vendor.path(&sha256).is_none_or(|path| verify(&path, &sha256).is_err())
            })
            .collect();
        futures::future::try_join_all(missing.iter().map(|one| archives.get(one))).await?;
        for one in missing {
            vendor.add(&one, &context.store.archive_path(&one.sha256()))?;
            added += 1;
        }
    }
    vendor.write_index()?;
    Ok(Vendored { archives: seen.len(), added })
}

/// The packages of one variant, and of the interpreters that compile for it.
fn packages(locked: &LockedVariant<'_>) -> Vec<LockedPackage> {
    let debian = locked.debian.iter().flat_map(|debian| {
        debian.packages.iter().chain(debian.compilers.iter().flat_map(|compiler| &compiler.packages))
    });
    let conda = locked.conda.iter().flat_map(|conda| {
        conda.packages.iter().chain(conda.compilers.iter().flat_map(|compiler| &compiler.packages))
    });
    let wheels = locked.pypi.iter().flat_map(|pypi| &pypi.packages);
    let debian = debian.map(|package| LockedPackage::Debian((*package).clone()));
    let conda = conda.map(|package| LockedPackage::Conda((*package).clone()));
    let wheels = wheels.map(|package| LockedPackage::Pypi(Box::new((*package).clone())));
    debian.chain(conda).chain(wheels).collect()
}
