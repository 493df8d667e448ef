//! `uv.lock`: the packages of a project for every platform and Python, of which those for one environment are a lock of wheels.
//!
//! Its packages have no conditions of their own: what needs them has. So they are walked from the projects of the workspace on,
//! which are not themselves packages of an image.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use imgbuild_requirement::{Marker, ProjectParts};
use serde::Deserialize;
use url::Url;

use crate::choosing::environment::Environment;
use crate::lists::pylock_document::{Directory, Document, Entry, File, Vcs, existing, line};
use crate::lists::pylock_error::PylockError;
use crate::wheel::filename::normalized;

/// The version of the form that is read; its revisions say more, and nothing else.
const VERSION: i64 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvLock {
    version: i64,
    requires_python: Option<String>,
    #[serde(default)]
    manifest: Manifest,
    #[serde(default, rename = "package")]
    packages: Vec<Package>,
}

#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    source: Source,
    #[serde(default)]
    dependencies: Vec<Need>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Need>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Need>>,
    sdist: Option<UvFile>,
    #[serde(default)]
    wheels: Vec<UvFile>,
}

/// Where a package comes from: one of these.
#[derive(Default, Deserialize, PartialEq)]
struct Source {
    registry: Option<String>,
    git: Option<String>,
    url: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
    subdirectory: Option<String>,
}

/// What is taken of a package.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// What it always needs.
    Whole,
    /// What an extra of it needs besides.
    Extra(&'a str),
    /// What a group of its dependencies holds.
    Group(&'a str),
}

/// A package that another one needs.
#[derive(Deserialize)]
struct Need {
    name: String,
    version: Option<String>,
    source: Option<Source>,
    marker: Option<String>,
    #[serde(default)]
    extra: Vec<String>,
}

#[derive(Deserialize)]
struct UvFile {
    url: Option<String>,
    path: Option<String>,
    filename: Option<String>,
    hash: Option<String>,
    size: Option<u64>,
}

/// Whether a text is a lock of uv's: a `pylock.toml` has a `lock-version`.
pub(crate) fn is_uv_lock(text: &str) -> bool {
    let head = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    let mut keys = head.filter_map(|line| line.split_once('=')).map(|(key, _)| key.trim());
    keys.any(|key| key == "version")
}

/// The packages for an environment as a lock of wheels; without one, all of them.
///
/// # Errors
///
/// When it is damaged, or of a form that is not known.
pub(crate) fn document(
    text: &str,
    wanted: Option<(&Environment, &ProjectParts)>,
) -> Result<Document, PylockError> {
    let lock: UvLock =
        toml::from_str(text).map_err(|error| PylockError::UvSyntax { line: line(text, &error) })?;
    if lock.version != VERSION {
        return Err(PylockError::Version(lock.version.to_string()));
    }
    let roots = lock.roots();
    let chosen: Vec<usize> = match wanted {
        Some((environment, parts)) => {
            lock.walk(&lock.beginnings(&roots, parts)?, environment)?.into_iter().collect()
        }
        None => (0..lock.packages.len()).collect(),
    };
    let is_package =
        |index: &usize| !roots.contains(index) && lock.packages[*index].source.r#virtual.is_none();
    let packages = chosen.into_iter().filter(is_package).map(|index| lock.packages[index].entry());
    let document = Document {
        lock_version: "1.0".to_owned(),
        requires_python: lock.requires_python.clone(),
        packages: packages.collect(),
        is_uvs: true,
        ..Document::default()
    };
    document.check()?;
    Ok(document)
}

impl UvLock {
    /// The projects that the lock is of: the one beside it, or those of a workspace without one.
    fn roots(&self) -> BTreeSet<usize> {
        let all = || self.packages.iter().enumerate();
        let beside = all().find(|(_, package)| package.source.project() == Some("."));
        let members = || all().filter(|(_, package)| self.manifest.members.contains(&package.name));
        beside.map_or_else(|| members().map(|(index, _)| index).collect(), |(index, _)| [index].into())
    }

    /// The projects, and what is taken of each.
    fn beginnings<'a>(
        &'a self,
        roots: &BTreeSet<usize>,
        parts: &ProjectParts,
    ) -> Result<Vec<(usize, Part<'a>)>, PylockError> {
        let packages = || roots.iter().map(|index| (*index, &self.packages[*index]));
        let known = |of: fn(&Package) -> &BTreeMap<String, Vec<Need>>| {
            packages().flat_map(move |(_, it)| of(it).keys())
        };
        let extras = existing("extra", &parts.extras, known(|it| &it.optional_dependencies))?;
        let groups = match &parts.groups {
            Some(wanted) => existing("group", wanted, known(|it| &it.dev_dependencies))?,
            None => parts.default_groups.iter().map(ToString::to_string).collect(),
        };
        let mut all: Vec<(usize, Part<'_>)> = Vec::new();
        for (index, package) in packages() {
            let extras =
                package.optional_dependencies.keys().filter(|name| extras.contains(&normalized(name)));
            let groups = package.dev_dependencies.keys().filter(|name| groups.contains(&normalized(name)));
            all.push((index, Part::Whole));
            all.extend(extras.map(|name| (index, Part::Extra(name))));
            all.extend(groups.map(|name| (index, Part::Group(name))));
        }
        Ok(all)
    }

    /// What conditions on the projects' parts ask for: where two of these exclude one another, uv writes them as extras of such
    /// names.
    fn active(&self, beginnings: &[(usize, Part<'_>)]) -> Vec<String> {
        let name = |(index, part): &(usize, Part<'_>)| {
            let project = &self.packages[*index].name;
            let named = |kind: &str, part: &str| format!("{kind}-{}-{project}-{part}", project.len());
            match part {
                Part::Whole => None,
                Part::Extra(extra) => Some(named("extra", extra)),
                Part::Group(group) => Some(named("group", group)),
            }
        };
        beginnings.iter().filter_map(name).collect()
    }

    /// The packages that parts of projects need in an environment, themselves among them.
    fn walk(
        &self,
        beginnings: &[(usize, Part<'_>)],
        environment: &Environment,
    ) -> Result<BTreeSet<usize>, PylockError> {
        let active = self.active(beginnings);
        let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, package) in self.packages.iter().enumerate() {
            named.entry(&package.name).or_default().push(index);
        }
        let mut seen: BTreeSet<(usize, Part<'_>)> = BTreeSet::new();
        let mut waiting: Vec<(usize, Part<'_>)> = beginnings.to_vec();
        while let Some(next) = waiting.pop() {
            if !seen.insert(next) {
                continue;
            }
            let (index, part) = next;
            let package = &self.packages[index];
            let needs = match part {
                Part::Whole => Some(&package.dependencies),
                Part::Extra(extra) => package.optional_dependencies.get(extra),
                Part::Group(group) => package.dev_dependencies.get(group),
            };
            for need in needs.into_iter().flatten() {
                if !need.holds(environment, &active)? {
                    continue;
                }
                let found = named.get(need.name.as_str()).into_iter().flatten();
                let Some(target) = found.copied().find(|index| need.is(&self.packages[*index])) else {
                    return Err(PylockError::NoFile(need.name.clone()));
                };
                waiting.push((target, Part::Whole));
                waiting.extend(need.extra.iter().map(|extra| (target, Part::Extra(extra))));
            }
        }
        Ok(seen.into_iter().map(|(index, _)| index).collect())
    }
}

impl Need {
    /// Whether it counts in an environment.
    fn holds(&self, environment: &Environment, active: &[String]) -> Result<bool, PylockError> {
        let Some(marker) = &self.marker else { return Ok(true) };
        let read = Marker::from_str(marker).map_err(|_| PylockError::Marker(marker.clone()))?;
        Ok(environment.holds(&read, active))
    }

    /// Whether it is of this package: what is there several times is named with version and source.
    fn is(&self, package: &Package) -> bool {
        let has_version = self.version.is_none() || self.version == package.version;
        has_version && self.source.as_ref().is_none_or(|source| *source == package.source)
    }
}

impl Source {
    /// The folder of a project of the workspace.
    fn project(&self) -> Option<&str> {
        self.editable.as_deref().or(self.r#virtual.as_deref())
    }
}

impl Package {
    fn entry(&self) -> Entry {
        let Source { registry, git, url, path, directory, editable, subdirectory, .. } = &self.source;
        let name = normalized(&self.name);
        let mut entry = Entry { name, version: self.version.clone(), ..Entry::default() };
        if let Some(git) = git {
            entry.vcs = vcs(git);
        } else if let Some(path) = directory.as_ref().or(editable.as_ref()) {
            let (path, editable) = (path.clone(), editable.is_some());
            entry.directory = Some(Directory { path, editable, subdirectory: subdirectory.clone() });
        } else if let Some(location) = url.as_ref().or(path.as_ref()) {
            // Of a single file the lock says hash and size elsewhere.
            let stated = self.wheels.first().or(self.sdist.as_ref()).map(|file| file.file(""));
            let file = stated.unwrap_or_default();
            let (url, path) = (url.as_ref().map(|_| location.clone()), path.clone());
            entry.archive = Some(File { name: None, url, path, subdirectory: subdirectory.clone(), ..file });
        } else {
            // A registry may be a folder, in which the paths are.
            let folder = registry.as_deref().filter(|registry| !registry.contains("://")).unwrap_or_default();
            entry.wheels = self.wheels.iter().map(|wheel| wheel.file(folder)).collect();
            entry.sdist = self.sdist.as_ref().map(|sdist| sdist.file(folder));
        }
        entry
    }
}

impl UvFile {
    fn file(&self, folder: &str) -> File {
        let path = self.path.as_ref().map(|path| match folder {
            "" => path.clone(),
            folder => format!("{folder}/{path}"),
        });
        let hash = self.hash.as_deref().and_then(|hash| hash.split_once(':'));
        let hashes = hash.map(|(algorithm, digits)| (algorithm.to_owned(), digits.to_owned()));
        File {
            name: self.filename.clone(),
            url: self.url.clone(),
            path,
            size: self.size,
            subdirectory: None,
            hashes: hashes.into_iter().collect(),
        }
    }
}

/// `URL?subdirectory=…&rev=…#COMMIT`.
fn vcs(text: &str) -> Option<Vcs> {
    let mut url = Url::parse(text).ok()?;
    let commit_id = url.fragment()?.to_owned();
    let subdirectory =
        url.query_pairs().find(|(key, _)| key == "subdirectory").map(|(_, value)| value.into_owned());
    url.set_query(None);
    url.set_fragment(None);
    Some(Vcs { r#type: "git".to_owned(), url: Some(url.into()), path: None, commit_id, subdirectory })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 1
revision = 3
requires-python = ">=3.9"

[manifest]
members = ["app", "lib"]

[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "Lib" }]

[[package]]
name = "Lib"
source = { editable = "packages/lib" }

[[package]]
name = "other"
version = "1"
source = { git = "https://g.example/other.git?subdirectory=py&rev=v1#0123456789" }

[[package]]
name = "direct"
version = "2"
source = { url = "https://f.example/direct-2.tar.gz" }
sdist = { hash = "sha256:00" }
"#;

    #[test]
    fn what_uv_locks_becomes_a_lock_of_wheels() {
        assert!(is_uv_lock(LOCK) && !is_uv_lock("lock-version = \"1.0\"\n[[packages]]\nversion = \"1\"\n"));
        let document =
            document(&LOCK.replace("sha256:00", &format!("sha256:{}", "0".repeat(64))), None).unwrap();
        let names: Vec<&str> = document.packages.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["lib", "other", "direct"]);
        let directory = document.packages[0].directory.as_ref().unwrap();
        assert_eq!((directory.path.as_str(), directory.editable), ("packages/lib", true));
        let vcs = document.packages[1].vcs.as_ref().unwrap();
        assert_eq!(
            (vcs.url.as_deref(), vcs.commit_id.as_str()),
            (Some("https://g.example/other.git"), "0123456789")
        );
        assert_eq!(vcs.subdirectory.as_deref(), Some("py"));
        let archive = document.packages[2].archive.as_ref().unwrap();
        assert_eq!((archive.filename().as_str(), archive.sha256().is_some()), ("direct-2.tar.gz", true));
    }

    #[test]
    fn a_form_of_another_version_is_refused() {
        let error = document("version = 2\n", None).err().unwrap();
        assert!(matches!(error, PylockError::Version(version) if version == "2"));
        assert!(matches!(
            document("version = 1\npackage = 3\n", None),
            Err(PylockError::UvSyntax { line: 2 })
        ));
    }
}
