//! Whose the files of a Debian base are that has no lists of them: by the archives of its packages.

use imgbuild_archive::ImagePath;
use imgbuild_fetch::examined;
use imgbuild_inventory::{Kind, PackageId, standing};
use imgbuild_layer::{Merged, PartId};
use imgbuild_lock::LockedVariant;
use imgbuild_store::Store;

use crate::contents::Contents;
use crate::error::MakeError;

/// Whose a file is, by archives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveOwner {
    /// The package.
    pub package: Option<PackageId>,
    /// How many packages were not asked, because nothing of them is in the store.
    pub unknown: usize,
}

/// The package of a lock's Debian base whose archive has a path of its image, by what the store knows of these, or has of them. They are
/// asked where one may have it: where dpkg has no lists of all files, and the path is of a layer with files of the base's packages.
///
/// # Errors
///
/// When the store cannot be read, or an archive in it is damaged.
pub fn debian_owner(
    locked: &LockedVariant<'_>,
    path: &ImagePath,
    contents: &Contents,
    store: &Store,
) -> Result<ArchiveOwner, MakeError> {
    let merged = &contents.merged;
    let mut owner = ArchiveOwner::default();
    let Some(debian) = locked.debian.as_ref().filter(|_| !has_lists(merged) && is_of_base(path, contents))
    else {
        return Ok(owner);
    };
    for package in debian.packages.iter().filter(|it| !debian.set.left_out.contains(&it.id())) {
        let part = PartId::new("debian", &package.name);
        if debian.set.excluded.iter().any(|it| it.path == *path && it.part == part) {
            continue;
        }
        let Some(examined) = examined(package, store)? else {
            owner.unknown += 1;
            continue;
        };
        // A package may have `/lib/x` of what is in `/usr/lib`.
        let is_it = |claimed: &ImagePath| {
            claimed == path || claimed.file_name() == path.file_name() && standing(merged, claimed) == *path
        };
        if examined.claims.iter().any(|claim| is_it(&claim.path)) {
            return Ok(ArchiveOwner {
                package: Some(PackageId::of_system(Kind::Debian, &package.name)),
                unknown: 0,
            });
        }
    }
    Ok(owner)
}

/// Whether dpkg's own lists say what its packages have.
fn has_lists(merged: &Merged) -> bool {
    let folder = ImagePath::new("var/lib/dpkg/info");
    folder.is_ok_and(|folder| merged.below(&folder).any(|(path, _)| path.as_str().ends_with(".list")))
}

/// Whether a path is in a layer that has files of Debian's packages.
fn is_of_base(path: &ImagePath, contents: &Contents) -> bool {
    let layer_of = |path: &ImagePath| contents.merged.get(path).map(|node| node.layer);
    let (owners, layer) = (contents.owners(), layer_of(path));
    let mut of_debian = owners.iter().filter(|(_, owners)| owners.iter().any(|it| it.kind == Kind::Debian));
    of_debian.any(|(path, _)| layer.is_some() && layer_of(path) == layer)
}
