//! The packages of an image, by what package managers left in its files.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use imgbuild_oci::Platform;

use crate::metadata::{Owned, Told, apk};
use crate::{Described, Inventory, Kind, LayerIndex, LayerOwners, Package, PackageId, System};

/// Whose the files of an image are.
#[derive(Debug, Clone, Default)]
pub struct Owners(BTreeMap<ImagePath, BTreeSet<PackageId>>);

impl Owners {
    /// Those of an image with these layers, the first first. What a layer says counts where the file that says it is still there.
    pub fn of_layers<'a>(
        layers: impl IntoIterator<Item = &'a LayerOwners>,
        merged: &Merged,
        platform: Platform,
    ) -> Self {
        let layers = layers.into_iter().enumerate();
        let there = |(number, layer): (usize, &'a LayerOwners)| {
            layer.0.iter().filter(move |(path, _)| is_of_layer(merged, path, number))
        };
        let said: Vec<(&ImagePath, &Vec<Owned>)> = layers.flat_map(there).collect();
        let is_of_python = |owned: &&Owned| owned.package.kind == Kind::Pypi;
        let mut owners = Self::default();
        for owned in said.iter().flat_map(|(_, owned)| *owned).filter(|it| !is_of_python(it)) {
            owners.add(owned, merged, platform);
        }
        for (path, owned) in said {
            // What a package of conda or of the system brings is that one's, and not a distribution's of its own.
            if owners.of(path).next().is_none() {
                let of_python = owned.iter().filter(is_of_python);
                of_python.for_each(|owned| owners.add(owned, merged, platform));
            }
        }
        owners
    }

    fn add(&mut self, Owned { package, files }: &Owned, merged: &Merged, platform: Platform) {
        let package = &of_platform(package, None, platform);
        for file in files {
            self.0.entry(standing(merged, file)).or_default().insert(package.clone());
        }
    }

    /// Those that have a path. Debian's and others' packages share folders, and so these have many. Bytecode that nobody lists is of
    /// those that have its source.
    pub fn of(&self, path: &ImagePath) -> impl Iterator<Item = &PackageId> {
        let own = self.0.get(path);
        let source = || self.0.get(&source_of(path)?);
        own.or_else(source).into_iter().flatten()
    }

    /// Every path that is somebody's.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &BTreeSet<PackageId>)> {
        self.0.iter()
    }
}

/// The source that bytecode was compiled from: `a/b.py` of `a/__pycache__/b.cpython-311.pyc` (PEP 3147).
fn source_of(path: &ImagePath) -> Option<ImagePath> {
    let stem = path.file_name().strip_suffix(".pyc")?.split('.').next()?;
    let folder = path.parent().filter(|folder| folder.file_name() == "__pycache__")?.parent()?;
    folder.join(&format!("{stem}.py")).ok()
}

/// Where a path stands whose folders may be links: dpkg's lists say `/lib/x` of what is in `/usr/lib`.
pub fn standing(merged: &Merged, path: &ImagePath) -> ImagePath {
    if merged.get(path).is_some() {
        return path.clone();
    }
    let resolved = path.parent().and_then(|folder| merged.resolve(&folder).ok().flatten());
    resolved.and_then(|folder| folder.join(path.file_name()).ok()).unwrap_or_else(|| path.clone())
}

/// A package of Debian by the name that tells it from the same one of another architecture: `libc6`, and `libc6:i386` of a foreign one.
fn of_platform(id: &PackageId, architecture: Option<&str>, platform: Platform) -> PackageId {
    if id.kind != Kind::Debian {
        return id.clone();
    }
    let (name, stated) = match id.name.split_once(':') {
        Some((name, stated)) => (name, Some(stated)),
        None => (id.name.as_str(), architecture),
    };
    let foreign = stated.filter(|it| !["all", "any", platform.architecture()].contains(it));
    let name = foreign.map_or(name.to_owned(), |architecture| format!("{name}:{architecture}"));
    PackageId { name, ..id.clone() }
}

/// Whether a path is what this layer made it.
fn is_of_layer(merged: &Merged, path: &ImagePath, layer: usize) -> bool {
    merged.get(path).is_some_and(|node| node.layer == layer)
}

/// What the files of an image say, those that are still there.
pub struct Installed<'a> {
    told: BTreeMap<&'a ImagePath, &'a Told>,
}

impl<'a> Installed<'a> {
    /// What the layers of an image say, the first first.
    pub fn of_layers(layers: impl IntoIterator<Item = &'a LayerIndex>, merged: &Merged) -> Self {
        let layers = layers.into_iter().enumerate();
        let there = |(number, layer): (usize, &'a LayerIndex)| {
            layer.told.iter().filter(move |(path, _)| is_of_layer(merged, path, number))
        };
        Self { told: layers.flat_map(there).collect() }
    }

    /// The text of a file that is kept as it is, such as `etc/os-release`.
    pub fn text(&self, path: &str) -> Option<&'a str> {
        match self.told.get(&ImagePath::new(path).ok()?) {
            Some(Told::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The files that should say something of packages and that nobody can read, and why.
    pub fn unreadable(&self) -> impl Iterator<Item = (&'a ImagePath, &'a str)> {
        self.told.iter().filter_map(|(path, told)| match told {
            Told::Unreadable(why) => Some((*path, why.as_str())),
            _ => None,
        })
    }

    /// The system that the image says it is of.
    pub fn system(&self) -> Option<System> {
        let text = self.text("etc/os-release").or_else(|| self.text("usr/lib/os-release"))?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
            Some(line.trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
        };
        Some(System { id: value("ID")?, version: value("VERSION_ID"), codename: value("VERSION_CODENAME") })
    }

    /// The packages of the image.
    pub fn inventory(&self, owners: &Owners, merged: &Merged, platform: Platform) -> Inventory {
        Inventory::of_described(platform, self.system(), self.described(owners, merged, platform))
    }

    /// The packages of the image, as they describe themselves. A distribution of Python that a package of conda or of the system brings is no
    /// package of its own.
    pub fn described(&self, owners: &Owners, merged: &Merged, platform: Platform) -> Vec<Described> {
        let mut all: Vec<Described> = Vec::new();
        let mut brought: BTreeMap<PackageId, Vec<imgbuild_python::Distribution>> = BTreeMap::new();
        for (path, told) in &self.told {
            let Told::Packages(packages) = told else { continue };
            for described in packages {
                if described.package.id.kind != Kind::Pypi {
                    let mut described = described.clone();
                    let Package { id, architecture, .. } = &described.package;
                    described.package.id = of_platform(id, architecture.as_deref(), platform);
                    all.push(described);
                    continue;
                }
                let owner = owners.of(path).find(|owner| owner.kind != Kind::Pypi);
                match owner {
                    Some(owner) => {
                        let distributions = described.package.distributions.iter().cloned();
                        brought.entry(owner.clone()).or_default().extend(distributions);
                    }
                    None => all.push(as_requested(described, path, merged)),
                }
            }
        }
        self.add_licences(&mut all);
        self.add_asked(&mut all);
        for described in &mut all {
            let Package { id, distributions, .. } = &mut described.package;
            distributions.extend(brought.remove(id).into_iter().flatten());
            distributions.sort();
            distributions.dedup();
        }
        all
    }

    /// Which of Alpine's packages somebody asked for: by their names, and where no package has a name, by what they provide.
    fn add_asked(&self, all: &mut [Described]) {
        let asked: BTreeSet<&str> = self.text(apk::WORLD).into_iter().flat_map(apk::asked).collect();
        let is_of_apk = |it: &&mut Described| it.package.id.kind == Kind::Apk;
        let mut provided = asked.clone();
        for Described { package, .. } in all.iter_mut().filter(is_of_apk) {
            let name = package.id.name.as_str();
            provided.remove(name);
            if asked.contains(name) {
                package.requested.push(name.to_owned());
            }
        }
        for Described { package, provides, .. } in all.iter_mut().filter(is_of_apk) {
            let found: BTreeSet<&String> =
                provides.iter().filter(|it| provided.contains(it.as_str())).collect();
            package.requested.extend(found.into_iter().cloned());
        }
    }

    /// The licences that the documentation of Debian's packages says.
    fn add_licences(&self, all: &mut [Described]) {
        let licences: BTreeMap<&str, &str> = self
            .told
            .values()
            .filter_map(|told| match told {
                Told::Licence { package, licence } => Some((package.as_str(), licence.as_str())),
                _ => None,
            })
            .collect();
        for Described { package, .. } in all.iter_mut().filter(|it| it.package.id.kind == Kind::Debian) {
            let name = package.id.name.split(':').next().unwrap_or_default();
            package.licence = licences.get(name).map(|it| (*it).to_owned());
        }
    }

    /// The licences that the image's files say, by its packages: for those of a lock, which does not know them.
    pub fn licences(&self) -> BTreeMap<PackageId, String> {
        let mut licences = BTreeMap::new();
        for told in self.told.values() {
            match told {
                Told::Licence { package, licence } => {
                    licences.insert(PackageId::of_system(Kind::Debian, package), licence.clone());
                }
                Told::Packages(packages) => {
                    let known =
                        packages.iter().filter_map(|it| Some((&it.package.id, it.package.licence.as_ref()?)));
                    licences.extend(known.map(|(id, licence)| (id.clone(), licence.clone())));
                }
                Told::Text(_) | Told::Unreadable(_) => {}
            }
        }
        licences
    }
}

/// A distribution, asked for where its installer says so by an empty file `REQUESTED`.
fn as_requested(described: &Described, metadata: &ImagePath, merged: &Merged) -> Described {
    let mut described = described.clone();
    let mark = metadata.parent().and_then(|folder| folder.join("REQUESTED").ok());
    let is_there = mark.is_some_and(
        |it| matches!(merged.get(&it), Some(node) if matches!(node.kind, NodeKind::File { .. })),
    );
    if is_there {
        described.package.requested.push(described.package.id.name.clone());
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpines_packages_are_asked_for_by_their_names_and_by_what_they_provide() {
        let world = ImagePath::new(apk::WORLD).unwrap();
        let asked = Told::Text("nodejs\nso:libz.so.1>1\nbusybox\n!mail\n".to_owned());
        let installed = Installed { told: BTreeMap::from([(&world, &asked)]) };
        let package = |kind: Kind, name: &str, provides: &[&str]| Described {
            provides: provides.iter().map(|it| (*it).to_owned()).collect(),
            ..Described::new(Package::new(PackageId::of_system(kind, name), "1"))
        };
        let mut all = [
            package(Kind::Apk, "nodejs-22", &["nodejs", "cmd:node", "nodejs"]),
            package(Kind::Apk, "zlib", &["so:libz.so.1"]),
            package(Kind::Apk, "busybox", &[]),
            // What is there by its name is what was meant.
            package(Kind::Apk, "toybox", &["busybox"]),
            package(Kind::Apk, "postfix", &["mail"]),
            package(Kind::Debian, "nodejs", &["nodejs"]),
        ];
        installed.add_asked(&mut all);
        let requested = all.map(|it| it.package.requested.join(" "));
        assert_eq!(requested, ["nodejs", "so:libz.so.1", "busybox", "", "", ""]);
    }
}
