//! What changed from one lock to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Lock;

/// A package that one of two locks has in other versions than the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ecosystem and the name.
    pub package: String,
    /// The versions before; none where it is new.
    pub before: BTreeSet<String>,
    /// The versions after; none where it is gone.
    pub after: BTreeSet<String>,
}

/// The packages that changed, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

impl Changes {
    /// What changed from `before` to `after`.
    pub fn between(before: &Lock, after: &Lock) -> Self {
        let (before, after) = (versions(before), versions(after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let change = |name: &String| Change {
            package: name.clone(),
            before: before.get(name).cloned().unwrap_or_default(),
            after: after.get(name).cloned().unwrap_or_default(),
        };
        Self(names.into_iter().map(change).filter(|change| change.before != change.after).collect())
    }
}

fn versions(lock: &Lock) -> BTreeMap<String, BTreeSet<String>> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
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
        }
    }
}
