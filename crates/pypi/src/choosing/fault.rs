//! What is wrong with one requirement alone, by the files that an index has of its project.

use std::collections::BTreeSet;

use pep440_rs::{Operator, Version, VersionSpecifiers};

use crate::choosing::environment::Environment;
use crate::choosing::explanation::RequiredProject;
use crate::choosing::unfit::Unfit;
use crate::choosing::{cuda, names};
use crate::index::listing::IndexFile;
use crate::wheel::filename::WheelFilename;

/// A project of which something is asked.
#[derive(Debug, Clone)]
pub(crate) struct AskedProject {
    /// The requirement's place, where it is one of the request.
    pub(crate) place: Option<usize>,
    pub(crate) name: String,
    /// The versions that are asked for.
    pub(crate) versions: VersionSpecifiers,
    /// What else is said of its versions, and by whom.
    pub(crate) limits: Vec<Limit>,
    /// Who requires it, where that is another package.
    pub(crate) required_by: Option<RequiredProject>,
}

/// What somebody else says of a project's versions.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) versions: VersionSpecifiers,
    /// Who says it, for people: ``the constraint `x<2` ``.
    pub(crate) what: String,
    /// The place of the constraint, where it is one of the request.
    pub(crate) constraint: Option<usize>,
}

/// What is wrong with a requirement alone; nothing where it can be met by itself.
pub(crate) fn fault(asked: &AskedProject, files: &[IndexFile], environment: &Environment) -> Option<Unfit> {
    let mut unfit = fault_of_files(asked, files, environment)?;
    let newest = files.iter().map(|file| &file.version).max();
    if let Some(library) = newest.and_then(|version| cuda::stub_of(&asked.name, version)) {
        unfit.why = format!("it is a stub that installs nothing: that of CUDA 13 is called `{library}`");
        unfit.hint = Some(format!("write `{library}`"));
    }
    if let Some(RequiredProject { by, .. }) = &asked.required_by {
        unfit.why = format!("{}; `{by}` requires it", unfit.why);
    }
    Some(unfit)
}

fn fault_of_files(asked: &AskedProject, files: &[IndexFile], environment: &Environment) -> Option<Unfit> {
    let AskedProject { name, versions, limits, .. } = asked;
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
    for Limit { versions, what, constraint } in limits {
        left.retain(|file| versions.contains(&file.version));
        if left.is_empty() {
            let why = format!("{what} leaves out every version of it that is asked for");
            return Some(Unfit { constraint: *constraint, ..Unfit::absent(title, why, None) });
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
    let is_for_others = left.iter().all(|file| !has_python(file, environment));
    let mut unfit = if is_for_others {
        let wanted = own[0].requires_python.as_deref().unwrap_or_default();
        let python = environment.python();
        Unfit::absent(title, format!("`{package}` is for Python {wanted}, and the image has {python}"), None)
    } else {
        let wheels: Vec<WheelFilename> = own.iter().filter_map(|file| file.wheel.clone()).collect();
        let has_source = own.iter().any(|file| file.wheel.is_none());
        Unfit::new(&package, &wheels, environment.tags(), has_source)
    };
    if let Some((version, Limit { what, constraint, .. })) = excluded {
        unfit.why = format!("{}; {what} leaves out {version}, which fits", unfit.why);
        unfit.constraint = *constraint;
    } else if is_for_others {
        unfit.other = other;
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
    limits: &'a [Limit],
    environment: &Environment,
) -> Option<(&'a Version, &'a Limit)> {
    let fitting = files.iter().filter(|file| fits(file, environment) && file.yanked.is_none());
    let version = fitting.map(|file| &file.version).max()?;
    Some((version, limits.iter().find(|limit| !limit.versions.contains(version))?))
}

/// The one version that a requirement names, where it names one.
fn pinned(versions: &VersionSpecifiers) -> Option<&Version> {
    match &versions[..] {
        [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => Some(only.version()),
        _ => None,
    }
}

/// A version that no index has.
fn no_version(asked: &AskedProject, files: &[IndexFile], environment: &Environment) -> Unfit {
    let AskedProject { name, versions, .. } = asked;
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
