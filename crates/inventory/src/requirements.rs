//! What meets what packages require, across their ecosystems.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;
use imgbuild_environment::match_spec_name;
use imgbuild_oci::Platform;
use imgbuild_pypi::{Dependency, Environment, Target};

use crate::described::related_name;
use crate::metadata::apk::provided_name;
use crate::package::upstream_version;
use crate::{Described, Kind, Package, PackageId, Requirement};

/// The virtual package by which conda's packages say which glibc they need, and Debian's package that is it.
const GLIBC: (&str, &str) = ("__glibc", "libc6");

/// No marker is about glibc.
const ANY_GLIBC: u8 = 17;

/// Fills in what each package requires and which of the others meet it.
pub(crate) fn linked(all: Vec<Described>, platform: Platform) -> Vec<Package> {
    let known = Known::of(&all, platform);
    let extras = known.active_extras(&all);
    let none = BTreeSet::new();
    let requirements = |it: &Described| known.requirements(it, extras.get(&it.package.id).unwrap_or(&none));
    let requires: Vec<Vec<Requirement>> = all.iter().map(requirements).collect();
    let met: BTreeSet<PackageId> = requires.iter().flatten().flat_map(|it| it.met_by.clone()).collect();
    let by_extras: Vec<Vec<Requirement>> = all.iter().map(|it| known.asked_by_extras(it, &met)).collect();
    let all = all.into_iter().zip(requires).zip(by_extras);
    all.map(|((described, own), by_extras)| {
        let requires = own.into_iter().chain(by_extras).collect();
        Package { requires, ..described.package }
    })
    .collect()
}

/// A requirement of a distribution, as it is written and as it is read.
struct Dependent<'a> {
    text: &'a str,
    read: Dependency,
}

impl Dependent<'_> {
    /// Those of a distribution. What nobody can read is none.
    fn all(described: &Described) -> Vec<Dependent<'_>> {
        let read = |text: &'_ String| Some(Dependency::of_metadata(text)).flatten();
        let all = described.requires.iter();
        all.filter_map(|text| Some(Dependent { text, read: read(text)? })).collect()
    }
}

/// The packages by the names under which others require them.
struct Known {
    ids: BTreeSet<PackageId>,
    /// What Debian's and Alpine's packages provide.
    provided: BTreeMap<(Kind, String), Vec<PackageId>>,
    /// The packages that bring a distribution of Python, by their environments and its name.
    distributions: BTreeMap<(Option<ImagePath>, String), Vec<PackageId>>,
    /// The interpreters, by their environments, and what markers are asked of.
    pythons: BTreeMap<Option<ImagePath>, (PackageId, Option<Environment>)>,
}

impl Known {
    fn of(all: &[Described], platform: Platform) -> Self {
        let mut known = Self {
            ids: all.iter().map(|it| it.package.id.clone()).collect(),
            provided: BTreeMap::new(),
            distributions: BTreeMap::new(),
            pythons: BTreeMap::new(),
        };
        for Described { package, provides, .. } in all {
            let id = &package.id;
            for name in provides {
                known.provided.entry((id.kind, name.clone())).or_default().push(id.clone());
            }
            for distribution in &package.distributions {
                let key = (id.environment.clone(), distribution.name.clone());
                known.distributions.entry(key).or_default().push(id.clone());
            }
            if id.is_python() {
                let python = (id.clone(), environment(&package.version, platform));
                known.pythons.insert(id.environment.clone(), python);
            }
        }
        known
    }

    /// The interpreter that a distribution is for: that of its environment, else the system's.
    fn python(&self, id: &PackageId) -> Option<&(PackageId, Option<Environment>)> {
        self.pythons.get(&id.environment).or_else(|| self.pythons.get(&None))
    }

    fn requirements(&self, described: &Described, extras: &BTreeSet<String>) -> Vec<Requirement> {
        let id = &described.package.id;
        let requirement =
            |text: &str, met_by| Requirement { text: text.to_owned(), met_by: without(met_by, id) };
        let texts = described.requires.iter();
        match id.kind {
            Kind::Conda => texts.map(|text| requirement(text, self.of_match_spec(text, id))).collect(),
            Kind::Debian => {
                let named = |name| self.of_system(id.kind, related_name(name));
                texts.map(|text| requirement(text, text.split('|').flat_map(named).collect())).collect()
            }
            Kind::Apk => {
                texts.map(|text| requirement(text, self.of_system(id.kind, provided_name(text)))).collect()
            }
            Kind::Pypi => {
                let own = Dependent::all(described);
                let own = own.iter().filter(|it| self.holds(id, it, extras));
                let own = own.map(|it| requirement(it.text, self.of_dependency(&it.read, id)));
                let versions = described.requires_python.as_ref();
                let text = versions.map_or("python".to_owned(), |versions| format!("python {versions}"));
                let python = self.python(id).map(|(id, _)| id.clone()).into_iter().collect();
                own.chain([requirement(&text, python)]).collect()
            }
        }
    }

    /// What extras of a package that somebody asked for bring, of what nothing else explains: which extras were asked for, neither
    /// locks nor installed files say.
    fn asked_by_extras(&self, described: &Described, met: &BTreeSet<PackageId>) -> Vec<Requirement> {
        let Package { id, requested, .. } = &described.package;
        if id.kind != Kind::Pypi || requested.is_empty() {
            return Vec::new();
        }
        let none = BTreeSet::new();
        let all = Dependent::all(described);
        let optional = all.iter().filter(|it| it.is_of_an_extra() && !self.holds(id, it, &none));
        let requirements = optional.map(|it| Requirement {
            text: it.text.to_owned(),
            met_by: without(self.of_dependency(&it.read, id), id),
        });
        let unexplained =
            |it: &Requirement| !it.met_by.is_empty() && it.met_by.iter().all(|id| !met.contains(id));
        requirements.filter(unexplained).collect()
    }

    fn of_match_spec(&self, text: &str, of: &PackageId) -> Vec<PackageId> {
        let name = match_spec_name(text);
        if name == GLIBC.0 {
            return self.of_system(Kind::Debian, GLIBC.1);
        }
        let id = PackageId { kind: Kind::Conda, name, environment: of.environment.clone() };
        self.ids.get(&id).cloned().into_iter().collect()
    }

    /// What brings a distribution: of the same environment, else of the system.
    fn of_dependency(&self, read: &Dependency, of: &PackageId) -> Vec<PackageId> {
        let there = |environment: &Option<ImagePath>| {
            self.distributions.get(&(environment.clone(), read.name.clone())).cloned()
        };
        there(&of.environment).or_else(|| there(&None)).unwrap_or_default()
    }

    /// The packages of the system that have a name, or provide it.
    fn of_system(&self, kind: Kind, name: &str) -> Vec<PackageId> {
        let own = self.ids.get(&PackageId::of_system(kind, name)).cloned();
        let provided = self.provided.get(&(kind, name.to_owned())).into_iter().flatten().cloned();
        own.into_iter().chain(provided).collect()
    }

    /// Whether a requirement counts with these extras. Where the Python is not known, all count that are of no extra.
    fn holds(&self, id: &PackageId, dependent: &Dependent<'_>, extras: &BTreeSet<String>) -> bool {
        let extras: Vec<String> = extras.iter().cloned().collect();
        match self.python(id) {
            Some((_, Some(environment))) => dependent.read.holds(environment, &extras),
            _ => !dependent.is_of_an_extra(),
        }
    }

    /// The extras of each distribution that others ask for.
    fn active_extras(&self, all: &[Described]) -> BTreeMap<PackageId, BTreeSet<String>> {
        let wheels = all.iter().filter(|it| it.package.id.kind == Kind::Pypi);
        let asking = |it: &Dependent<'_>| !it.read.extras.is_empty();
        let asking: Vec<(&Package, Vec<Dependent<'_>>)> =
            wheels.map(|it| (&it.package, Dependent::all(it).into_iter().filter(asking).collect())).collect();
        let (none, mut active) = (BTreeSet::new(), BTreeMap::<PackageId, BTreeSet<String>>::new());
        loop {
            let mut new: Vec<(PackageId, String)> = Vec::new();
            for (package, dependents) in &asking {
                let id = &package.id;
                let extras = active.get(id).unwrap_or(&none);
                // A project may ask for further extras of its own, so that itself is among what is asked for.
                for it in dependents.iter().filter(|it| self.holds(id, it, extras)) {
                    let asked = self.of_dependency(&it.read, id);
                    let extras =
                        |id: PackageId| it.read.extras.iter().map(move |extra| (id.clone(), extra.clone()));
                    new.extend(asked.into_iter().flat_map(extras));
                }
            }
            let before: usize = active.values().map(BTreeSet::len).sum();
            for (id, extra) in new {
                active.entry(id).or_default().insert(extra);
            }
            if active.values().map(BTreeSet::len).sum::<usize>() == before {
                return active;
            }
        }
    }
}

impl Dependent<'_> {
    /// Whether it names an extra in its condition.
    fn is_of_an_extra(&self) -> bool {
        self.read.names_an_extra()
    }
}

/// What markers are asked of, for a Python of this version of its package.
fn environment(version: &str, platform: Platform) -> Option<Environment> {
    let version = upstream_version(version);
    let minor = version.split('.').nth(1)?.parse().ok()?;
    Environment::new(Target { platform, minor, glibc: ANY_GLIBC }, version).ok()
}

/// What meets a requirement, but not the package that has it.
fn without(mut met: Vec<PackageId>, id: &PackageId) -> Vec<PackageId> {
    met.retain(|it| it != id);
    met.dedup();
    met
}
