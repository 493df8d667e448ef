//! Keeping the archives of a lock in a folder.

use std::path::Path;

use lock::Lock;
use spec::Variant;

use crate::archive_hash::verify;
use crate::building::Building;
use crate::locked_package::LockedPackage;
use crate::vendor_folder::Vendor;
use crate::{BuildError, Context};

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
    for (index, (locked, variant)) in lock.variants.iter().zip(variants).enumerate() {
        let archives = Building::archives(lock, index, variant, context)?;
        let missing: Vec<LockedPackage> = needed(lock, locked)
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

/// The archives of one variant.
fn needed(lock: &Lock, variant: &lock::Variant) -> Vec<LockedPackage> {
    let debian = variant.debian.iter().flat_map(|set| {
        let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
        set.packages.iter().chain(compilers).filter_map(|id| lock.debian_package(id))
    });
    let conda = variant.conda.iter().flat_map(|set| {
        let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
        set.packages.iter().chain(compilers).filter_map(|url| lock.conda_package(url))
    });
    let wheels = variant.pypi.iter().flat_map(|set| &set.packages).filter_map(|id| lock.pypi_package(id));
    let archives = debian.cloned().map(LockedPackage::Debian).chain(conda.cloned().map(LockedPackage::Conda));
    archives.chain(wheels.cloned().map(Box::new).map(LockedPackage::Pypi)).collect()
}
