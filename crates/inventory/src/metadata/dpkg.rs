//! dpkg's database: `status`, the folder `status.d` of images without dpkg, and the lists of files.

use imgbuild_archive::ImagePath;
use imgbuild_debian::Stanza;

use super::{FileMetadata, Owned, Reader, paths};
use crate::described::{parted, related_name};
use crate::{Described, Kind, Package, PackageId};

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d";
const LISTS: &str = "var/lib/dpkg/info";

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    let folder = path.parent()?;
    match folder.as_str() {
        _ if path.as_str() == STATUS => Some(read),
        // Beside each stanza stands a list of hashes.
        STATUS_FOLDER if path.file_name().ends_with(".md5sums") => Some(read_hashes),
        STATUS_FOLDER => Some(read),
        LISTS if path.file_name().ends_with(".list") => Some(read_list),
        _ => None,
    }
}

fn read(_: &ImagePath, text: &str) -> Option<FileMetadata> {
    let mut packages = Vec::new();
    for paragraph in text.split("\n\n") {
        match Stanza::read_all(paragraph) {
            Ok(stanzas) => packages.extend(stanzas.iter().filter_map(described)),
            // One that is damaged takes none of the others with it.
            Err(error) => tracing::warn!("a package of dpkg's status is left out: {error}"),
        }
    }
    Some(FileMetadata::packages(packages, Vec::new()))
}

/// An installed package.
fn described(stanza: &Stanza) -> Option<Described> {
    // Removed packages whose configuration is left stand in the file as well.
    if stanza.get("Status").is_some_and(|status| !status.ends_with(" installed")) {
        return None;
    }
    let field = |name| stanza.get(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    let mut package = Package::new(PackageId::of_system(Kind::Debian, field("Package")?), field("Version")?);
    package.architecture = field("Architecture");
    // In units of 1024 bytes (Debian's policy, 5.6.20).
    package.installed_size = field("Installed-Size").and_then(|it| it.parse::<u64>().ok()?.checked_mul(1024));
    package.source = field("Source");
    package.supplier = field("Maintainer");
    package.homepage = field("Homepage");
    package.summary = field("Description").and_then(|it| Some(it.lines().next()?.trim().to_owned()));
    package.of_every_base = field("Essential").as_deref() == Some("yes");
    let groups = |name| field(name).map(|text| parted(&text)).unwrap_or_default();
    Some(Described {
        requires: [groups("Pre-Depends"), groups("Depends")].concat(),
        provides: groups("Provides").iter().map(|it| related_name(it).to_owned()).collect(),
        ..Described::new(package)
    })
}

fn read_list(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    // `libc6:amd64.list`, where several architectures may be installed at once.
    let name = path.file_name().strip_suffix(".list")?;
    Some(owned(name, text.lines()))
}

fn read_hashes(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    let name = path.file_name().strip_suffix(".md5sums")?;
    Some(owned(name, text.lines().filter_map(|line| Some(line.split_once("  ")?.1))))
}

fn owned<'a>(name: &str, files: impl Iterator<Item = &'a str>) -> FileMetadata {
    let package = PackageId::of_system(Kind::Debian, name);
    FileMetadata::owned([Owned { package, files: paths(None, files) }])
}
