//! The ecosystems of a variant, and what of their packages runs in layers that are there.

use std::collections::BTreeMap;

use imgbuild_base::Base;
use imgbuild_ecosystem::Ecosystem;
use imgbuild_fetch::Context;
use imgbuild_layer::Ownership;
use imgbuild_lock::{Archive, DebianPackage, LockedPackage, LockedVariant};
use imgbuild_spec::{Manager, Variant};

use super::Assembly;
use crate::base_configuration::BaseConfiguration;
use crate::error::MakeError;
use crate::ingredient::Ingredient;
use crate::post_link::PostLink;
use crate::variant_name::variant_name;

/// An ecosystem, some of whose packages bring code of their own that runs in layers that are there.
pub(super) trait PackageScripts: Ecosystem {
    /// What runs when its own packages are there, and none that stand on them.
    fn over_own(&self, _: &Assembly, _: &Variant, _: &Context) -> Option<Ingredient> {
        None
    }

    /// What runs when the packages of all ecosystems are there.
    fn over_all(&self, _: &Assembly, _: &LockedVariant<'_>) -> Option<Ingredient> {
        None
    }
}

/// Debian, on which the environments of a variant stand, where it is in the image.
pub(super) fn debian<'a>(
    locked: &'a LockedVariant<'_>,
    variant: &Variant,
) -> Option<imgbuild_debian::Packages<'a>> {
    let (timestamp, platform) = (locked.variant.timestamp, variant.platform);
    let users = vec![super::users::user(variant)];
    Some(imgbuild_debian::Packages { locked: locked.debian.as_ref()?, platform, users, timestamp })
}

/// The ecosystems of one environment of a variant, each behind those that it stands on.
pub(super) fn ecosystems<'a>(
    locked: &'a LockedVariant<'_>,
    variant: &'a Variant,
    base: &Base,
) -> Result<Vec<Box<dyn PackageScripts + 'a>>, MakeError> {
    let (timestamp, platform) = (locked.variant.timestamp, variant.platform);
    let has_licences = locked.format.has_licences_of_conda();
    let ownership = |is_writable: bool| -> Result<Ownership, MakeError> {
        if is_writable { Ok(Ownership::of_user(base.user_number(variant)?)) } else { Ok(Ownership::Root) }
    };
    let is_writable =
        variant.conda.as_ref().is_some_and(|conda| conda.writable || conda.manager != Manager::None);
    let mut all: Vec<Box<dyn PackageScripts>> = Vec::new();
    if let (Some(locked), Some(conda)) = (&locked.conda, &variant.conda) {
        let ownership = ownership(is_writable)?;
        let locked_packages =
            imgbuild_conda::Packages { locked, platform, conda, ownership, timestamp, has_licences };
        all.push(Box::new(locked_packages));
    }
    if let Some(wheels) = &locked.pypi {
        let is_conda = locked.conda.as_ref().is_some_and(|conda| conda.set.prefix == wheels.set.prefix);
        let is_own_writable = variant.pip.as_ref().is_some_and(|pip| pip.writable);
        let ownership = ownership(if is_conda { is_writable } else { is_own_writable })?;
        all.push(Box::new(imgbuild_pypi::Packages { locked: wheels, is_conda, ownership, timestamp }));
    }
    Ok(all)
}

impl PackageScripts for imgbuild_debian::Packages<'_> {
    /// The maintainer scripts.
    fn over_own(&self, assembly: &Assembly, variant: &Variant, context: &Context) -> Option<Ingredient> {
        let imgbuild_spec::Base::Debian(base) = &variant.base else { return None };
        let archive = |package: &DebianPackage| context.store.archive_path(&package.sha256);
        let configuration = self.configuration(archive)?;
        let (name, parents, targets) =
            (variant_name(variant), assembly.parents.clone(), assembly.targets.clone());
        let configuring = BaseConfiguration::new(name, configuration, parents, &base.packages, targets);
        let packages = &self.locked.packages;
        let archives: BTreeMap<&str, Archive> =
            packages.iter().map(|it| (it.name.as_str(), it.archive())).collect();
        Some(Ingredient::derived(Box::new(configuring), archives.into_values().collect()))
    }
}

impl PackageScripts for imgbuild_conda::Packages<'_> {
    /// The post-link scripts.
    fn over_all(&self, assembly: &Assembly, locked: &LockedVariant<'_>) -> Option<Ingredient> {
        let scripts = locked.post_link.iter().map(|package| (*package).clone()).collect();
        let (set, below) = (self.locked.set, assembly.below());
        let post_link = PostLink::new(set, scripts, self.platform, self.ownership, self.timestamp, &below)?;
        Some(Ingredient::derived(Box::new(post_link), Vec::new()))
    }
}

impl PackageScripts for imgbuild_pypi::Packages<'_> {}
