//! What of an image it may not need, with what of a spec leaves it out.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use serde::Serialize;

use crate::{Inventory, Kind, Owners, Package, PackageId};

/// Something that an image may not need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waste {
    /// What it is, such as `static libraries`.
    pub what: &'static str,
    /// The bytes that it has installed.
    pub bytes: u64,
    /// How many files or packages it is.
    pub count: usize,
    /// The packages that it is of, those with the most bytes first, or the packages themselves.
    pub of: Vec<PackageId>,
    /// What of a spec leaves it out.
    pub remedy: &'static str,
}

/// Kinds of files that programs do not need when they run.
struct FileKind {
    what: &'static str,
    is_one: fn(&ImagePath) -> bool,
    remedy: &'static str,
}

const FILE_KINDS: [FileKind; 5] = [
    FileKind {
        what: "static libraries",
        is_one: |path| path.file_name().ends_with(".a") && !path.file_name().ends_with(".dll.a"),
        remedy: "they are for compiling: take the package without its development files, such as `libNAME` for `libNAME-dev`",
    },
    FileKind {
        what: "tests of packages",
        is_one: |path| is_test(path) && !is_bytecode(path),
        remedy: "no package needs the tests of another; where one matters, copy what is needed instead of the package",
    },
    FileKind {
        what: "header files",
        is_one: |path| {
            path.as_str().contains("/include/")
                && (path.file_name().ends_with(".h") || path.file_name().ends_with(".hpp"))
        },
        remedy: "they are for compiling: `nvcc` and extensions need them, programs do not",
    },
    FileKind {
        what: "documentation and manuals",
        is_one: |path| {
            ["usr/share/doc/", "usr/share/man/", "usr/share/info/"]
                .iter()
                .any(|it| path.as_str().starts_with(it))
                || path.as_str().contains("/share/man/")
        },
        remedy: "`[base] profile = \"slim\"` leaves those of Debian out",
    },
    FileKind {
        what: "translations",
        is_one: |path| {
            path.as_str().contains("/LC_MESSAGES/") || path.as_str().starts_with("usr/share/locale/")
        },
        remedy: "`[base] profile = \"slim\"` leaves those of Debian out",
    },
];

fn is_test(path: &ImagePath) -> bool {
    let Some((_, inside)) = path.as_str().split_once("site-packages/") else { return false };
    inside.split('/').skip(1).any(|folder| ["test", "tests"].contains(&folder))
}

fn is_bytecode(path: &ImagePath) -> bool {
    path.file_name().ends_with(".pyc")
}

/// What of an image it may not need, the most bytes first.
pub fn waste(inventory: &Inventory, owners: &Owners, merged: &Merged) -> Vec<Waste> {
    let mut all: Vec<Waste> = FILE_KINDS.iter().filter_map(|kind| of_files(kind, owners, merged)).collect();
    all.extend(cached_bytecode(owners, merged));
    all.extend(twice(inventory));
    all.extend(cuda_twice(inventory));
    all.sort_by(|one, other| (other.bytes, one.what).cmp(&(one.bytes, other.what)));
    all
}

/// The files of an image with their sizes. Of hard links each counts.
fn files(merged: &Merged) -> impl Iterator<Item = (&ImagePath, u64)> {
    merged.iter().filter_map(|(path, node)| match node.kind {
        NodeKind::File { size } => Some((path, size)),
        _ => None,
    })
}

fn of_files(kind: &FileKind, owners: &Owners, merged: &Merged) -> Option<Waste> {
    counted(kind.what, kind.remedy, files(merged).filter(|(path, _)| (kind.is_one)(path)), owners)
}

fn counted<'a>(
    what: &'static str,
    remedy: &'static str,
    files: impl Iterator<Item = (&'a ImagePath, u64)>,
    owners: &Owners,
) -> Option<Waste> {
    let (mut bytes, mut count) = (0_u64, 0);
    let mut by_owner: BTreeMap<PackageId, u64> = BTreeMap::new();
    for (path, size) in files {
        (bytes, count) = (u64::saturating_add(bytes, size), count + 1);
        for owner in owners.of(path) {
            let of_owner = by_owner.entry(owner.clone()).or_default();
            *of_owner = of_owner.saturating_add(size);
        }
    }
    let mut of: Vec<(PackageId, u64)> = by_owner.into_iter().collect();
    of.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    let of = of.into_iter().map(|(id, _)| id).collect();
    (count > 0).then_some(Waste { what, bytes, count, of, remedy })
}

/// Bytecode of sources that nothing imports: tests.
fn cached_bytecode(owners: &Owners, merged: &Merged) -> Option<Waste> {
    let is_one = |path: &ImagePath| is_bytecode(path) && is_test(path);
    let remedy =
        "`[layers] bytecode = false` leaves out what imgbuild compiles, and programs begin more slowly";
    counted("bytecode of tests", remedy, files(merged).filter(|(path, _)| is_one(path)), owners)
}

fn installed(packages: &[&Package]) -> u64 {
    packages.iter().filter_map(|it| it.installed_size).fold(0, u64::saturating_add)
}

/// Projects of Python that two packages of one environment bring, or that several environments have in different versions.
fn twice(inventory: &Inventory) -> Option<Waste> {
    let mut known: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in inventory.packages() {
        for distribution in &package.distributions {
            known.entry(&distribution.name).or_default().push(package);
        }
    }
    // What environments have in one version is stored once.
    let is_other = |package: &&Package, first: &Package| {
        package.id.environment == first.id.environment || package.version != first.version
    };
    let again = known.into_values().flat_map(|packages| {
        let first = packages.first().copied();
        let others = packages.into_iter().skip(1);
        others.filter(move |it| first.is_some_and(|first| is_other(it, first))).collect::<Vec<_>>()
    });
    let again: Vec<&Package> = again.collect();
    let bytes = installed(&again);
    let remedy = "take it from conda or from PyPI, not from both: what `[conda]` has, wheels find; and let environments agree on a version, so that their files are stored once";
    let of: Vec<PackageId> = again.iter().map(|it| it.id.clone()).collect();
    (!of.is_empty()).then_some(Waste {
        what: "projects of Python that are there twice",
        bytes,
        count: of.len(),
        of,
        remedy,
    })
}

/// CUDA's libraries of conda and of wheels.
fn cuda_twice(inventory: &Inventory) -> Option<Waste> {
    let of_conda: BTreeSet<&str> = inventory
        .packages()
        .filter(|it| it.id.kind == Kind::Conda && it.id.name.starts_with("lib"))
        .map(|it| it.id.name.trim_start_matches("lib"))
        .collect();
    // `nvidia-cublas-cu12` is conda's `libcublas`.
    let library = |package: &&Package| {
        let name = package.id.name.strip_prefix("nvidia-")?;
        Some(name.split('-').next().unwrap_or(name).to_owned())
    };
    let wheels = inventory.packages().filter(|it| it.id.kind == Kind::Pypi);
    let again = wheels.filter(|it| library(it).is_some_and(|name| of_conda.contains(name.as_str())));
    let again: Vec<&Package> = again.collect();
    let bytes = installed(&again);
    let remedy = "take PyTorch or what needs CUDA from conda or from PyPI, not some of each";
    let of: Vec<PackageId> = again.iter().map(|it| it.id.clone()).collect();
    (!of.is_empty()).then_some(Waste {
        what: "libraries of CUDA that are there twice",
        bytes,
        count: of.len(),
        of,
        remedy,
    })
}
