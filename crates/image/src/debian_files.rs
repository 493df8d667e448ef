//! Whose the files of a Debian base are that has no lists of them: by the archives of its packages.

use imgbuild_archive::ImagePath;
use imgbuild_fetch::examined;
use imgbuild_inventory::{Kind, PackageId, standing};
use imgbuild_layer::{Merged, PartId};
use imgbuild_lock::LockedVariant;
use imgbuild_store::Store;

/// Whose a file is, by archives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveOwner {
    /// The package.
    pub package: Option<PackageId>,
    /// How many packages were not asked, because nothing of them is in the store.
    pub unknown: usize,
}

/// The package of a lock's Debian base whose archive has a path of its image, by what the store knows of these, or has of them.
pub fn debian_owner(
    locked: &LockedVariant<'_>,
    path: &ImagePath,
    merged: &Merged,
    store: &Store,
) -> ArchiveOwner {
    let mut owner = ArchiveOwner::default();
    let Some(debian) = &locked.debian else { return owner };
    for package in debian.packages.iter().filter(|it| !debian.set.left_out.contains(&it.id())) {
        let part = PartId::new("debian", &package.name);
        if debian.set.excluded.iter().any(|it| it.path == *path && it.part == part) {
            continue;
        }
        let Some(examined) = examined(package, store) else {
            owner.unknown += 1;
            continue;
        };
        // A package may have `/lib/x` of what is in `/usr/lib`.
        let is_it = |claimed: &ImagePath| {
            claimed == path || claimed.file_name() == path.file_name() && standing(merged, claimed) == *path
        };
        if examined.claims.iter().any(|claim| is_it(&claim.path)) {
            return ArchiveOwner {
                package: Some(PackageId::of_system(Kind::Debian, &package.name)),
                unknown: 0,
            };
        }
    }
    owner
}
