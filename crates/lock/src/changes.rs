//! What changed from one lock to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Lock, LockError, LockedVariant};

/// How the kind of images of registries that others stand on begins, as packages begin with their ecosystem.
const BASE: &str = "base";

/// A package that one of two locks has in other versions than the other one; or an image of a registry, which has digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ecosystem and the name.
    pub package: String,
    /// Why the lock has it.
    pub reason: Reason,
    /// The versions before; none where it is new.
    pub before: BTreeSet<String>,
    /// The versions after; none where it is gone.
    pub after: BTreeSet<String>,
}

/// Why a lock has a package, the first reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Somebody asked for it.
    Requested,
    /// Others need it, or every base has it.
    Needed,
    /// Something is made with it: bytecode for a build machine of another kind, or wheels. It is in no image.
    Tool,
}

/// The packages that changed: those that somebody asked for first, then what they need, then what is only made with; each
/// sorted by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

impl Change {
    /// What it is of: `base`, `conda`, `debian`, `pypi`.
    pub fn kind(&self) -> &str {
        self.package.split('/').next().unwrap_or_default()
    }

    /// What it is called there.
    pub fn name(&self) -> &str {
        self.package.split_once('/').map_or(&self.package, |(_, name)| name)
    }
}

impl Changes {
    /// How many packages changed.
    pub fn packages(&self) -> usize {
        self.0.iter().filter(|change| change.kind() != BASE).count()
    }

    /// What changed from `before`, where there was one, to `after`. `requested` are the Debian packages that somebody asked for:
    /// locks do not say it of these.
    pub fn between(
        before: Option<&Lock>,
        after: &Lock,
        requested: &BTreeSet<String>,
    ) -> Result<Self, LockError> {
        let reasons = [Some(after), before]
            .into_iter()
            .flatten()
            .map(|lock| Reasons::of(lock, requested))
            .collect::<Result<Vec<_>, _>>()?;
        let (before, after) = (before.map(versions).unwrap_or_default(), versions(after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let change = |name: &String| Change {
            package: name.clone(),
            reason: reasons.iter().map(|reasons| reasons.reason(name)).min().unwrap_or(Reason::Tool),
            before: before.get(name).cloned().unwrap_or_default(),
            after: after.get(name).cloned().unwrap_or_default(),
        };
        let changes = names.into_iter().map(change);
        let mut changes: Vec<Change> = changes.filter(|change| change.before != change.after).collect();
        // The order of the names stays.
        changes.sort_by_key(|change| change.reason);
        Ok(Self(changes))
    }
}

/// The packages of a lock that are in an image, and those that somebody asked for.
struct Reasons {
    requested: BTreeSet<String>,
    needed: BTreeSet<String>,
}

impl Reasons {
    fn of(lock: &Lock, debian: &BTreeSet<String>) -> Result<Self, LockError> {
        let mut requested: BTreeSet<String> = debian.iter().map(|name| format!("debian/{name}")).collect();
        let bases: Vec<String> = versions(lock).into_keys().filter(|it| it.starts_with(BASE)).collect();
        requested.extend(bases.iter().cloned());
        let mut needed: BTreeSet<String> = bases.into_iter().collect();
        let variants = lock.locked_variants()?;
        for LockedVariant { debian, conda, pypi, .. } in
            variants.iter().flat_map(LockedVariant::in_each_environment)
        {
            if let Some(conda) = conda {
                let asked = conda.set.requested.iter();
                requested.extend(
                    asked.map(|text| format!("conda/{}", imgbuild_environment::match_spec_name(text))),
                );
                needed.extend(conda.packages.iter().map(|package| format!("conda/{}", package.name())));
            }
            if let Some(debian) = debian {
                needed.extend(debian.packages.iter().map(|package| format!("debian/{}", package.name)));
            }
            if let Some(pypi) = pypi {
                requested.extend(pypi.set.requested.iter().map(|name| format!("pypi/{name}")));
                needed.extend(pypi.packages.iter().map(|package| format!("pypi/{}", package.name)));
            }
        }
        Ok(Self { requested, needed })
    }

    fn reason(&self, package: &str) -> Reason {
        match (self.needed.contains(package), self.requested.contains(package)) {
            (true, true) => Reason::Requested,
            (true, false) => Reason::Needed,
            (false, _) => Reason::Tool,
        }
    }
}

fn versions(lock: &Lock) -> BTreeMap<String, BTreeSet<String>> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for image in lock.variants.iter().filter_map(|variant| variant.image.as_ref()) {
        let name = image.name.as_deref().unwrap_or_default();
        versions.entry(format!("{BASE}/{name}")).or_default().insert(image.resolved().to_string());
    }
    for package in &lock.conda {
        let version = format!("{} {}", package.version(), package.build());
        versions.entry(format!("conda/{}", package.name())).or_default().insert(version);
    }
    for package in &lock.debian {
        versions.entry(format!("debian/{}", package.name)).or_default().insert(package.version.clone());
    }
    for package in &lock.pypi {
        versions.entry(format!("pypi/{}", package.name)).or_default().insert(package.version.clone());
    }
    versions
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |versions: &BTreeSet<String>| versions.iter().cloned().collect::<Vec<_>>().join(", ");
        match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => write!(f, "+ {} {}", self.package, list(&self.after)),
            (_, true) => write!(f, "- {} {}", self.package, list(&self.before)),
            _ => write!(f, "~ {} {} -> {}", self.package, list(&self.before), list(&self.after)),
        }?;
        match self.reason {
            Reason::Tool => f.write_str(" (in no image: only to build with)"),
            Reason::Requested | Reason::Needed => Ok(()),
        }
    }
}
