//! Why nothing can be chosen, where single requirements are enough to say it: each is held against all files that the index
//! has of its project. uv stops at the first of them, and says of versions what it does not say of their wheels.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use pep440_rs::{Operator, Version, VersionSpecifiers};

use crate::cuda;
use crate::dependency::Dependency;
use crate::environment::Environment;
use crate::filename::WheelFilename;
use crate::listing::{IndexFile, Places};
use crate::locking::Run;
use crate::locking_error::LockingError;
use crate::names;
use crate::unfit::Unfit;
use crate::uv::Compilation;

/// A project of which something is asked.
#[derive(Debug, Clone)]
struct Asked {
    /// The requirement's place, where it is one of the request.
    place: Option<usize>,
    name: String,
    /// The versions that the requirement names; all for a project that others require.
    versions: VersionSpecifiers,
    /// What else is said of its versions, and by whom.
    limits: Vec<(VersionSpecifiers, String)>,
}

impl Run<'_> {
    /// What is said where uv found nothing. `wanted` are the projects of which it would have to build one.
    pub(crate) async fn diagnosed(
        &self,
        wanted: &BTreeSet<String>,
        explanation: &str,
        target: String,
    ) -> LockingError {
        let conflict = self.unsatisfiable(explanation, target);
        if matches!(conflict, LockingError::Conflict { .. }) {
            return conflict;
        }
        let faults = self.faults(wanted).await;
        let tags = Box::new(self.request.environment.tags().clone());
        if let Some((first, _)) = faults.first() {
            let packages = faults.iter().map(|(_, unfit)| unfit.clone()).collect();
            return LockingError::NoWheels {
                requirement: first.or(self.blamed(explanation)),
                packages,
                tags,
            };
        }
        if wanted.is_empty() {
            return conflict;
        }
        let unfit = |name: &String| Unfit {
            has_source: true,
            is_there: true,
            ..Unfit::absent(
                name,
                format!("the versions that are required are sources alone:\n{explanation}"),
                None,
            )
        };
        let requirement = wanted.iter().find_map(|name| self.place(name)).or(self.blamed(explanation));
        LockingError::NoWheels { requirement, packages: wanted.iter().map(unfit).collect(), tags }
    }

    /// What is wrong with single requirements, with their places. Nothing where the indexes cannot be asked.
    async fn faults(&self, wanted: &BTreeSet<String>) -> Vec<(Option<usize>, Unfit)> {
        let asked = self.asked(wanted);
        let Some(places) = self.places().await else { return Vec::new() };
        let client = self.locking.metadata.client;
        let listed = asked.into_iter().map(|asked| {
            let places = &places;
            async move {
                let files = places.files(client, &asked.name).await;
                let files = files.inspect_err(|error| tracing::debug!("{error}")).ok()?;
                let place = asked.place;
                Some((place, self.fault(&asked, &files)?))
            }
        });
        futures::stream::iter(listed).buffered(16).filter_map(std::future::ready).collect().await
    }

    /// Where uv looks for packages.
    async fn places(&self) -> Option<Places> {
        if self.locking.metadata.client.is_offline() {
            return None;
        }
        let compilation = Compilation {
            scratch: self.scratch.path().to_owned(),
            ..Compilation::new(self.locking, self.request)
        };
        let said = self.locking.uv.places(compilation).await;
        said.inspect_err(|error| tracing::debug!("{error}")).ok()
    }

    /// The projects of which something is asked and that come from an index.
    fn asked(&self, wanted: &BTreeSet<String>) -> Vec<Asked> {
        let limits = self.limits();
        // PyTorch's packages come from an index that uv chooses by itself.
        let elsewhere = |name: &str| self.request.cuda.is_some() && cuda::is_of_backend(name);
        let asked = |place: Option<usize>, name: String, versions: VersionSpecifiers| {
            let limits = limits.get(&name).cloned().unwrap_or_default();
            Asked { place, name, versions, limits }
        };
        let mut all: Vec<Asked> = self
            .requirements()
            .filter_map(|(place, requirement)| {
                let dependency = requirement.dependency()?;
                Some(asked(Some(place), dependency.name, dependency.versions?))
            })
            .collect();
        for name in wanted.iter().filter(|name| self.place(name).is_none()) {
            all.push(asked(None, name.clone(), VersionSpecifiers::empty()));
        }
        all.retain(|asked| !elsewhere(&asked.name) && self.provides(&asked.name).is_none());
        all
    }

    /// What constraints, and conda's packages, say of versions.
    fn limits(&self) -> BTreeMap<String, Vec<(VersionSpecifiers, String)>> {
        let mut limits: BTreeMap<String, Vec<(VersionSpecifiers, String)>> = BTreeMap::new();
        let mut add = |text: &str, who: &str| {
            let Some(read) = Dependency::of_metadata(text) else { return };
            let holds = read.holds(&self.request.environment, &[]);
            let Some(versions) = read.versions.filter(|versions| holds && !versions.is_empty()) else {
                return;
            };
            let what = format!("{who} `{}{versions}`", read.name);
            limits.entry(read.name).or_default().push((versions, what));
        };
        self.request.constraints.iter().for_each(|text| add(text.whole(), "the constraint"));
        for (name, metadata) in &self.metadata {
            let who = format!("conda's `{name}`, which requires");
            metadata.requires_dist.iter().for_each(|text| add(text, &who));
        }
        limits
    }

    fn fault(&self, asked: &Asked, files: &[IndexFile]) -> Option<Unfit> {
        let allowed = self.request.allow_builds.allows(Some(&asked.name));
        fault(asked, files, &self.request.environment).filter(|unfit| !(unfit.has_source && allowed))
    }
}

/// What is wrong with a requirement alone; nothing where it can be met by itself.
fn fault(asked: &Asked, files: &[IndexFile], environment: &Environment) -> Option<Unfit> {
    let Asked { name, versions, limits, .. } = asked;
    let title = format!("{name}{versions}");
    if files.is_empty() {
        return Some(Unfit::absent(name, "no index has a package of that name", names::hint(name)));
    }
    let fits = |file: &&IndexFile| fits(file, environment);
    let mut left: Vec<&IndexFile> = files.iter().filter(|file| versions.contains(&file.version)).collect();
    if left.is_empty() {
        return Some(no_version(asked, files, environment));
    }
    let of_requirement = left.clone();
    for (limit, what) in limits {
        left.retain(|file| limit.contains(&file.version));
        if left.is_empty() {
            let why = format!("{what} leaves out every version of it that is asked for");
            return Some(Unfit::absent(title, why, None));
        }
    }
    if pinned(versions).is_none() {
        let yanked = left.iter().max_by_key(|file| &file.version).and_then(|file| file.yanked.clone());
        left.retain(|file| file.yanked.is_none());
        if left.is_empty() {
            let reason = yanked.filter(|reason| !reason.is_empty());
            let why = reason.map_or_else(String::new, |reason| format!(": {}", reason.escape_default()));
            return Some(Unfit::absent(title, format!("its versions were taken back (yanked){why}"), None));
        }
    }
    if left.iter().any(fits) {
        return None;
    }
    let newest = newest(&left)?;
    let package = format!("{name} {newest}");
    let own: Vec<&IndexFile> = left.iter().copied().filter(|file| file.version == *newest).collect();
    let excluded = excluded(&of_requirement, limits, environment);
    let other = near(newest, files.iter().filter(fits));
    let other = other.map(|version| format!("{name}=={version}"));
    if let Some(wanted) =
        left.iter().all(|file| !has_python(file, environment)).then(|| &own[0].requires_python)
    {
        let wanted = wanted.as_deref().unwrap_or_default();
        let python = environment.python();
        let why = format!("`{package}` is for Python {wanted}, and the image has {python}");
        return Some(Unfit { other, ..Unfit::absent(title, why, None) });
    }
    let wheels: Vec<WheelFilename> = own.iter().filter_map(|file| file.wheel.clone()).collect();
    let has_source = own.iter().any(|file| file.wheel.is_none());
    let mut unfit = Unfit::new(&package, &wheels, environment.tags(), has_source);
    if let Some((version, what)) = excluded {
        unfit.why = format!("{}; {what} leaves out {version}, which fits", unfit.why);
    } else if let Some(project) = names::imported(name) {
        unfit.hint = Some(format!("did you mean `{project}`?"));
    } else if unfit.hint.is_none() {
        unfit.other = other;
    }
    Some(unfit)
}

fn has_python(file: &IndexFile, environment: &Environment) -> bool {
    file.requires_python.as_ref().is_none_or(|wanted| environment.has_python(wanted))
}

fn fits(file: &IndexFile, environment: &Environment) -> bool {
    let ranked = file.wheel.as_ref().is_some_and(|wheel| environment.tags().rank(wheel).is_some());
    ranked && has_python(file, environment)
}

/// The newest version, one that was released where there is one.
fn newest<'a>(files: &[&'a IndexFile]) -> Option<&'a Version> {
    let versions = files.iter().map(|file| &file.version);
    versions.max_by_key(|version| (!version.any_prerelease(), *version))
}

/// The version nearest to another one: the next newer one, else the next older one.
fn near<'a>(version: &Version, files: impl Iterator<Item = &'a IndexFile>) -> Option<&'a Version> {
    let released: BTreeSet<&Version> = files
        .filter(|file| file.yanked.is_none() && !file.version.any_prerelease())
        .map(|file| &file.version)
        .collect();
    released.iter().find(|it| **it > version).or_else(|| released.last()).copied()
}

/// A version that fits, and what leaves it out.
fn excluded<'a>(
    files: &[&'a IndexFile],
    limits: &'a [(VersionSpecifiers, String)],
    environment: &Environment,
) -> Option<(&'a Version, &'a str)> {
    let fitting = files.iter().filter(|file| fits(file, environment) && file.yanked.is_none());
    let version = fitting.map(|file| &file.version).max()?;
    let (_, what) = limits.iter().find(|(limit, _)| !limit.contains(version))?;
    Some((version, what))
}

/// The one version that a requirement names, where it names one.
fn pinned(versions: &VersionSpecifiers) -> Option<&Version> {
    match &versions[..] {
        [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => Some(only.version()),
        _ => None,
    }
}

/// A version that no index has.
fn no_version(asked: &Asked, files: &[IndexFile], environment: &Environment) -> Unfit {
    let Asked { name, versions, .. } = asked;
    let there = || files.iter().filter(|file| file.yanked.is_none());
    let fitting: BTreeSet<&Version> =
        there().filter(|file| fits(file, environment)).map(|file| &file.version).collect();
    let all: BTreeSet<&Version> = there().map(|file| &file.version).collect();
    let known = if fitting.is_empty() { &all } else { &fitting };
    let nearest: Vec<&Version> = match pinned(versions) {
        Some(version) => {
            let below = known.iter().rfind(|it| **it < version);
            below.into_iter().chain(known.iter().find(|it| **it > version)).copied().collect()
        }
        None => known.last().into_iter().copied().collect(),
    };
    let nearest: Vec<String> = nearest.into_iter().map(|version| format!("`{version}`")).collect();
    let why = match nearest.as_slice() {
        [] => "the index has no such version".to_owned(),
        [only] if pinned(versions).is_none() => {
            format!("the index has no such version; the newest is {only}")
        }
        [only] => format!("the index has no such version; the nearest is {only}"),
        nearest => format!("the index has no such version; the nearest are {}", nearest.join(" and ")),
    };
    let local = pinned(versions).filter(|version| version.is_local()).map(ToString::to_string);
    let local = local.as_deref().and_then(|version| Some(version.split_once('+')?.1.to_owned()));
    Unfit::absent(format!("{name}{versions}"), why, local.map(|local| local_hint(name, &local)))
}

/// Where versions with a local part, such as `+cu124`, come from.
fn local_hint(name: &str, local: &str) -> String {
    let key = "`index-url` or `extra-index-urls` of `[pip]`";
    match cuda::of_local(local).filter(|_| cuda::is_of_backend(name)) {
        Some(version) => format!(
            "`cuda = \"{version}\"` in the spec takes `{name}` from PyTorch's index for that CUDA; or name an index that has it in {key}"
        ),
        None => format!("versions with `+{local}` are on an index of their own: name it in {key}"),
    }
}
