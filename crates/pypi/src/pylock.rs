//! `pylock.toml` ("pylock.toml Specification", PEP 751): what uv locks, and the wheels of it that fit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lock::{ArchiveInfo, DirectUrl, DirectUrlInfo};
use oci::Digest;
use serde::Deserialize;
use url::Url;

use crate::filename::{FilenameError, WheelFilename, normalized};
use crate::tags::Tags;

/// A `pylock.toml` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PylockError {
    /// It is not TOML, or not what the specification says. The line is not shown: it may hold a password.
    #[error("the lock file cannot be read: line {line} is not what PEP 751 says")]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
    /// It follows rules that are not known yet.
    #[error("the lock file has version `{0}`, and version 1 is the one that is known")]
    Version(String),
    /// It was made for more than one environment.
    #[error(
        "the lock file has `{0}` under a condition or more than once: it is for several environments\nhint: lock for one Python and one platform, without `--universal`"
    )]
    Several(String),
    /// A package is not there as a wheel.
    #[error("there is no wheel of `{0}`: it would have to be built\nhint: choose a version that has wheels")]
    Build(String),
    /// A wheel's address is neither a URL nor a path.
    #[error("`{0}` is not where a wheel can be")]
    Location(String),
    /// A wheel's name is not one.
    #[error(transparent)]
    Filename(#[from] FilenameError),
    /// Nothing vouches for a wheel.
    #[error("the lock file has no sha256 of `{0}`")]
    NoHash(String),
    /// No wheel runs on the target.
    #[error("no wheel of `{package}` fits {target}: there is {found}\nhint: wanted is one of {wanted}")]
    NoWheel {
        /// The package and its version.
        package: String,
        /// What the wheel must fit.
        target: String,
        /// The tags that there are.
        found: String,
        /// The best tags of each kind that would fit.
        wanted: String,
    },
}

/// A wheel that a lock file chooses for a target. What only the wheel knows is not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedWheel {
    /// The project's name, normalised.
    pub name: String,
    /// The name of its file.
    pub filename: WheelFilename,
    /// Where it is, without credentials.
    pub url: Url,
    /// Its size in bytes, where it is said.
    pub size: Option<u64>,
    /// Its hash.
    pub sha256: Digest,
    /// Where it came from, when that was no index.
    pub origin: Option<DirectUrl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    #[serde(default)]
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    #[serde(default)]
    wheels: Vec<File>,
    archive: Option<File>,
}

/// A wheel, or an archive that a requirement named.
#[derive(Deserialize)]
struct File {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    subdirectory: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Chooses the wheels of a lock file that fit best. Its paths are relative to `folder`.
///
/// # Errors
///
/// When it is damaged, is for several environments, or has no wheel of a package that fits.
pub fn wheels(text: &str, folder: &Path, tags: &Tags) -> Result<Vec<LockedWheel>, PylockError> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        PylockError::Syntax { line: before.matches('\n').count() + 1 }
    })?;
    if document.lock_version.split('.').next() != Some("1") {
        return Err(PylockError::Version(document.lock_version));
    }
    let mut names = BTreeSet::new();
    let mut chosen = Vec::new();
    for package in document.packages {
        if package.marker.is_some() || !names.insert(normalized(&package.name)) {
            return Err(PylockError::Several(package.name));
        }
        chosen.push(package.choose(folder, tags)?);
    }
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chosen)
}

impl Entry {
    fn title(&self) -> String {
        self.version.iter().fold(self.name.clone(), |name, version| format!("{name} {version}"))
    }

    fn choose(&self, folder: &Path, tags: &Tags) -> Result<LockedWheel, PylockError> {
        let direct = self.archive.as_ref();
        let files = self.wheels.iter().chain(direct);
        let files = files.map(|file| Ok((file.filename()?, file))).filter(|file: &Result<_, PylockError>| {
            // An archive that is no wheel is a source.
            !matches!(file, Err(PylockError::Filename(FilenameError { name, .. })) if !name.ends_with(".whl"))
        });
        let files: Vec<(WheelFilename, &File)> = files.collect::<Result<_, _>>()?;
        if files.is_empty() {
            return Err(PylockError::Build(self.title()));
        }
        // Of two that fit alike, the one with the higher build number is newer; of two of one name, the first is nearer.
        let fitting =
            files.iter().filter_map(|(filename, file)| Some((tags.rank(filename)?, filename, file)));
        let best = fitting.reduce(|best, other| {
            let newer = other.0 == best.0 && other.1.build > best.1.build;
            if other.0 < best.0 || newer { other } else { best }
        });
        let Some((_, filename, file)) = best else { return Err(self.no_wheel(&files, tags)) };
        let url = file.location(folder)?;
        let sha256 = file.hashes.get("sha256").and_then(|hash| Digest::from_hex(hash).ok());
        let sha256 = sha256.ok_or_else(|| PylockError::NoHash(filename.to_string()))?;
        let origin = direct.map(|archive| DirectUrl {
            url: url.to_string(),
            info: DirectUrlInfo::Archive(ArchiveInfo { hashes: archive.hashes.clone() }),
            subdirectory: archive.subdirectory.clone(),
        });
        let name = normalized(&self.name);
        Ok(LockedWheel { name, filename: filename.clone(), url, size: file.size, sha256, origin })
    }

    fn no_wheel(&self, files: &[(WheelFilename, &File)], tags: &Tags) -> PylockError {
        let found: BTreeSet<String> = files
            .iter()
            .map(|(it, _)| {
                format!("`{}-{}-{}`", it.pythons.join("."), it.abis.join("."), it.platforms.join("."))
            })
            .collect();
        let minor = tags.target().minor;
        let kinds =
            [format!("cp3{minor}-cp3{minor}-"), format!("cp3{minor}-abi3-"), "py3-none-any".to_owned()];
        let sorted = tags.sorted();
        let best = |kind: &String| sorted.iter().find(|tag| tag.starts_with(kind.as_str()));
        let wanted: Vec<String> = kinds.iter().filter_map(best).map(|tag| format!("`{tag}`")).collect();
        PylockError::NoWheel {
            package: self.title(),
            target: tags.target().to_string(),
            found: found.into_iter().collect::<Vec<_>>().join(", "),
            wanted: wanted.join(", "),
        }
    }
}

impl File {
    /// The name of the file: said, or the last part of where it is.
    fn filename(&self) -> Result<WheelFilename, PylockError> {
        let text = self.name.clone().or_else(|| {
            let url = self.url.as_ref().and_then(|url| Url::parse(url).ok());
            let path = url.as_ref().map(|url| url.path().to_owned()).or_else(|| self.path.clone())?;
            // `+` of local versions is escaped by some indexes.
            path.rsplit('/').next().map(|name| name.replace("%2B", "+").replace("%2b", "+"))
        });
        Ok(text.unwrap_or_default().parse::<WheelFilename>()?)
    }

    /// Where it is. User and password are never kept.
    fn location(&self, folder: &Path) -> Result<Url, PylockError> {
        let shown = || self.url.clone().or_else(|| self.path.clone()).unwrap_or_default();
        if let Some(url) = &self.url {
            // What cannot be parsed may hold a secret, and is not shown.
            let mut url = Url::parse(url).map_err(|_| PylockError::Location("<a damaged URL>".to_owned()))?;
            let plain = url.username().is_empty() && url.password().is_none();
            if !plain && (url.set_username("").is_err() || url.set_password(None).is_err()) {
                return Err(PylockError::Location("<a URL with credentials>".to_owned()));
            }
            return Ok(url);
        }
        let path = self.path.as_ref().map(|path| folder.join(path));
        path.and_then(|path| Url::from_file_path(path).ok()).ok_or_else(|| PylockError::Location(shown()))
    }
}
