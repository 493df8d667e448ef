//! What each Debian package of a lock is to the image.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imgbuild_lock::{DebianPackage, Lock};

use crate::SharingError;

/// The role and the weight of each Debian package of a lock's first variant, by its name, as JSON.
///
/// # Errors
///
/// When the lock is none, or has no Debian base.
pub(crate) fn of_lock(path: &str) -> Result<String, SharingError> {
    let lock = Lock::parse(&fs_err::read_to_string(path)?)?;
    let variant = lock.variant(0)?;
    let debian = variant.debian.ok_or_else(|| SharingError::NoDebian(path.to_owned()))?;
    let packages: Vec<DebianPackage> = debian.packages.into_iter().cloned().collect();
    // Nothing is read of the archives: what a package is to the image stands in the lock.
    let sources = imgbuild_debian::sources(debian.set, &packages, |_| PathBuf::new(), &[], 0)?;
    let parts = sources.iter().map(|source| source.part());
    let packages = parts.filter(|part| imgbuild_debian::is_of_packages(part.role));
    let roles: BTreeMap<&str, (&str, u64)> =
        packages.map(|part| (part.id.name(), (part.role.name, part.weight))).collect();
    Ok(serde_json::to_string(&roles)? + "\n")
}
