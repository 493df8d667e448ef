//! Packages that dpkg itself configures, in the sandbox: what it and their scripts change is a layer.
//!
//! The known packages and their state are the root; there apt installs the others from their archives, off the network,
//! as it would anywhere. What comes of it is compared with the packages' own layers: only the difference is kept.

mod changes;
mod cleaned;
mod installing;
mod root;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use changes::Changes;
use imgbuild_archive::ImagePath;
use imgbuild_layer::{
    EntryHead, EntrySink, Exclusions, KeyHasher, LayerError, Parents, Part, PartId, RecipeHash, SinkError,
    Source, SourceError, WriteOptions,
};
use imgbuild_lock::{DebianPackage, DebianSet, PathRule};
use imgbuild_oci::Platform;
use imgbuild_python::Overriding;
use imgbuild_runtime::User;
use imgbuild_sandbox::{Machine, SandboxError};
use tree::{Recorder, Tree};

use crate::package::locked_package::Package;
use crate::resolving::dependencies::Dependencies;
use crate::role::BASE_CONFIGURATION;
use crate::state::State;

/// Changes whenever the same packages would leave other bytes.
const METHOD: &str = "3";

/// The packages of a base that dpkg configures.
#[derive(Debug, Clone)]
pub struct Configuration {
    part: Part,
    platform: Platform,
    known: Vec<Package>,
    configured: Vec<Package>,
    state: State,
    exclusions: BTreeMap<PartId, Exclusions>,
    path_rules: Vec<PathRule>,
    timestamp: i64,
    manager: bool,
}

/// Why packages cannot be configured.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigurationError {
    /// The sandbox.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] SandboxError),
    /// The root in which they are installed cannot be made.
    #[error("the packages that are there before cannot be unpacked")]
    Root(
        #[source]
        #[diagnostic_source]
        Box<LayerError>,
    ),
    /// An archive is not what the lock says.
    #[error("`{package}` cannot be read")]
    Package {
        /// The package.
        package: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_layer::SourceError>,
    },
    /// The layer cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] SourceError),
    /// A package failed.
    #[error("{} {fault}\n{printed}", failed(package.as_deref()))]
    Failed {
        /// The package, where dpkg named one.
        package: Option<String>,
        /// What is wrong, such as `failed with the exit code 1`.
        fault: String,
        /// What was printed about it.
        printed: String,
    },
    /// A folder of the build machine.
    #[error("`{}` cannot be written", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

imgbuild_diagnostic::boxed_sources!(ConfigurationError);

fn failed(package: Option<&str>) -> String {
    package.map_or_else(|| "apt-get".to_owned(), |package| format!("configuring the package `{package}`"))
}

/// The part that has the paths that two packages hold and scripts settle.
pub(crate) fn part_id() -> PartId {
    PartId::new("debian-state", "configuration")
}

impl Configuration {
    /// The configuration of a set; nothing where all of its packages are known. The arguments are those of
    /// [`crate::sources`].
    pub fn new(
        set: &DebianSet,
        packages: &[DebianPackage],
        archive: impl Fn(&DebianPackage) -> PathBuf,
        users: &[User],
        timestamp: i64,
        platform: Platform,
    ) -> Option<Self> {
        if set.configured.is_empty() {
            return None;
        }
        let chosen: BTreeSet<&str> = set.packages.iter().map(String::as_str).collect();
        let chosen = packages.iter().filter(|it| chosen.contains(it.id().as_str()));
        let packages = chosen.map(|it| Package::new(it, &archive(it)).without(&set.path_rules));
        let (configured, known): (Vec<_>, Vec<_>) =
            packages.partition(|it| set.configured.contains(&it.locked().id()));
        let known: Vec<_> = known.into_iter().map(Package::with_state).collect();
        let state = State::new(&set.suite, known.clone(), users, timestamp);
        let mut exclusions: BTreeMap<PartId, Exclusions> = BTreeMap::new();
        for excluded in &set.excluded {
            exclusions.entry(excluded.part.clone()).or_default().insert(excluded.path.clone());
        }
        let hash = |package: &Package| package.part().recipe.0.hex();
        let recipe = KeyHasher::new("debian configuration")
            .field("method", METHOD)
            .field("platform", platform.to_string())
            .field("timestamp", timestamp.to_string())
            .list("known", known.iter().map(hash))
            .list("configured", configured.iter().map(hash))
            .field("state", state.part().recipe.0.as_bytes())
            .field("manager", [u8::from(set.package_manager)])
            .list("excluded", set.excluded.iter().map(|it| format!("{} {}", it.part, it.path)))
            .finish();
        let title = match configured.as_slice() {
            [package] => format!("configuration of {}", package.locked().name),
            packages => format!("configuration of {} packages", packages.len()),
        };
        let part = Part {
            id: part_id(),
            title,
            recipe: RecipeHash(recipe),
            archive: None,
            role: BASE_CONFIGURATION,
            weight: 0,
            root: None,
        };
        let path_rules = set.path_rules.clone();
        let manager = set.package_manager;
        Some(Self { part, platform, known, configured, state, exclusions, path_rules, timestamp, manager })
    }

    /// The part that its layer is.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// What it is run for.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The names of the packages that are configured.
    pub fn names(&self) -> Vec<String> {
        self.configured.iter().map(|it| it.locked().name.clone()).collect()
    }

    /// The packages that are configured, as `name version`.
    pub fn titles(&self) -> Vec<String> {
        self.configured.iter().map(|it| it.part().title.clone()).collect()
    }

    /// Which of the packages `asked` lead to `package`: themselves, or through what they depend on.
    pub fn asked_for(&self, package: &str, asked: &[String]) -> Vec<String> {
        let all: Vec<DebianPackage> =
            self.known.iter().chain(&self.configured).map(|it| it.locked().clone()).collect();
        let Ok(dependencies) = Dependencies::read(&all) else { return Vec::new() };
        let index = |name: &str| all.iter().position(|it| it.name == name);
        let leads = |name: &&String| {
            let name = name.split('=').next().unwrap_or_default();
            let closure = dependencies.closure(index(name));
            index(package).is_some_and(|package| closure.contains(&package))
        };
        asked.iter().filter(leads).cloned().collect()
    }

    /// Installs the packages in a root made of the others, and writes what changed. `scratch` is an empty folder of which
    /// the caller removes all that is left in it by [`Machine::remove`]; `parents` are the image's folders that are not
    /// like others, and `overriding` sees to the bytecode of changed sources.
    ///
    /// # Errors
    ///
    /// When nothing can be run here, an archive is not what the lock says, or a package fails.
    pub fn write(
        &self,
        machine: &Machine,
        scratch: &Path,
        parents: &Parents,
        overriding: &Overriding<'_>,
        sink: &mut dyn EntrySink,
    ) -> Result<(), ConfigurationError> {
        let mut without = WithoutManager { inner: &mut *sink };
        let sink: &mut dyn EntrySink = if self.manager { &mut *without.inner } else { &mut without };
        machine.runs(self.platform)?;
        machine.has_owners()?;
        let expected = self.expected()?;
        let root = self.unpack(machine, &scratch.join("root"), parents)?;
        let upper = scratch.join("changed");
        self.install(machine, scratch, &upper)?;
        let mut real = Recorder {
            tree: Tree::default(),
            inner: None,
            timestamp: self.timestamp,
            other: Some(&expected),
        };
        machine.difference(&upper, self.timestamp, &cleaned::is_cleaned, &mut real)?;
        let real = real.tree.on(&root);
        let emit = |left_out: &Exclusions, sink: &mut dyn EntrySink| {
            let cleaned = |path: &ImagePath| cleaned::is_cleaned(path) || left_out.contains(path);
            let mut changes = Changes::new(&root, &expected, &real, sink);
            let written = machine.difference(&upper, self.timestamp, &cleaned, &mut changes);
            written.map_err(SourceError::archive)?;
            Ok(changes.finish()?)
        };
        Ok(overriding.write(&emit, sink)?)
    }

    /// What the layers of the packages hold.
    fn expected(&self) -> Result<Tree, ConfigurationError> {
        let mut recorder =
            Recorder { tree: Tree::default(), inner: None, timestamp: self.timestamp, other: None };
        for package in &self.configured {
            package.write(self.excluded(&package.part().id), &mut recorder).map_err(|error| {
                ConfigurationError::Package { package: package.locked().id(), error: Box::new(error) }
            })?;
        }
        Ok(recorder.tree)
    }

    /// The paths that a part leaves out.
    fn excluded(&self, part: &PartId) -> &Exclusions {
        static NONE: Exclusions = Exclusions::new();
        self.exclusions.get(part).unwrap_or(&NONE)
    }
}

/// What only a package manager has a use for.
const OF_MANAGER: [&str; 6] =
    ["etc/apt/", "var/cache/apt/", "var/cache/debconf/", "var/lib/apt/", "var/lib/dpkg/", "var/lib/ucf/"];

/// Passes on what an image without a package manager has.
struct WithoutManager<'a> {
    inner: &'a mut dyn EntrySink,
}

impl EntrySink for WithoutManager<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = format!("{}/", head.path.as_str());
        if OF_MANAGER.iter().any(|folder| path.starts_with(folder)) {
            return Ok(());
        }
        self.inner.put(head, body)
    }

    fn options(&self) -> WriteOptions {
        self.inner.options()
    }
}

/// The name of a package's file, as apt expects it: a colon is written as `%3a`.
fn file_name(package: &Package) -> String {
    format!("{}.deb", package.locked().id().replace(':', "%3a"))
}

/// Where packages stand for apt.
fn archive_path(package: &Package) -> String {
    format!("/{}/{}", cleaned::ARCHIVES, file_name(package))
}

/// An absolute path inside.
fn inside(path: &str) -> Result<ImagePath, ConfigurationError> {
    ImagePath::new(path)
        .map_err(|error| ConfigurationError::File { path: path.into(), error: io::Error::other(error) })
}
