//! What every form of document says, before it is put into its words.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;
use imgbuild_inventory::{Inventory, Kind, Package, PackageId, System};
use imgbuild_licence::Licence;
use imgbuild_oci::{Digest, Timestamp};

use crate::distribution::Distribution;
use crate::{Contact, ImageFacts};

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside its image: licences are told in SPDX's words, as far as the packages' own mean them.
    Beside,
    /// In its image, where its bytes stay the same with every later version: SPDX's list, which grows, has no part in it.
    Within,
}

impl Place {
    fn licence(self, package: &Package) -> Option<Licence> {
        match self {
            Self::Beside => package.read_licence(),
            Self::Within => package.licence.as_deref().and_then(Licence::stated),
        }
    }
}

/// A part of an image.
pub(crate) struct Component<'a> {
    /// What tells it from all others of the document.
    pub(crate) reference: String,
    /// The name.
    pub(crate) name: String,
    /// The version.
    pub(crate) version: String,
    /// The package URL.
    pub(crate) purl: String,
    /// The folder of its environment.
    pub(crate) environment: Option<&'a ImagePath>,
    /// The package; nothing where it is a distribution of Python that a package of another ecosystem is.
    pub(crate) package: Option<&'a Package>,
    /// Its licence, where it says it.
    pub(crate) licence: Option<Licence>,
    /// Who made it.
    pub(crate) creator: Contact,
    /// What it was installed from.
    pub(crate) distribution: Option<Distribution<'a>>,
    /// What it requires, by its reference.
    pub(crate) depends_on: BTreeSet<String>,
}

/// What a document says.
pub(crate) struct Bill<'a> {
    /// What is known of the image.
    pub(crate) image: &'a ImageFacts,
    /// Where it stands.
    pub(crate) place: Place,
    /// When the image counts as created: in whole seconds, since SPDX has no others.
    pub(crate) created: String,
    /// Who made the document: who answers for the image, or else this program.
    pub(crate) creator: Contact,
    /// The reference of the image itself.
    pub(crate) root: String,
    /// Its system, with its reference.
    pub(crate) system: Option<(String, &'a System)>,
    /// Its parts, by their references.
    pub(crate) components: BTreeMap<String, Component<'a>>,
    /// What the image itself requires: what somebody asked for, and what nothing else requires.
    pub(crate) direct: BTreeSet<String>,
    /// What the system is made of.
    pub(crate) of_system: BTreeSet<String>,
}

impl<'a> Bill<'a> {
    pub(crate) fn new(inventory: &'a Inventory, image: &'a ImageFacts, place: Place) -> Self {
        let system = inventory.system.as_ref();
        let references = references(inventory);
        let of_index = |it: &&Package| it.id.kind == Kind::Pypi;
        let wheels: BTreeSet<String> =
            inventory.packages().filter(of_index).map(|it| it.purl(system)).collect();
        let mut components = BTreeMap::new();
        for package in inventory.packages() {
            let mut component = component(package, &references, inventory, (image, place));
            // The same distribution may come by several packages, and by a wheel in another environment: it is told once.
            let named = package.distributions.iter().filter_map(|it| Some((&it.name, it.version.as_ref()?)));
            for ((name, version), purl) in named.zip(package.further_purls()) {
                component.depends_on.insert(purl.clone());
                if !wheels.contains(&purl) {
                    let it = || distribution(name, version, &purl, (package, place));
                    components.entry(purl.clone()).or_insert_with(it);
                }
            }
            components.insert(component.reference.clone(), component);
        }
        let required: BTreeSet<&String> = components.values().flat_map(|it| &it.depends_on).collect();
        let is_of_system = |it: &Package| matches!(it.id.kind, Kind::Debian | Kind::Apk);
        let packages = || components.values().filter_map(|it| Some((it, it.package?)));
        let is_direct = |reference: &String, package: &Package| {
            let is_loose = !required.contains(reference) && (system.is_none() || !is_of_system(package));
            !package.requested.is_empty() || is_loose
        };
        let direct = packages().filter(|(it, package)| is_direct(&it.reference, package));
        let direct: BTreeSet<String> = direct.map(|(it, _)| it.reference.clone()).collect();
        let of_system = packages().filter(|(_, package)| is_of_system(package));
        let of_system = of_system.map(|(it, _)| it.reference.clone()).collect();
        let system =
            system.map(|it| (format!("os:{}@{}", it.id, it.version.as_deref().unwrap_or_default()), it));
        let is_named = image.creator.label().is_some();
        let whole = Timestamp::from_seconds(image.created.seconds()).unwrap_or(image.created);
        let creator = if is_named { image.creator.clone() } else { Contact::of_program() };
        Self {
            image,
            place,
            created: whole.to_string(),
            creator,
            root: root(image),
            system,
            components,
            direct,
            of_system,
        }
    }
}

impl Component<'_> {
    /// The folder of its environment, where the document says it: of packages themselves.
    pub(crate) fn named_environment(&self) -> Option<&ImagePath> {
        self.package.and(self.environment)
    }

    /// Whether scanners find it in the image by its own files: distributions by their `METADATA`, and packages of conda by `conda-meta`,
    /// which Trivy reads in folders that are in one named `envs`.
    pub(crate) fn is_found_by_its_files(&self) -> bool {
        let is_named = || self.environment.is_some_and(|it| it.as_str().contains("/envs/"));
        match self.package.map(|it| it.id.kind) {
            None | Some(Kind::Pypi) => true,
            Some(Kind::Conda) => is_named(),
            Some(Kind::Debian | Kind::Apk) => false,
        }
    }

    /// The source package that it was made of, and its version, where it is one of Debian's.
    pub(crate) fn source(&self) -> Option<(&str, &str)> {
        self.package?.debian_source()
    }
}

/// The package URL of an image (`oci`), where its manifest is known.
pub(crate) fn image_purl(image: &ImageFacts) -> Option<String> {
    let digest = image.digest?.hex();
    let name = image.name.rsplit('/').next().unwrap_or(&image.name).to_lowercase();
    let tag = image.tag.as_ref().map(|tag| format!("&tag={tag}")).unwrap_or_default();
    let place = if image.name.contains('/') {
        format!("?repository_url={}{tag}", image.name.to_lowercase().replace(':', "%3A").replace('/', "%2F"))
    } else {
        tag.replacen('&', "?", 1)
    };
    Some(format!("pkg:oci/{name}@sha256%3A{digest}{place}"))
}

/// This program, as SPDX tells it.
pub(crate) fn tool(image: &ImageFacts) -> String {
    image.tool_version.as_ref().map_or_else(|| "imgbuild".to_owned(), |version| format!("imgbuild-{version}"))
}

/// What the image itself is told by.
fn root(image: &ImageFacts) -> String {
    image_purl(image).unwrap_or_else(|| format!("image:{}@{}", image.name, short(&image.identity)))
}

fn short(digest: &Digest) -> String {
    digest.hex()[..12].to_owned()
}

/// The references of packages: their URLs, and where several environments have the same, the environment's folder behind it.
fn references(inventory: &Inventory) -> BTreeMap<&PackageId, String> {
    let system = inventory.system.as_ref();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for package in inventory.packages() {
        *counts.entry(package.purl(system)).or_default() += 1;
    }
    let reference = |package: &'_ Package| {
        let purl = package.purl(system);
        match (&package.id.environment, counts.get(&purl)) {
            (Some(environment), Some(2..)) => format!("{purl}#{environment}"),
            _ => purl,
        }
    };
    inventory.packages().map(|package| (&package.id, reference(package))).collect()
}

fn component<'a>(
    package: &'a Package,
    references: &BTreeMap<&PackageId, String>,
    inventory: &Inventory,
    (image, place): (&ImageFacts, Place),
) -> Component<'a> {
    let purl = package.purl(inventory.system.as_ref());
    let met = package.requires.iter().flat_map(|it| &it.met_by);
    let depends_on =
        met.filter(|id| **id != package.id).filter_map(|id| references.get(id).cloned()).collect();
    Component {
        reference: references.get(&package.id).cloned().unwrap_or_else(|| purl.clone()),
        name: package.id.name.split(':').next().unwrap_or(&package.id.name).to_owned(),
        version: package.version.clone(),
        purl,
        environment: package.id.environment.as_ref(),
        package: Some(package),
        licence: place.licence(package),
        creator: Contact::of_package(package),
        distribution: package.archive.as_ref().map(|it| Distribution::new(it, &image.sha512)),
        depends_on,
    }
}

/// The distribution of Python that a package of another ecosystem is, for those that know only PyPI.
fn distribution<'a>(
    name: &str,
    version: &str,
    purl: &str,
    (package, place): (&'a Package, Place),
) -> Component<'a> {
    Component {
        reference: purl.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        purl: purl.to_owned(),
        environment: package.id.environment.as_ref(),
        package: None,
        licence: place.licence(package),
        creator: Contact::of_package(package),
        distribution: None,
        depends_on: BTreeSet::new(),
    }
}
