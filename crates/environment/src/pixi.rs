//! `pixi.lock`: the packages of pixi's environments, for each of their platforms.
//!
//! The versions differ in how a package is written down: 4 and 5 have `kind` and `url`, 6 and 7 have the URL under
//! `conda`; 7 names platforms in a list of their own, and packages that are built from source under `conda_source`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use imgbuild_document::{Literal, Located, Mistake, Node, Origin, Problem, Source, suggest};
use imgbuild_oci::Platform;
use serde::Deserialize;

use crate::channel_key::channels;
use crate::choice::Choice;
use crate::environment::Environment;
use crate::listed::Entry;
use crate::lock_format::LockFormat;
use crate::locked::{ArchiveUrl, Content, LockedArchive, LockedList, OtherLock, Platforms, problem};
use crate::mistake::EnvironmentMistake;
use crate::subdir::{platform, subdir};
use crate::versioned;

/// The versions that are read.
const VERSIONS: std::ops::RangeInclusive<u64> = 4..=7;
/// The environment where none is chosen.
const DEFAULT: &str = "default";

/// A lock of pixi, before it is known which of its environments is wanted.
#[derive(Debug)]
pub struct PixiLock {
    source: Source,
    document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Document {
    #[serde(default)]
    platforms: Vec<PlatformTable>,
    environments: BTreeMap<String, EnvironmentTable>,
    packages: Vec<Located<PackageTable>>,
}

/// A platform by a name of its own, since version 7.
#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct PlatformTable {
    name: String,
    subdir: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct EnvironmentTable {
    channels: Vec<crate::channel_key::ChannelKey>,
    packages: BTreeMap<String, Vec<Located<Reference>>>,
}

/// A package of an environment.
#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Reference {
    conda: Option<String>,
    conda_source: Option<String>,
    pypi: Option<String>,
}

/// A package as it stands in the list of all packages.
#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct PackageTable {
    kind: Option<String>,
    url: Option<String>,
    path: Option<String>,
    conda: Option<String>,
    pypi: Option<String>,
    name: Option<Literal>,
    version: Option<Literal>,
    #[serde(default)]
    editable: bool,
    sha256: Option<Literal>,
    md5: Option<Literal>,
    size: Option<u64>,
}

pub(crate) fn read(source: &Source, root: &Node) -> Result<PixiLock, Vec<Problem>> {
    let hint = |version| match version < *VERSIONS.start() {
        true => "`pixi lock` of a current pixi writes it anew",
        false => "take a newer imgbuild, or lock with an older pixi",
    };
    let document = versioned::read(source, root, VERSIONS, hint)?;
    Ok(PixiLock { source: Source::clone(source), document })
}

impl PixiLock {
    /// The environment that is chosen, or the default one, of the lock that is at `path` beside the spec. `asked` is where the
    /// file was named.
    pub(crate) fn choose(
        &self,
        choice: &Choice,
        path: &str,
        asked: &Origin,
    ) -> Result<Environment, Vec<Problem>> {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        let file = self.source.name().to_owned();
        let (name, origin) = match &choice.environment {
            Some((name, origin)) => (name.as_str(), origin),
            None => (DEFAULT, asked),
        };
        let Some(environment) = self.document.environments.get(name) else {
            let known: Vec<String> = self.document.environments.keys().cloned().collect();
            let hint = match &choice.environment {
                Some(_) => suggest::for_value(name, &known),
                None => choose_one(&known),
            };
            let mistake = EnvironmentMistake::NoEnvironment { file, environment: name.to_owned() };
            return Err(vec![
                Problem::new(mistake).at(origin.source(), origin.span(), "asked for here").hint(hint),
            ]);
        };
        if environment.packages.values().all(Vec::is_empty) {
            let filled = |(_, environment): &(&String, &EnvironmentTable)| {
                environment.packages.values().any(|packages| !packages.is_empty())
            };
            let filled = self.document.environments.iter().filter(filled).map(|(name, _)| name);
            let hint = choose_one(&filled.collect::<Vec<_>>());
            let mistake = EnvironmentMistake::EmptyEnvironment { file, environment: name.to_owned() };
            let problem = Problem::new(mistake).at(origin.source(), origin.span(), "asked for here");
            return Err(vec![problem.hint(hint)]);
        }
        let mut contents = BTreeMap::new();
        for wanted in [Platform::LinuxAmd64, Platform::LinuxArm64] {
            let content = match self.platform_name(environment, wanted, choice, asked) {
                Ok(None) => continue,
                Ok(Some(platform)) => self.content((name, platform), folder, &environment.packages[platform]),
                Err(problem) => Err(problem),
            };
            contents.insert(wanted, content);
        }
        let listed = environment.packages.keys().cloned().collect();
        let lock = OtherLock {
            format: LockFormat::Pixi,
            file,
            origin: asked.clone(),
            platforms: Platforms::Of(contents, listed),
        };
        Ok(Environment::locked(lock, channels(&environment.channels, &self.source)?))
    }

    /// Which of an environment's platforms an image's platform is: the chosen one, the one of conda's own name, or the
    /// only one.
    fn platform_name<'a>(
        &self,
        environment: &'a EnvironmentTable,
        wanted: Platform,
        choice: &Choice,
        asked: &Origin,
    ) -> Result<Option<&'a str>, Problem> {
        let of = |name: &str| {
            let table = self.document.platforms.iter().find(|platform| platform.name == name);
            platform(table.and_then(|table| table.subdir.as_deref()).unwrap_or(name))
        };
        let names = environment.packages.keys().map(String::as_str);
        let names: Vec<&str> = names.filter(|name| of(name) == Some(wanted)).collect();
        let named = |wanted: &str| names.iter().find(|name| **name == wanted).copied();
        if let Some((chosen, origin)) = &choice.platform {
            if let Some(name) = named(chosen) {
                return Ok(Some(name));
            }
            let known: Vec<String> = environment.packages.keys().cloned().collect();
            if !known.contains(chosen) {
                let mistake = Mistake::UnknownValue { key: "env.platform".to_owned(), value: chosen.clone() };
                let problem = Problem::new(mistake).at(origin.source(), origin.span(), "asked for here");
                return Err(problem.hint(suggest::for_value(chosen, &known)));
            }
        }
        match names.as_slice() {
            [] => Ok(None),
            [name] => Ok(Some(*name)),
            names => named(subdir(wanted)).map(Some).ok_or_else(|| {
                let file = self.source.name().to_owned();
                let mistake = EnvironmentMistake::ManyPlatforms { file, wanted, found: suggest::list(names) };
                let hint = "choose one: `env = { file = …, platform = … }`";
                Problem::new(mistake).at(asked.source(), asked.span(), "asked for here").hint(hint)
            }),
        }
    }

    fn content(
        &self,
        (environment, platform): (&str, &str),
        folder: &Path,
        references: &[Located<Reference>],
    ) -> Result<Content, Problem> {
        let mut found: HashMap<(bool, &str), &Located<PackageTable>> = HashMap::new();
        for package in &self.document.packages {
            if let Some(key) = package.value.key() {
                // Versions 4 and 5 may hold a package twice, once without its hash.
                let known = found.entry(key).or_insert(package);
                if known.value.sha256.is_none() {
                    *known = package;
                }
            }
        }
        let mut content = Content::empty();
        let mut archives = Vec::new();
        for reference in references {
            let origin = |located: &std::ops::Range<usize>| {
                Origin::new(&self.source, located.clone(), reference.key.clone())
            };
            let Reference { conda, conda_source, pypi } = &reference.value;
            if let Some(source) = conda_source {
                content.sources.push((source.clone(), origin(&reference.span)));
                continue;
            }
            let key = match (conda, pypi) {
                (Some(url), _) => (false, url.as_str()),
                (None, Some(url)) => (true, url.as_str()),
                (None, None) => continue,
            };
            let Some(package) = found.get(&key) else {
                let message = format!(
                    "the environment `{environment}` for `{platform}` names a package that is not listed"
                );
                return Err(problem(&self.source, reference.span.clone(), message));
            };
            let name = || package.value.name.as_ref().map_or_else(|| key.1.to_owned(), |name| name.0.clone());
            if pypi.is_some() && conda.is_none() {
                let added = content.pypi(&package.value.entry(key.1), folder, origin(&package.span));
                added.map_err(|message| problem(&self.source, package.span.clone(), message))?;
            } else if is_local(key.1) {
                content.sources.push((name(), origin(&package.span)));
            } else {
                archives.push(self.archive(key.1, package)?);
            }
        }
        content.packages = LockedList::Archives(archives);
        Ok(content)
    }

    fn archive(&self, url: &str, package: &Located<PackageTable>) -> Result<LockedArchive, Problem> {
        let problem = |message: String| problem(&self.source, package.span.clone(), message);
        let PackageTable { sha256, md5, size, .. } = &package.value;
        let (sha256, md5) = crate::md5::hashes(sha256.as_ref(), md5.as_ref()).map_err(problem)?;
        // Of a channel that is a folder, version 7 has paths.
        let url = if url.starts_with('/') { format!("file://{url}") } else { url.to_owned() };
        let url = ArchiveUrl::read(&url).map_err(problem)?;
        let origin = Origin::new(&self.source, package.span.clone(), package.key.clone());
        Ok(LockedArchive { url, sha256, md5, size: *size, origin })
    }
}

fn choose_one<T: AsRef<str>>(known: &[T]) -> String {
    if known.is_empty() {
        return "add packages to it with pixi, and lock again".to_owned();
    }
    format!("choose one: `env = {{ file = …, environment = … }}`; there are {}", suggest::list(known))
}

/// A folder with sources, or a path beside pixi's manifest: anything but the URL or the whole path of an archive.
fn is_local(location: &str) -> bool {
    let archive = location.ends_with(".conda") || location.ends_with(".tar.bz2");
    !archive || !(location.contains("://") || location.starts_with('/'))
}

impl PackageTable {
    /// A package of PyPI at a location.
    fn entry<'a>(&'a self, location: &'a str) -> Entry<'a> {
        Entry {
            name: self.name.as_ref().map(|name| name.0.as_str()),
            version: self.version.as_ref().map(|version| version.0.as_str()),
            location,
            sha256: self.sha256.as_ref(),
            md5: self.md5.as_ref(),
            size: self.size,
            editable: self.editable,
        }
    }

    /// Whether it is one of PyPI's, and where it is: what environments name it by.
    fn key(&self) -> Option<(bool, &str)> {
        match (&self.conda, &self.pypi) {
            (Some(url), _) => Some((false, url)),
            (None, Some(url)) => Some((true, url)),
            (None, None) => {
                let location = self.url.as_ref().or(self.path.as_ref())?;
                Some((self.kind.as_deref() == Some("pypi"), location))
            }
        }
    }
}
