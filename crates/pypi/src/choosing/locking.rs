//! Locking wheels: from requirements to packages with their facts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imgbuild_lock::PypiPackage;
use imgbuild_oci::Digest;
use imgbuild_requirement::ProjectParts;
use imgbuild_secret::{SecretText, SecretUrl};
use pep440_rs::VersionSpecifiers;
use url::Url;

use crate::choosing::building::{Builder, Built, ProjectSource};
use crate::choosing::locking_error::LockingError;
use crate::choosing::permission::Permission;
use crate::choosing::provided::{Provided, ProvidedPackage};
use crate::choosing::request::{Request, Requirement, is_option};
use crate::choosing::unfit::Unfit;
use crate::choosing::uv::{Compilation, Uv};
use crate::index::fetch::WheelReader;
use crate::index::pytorch::PytorchChoice;
use crate::index::settings::Settings;
use crate::lists::pylock::{self, Choice, LockedWheel, Reading};
use crate::lists::stated::{KnownHashes, StatedHashes};
use crate::wheel::filename::{WheelFilename, wheel_name};
use crate::wheel::metadata;
use crate::wheel::whole_wheel::Wheel;

/// What is taken of what uv chose: it knows no parts of a project.
static ALL_OF_IT: ProjectParts =
    ProjectParts { extras: Vec::new(), groups: None, default_groups: Vec::new() };

/// What locks.
pub struct Locking<'a> {
    /// uv.
    pub uv: &'a Uv,
    /// The settings of indexes.
    pub settings: &'a Settings,
    /// What reads the metadata of wheels.
    pub metadata: WheelReader<'a>,
    /// What reads the metadata of what conda provides.
    pub provided: &'a dyn Provided,
    /// Who builds wheels.
    pub builder: &'a dyn Builder,
}

/// What was locked.
#[derive(Debug)]
pub struct Locked {
    /// The wheels, sorted by name.
    pub wheels: Vec<ChosenWheel>,
    /// The names of what somebody asked for, sorted.
    pub requested: Vec<String>,
    /// What the wheels need and conda provides, such as `numpy 1.26.4`, sorted.
    pub provided: Vec<String>,
    /// The wheels that others were built with, sorted by [`PypiPackage::id`].
    pub build_requires: Vec<PypiPackage>,
}

/// A wheel that was chosen.
#[derive(Debug, Clone)]
pub struct ChosenWheel {
    /// What the lock says of it.
    pub package: PypiPackage,
    /// What it says of itself.
    pub wheel: Wheel,
}

/// A wheel that was built for a request.
pub(crate) struct BuiltWheel {
    pub(crate) built: Built,
    pub(crate) wheel: Wheel,
    /// Its file, under its own name.
    pub(crate) url: Url,
}

/// One request on its way.
pub(crate) struct Run<'a> {
    pub(crate) locking: &'a Locking<'a>,
    pub(crate) request: &'a Request,
    pub(crate) scratch: tempfile::TempDir,
    /// Where PyTorch's wheels come from.
    pub(crate) pytorch: PytorchChoice,
    pub(crate) built: BTreeMap<String, BuiltWheel>,
    /// The names of what was built, by the places of the requirements that name the sources.
    pub(crate) names: BTreeMap<usize, String>,
    /// What provided distributions say of themselves, where an extra of them is wanted.
    pub(crate) metadata: BTreeMap<String, metadata::Metadata>,
}

impl<'a> Locking<'a> {
    /// A run of uv for a request, of nothing yet.
    pub(crate) fn compilation(&self, request: &Request) -> Compilation {
        Compilation {
            requirements: Vec::new(),
            constraints: Vec::new(),
            overrides: Vec::new(),
            environment: request.environment.clone(),
            settings: self.settings.clone(),
            folder: request.folder.clone(),
            scratch: PathBuf::new(),
            backend: None,
            preferences: BTreeMap::new(),
            dependencies: true,
            sources: false,
            prereleases: request.prereleases,
            offline: self.metadata.client.is_offline(),
        }
    }

    /// Locks what is requested.
    ///
    /// # Errors
    ///
    /// When it cannot be satisfied, a wheel cannot be read, or something would have to be built and may not be.
    pub async fn lock(&self, request: &Request) -> Result<Locked, LockingError> {
        let mut run = Run::start(self, request).await?;
        run.choose_pytorch().await?;
        let lines = run.lines().await?;
        let (wheels, provided) = run.resolve(&lines).await?;
        run.finish(wheels, provided, None).await
    }

    /// Takes a `pylock.toml` as it is; its paths are relative to `folder`. Of the request, the requirements do not count.
    ///
    /// # Errors
    ///
    /// When it is not for the request's environment, contradicts what conda provides or itself, or a wheel cannot be read.
    pub async fn take_pylock(
        &self,
        request: &Request,
        text: &str,
        folder: &Path,
        parts: &ProjectParts,
    ) -> Result<Locked, LockingError> {
        let run = Run::start(self, request).await?;
        let hashes = BTreeMap::new();
        let choices = pylock::read(text, Reading { parts, ..run.reading(folder, true, &hashes) })?;
        run.take(choices).await
    }

    /// Takes packages that another tool has locked. Of the request, the requirements do not count; an error speaks of a package
    /// by its place in the list.
    ///
    /// # Errors
    ///
    /// As for [`Locking::take_pylock`].
    pub async fn take_listed(
        &self,
        request: &Request,
        packages: &[ListedPackage],
    ) -> Result<Locked, LockingError> {
        let run = Run::start(self, request).await?;
        let tags = request.environment.tags();
        let (mut choices, mut unfit) = (Vec::new(), Vec::new());
        for (place, listed) in packages.iter().enumerate() {
            match listed {
                ListedPackage::Wheel(wheel) => {
                    let filename = wheel.filename()?;
                    if tags.rank(&filename).is_none() {
                        let title = filename.title();
                        unfit.push((place, Unfit::new(&title, &[filename], tags, false)));
                    } else {
                        choices.push(Choice::Wheel(wheel.locked(filename)));
                    }
                }
                ListedPackage::Source { source, hashes } => {
                    let (source, hashes) = (source.clone(), hashes.clone());
                    choices.push(Choice::Source { source, hashes, refused: None });
                }
            }
        }
        if let Some(place) = unfit.first().map(|(place, _)| *place) {
            unfit.extend(sources_not_permitted(request, packages));
            unfit.sort_by_key(|(place, _)| *place);
            let packages = unfit.into_iter().map(|(_, unfit)| unfit).collect();
            return Err(LockingError::no_wheels(Some(place), packages, tags.clone(), (None, Vec::new())));
        }
        run.take(choices).await
    }
}

/// The sources of a list that may not be built, with their places: what is told beside wheels that do not fit.
fn sources_not_permitted(request: &Request, packages: &[ListedPackage]) -> Vec<(usize, Unfit)> {
    let refused = |(place, listed): (usize, &ListedPackage)| {
        let ListedPackage::Source { source, .. } = listed else { return None };
        let name = source.name().filter(|name| !request.allow_builds.may_build(Some(name)))?;
        let why = format!("it is {source}, which may not be built");
        Some((place, Unfit { is_there: true, has_source: true, ..Unfit::absent(name, why, None) }))
    };
    packages.iter().enumerate().filter_map(refused).collect()
}

/// A package of PyPI in another tool's lock.
#[derive(Debug, Clone)]
pub enum ListedPackage {
    /// A wheel.
    Wheel(ListedWheel),
    /// What a wheel is to be built from.
    Source {
        /// The source.
        source: ProjectSource,
        /// The hashes that are stated of its archive.
        hashes: StatedHashes,
    },
}

/// A wheel of another tool's lock.
#[derive(Debug, Clone)]
pub struct ListedWheel {
    /// Where it is.
    pub url: SecretUrl,
    /// The same for the lock: a URL, or a path relative to the spec's folder.
    pub given: String,
    /// The hashes that are stated of it.
    pub hashes: StatedHashes,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
}

impl ListedWheel {
    /// The name of its file. Some indexes escape the `+` of a local version.
    ///
    /// # Errors
    ///
    /// When no wheel is called so.
    pub fn filename(&self) -> Result<WheelFilename, LockingError> {
        let name = self.url.whole().path().rsplit('/').next().unwrap_or_default();
        Ok(name.replace("%2B", "+").replace("%2b", "+").parse::<WheelFilename>()?)
    }

    fn locked(&self, filename: WheelFilename) -> LockedWheel {
        LockedWheel {
            name: filename.name.clone(),
            filename,
            url: self.url.clone(),
            given: Some(self.given.clone()),
            size: self.size,
            sha256: self.hashes.sha256(),
            hashes: self.hashes.clone(),
            origin: None,
        }
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(locking: &'a Locking<'a>, request: &'a Request) -> Result<Self, LockingError> {
        Ok(Self {
            locking,
            request,
            scratch: tempfile::tempdir_in(std::path::absolute(std::env::temp_dir())?)?,
            pytorch: PytorchChoice::default(),
            built: BTreeMap::new(),
            names: BTreeMap::new(),
            metadata: BTreeMap::new(),
        })
    }

    /// A run that knows what is there.
    async fn start(locking: &'a Locking<'a>, request: &'a Request) -> Result<Self, LockingError> {
        let mut run = Self::new(locking, request)?;
        for package in request.provided.iter().filter(|package| package.version.is_none()) {
            run.read_provided(package).await?;
        }
        Ok(run)
    }

    pub(crate) fn reading<'b>(
        &'b self,
        folder: &'b Path,
        urls: bool,
        hashes: &'b BTreeMap<String, BTreeSet<Digest>>,
    ) -> Reading<'b> {
        let request = self.request;
        let (root, environment, parts) = (&request.folder, &request.environment, &ALL_OF_IT);
        Reading { folder, root, environment, urls, hashes, parts }
    }

    pub(crate) fn provides(&self, name: &str) -> Option<&'a ProvidedPackage> {
        self.request.provided.iter().find(|package| package.name == name)
    }

    /// What conda provides, for people and for the lock.
    pub(crate) fn provided_title(&self, package: &ProvidedPackage) -> String {
        let version = package.known_version(&self.metadata);
        version.map_or_else(|| package.name.clone(), |version| format!("{} {version}", package.name))
    }

    /// The requirements that hold, with their places.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = (usize, &'a Requirement)> {
        let environment = &self.request.environment;
        let marker = |it: &Requirement| match it.dependency() {
            Some(dependency) => dependency.marker.clone(),
            None => it.marker.clone(),
        };
        let requirements = self.request.requirements.iter().enumerate();
        requirements.filter(move |(_, it)| marker(it).is_none_or(|marker| environment.holds(&marker, &[])))
    }

    /// The hashes that files of a name must have.
    pub(crate) fn hashes(&self) -> BTreeMap<String, BTreeSet<Digest>> {
        let mut hashes: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
        for (_, requirement) in self.requirements().filter(|(_, it)| !it.hashes.is_empty()) {
            if let Some(name) = requirement.name().or_else(|| wheel_name(requirement.text().whole())) {
                hashes.entry(name).or_default().extend(&requirement.hashes);
            }
        }
        hashes
    }

    /// The lines that uv is given, after everything that they name and that is no wheel was built.
    pub(crate) async fn lines(&mut self) -> Result<Vec<SecretText>, LockingError> {
        for (index, requirement) in self.requirements() {
            self.check(index, requirement)?;
        }
        if let Some(text) = self.request.constraints.iter().find(|text| is_option(text.whole())) {
            return Err(LockingError::Constraint { text: text.public() });
        }
        let mut lines = Vec::new();
        let requirements: Vec<_> = self.requirements().collect();
        let sources = requirements.iter().filter_map(|(index, it)| Some((Some(*index), it.source.as_ref()?)));
        self.permit(sources)?;
        for (index, requirement) in requirements {
            let Some(source) = &requirement.source else {
                lines.push(requirement.text().clone());
                continue;
            };
            let vouched = KnownHashes { hashes: &requirement.hashes, stated: &StatedHashes::default() };
            let name = self.build(source.clone(), Some(index), vouched).await?;
            self.names.insert(index, name.clone());
            let extras = match requirement.extras.as_slice() {
                [] => String::new(),
                extras => format!("[{}]", extras.join(",")),
            };
            lines.extend(self.built.get(&name).map(|built| format!("{name}{extras} @ {}", built.url).into()));
        }
        Ok(lines)
    }

    /// Checks what a requirement says before anybody is asked.
    pub(crate) fn check(&self, index: usize, requirement: &Requirement) -> Result<(), LockingError> {
        let Some(read) = requirement.stated(index, self.request.require_hashes)? else { return Ok(()) };
        let Some(package) = self.provides(&read.name) else { return Ok(()) };
        let fits = |versions: &VersionSpecifiers| {
            let known = package.known_version(&self.metadata);
            versions.is_empty() || known.is_some_and(|version| versions.contains(&version))
        };
        let agrees = read.versions.as_ref().is_some_and(fits);
        if agrees { Ok(()) } else { Err(self.conflict(Some(index), package, None)) }
    }

    /// The place of the requirement of a name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.requirements().find(|(_, it)| it.name().as_deref() == Some(name)).map(|(index, _)| index)
    }
}
