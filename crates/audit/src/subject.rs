//! What databases of vulnerabilities know a package as.

use std::collections::BTreeMap;

use imgbuild_inventory::{Inventory, Kind, Package, PackageId, System};

use crate::version::Order;

/// One name of a package, and its version by that name.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The package.
    pub(crate) id: PackageId,
    /// Its version by this name.
    pub(crate) version: String,
}

/// The packages of an image, by the names that databases have for them.
pub(crate) struct Subjects {
    /// By the names of projects of PyPI.
    pub(crate) python: BTreeMap<String, Vec<Subject>>,
    /// By the names of source packages: what a distribution's advisories are of.
    pub(crate) system: BTreeMap<String, Vec<Subject>>,
    /// The system that the latter are of.
    pub(crate) release: Option<System>,
    /// Those that no database is about.
    pub(crate) nameless: Vec<PackageId>,
}

impl Subjects {
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let release = inventory.system.clone();
        let mut subjects =
            Self { python: BTreeMap::new(), system: BTreeMap::new(), release, nameless: Vec::new() };
        for package in inventory.packages() {
            subjects.add(package);
        }
        subjects
    }

    fn add(&mut self, package: &Package) {
        let subject = |version: &str| Subject { id: package.id.clone(), version: version.to_owned() };
        match package.id.kind {
            kind @ (Kind::Debian | Kind::Apk) if !has_advisories(kind, self.release.as_ref()) => {
                self.nameless.push(package.id.clone());
            }
            Kind::Debian => {
                if let Some((name, version)) = package.debian_source() {
                    self.system.entry(name.to_owned()).or_default().push(subject(version));
                }
            }
            Kind::Pypi => {
                let name = imgbuild_python::normalized(&package.id.name);
                self.python.entry(name).or_default().push(subject(&package.version));
            }
            Kind::Conda => {
                let known =
                    package.distributions.iter().filter_map(|it| Some((&it.name, it.version.as_ref()?)));
                let known: Vec<_> = known.collect();
                if known.is_empty() {
                    self.nameless.push(package.id.clone());
                }
                for (name, version) in known {
                    self.python.entry(name.clone()).or_default().push(subject(version));
                }
            }
            // Alpine's and Wolfi's advisories are of what packages are built from.
            Kind::Apk => {
                let name = package.source.as_ref().unwrap_or(&package.id.name);
                self.system.entry(name.clone()).or_default().push(subject(&package.version));
            }
        }
    }
}

impl Subjects {
    /// Those that an ecosystem's name of OSV and a package's name of it mean, with the order of their versions.
    pub(crate) fn of_osv(&self, ecosystem: &str, name: &str) -> Option<(Order, &[Subject])> {
        if ecosystem == "PyPI" || ecosystem.starts_with("PyPI:") {
            return Some((Order::Python, self.python.get(&imgbuild_python::normalized(name))?));
        }
        let (system, release) = match ecosystem.split_once(':') {
            Some((system, release)) => (system, Some(release)),
            None => (ecosystem, None),
        };
        let own = self.release.as_ref().filter(|it| it.id.eq_ignore_ascii_case(system))?;
        let version = own.version.as_deref();
        let (order, fits) = match own.id.as_str() {
            // `Ubuntu:22.04:LTS`, and `Ubuntu:Pro:22.04:LTS`, which is of other packages.
            "debian" | "ubuntu" => (Order::Debian, version == release?.split(':').next()),
            // `Alpine:v3.20`, of which an image says `3.20.1`.
            "alpine" => {
                let branch = version.and_then(branch);
                (Order::Apk, release?.strip_prefix('v').is_some_and(|it| branch == Some(it)))
            }
            // They have no releases.
            "wolfi" | "chainguard" => (Order::Apk, release.is_none()),
            _ => return None,
        };
        fits.then(|| self.system.get(name)).flatten().map(|it| (order, it.as_slice()))
    }
}

/// Whether an advisory can be about packages of a kind: whether databases know the release of the system that they are of.
fn has_advisories(kind: Kind, release: Option<&System>) -> bool {
    let Some(System { id, version, codename }) = release else { return false };
    match (kind, id.as_str()) {
        (Kind::Debian, "debian") => version.is_some() || codename.is_some(),
        (Kind::Debian, "ubuntu") => version.is_some(),
        (Kind::Apk, "alpine") => version.as_deref().and_then(branch).is_some(),
        (Kind::Apk, "wolfi" | "chainguard") => true,
        _ => false,
    }
}

/// The branch of a release of Alpine: `3.20` of `3.20.1`.
fn branch(version: &str) -> Option<&str> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split('.').next().unwrap_or(rest);
    // What is on its way to a branch, `3.21.0_alpha20240807`, is of none.
    (!version.contains('_')).then(|| &version[..major.len() + 1 + minor.len()])
}
