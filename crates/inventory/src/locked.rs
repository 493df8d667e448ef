//! The packages of an image, by the lock that it was made of.

use imgbuild_archive::ImagePath;
use imgbuild_debian::Stanza;
use imgbuild_environment::match_spec_name;
use imgbuild_lock::{
    CondaPackage, CondaSet, DebianPackage, LockedPackage, LockedSet, LockedVariant, PypiPackage, PypiSet,
    PypiSource,
};
use imgbuild_oci::Digest;
use imgbuild_python::Distribution;

use crate::described::{parted, related_name};
use crate::{ArchiveFile, Described, Inventory, Kind, Package, PackageId, System};

impl Inventory {
    /// The packages of a variant. `asked_of_debian` are the names of Debian's packages that somebody asked for, where it is known: locks say it
    /// since format version 4.
    pub fn of_lock(locked: &LockedVariant<'_>, asked_of_debian: &[String]) -> Self {
        let system = locked.debian.as_ref().map(|debian| system(&debian.set.suite, &debian.packages));
        Self::of_described(locked.variant.platform, system, Described::of_lock(locked, asked_of_debian))
    }
}

impl Described {
    /// The packages of a variant, as [`Inventory::of_lock`] has them.
    pub fn of_lock(locked: &LockedVariant<'_>, asked_of_debian: &[String]) -> Vec<Self> {
        let mut found = Vec::new();
        if let Some(debian) = &locked.debian {
            let asked = [asked_of_debian, &debian.set.requested].concat();
            let base = imgbuild_debian::default_packages(&debian.set.suite);
            let in_image = debian.packages.iter().filter(|it| !debian.set.left_out.contains(&it.id()));
            found.extend(in_image.map(|package| of_debian(package, &asked, &base)));
        }
        for view in locked.in_each_environment() {
            found.extend(view.conda.iter().flat_map(of_conda));
            found.extend(view.pypi.iter().flat_map(of_pypi));
        }
        found
    }
}

/// Debian's suite as `os-release` has it. The number of the release stands in the version of `base-files`: `12.4+deb12u12`.
fn system(suite: &str, packages: &[&DebianPackage]) -> System {
    let version = packages.iter().find(|it| it.name == "base-files");
    let version = version.and_then(|it| it.version.split(['.', '+']).next().map(str::to_owned));
    System { id: "debian".to_owned(), version, codename: Some(suite.to_owned()) }
}

fn of_debian(locked: &DebianPackage, asked: &[String], base: &[String]) -> Described {
    let stanza = Stanza::read_all(&locked.record).unwrap_or_default().into_iter().next();
    let field = |name: &str| stanza.as_ref().and_then(|it| it.get(name)).map(str::to_owned);
    let mut package = Package::new(PackageId::of_system(Kind::Debian, &locked.name), &locked.version);
    let archive = locked.archive();
    let name = locked.filename.rsplit('/').next().unwrap_or(&locked.filename).to_owned();
    package.archive = archive_file(name, None, &archive.sha256, archive.size);
    package.architecture = Some(locked.architecture.clone());
    package.installed_size = Some(locked.facts.installed_size);
    package.licence = locked.facts.licence.clone();
    package.source = field("Source");
    package.supplier = field("Maintainer");
    package.homepage = field("Homepage");
    package.summary = field("Description").and_then(|it| it.lines().next().map(str::to_owned));
    package.requested.extend(asked.contains(&locked.name).then(|| locked.name.clone()));
    package.of_every_base = base.contains(&locked.name) || field("Essential").as_deref() == Some("yes");
    let groups = |name: &str| field(name).map(|text| parted(&text)).unwrap_or_default();
    let requires = [groups("Pre-Depends"), groups("Depends")].concat();
    let provides = groups("Provides").iter().map(|it| related_name(it).to_owned()).collect();
    Described { requires, provides, ..Described::new(package) }
}

fn of_conda(conda: &LockedSet<'_, CondaSet, CondaPackage>) -> Vec<Described> {
    let prefix = &conda.set.prefix;
    let asked = |name: &str| {
        let asked = conda.set.requested.iter().filter(|text| match_spec_name(text) == name);
        asked.cloned().collect::<Vec<String>>()
    };
    conda.packages.iter().map(|locked| conda_package(locked, prefix, asked(locked.name()))).collect()
}

fn conda_package(locked: &CondaPackage, prefix: &ImagePath, requested: Vec<String>) -> Described {
    let id = PackageId::of_environment(Kind::Conda, locked.name(), prefix);
    let mut package = Package::new(id, locked.version());
    let text = |field: &str| locked.text(field).map(str::to_owned);
    let name = locked.file_name().to_owned();
    package.archive = archive_file(name, Some(locked.url.clone()), &locked.sha256, locked.size);
    package.build = text("build");
    package.architecture = text("subdir");
    package.channel = Some(locked.channel.clone());
    package.installed_size = Some(locked.facts.installed_size);
    package.licence = text("license");
    package.distributions =
        locked.facts.distributions.iter().filter_map(|it| Distribution::try_from(it.clone()).ok()).collect();
    package.requested = requested;
    let depends = locked.record.get("depends").and_then(toml::Value::as_array);
    let depends = depends.into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned));
    Described { requires: depends.collect(), ..Described::new(package) }
}

fn of_pypi(pypi: &LockedSet<'_, PypiSet, PypiPackage>) -> Vec<Described> {
    let prefix = &pypi.set.prefix;
    let one = |locked: &&PypiPackage| {
        let id = PackageId::of_environment(Kind::Pypi, &locked.name, prefix);
        let mut package = Package::new(id, &locked.version);
        package.archive =
            archive_file(locked.filename.clone(), locked.url.clone(), &locked.sha256, locked.size);
        package.installed_size = Some(locked.facts.installed_size);
        package.licence = locked.facts.licence.clone();
        package.supplier = locked.facts.author.clone();
        package.source = locked.build.as_ref().map(|build| source(&build.source));
        let distribution = Distribution::try_from(format!("{} {}", locked.name, locked.version));
        package.distributions = distribution.into_iter().collect();
        package.requested = pypi.set.requested.iter().filter(|it| **it == locked.name).cloned().collect();
        let facts = &locked.facts;
        let (requires, requires_python) = (facts.requires_dist.clone(), facts.requires_python.clone());
        Described { requires, requires_python, ..Described::new(package) }
    };
    pypi.packages.iter().map(one).collect()
}

/// What a wheel was built from.
fn source(source: &PypiSource) -> String {
    match source {
        PypiSource::Sdist { filename, .. } => filename.clone(),
        PypiSource::Git { url, commit, .. } => format!("{url}@{commit}"),
        PypiSource::Folder { path, .. } => path.clone(),
    }
}

fn archive_file(
    name: String,
    url: Option<String>,
    sha256: &Digest,
    size: Option<u64>,
) -> Option<ArchiveFile> {
    Some(ArchiveFile { name, url, sha256: Some(*sha256), size })
}
