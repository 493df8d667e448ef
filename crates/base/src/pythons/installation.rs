//! An interpreter: a folder with `lib/python3.N` and `bin/python3.N`.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use imgbuild_python::Distribution;
use serde::{Deserialize, Serialize};

use super::{CondaPrefix, HEADER};
use crate::DpkgPackage;

/// The module by which CPython itself knows the folder of its library.
const LANDMARK: &str = "os.py";

/// An interpreter of CPython 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonInstallation {
    /// Its folder, such as `/opt/conda` or `/usr`.
    pub prefix: ImagePath,
    /// The program, which is no link, such as `/opt/conda/bin/python3.11`.
    pub program: ImagePath,
    /// The minor version.
    pub minor: u8,
    /// Its version: `3.11.9`; `3.11` where nothing says which release it is.
    pub version: String,
    /// The folders of the modules that are installed for it, in the order in which it looks into them.
    pub modules: Vec<ImagePath>,
    /// What is installed there, sorted. Of two of one name that which it finds.
    pub distributions: Vec<Distribution>,
}

/// Those of an image.
pub(super) fn all(
    merged: &Merged,
    conda: &[CondaPrefix],
    packages: &[DpkgPackage],
) -> Vec<PythonInstallation> {
    let mut found: BTreeMap<(ImagePath, u8), PythonInstallation> = BTreeMap::new();
    let landmarks = merged
        .iter()
        .filter(|(path, node)| path.file_name() == LANDMARK && matches!(node.kind, NodeKind::File { .. }));
    for (prefix, minor) in landmarks.filter_map(|(path, _)| owner(path)) {
        if let Some(installation) = read(merged, &prefix, minor, conda, packages) {
            found.insert((prefix, minor), installation);
        }
    }
    found.into_values().collect()
}

/// The folder of the interpreter whose library a landmark is in, and its minor version.
fn owner(landmark: &ImagePath) -> Option<(ImagePath, u8)> {
    let library = landmark.parent()?;
    // Free-threaded ones, `python3.13t`, are for other wheels.
    let minor = library.file_name().strip_prefix("python3.")?.parse().ok()?;
    let folder = library.parent()?;
    ["lib", "lib64"].contains(&folder.file_name()).then_some(())?;
    Some((folder.parent()?, minor))
}

fn read(
    merged: &Merged,
    prefix: &ImagePath,
    minor: u8,
    conda: &[CondaPrefix],
    packages: &[DpkgPackage],
) -> Option<PythonInstallation> {
    let (program, node) = merged.find(&prefix.join(&format!("bin/python3.{minor}")).ok()?)?;
    if !matches!(node.kind, NodeKind::File { .. }) || node.mode & 0o111 == 0 {
        return None;
    }
    let of_conda = || conda.iter().find(|it| it.prefix == *prefix)?.version("python").map(str::to_owned);
    let of_debian = || debians_version(prefix, minor, packages);
    let version = of_conda().or_else(of_debian).or_else(|| stated_version(merged, prefix, minor));
    let version = version.filter(|version| is_release_of(version, minor));
    let modules = modules(merged, prefix, minor);
    let distributions = distributions(merged, &modules);
    let (prefix, version) = (prefix.clone(), version.unwrap_or_else(|| format!("3.{minor}")));
    Some(PythonInstallation { prefix, program, minor, version, modules, distributions })
}

/// What Debian's package of the standard library says.
fn debians_version(prefix: &ImagePath, minor: u8, packages: &[DpkgPackage]) -> Option<String> {
    let package = packages.iter().find(|it| it.name == format!("libpython3.{minor}-stdlib"))?;
    let upstream =
        package.version.rsplit_once('-').map_or(package.version.as_str(), |(upstream, _)| upstream);
    let known = |it: &char| it.is_ascii_alphanumeric() || *it == '.';
    (prefix.as_str() == "usr").then(|| upstream.chars().take_while(known).collect())
}

/// `#define PY_VERSION "3.12.4"` of its header files.
fn stated_version(merged: &Merged, prefix: &ImagePath, minor: u8) -> Option<String> {
    let header = prefix.join(&format!("include/python3.{minor}/{HEADER}")).ok()?;
    let text = String::from_utf8_lossy(merged.content(&header)?).into_owned();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("#define PY_VERSION ")?.trim().strip_prefix('"'))?;
    line.split_once('"').map(|(version, _)| version.to_owned())
}

/// Whether a text is the version of a release of Python 3.`minor`, such as `3.13.0rc1`.
fn is_release_of(version: &str, minor: u8) -> bool {
    let plain = |it: char| it.is_ascii_digit() || it.is_ascii_lowercase();
    let patch = version.strip_prefix(&format!("3.{minor}."));
    patch.is_some_and(|it| {
        it.starts_with(|it: char| it.is_ascii_digit()) && it.len() < 16 && it.chars().all(plain)
    })
}

/// The folders that it looks into, as far as they are there. Debian's Python has its own rules
/// (<https://wiki.debian.org/Python>), and Fedora's a second folder for each.
fn modules(merged: &Merged, prefix: &ImagePath, minor: u8) -> Vec<ImagePath> {
    let usual = ["lib64", "lib"].map(|lib| prefix.join(&format!("{lib}/python3.{minor}/site-packages")));
    let system = [
        format!("usr/local/lib/python3.{minor}/dist-packages"),
        "usr/lib/python3/dist-packages".to_owned(),
        format!("usr/lib/python3.{minor}/dist-packages"),
        format!("usr/local/lib64/python3.{minor}/site-packages"),
        format!("usr/local/lib/python3.{minor}/site-packages"),
    ];
    let system = system.iter().filter(|_| prefix.as_str() == "usr").map(|path| ImagePath::new(path));
    let mut found: Vec<ImagePath> = Vec::new();
    for path in system.chain(usual).flatten() {
        if let Some((folder, node)) = merged.find(&path)
            && node.kind == NodeKind::Directory
            && !found.contains(&folder)
        {
            found.push(folder);
        }
    }
    found
}

/// What is installed in folders of modules, sorted.
pub(super) fn distributions(merged: &Merged, modules: &[ImagePath]) -> Vec<Distribution> {
    let mut found: BTreeMap<String, Distribution> = BTreeMap::new();
    for folder in modules {
        let mut here: BTreeMap<String, Distribution> = BTreeMap::new();
        for (path, _) in merged.below(folder) {
            let described = path.strip_prefix(folder).and_then(Distribution::described_by);
            here.extend(described.map(|distribution| (distribution.name.clone(), distribution)));
        }
        here.into_iter().for_each(|(name, distribution)| {
            found.entry(name).or_insert(distribution);
        });
    }
    found.into_values().collect()
}
