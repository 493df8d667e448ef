//! `pylock.toml` ("pylock.toml Specification", PEP 751): what uv locks, and what of it fits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use imgbuild_lock::{ArchiveInfo, DirectUrl, DirectUrlInfo};
use imgbuild_oci::Digest;
use imgbuild_requirement::{Marker, ProjectParts};
use imgbuild_secret::{SecretUrl, public};
use url::Url;

use crate::choosing::building::ProjectSource;
use crate::choosing::environment::Environment;
use crate::choosing::marker::without_groups;
use crate::choosing::unfit::Unfit;
use crate::lists::pylock_document::{Document, Entry, File, document, existing};
use crate::lists::pylock_error::PylockError;
use crate::lists::stated::StatedHashes;
use crate::lists::uv_lock;
use crate::wheel::filename::{WheelFilename, normalized};

/// A wheel that a lock file chooses. What only the wheel knows is not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedWheel {
    /// The project's name, normalised.
    pub name: String,
    /// The name of its file.
    pub filename: WheelFilename,
    /// Where it is, without credentials.
    pub url: SecretUrl,
    /// Where a requirement or another lock says that it is: a URL, or a path that is relative to the spec's folder where it
    /// is below that. A file without a known hash can be found again by nothing else.
    pub given: Option<String>,
    /// Its size in bytes, where it is said.
    pub size: Option<u64>,
    /// Its hash, where that is known before it was downloaded.
    pub sha256: Option<Digest>,
    /// All hashes that are stated of it.
    pub hashes: StatedHashes,
    /// Where it came from, when that was no index.
    pub origin: Option<DirectUrl>,
}

/// What a lock file chooses of a package.
#[derive(Debug)]
pub enum Choice {
    /// A wheel.
    Wheel(LockedWheel),
    /// Something that must be built, since no wheel fits.
    Source {
        /// What it is built from.
        source: ProjectSource,
        /// The hashes that are stated of its archive.
        hashes: StatedHashes,
        /// Why no wheel fits, where there are any.
        refused: Option<PylockError>,
    },
}

/// Where a lock file stands, and for what it is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The folder of the lock file: its paths are relative to that.
    pub folder: &'a Path,
    /// The folder of the spec: paths are locked relative to that.
    pub root: &'a Path,
    /// What it is read for.
    pub environment: &'a Environment,
    /// Whether URLs are locked: those of another tool's lock are. A wheel that uv chose is found again through its index.
    pub urls: bool,
    /// The hashes, by normalised name, that files must have; every one is right for a name that is not there.
    pub hashes: &'a BTreeMap<String, BTreeSet<Digest>>,
    /// What of the project that it is of is taken.
    pub parts: &'a ProjectParts,
}

/// Chooses what of a lock file fits best, sorted by name: of its packages those whose condition holds, with the extras and the groups
/// of dependencies that are wanted.
///
/// # Errors
///
/// When it is damaged, is for other environments, or has nothing of a package that fits.
pub fn read(text: &str, reading: Reading<'_>) -> Result<Vec<Choice>, PylockError> {
    let environment = reading.environment;
    let document = document_of(text, Some((environment, reading.parts)))?;
    let (extras, groups) = document.parts(reading.parts)?;
    let other = |key, stated| PylockError::Environment { environment: environment.to_string(), key, stated };
    if let Some(versions) = document.requires_python.filter(|versions| !environment.has_python(versions)) {
        return Err(other("requires-python", versions));
    }
    let holds = |marker: &String| {
        let wrong = |_| PylockError::Marker(marker.clone());
        let read = Marker::from_str(&without_groups(marker, &extras, &groups)).map_err(wrong)?;
        Ok::<bool, PylockError>(environment.holds(&read, &[]))
    };
    let holding = document.environments.iter().map(holds).collect::<Result<Vec<_>, _>>()?;
    if !holding.is_empty() && !holding.contains(&true) {
        return Err(other("environments", document.environments.join(" | ")));
    }
    let (mut choices, mut unfit) = (BTreeMap::new(), Vec::new());
    for package in &document.packages {
        if !package.marker.as_ref().map_or(Ok(true), holds)? {
            continue;
        }
        let name = normalized(&package.name);
        let choice = match package.choose(reading) {
            Err(PylockError::NoWheel { packages, .. }) => {
                unfit.extend(packages);
                continue;
            }
            choice => choice?,
        };
        if choices.insert(name.clone(), choice).is_some() {
            return Err(PylockError::Twice { name, environment: environment.to_string() });
        }
    }
    if unfit.is_empty() {
        return Ok(choices.into_values().collect());
    }
    Err(PylockError::no_wheel(unfit, environment.tags()))
}

impl Entry {
    fn choose(&self, reading: Reading<'_>) -> Result<Choice, PylockError> {
        let environment = reading.environment;
        if let Some(wanted) = self.requires_python.as_ref().filter(|it| !environment.has_python(it)) {
            let (package, python) = (self.title(), environment.python().to_string());
            return Err(PylockError::Python { package, wanted: wanted.clone(), python });
        }
        let refused = match self.wheel(reading)? {
            Ok(wheel) => return Ok(Choice::Wheel(wheel)),
            Err(refused) => refused,
        };
        let name = normalized(&self.name);
        match (self.source(&name, reading)?, refused) {
            (Some(source), refused) => {
                let archive = self.sdist.as_ref().or(self.archive.as_ref());
                let hashes = archive.map(File::stated).unwrap_or_default();
                Ok(Choice::Source { source, hashes, refused })
            }
            (None, Some(refused)) => Err(refused),
            (None, None) => Err(PylockError::NoFile(self.title())),
        }
    }

    /// The wheel that fits best, or else why none does; nothing where there are none.
    fn wheel(&self, reading: Reading<'_>) -> Result<Result<LockedWheel, Option<PylockError>>, PylockError> {
        let tags = reading.environment.tags();
        let direct = self.archive.as_ref();
        let mut files = Vec::new();
        for file in self.wheels.iter().chain(direct) {
            let name = file.filename();
            // An archive that is no wheel is a source.
            if direct.is_none() || name.ends_with(".whl") {
                files.push((name.parse::<WheelFilename>()?, file));
            }
        }
        if files.is_empty() {
            return Ok(Err(None));
        }
        let all: Vec<WheelFilename> = files.iter().map(|(filename, _)| filename.clone()).collect();
        if let Some(hashes) = reading.hashes.get(&normalized(&self.name)) {
            files.retain(|(_, file)| file.sha256().is_some_and(|hash| hashes.contains(&hash)));
            if files.is_empty() {
                return Ok(Err(Some(PylockError::Hashes { package: self.title() })));
            }
        }
        // Of two that fit alike, the one with the higher build number is newer; of two of one name, the first is nearer.
        let fitting =
            files.iter().filter_map(|(filename, file)| Some((tags.rank(filename)?, filename, file)));
        let best = fitting.reduce(|best, other| {
            let newer = other.0 == best.0 && other.1.build > best.1.build;
            if other.0 < best.0 || newer { other } else { best }
        });
        let Some((_, filename, file)) = best else {
            let is_sdist = self.sdist.is_some();
            let packages = vec![Unfit::new(&self.title(), &all, tags, is_sdist)];
            return Ok(Err(Some(PylockError::no_wheel(packages, tags))));
        };
        let url = file.location(reading.folder)?;
        let sha256 = file.sha256();
        // Where a file is on this machine says nothing in an image.
        let origin = direct.filter(|archive| archive.url.is_some()).map(|archive| DirectUrl {
            url: url.to_string(),
            info: DirectUrlInfo::Archive(ArchiveInfo { hashes: archive.hashes.clone() }),
            subdirectory: archive.subdirectory.clone(),
        });
        let path = file.path.as_ref().filter(|_| file.url.is_none());
        let given = match path {
            Some(path) => Some(relative(&reading.folder.join(path), reading.root)),
            None => (direct.is_some() || reading.urls || sha256.is_none()).then(|| url.to_string()),
        };
        let name = normalized(&self.name);
        let filename = filename.clone();
        let (size, hashes) = (file.size, file.stated());
        Ok(Ok(LockedWheel { name, filename, url, given, size, sha256, hashes, origin }))
    }

    fn source(&self, name: &str, reading: Reading<'_>) -> Result<Option<ProjectSource>, PylockError> {
        let name = || Some(name.to_owned());
        let sdist = self.sdist.as_ref().map(|file| (file, false));
        if let Some((file, direct)) = sdist.or(self.archive.as_ref().map(|file| (file, true))) {
            let (url, sha256) = (file.location(reading.folder)?, file.sha256());
            let hashes = reading.hashes.get(&normalized(&self.name));
            if hashes.is_some_and(|hashes| sha256.is_none_or(|hash| !hashes.contains(&hash))) {
                return Err(PylockError::Hashes { package: self.title() });
            }
            return Ok(Some(ProjectSource::Sdist {
                name: name(),
                version: self.version.clone(),
                filename: file.filename(),
                url,
                direct,
                sha256,
                size: file.size,
                subdirectory: file.subdirectory.clone(),
            }));
        }
        if let Some(vcs) = self.vcs.as_ref() {
            let location = File { url: vcs.url.clone(), path: vcs.path.clone(), ..File::default() };
            if vcs.r#type != "git" {
                return Err(PylockError::Location(format!("a repository of {}", vcs.r#type)));
            }
            return Ok(Some(ProjectSource::Git {
                name: name(),
                url: location.location(reading.folder)?,
                revision: Some(vcs.commit_id.clone()),
                subdirectory: vcs.subdirectory.clone(),
            }));
        }
        let Some(directory) = self.directory.as_ref() else { return Ok(None) };
        let path =
            directory.subdirectory.iter().fold(PathBuf::from(&directory.path), |it, below| it.join(below));
        stays_inside(reading.folder, &path)?;
        let path = without_dots(&reading.folder.join(path));
        let given = relative(&path, reading.root);
        Ok(Some(ProjectSource::Folder { name: name(), path, given, editable: directory.editable }))
    }
}

/// All files of a lock file that have a URL, by their hashes.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn files(text: &str, folder: &Path) -> Result<BTreeMap<Digest, SecretUrl>, PylockError> {
    let document = document_of(text, None)?;
    let mut files = BTreeMap::new();
    for package in &document.packages {
        for file in package.wheels.iter().chain(&package.sdist) {
            if let Some(sha256) = file.sha256() {
                files.insert(sha256, file.location(folder)?);
            }
        }
    }
    Ok(files)
}

/// The document of a lock file, whichever tool wrote it; of uv's with the packages for an environment, or with all.
fn document_of(text: &str, wanted: Option<(&Environment, &ProjectParts)>) -> Result<Document, PylockError> {
    if uv_lock::is_uv_lock(text) { uv_lock::document(text, wanted) } else { document(text) }
}

impl Document {
    /// The extras and the groups that are taken of a `pylock.toml`. Of a `uv.lock` they have been taken already.
    fn parts(&self, wanted: &ProjectParts) -> Result<(Vec<String>, Vec<String>), PylockError> {
        if self.is_uvs {
            return Ok((Vec::new(), Vec::new()));
        }
        let groups = self.dependency_groups.iter().chain(&self.default_groups);
        let groups = match &wanted.groups {
            Some(wanted) => existing("group", wanted, groups)?,
            None => self.default_groups.iter().map(|group| normalized(group)).collect(),
        };
        Ok((existing("extra", &wanted.extras, self.extras.iter())?, groups))
    }
}

/// Checks what a lock file says by itself, whatever it is taken for.
///
/// # Errors
///
/// When it is damaged.
pub fn check(text: &str) -> Result<(), PylockError> {
    let document = document_of(text, None)?;
    let markers = document.packages.iter().filter_map(|package| package.marker.as_ref());
    for marker in markers.chain(&document.environments) {
        let read = Marker::from_str(&without_groups(marker, &[], &document.default_groups));
        read.map_err(|_| PylockError::Marker(marker.clone()))?;
    }
    Ok(())
}

impl File {
    /// Where it is.
    fn location(&self, folder: &Path) -> Result<SecretUrl, PylockError> {
        let shown = || public(&self.url.clone().or_else(|| self.path.clone()).unwrap_or_default());
        if let Some(url) = &self.url {
            // What cannot be parsed may hold a secret, and is not shown.
            return url.parse().map_err(|_| PylockError::Location("<a damaged URL>".to_owned()));
        }
        if let Some(path) = &self.path {
            stays_inside(folder, Path::new(path))?;
        }
        let path = self.path.as_ref().map(|path| without_dots(&folder.join(path)));
        path.and_then(|path| Url::from_file_path(path).ok())
            .map(SecretUrl::from)
            .ok_or_else(|| PylockError::Location(shown()))
    }
}

/// Refuses a path of a lock file that a link leads out of its folder by.
fn stays_inside(folder: &Path, path: &Path) -> Result<(), PylockError> {
    match imgbuild_folder::leads_out(folder, path) {
        Some(found) => Err(PylockError::LeadsOut { path: path.to_owned(), found }),
        None => Ok(()),
    }
}

/// A path without `.` and `..`: the folders that it names need not be there.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            component => plain.push(component),
        }
    }
    plain
}

/// How a path is locked: relative to the spec's folder where it is below that.
fn relative(path: &Path, root: &Path) -> String {
    let (path, root) = (without_dots(path), without_dots(root));
    match path.strip_prefix(&root).unwrap_or(&path) {
        // The folder itself has a name as well.
        path if path.as_os_str().is_empty() => ".".to_owned(),
        path => path.to_string_lossy().into_owned(),
    }
}
