//! What is to be said of an image: for people and, as JSON, for programs.

use std::collections::BTreeMap;

use imgbuild_inventory::{Inventory, Kind, Package, PackageId, System, upstream_version};
use imgbuild_lock::{CondaPackage, LockedVariant, PypiSource};
use imgbuild_oci::{ContainerConfig, Descriptor, DiffId, Digest, MediaType, Platform, Timestamp};
use imgbuild_store::{LayerRecord, Store};
use serde::Serialize;

use crate::contents::{Contents, ImageLock, image_lock, inventory};
use crate::error::MakeError;
use crate::opening::Opened;

/// The variable by which NVIDIA's runtime and engines know which driver an image needs.
const REQUIRED_DRIVER: &str = "NVIDIA_REQUIRE_CUDA";

/// The packages by which an image's version of CUDA is known, the surest first.
const CUDA_PACKAGES: [&str; 4] =
    ["conda/cuda-version", "conda/cudatoolkit", "pypi/nvidia-cuda-runtime", "pypi/nvidia-cuda-runtime-cu12"];

/// What is to be said of an image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it is built for.
    #[serde(serialize_with = "shown")]
    pub platform: Platform,
    /// When it counts as made.
    pub created: Option<Timestamp>,
    /// The system that it is of.
    pub system: Option<System>,
    /// The image that it stands on, where its lock says one.
    pub base: Option<BaseSummary>,
    /// The lock that it is made of; nothing of images that others made.
    pub lock: Option<LockSummary>,
    /// What it has of CUDA.
    pub cuda: Option<CudaSummary>,
    /// Its environments of conda and Python.
    pub environments: Vec<EnvironmentSummary>,
    /// How many packages it has of each kind.
    #[serde(serialize_with = "counted")]
    pub packages: BTreeMap<Kind, usize>,
    /// How a container of it is started.
    pub config: ContainerConfig,
    /// Its layers, the first first.
    pub layers: Vec<LayerInspection>,
    /// What ran in the sandbox while it was made, as far as its lock says it.
    pub ran: Vec<String>,
    /// Files that should say something of packages and that nobody can read, with why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(String, String)>,
}

/// The image that another one stands on.
#[derive(Debug, Serialize)]
pub struct BaseSummary {
    /// What it was called.
    pub name: Option<String>,
    /// Its manifest.
    pub digest: Digest,
}

/// The lock that an image is made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockSummary {
    /// The digest of its text.
    pub digest: Digest,
    /// The version of its format, and of the rules from it to images.
    pub format_version: u32,
    /// The tags that the image has by it.
    pub tags: Vec<String>,
    /// The image's place in the spec's matrix.
    pub keys: BTreeMap<String, String>,
}

/// What an image has of CUDA.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CudaSummary {
    /// The version of its libraries, and the package that says it.
    pub version: Option<String>,
    /// The package that says it.
    pub package: Option<String>,
    /// What it demands of the driver, as `NVIDIA_REQUIRE_CUDA` says it.
    pub requires: Option<String>,
}

/// An environment of an image.
#[derive(Debug, Serialize)]
pub struct EnvironmentSummary {
    /// Its folder.
    pub prefix: String,
    /// The version of its Python, where it has one of its own.
    pub python: Option<String>,
    /// How many packages of conda it has.
    pub conda: usize,
    /// How many distributions of Python pip or imgbuild has put into it.
    pub pypi: usize,
}

/// A layer of an image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerInspection {
    /// The blob.
    pub digest: Digest,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// How it is compressed.
    pub media_type: MediaType,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The size of the uncompressed tar in bytes, where it is known without reading the layer.
    pub uncompressed_size: Option<u64>,
    /// What it is made of, as its history says it.
    pub title: Option<String>,
}

impl Inspection {
    /// What is to be said of an image, and its packages.
    ///
    /// # Errors
    ///
    /// When a layer that has to be read is not there or is damaged, or the image's lock is.
    pub fn of(opened: &Opened, store: &Store) -> Result<(Self, Inventory), MakeError> {
        let lock = image_lock(opened, store)?;
        let inventory = inventory(opened, store)?;
        let unreadable = match &lock {
            Some(_) => Vec::new(),
            None => unreadable(opened, store)?,
        };
        let locked = lock.as_ref().map(ImageLock::locked).transpose()?;
        let base = locked.as_ref().and_then(|locked| locked.variant.existing());
        let mut packages: BTreeMap<Kind, usize> = BTreeMap::new();
        for package in inventory.packages() {
            *packages.entry(package.id.kind).or_default() += 1;
        }
        let inspection = Self {
            digest: opened.digest,
            platform: opened.platform,
            created: opened.created,
            system: inventory.system.clone(),
            base: base.map(|base| BaseSummary { name: base.name.clone(), digest: base.resolved() }),
            lock: lock.as_ref().zip(locked.as_ref()).map(|(lock, locked)| LockSummary {
                digest: Digest::of(&lock.text),
                format_version: locked.format.number(),
                tags: locked.variant.tags.iter().map(ToString::to_string).collect(),
                keys: locked.variant.keys.clone(),
            }),
            cuda: cuda(&inventory, &opened.config),
            environments: environments(&inventory),
            packages,
            config: opened.config.clone(),
            layers: layers(opened),
            ran: locked.as_ref().map(ran).unwrap_or_default(),
            unreadable,
        };
        Ok((inspection, inventory))
    }

    /// The bytes of all its layers as registries keep them, each once.
    pub fn size(&self) -> u64 {
        let layers: BTreeMap<Digest, u64> = self.layers.iter().map(|it| (it.digest, it.size)).collect();
        layers.values().sum()
    }
}

fn unreadable(opened: &Opened, store: &Store) -> Result<Vec<(String, String)>, MakeError> {
    let contents = Contents::of(opened, store)?;
    let all = contents.installed();
    Ok(all.unreadable().map(|(path, why)| (path.to_string(), why.to_owned())).collect())
}

fn layers(opened: &Opened) -> Vec<LayerInspection> {
    let titles = opened.titles();
    let layer = |(layer, title): (&crate::NamedLayer, Option<&str>)| {
        let Descriptor { digest, size, media_type, .. } = layer.descriptor;
        let record = LayerRecord::of_annotated(&layer.descriptor, layer.diff_id);
        LayerInspection {
            digest,
            diff_id: layer.diff_id,
            media_type,
            size,
            uncompressed_size: record.map(|(_, record)| record.size),
            title: title.map(str::to_owned),
        }
    };
    opened.layers.iter().zip(titles).map(layer).collect()
}

fn environments(inventory: &Inventory) -> Vec<EnvironmentSummary> {
    let mut found: BTreeMap<String, EnvironmentSummary> = BTreeMap::new();
    for package in inventory.packages() {
        let PackageId { kind, name, environment: Some(prefix) } = &package.id else { continue };
        let prefix = prefix.to_string();
        let new = || EnvironmentSummary { prefix: prefix.clone(), python: None, conda: 0, pypi: 0 };
        let environment = found.entry(prefix.clone()).or_insert_with(new);
        match kind {
            Kind::Conda => environment.conda += 1,
            Kind::Pypi => environment.pypi += 1,
            Kind::Debian | Kind::Apk => {}
        }
        if (*kind, name.as_str()) == (Kind::Conda, "python") {
            environment.python = Some(package.version.clone());
        } else if *kind == Kind::Pypi && environment.python.is_none() {
            environment.python = interpreter(package, inventory);
        }
    }
    found.into_values().collect()
}

/// The version of the interpreter that a distribution is for, which may be the system's.
fn interpreter(package: &Package, inventory: &Inventory) -> Option<String> {
    let interpreter = package.requires.iter().flat_map(|it| &it.met_by).find(|id| id.is_python())?;
    Some(upstream_version(&inventory.get(interpreter)?.version).to_owned())
}

fn cuda(inventory: &Inventory, config: &ContainerConfig) -> Option<CudaSummary> {
    let value = |variable: &'_ String| {
        let (name, value) = variable.split_once('=')?;
        (name == REQUIRED_DRIVER).then(|| value.to_owned())
    };
    let requires = config.env.iter().find_map(value);
    let package = CUDA_PACKAGES.iter().find_map(|name| inventory.named(name).into_iter().next());
    if requires.is_none() && package.is_none() {
        return None;
    }
    let version = package.map(|package| package.version.clone());
    Some(CudaSummary { version, package: package.map(|package| package.id.to_string()), requires })
}

/// What ran in the sandbox while an image was made. Bytecode is compiled there as well, of every image.
fn ran(locked: &LockedVariant<'_>) -> Vec<String> {
    let mut ran = Vec::new();
    if let Some(debian) = locked.debian.as_ref().filter(|debian| !debian.set.configured.is_empty()) {
        ran.push(format!("dpkg, which configured {}", debian.set.configured.join(", ")));
    }
    for view in locked.in_each_environment() {
        let place = view.conda.as_ref().map(|conda| conda.set.prefix.to_string()).unwrap_or_default();
        let script =
            |package: &&CondaPackage| format!("the post-link script of {} in {place}", package.name());
        ran.extend(view.post_link.iter().map(script));
        for package in view.pypi.iter().flat_map(|set| &set.packages) {
            let Some(build) = &package.build else { continue };
            let source = match &build.source {
                PypiSource::Sdist { filename, .. } => filename.clone(),
                PypiSource::Git { url, commit, .. } => format!("{url}@{commit}"),
                PypiSource::Folder { path, .. } => format!("the folder {path}"),
            };
            ran.push(format!("the build of {} {} from {source}", package.name, package.version));
        }
    }
    ran
}

fn shown<T: ToString, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn counted<S: serde::Serializer>(counts: &BTreeMap<Kind, usize>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(kind, count)| (kind.as_str(), count)))
}
