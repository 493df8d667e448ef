//! Keeping the archives of a lock in a folder.

use std::path::Path;

use imgbuild_fetch::{Context, Vendor};
use imgbuild_lock::{Archive, Lock};
use imgbuild_spec::Variant;
use imgbuild_store::verify;

use crate::error::MakeError;
use crate::wheel_frontend::archives;

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
) -> Result<Vendored, MakeError> {
    let mut vendor = Vendor::open_or_new(folder)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut added = 0;
    for (index, variant) in variants.iter().enumerate() {
        let locked = lock.variant(index)?;
        let archives = archives(lock, &locked, variant, context)?;
        let is_missing = |archive: &Archive| {
            vendor.path(&archive.sha256).is_none_or(|path| verify(&path, &archive.sha256).is_err())
        };
        let all = locked.archives().into_iter();
        let missing: Vec<Archive> =
            all.filter(|archive| seen.insert(archive.sha256)).filter(is_missing).collect();
        futures::future::try_join_all(missing.iter().map(|one| archives.get(one))).await?;
        for one in missing {
            vendor.add(&one, &context.store.archive_path(&one.sha256))?;
            added += 1;
        }
    }
    vendor.write_index()?;
    Ok(Vendored { archives: seen.len(), added })
}
