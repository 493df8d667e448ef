//! Which registries have mirrors, are somewhere else, or are spoken to without TLS: `containers-registries.conf(5)`.

use std::io;
use std::path::{Path, PathBuf};

use imgbuild_document::{DocumentError, Located, Problem, Source, decode, files, toml_tree};
use imgbuild_oci::RegistryHost;
use serde::Deserialize;

use super::Variables;
use super::error::SettingsError;
use crate::limits::SETTINGS_FILE_LIMIT;

/// What stands for no file.
const NOTHING: &str = "/dev/null";

/// What is said of images whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registry {
    /// How their names begin.
    pub(crate) prefix: String,
    /// What is put into its place; nothing for one with `*.`, whose images are where their names say.
    pub(crate) location: Option<String>,
    /// Whether TLS may be missing or wrong.
    pub(crate) insecure: bool,
    /// Whether they must not be read.
    pub(crate) blocked: bool,
    pub(crate) mirrors: Vec<Mirror>,
    /// Which file says so.
    pub(crate) file: String,
}

/// Where they are to be had as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub(crate) location: String,
    pub(crate) insecure: bool,
    pub(crate) serves: Serves,
}

/// What is asked of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// Everything.
    All,
    /// What is asked for by its digest.
    DigestOnly,
    /// What is asked for by its tag.
    TagOnly,
}

#[derive(Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Content {
    #[serde(default)]
    registry: Vec<Located<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename = "imgbuild::Open", rename_all = "kebab-case")]
struct Entry {
    prefix: Option<Located<String>>,
    location: Option<Located<String>>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorEntry>,
}

#[derive(Deserialize)]
#[serde(rename = "imgbuild::Open", rename_all = "kebab-case")]
struct MirrorEntry {
    location: Located<String>,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<Located<String>>,
}

/// What cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Mistake {
    #[error("`{0}` is larger than {SETTINGS_FILE_LIMIT} bytes")]
    TooLarge(String),
    #[error("`{0}` is not UTF-8 text")]
    NoText(String),
    #[error("`pull-from-mirror` cannot be `{0}`")]
    Serves(String),
    #[error("`{0}` names no registry")]
    NoRegistry(String),
    #[error("a `[[registry]]` has neither `prefix` nor `location`")]
    NoPlace,
}

/// Reads the files of a machine. Of two entries with one prefix that of the later file counts.
pub(crate) fn read(variables: &Variables, root: &Path) -> Result<Vec<Registry>, SettingsError> {
    let mut registries: Vec<Registry> = Vec::new();
    for path in paths(variables, root)? {
        let bytes = match files::from_disk(&path, SETTINGS_FILE_LIMIT + 1) {
            Err(error) if is_absent(&error) => continue,
            bytes => bytes.map_err(|error| SettingsError::Read { path: path.clone(), error })?,
        };
        for registry in of_file(&path, bytes).map_err(|error| SettingsError::Wrong(Box::new(error)))? {
            registries.retain(|known| known.prefix != registry.prefix);
            registries.push(registry);
        }
    }
    Ok(registries)
}

/// The files, those that count more behind the others: one of all, and then those of folders.
fn paths(variables: &Variables, root: &Path) -> Result<Vec<PathBuf>, SettingsError> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let system = root.join("etc/containers/registries.conf");
    let own = set("HOME").map(|home| home.join(".config/containers/registries.conf"));
    let mut folders = vec![root.join("etc/containers/registries.conf.d")];
    folders.extend(own.as_ref().map(|own| own.with_extension("conf.d")));
    let file = match (set("CONTAINERS_REGISTRIES_CONF"), own.filter(|own| own.exists())) {
        (Some(named), _) if named.as_os_str() != NOTHING && !named.exists() => {
            return Err(SettingsError::NoFile(named));
        }
        (Some(named), _) => named,
        // Who has a file of their own does without the system's folder as well.
        (None, Some(own)) => {
            folders.remove(0);
            own
        }
        (None, None) => system,
    };
    let mut paths = Vec::from_iter(Some(file).filter(|file| file.as_os_str() != NOTHING));
    for folder in folders {
        paths.extend(in_folder(&folder).map_err(|error| SettingsError::Read { path: folder, error })?);
    }
    Ok(paths)
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    paths.sort();
    Ok(paths)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn of_file(path: &Path, bytes: Vec<u8>) -> Result<Vec<Registry>, DocumentError> {
    let name = path.display().to_string();
    let failed = |problems: Vec<Problem>| DocumentError::new(&name, problems);
    if bytes.len() > SETTINGS_FILE_LIMIT {
        return Err(failed(vec![Problem::new(Mistake::TooLarge(name.clone()))]));
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| failed(vec![Problem::new(Mistake::NoText(name.clone()))]))?;
    let source = imgbuild_document::source(&name, text);
    let (root, problems) = toml_tree::read(&source);
    let Some(root) = root.filter(|_| problems.is_empty()) else { return Err(failed(problems)) };
    let content: Content = decode(&root, "").map_err(|errors| {
        failed(errors.into_iter().map(|error| error.problem(&source, |_| "here".to_owned())).collect())
    })?;
    let mut problems = Vec::new();
    let registries: Vec<Registry> = content
        .registry
        .into_iter()
        .filter_map(|entry| registry(entry, &source).map_err(|problem| problems.push(problem)).ok())
        .collect();
    if problems.is_empty() { Ok(registries) } else { Err(failed(problems)) }
}

fn registry(entry: Located<Entry>, source: &Source) -> Result<Registry, Problem> {
    let (entry, span) = (entry.value, entry.span);
    let location =
        entry.location.filter(|it| !it.value.is_empty()).map(|it| place(&it, source)).transpose()?;
    let prefix = match entry.prefix.filter(|it| !it.value.is_empty()) {
        Some(prefix) if prefix.value.starts_with("*.") => Some(prefix.value),
        Some(prefix) => Some(place(&prefix, source)?),
        None => location.clone(),
    };
    let Some(prefix) = prefix else {
        let problem = Problem::new(Mistake::NoPlace).at(source, span, "here");
        return Err(problem.hint("name a registry in `location`, such as `registry.example:5000`"));
    };
    let mirror = |mirror: MirrorEntry| {
        let serves = match &mirror.pull_from_mirror {
            _ if entry.mirror_by_digest_only => Serves::DigestOnly,
            Some(text) => serves(text, source)?,
            None => Serves::All,
        };
        Ok(Mirror { location: place(&mirror.location, source)?, insecure: mirror.insecure, serves })
    };
    let mirrors = entry.mirror.into_iter().map(mirror).collect::<Result<_, Problem>>()?;
    let location = location.or_else(|| (!prefix.starts_with("*.")).then(|| prefix.clone()));
    let (insecure, blocked, file) = (entry.insecure, entry.blocked, source.name().to_owned());
    Ok(Registry { prefix, location, insecure, blocked, mirrors, file })
}

fn serves(text: &Located<String>, source: &Source) -> Result<Serves, Problem> {
    match text.value.as_str() {
        "" | "all" => Ok(Serves::All),
        "digest-only" => Ok(Serves::DigestOnly),
        "tag-only" => Ok(Serves::TagOnly),
        other => {
            let problem = Problem::new(Mistake::Serves(other.to_owned()));
            let problem = problem.at(source, text.span.clone(), "here");
            Err(problem.hint("it can be `all`, `digest-only` or `tag-only`"))
        }
    }
}

/// The beginning of an image's name: a registry, and perhaps a path in it.
fn place(text: &Located<String>, source: &Source) -> Result<String, Problem> {
    let place = text.value.trim_end_matches('/');
    let host = place.split_once('/').map_or(place, |(host, _)| host);
    if host.parse::<RegistryHost>().is_ok() {
        return Ok(place.to_owned());
    }
    let problem = Problem::new(Mistake::NoRegistry(text.value.clone()));
    let problem = problem.at(source, text.span.clone(), "here");
    Err(problem.hint("write it as `registry.example:5000` or `registry.example/team`, without `https://`"))
}

impl Registry {
    /// How many characters of an image's name the prefix is, where it is its beginning.
    pub(crate) fn matches(&self, image: &str) -> Option<usize> {
        let ends = |length: usize| image[length..].is_empty() || image[length..].starts_with([':', '/', '@']);
        match self.prefix.strip_prefix('*') {
            None => image.starts_with(&self.prefix).then_some(self.prefix.len()).filter(|it| ends(*it)),
            Some(domain) => {
                let start = image.find(domain).filter(|start| !image[..*start].contains('/'))?;
                Some(start + domain.len()).filter(|it| ends(*it))
            }
        }
    }
}

#[cfg(test)]
mod tests;
