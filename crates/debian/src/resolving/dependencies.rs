//! Who depends on whom in a set of packages that was chosen.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_lock::DebianPackage;

use crate::Relation;
use crate::package::stanza::field;
use crate::resolving::resolve::{ResolveError, provided_allows, relations};

/// The dependencies of every package of a set, met within the set.
#[derive(Debug)]
pub(crate) struct Dependencies {
    /// For each package its dependencies, for each of these the packages that meet it.
    met: Vec<Vec<BTreeSet<usize>>>,
}

impl Dependencies {
    /// Reads the fields `Pre-Depends` and `Depends` of all packages. A dependency that nothing in the set meets is met by
    /// another set, and counts for nothing here.
    pub(crate) fn read(packages: &[DebianPackage]) -> Result<Self, ResolveError> {
        let mut by_name: BTreeMap<String, Vec<(usize, Option<crate::Version>, bool)>> = BTreeMap::new();
        for (index, package) in packages.iter().enumerate() {
            let real = (index, package.version.parse().ok(), true);
            by_name.entry(package.name.clone()).or_default().push(real);
            for provided in relations(&package.name, &package.record, "Provides")?.into_iter().flatten() {
                let version = provided.version.map(|(_, version)| version);
                by_name.entry(provided.name).or_default().push((index, version, false));
            }
        }
        let meets = |relation: &Relation| {
            let found =
                by_name.get(&relation.name).into_iter().flatten().filter(|(_, version, real)| {
                    match (version, real) {
                        (Some(version), true) => relation.allows(version),
                        (version, _) => provided_allows(relation, version.as_ref()),
                    }
                });
            found.map(|(index, ..)| *index).collect::<Vec<_>>()
        };
        let mut met = Vec::new();
        for package in packages {
            let mut of_package = Vec::new();
            for name in ["Pre-Depends", "Depends"] {
                for alternatives in relations(&package.name, &package.record, name)? {
                    of_package.push(alternatives.iter().flat_map(meets).collect::<BTreeSet<usize>>());
                }
            }
            of_package.retain(|it| !it.is_empty());
            met.push(of_package);
        }
        Ok(Self { met })
    }

    /// `from`, and everything that it leads to.
    pub(crate) fn closure(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        self.closure_by(from, |_, _| true)
    }

    /// `from`, and everything that it leads to by dependencies that `follows` follows.
    pub(crate) fn closure_by(
        &self,
        from: impl IntoIterator<Item = usize>,
        follows: impl Fn(usize, usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut queue: Vec<usize> = from.into_iter().collect();
        while let Some(index) = queue.pop() {
            if found.insert(index) {
                queue.extend(self.met[index].iter().flatten().filter(|to| follows(index, **to)));
            }
        }
        found
    }

    /// `from`, and everything that it needs. Of several packages that meet one dependency only those of the least `rank` count.
    pub(crate) fn closure_of_first(
        &self,
        from: impl IntoIterator<Item = usize>,
        rank: impl Fn(usize) -> usize,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut queue: Vec<usize> = from.into_iter().collect();
        while let Some(index) = queue.pop() {
            if found.insert(index) {
                for meeting in &self.met[index] {
                    let least = meeting.iter().map(|it| rank(*it)).min();
                    queue.extend(meeting.iter().filter(|it| Some(rank(**it)) == least));
                }
            }
        }
        found
    }

    /// The largest part of `chosen` that needs nothing outside of it.
    pub(crate) fn closed(&self, mut chosen: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let stays = |index: &usize| self.met[*index].iter().all(|it| !it.is_disjoint(&chosen));
            let next: BTreeSet<usize> = chosen.iter().copied().filter(stays).collect();
            if next.len() == chosen.len() {
                return next;
            }
            chosen = next;
        }
    }
}

/// Whether dpkg refuses to work without a package.
pub(crate) fn is_essential(package: &DebianPackage) -> bool {
    field(&package.record, "Essential") == Some("yes")
}
