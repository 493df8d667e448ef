//! How the packages of one image differ from those of another.

use serde::Serialize;

use crate::{Inventory, Package, PackageId};

/// A package that one image has in another release than the other, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageChange {
    /// The package.
    pub package: PackageId,
    /// As the first image has it; nothing where it is new.
    pub before: Option<Release>,
    /// As the second one has it; nothing where it is gone.
    pub after: Option<Release>,
}

/// What tells two packages of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// The version.
    pub version: String,
    /// The build, of conda's.
    pub build: Option<String>,
    /// The channel, of conda's.
    pub channel: Option<String>,
    /// The hash of its archive, where both say it.
    pub sha256: Option<String>,
    /// The bytes that it has installed.
    pub installed_size: Option<u64>,
}

impl Release {
    fn of(package: &Package) -> Self {
        let sha256 = package.archive.as_ref().and_then(|it| it.sha256).map(|it| it.hex());
        Self {
            version: package.version.clone(),
            build: package.build.clone(),
            channel: package.channel.clone(),
            sha256,
            installed_size: package.installed_size,
        }
    }

    /// Whether two are the same, as far as both say it.
    fn is_same(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.version == other.version
            && agree(&self.build, &other.build)
            && agree(&self.channel, &other.channel)
            && agree(&self.sha256, &other.sha256)
    }
}

/// The packages that differ, by their names.
pub fn differences(before: &Inventory, after: &Inventory) -> Vec<PackageChange> {
    let mut ids: Vec<&PackageId> = before.packages().chain(after.packages()).map(|it| &it.id).collect();
    ids.sort();
    ids.dedup();
    let change = |id: &PackageId| PackageChange {
        package: id.clone(),
        before: before.get(id).map(Release::of),
        after: after.get(id).map(Release::of),
    };
    let differs = |change: &PackageChange| match (&change.before, &change.after) {
        (Some(before), Some(after)) => !before.is_same(after),
        _ => true,
    };
    ids.into_iter().map(change).filter(differs).collect()
}
