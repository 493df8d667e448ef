//! All packages of an image.

use std::collections::BTreeMap;

use imgbuild_oci::Platform;
use serde::{Deserialize, Serialize};

use crate::requirements::linked;
use crate::{Described, Package, PackageId};

/// The system that an image's packages are of, by `os-release(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `12`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `VERSION_CODENAME`, such as `bookworm`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
}

/// The packages of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What the image is built for.
    pub platform: Platform,
    /// Its system, where it says it.
    pub system: Option<System>,
    packages: BTreeMap<PackageId, Package>,
}

impl Inventory {
    /// These packages; of two that are the same the last.
    pub fn new(
        platform: Platform,
        system: Option<System>,
        packages: impl IntoIterator<Item = Package>,
    ) -> Self {
        let packages = packages.into_iter().map(|package| (package.id.clone(), package)).collect();
        Self { platform, system, packages }
    }

    /// These packages, as they describe themselves: what meets what they require is found among them. Of two that are the same the last
    /// counts.
    pub fn of_described(platform: Platform, system: Option<System>, all: Vec<Described>) -> Self {
        let all: BTreeMap<PackageId, Described> =
            all.into_iter().map(|described| (described.package.id.clone(), described)).collect();
        Self::new(platform, system, linked(all.into_values().collect(), platform))
    }

    /// Its packages: by their kinds, then their names.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// A package of it.
    pub fn get(&self, id: &PackageId) -> Option<&Package> {
        self.packages.get(id)
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The same, with what another inventory of the same image knows of its packages and this one does not: locks say no licences of
    /// wheels and of Debian's packages, their files do.
    #[must_use]
    pub fn filled_from(mut self, other: &Self) -> Self {
        for (id, package) in &mut self.packages {
            let Some(other) = other.packages.get(id).filter(|it| it.version == package.version) else {
                continue;
            };
            let pairs = [
                (&mut package.licence, &other.licence),
                (&mut package.supplier, &other.supplier),
                (&mut package.homepage, &other.homepage),
                (&mut package.summary, &other.summary),
            ];
            for (own, others) in pairs {
                *own = own.take().or_else(|| others.clone());
            }
        }
        self.system = self.system.or_else(|| other.system.clone());
        self
    }

    /// The same, where `words` says in what words a package was asked for; nothing of those of which it does not know it.
    #[must_use]
    pub fn requested(mut self, words: impl Fn(&PackageId) -> Vec<String>) -> Self {
        for package in self.packages.values_mut() {
            let words = words(&package.id);
            if !words.is_empty() {
                package.requested = words;
            }
        }
        self
    }

    /// Those that a person means by a text: `numpy`, or `conda/numpy` where several kinds have one. Names of Python's projects are
    /// compared as indexes compare them.
    pub fn named(&self, text: &str) -> Vec<&Package> {
        let fits = |name: &str, id: &PackageId| {
            let same = id.name.eq_ignore_ascii_case(name);
            same || imgbuild_python::normalized(name) == imgbuild_python::normalized(&id.name)
        };
        let meant = |package: &&Package| match text.split_once('/') {
            Some((kind, name)) if kind == package.id.kind.as_str() => fits(name, &package.id),
            Some(_) => false,
            None => fits(text, &package.id),
        };
        self.packages().filter(meant).collect()
    }
}
