//! `conda-meta/NAME-VERSION-BUILD.json`, which conda and its companions write for each package of an environment (CEP 32).

use imgbuild_archive::ImagePath;
use imgbuild_oci::Digest;
use imgbuild_python::Distribution;
use serde::Deserialize;

use super::{FileMetadata, Owned, Reader, paths};
use crate::{ArchiveFile, Described, Kind, Package, PackageId};

const FOLDER: &str = "conda-meta";

/// The record, as far as it is asked for. Old ones lack much.
#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    #[serde(default)]
    build: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    subdir: Option<String>,
    #[serde(default)]
    depends: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default, rename = "fn")]
    file_name: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    requested_spec: Option<String>,
    #[serde(default)]
    requested_specs: Vec<String>,
    #[serde(default)]
    paths_data: PathsData,
}

#[derive(Deserialize, Default)]
struct PathsData {
    #[serde(default)]
    paths: Vec<PathData>,
}

#[derive(Deserialize)]
struct PathData {
    #[serde(default)]
    size_in_bytes: Option<u64>,
}

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    let is_record = path.file_name().ends_with(".json")
        && path.parent().is_some_and(|folder| folder.file_name() == FOLDER);
    is_record.then_some(read)
}

fn read(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    // An environment at the root of the image is none that conda makes.
    let prefix = path.parent()?.parent()?;
    let record: Record = match serde_json::from_str(text) {
        Ok(record) => record,
        // Conda keeps other things of its own there: `state`, `frozen`.
        Err(_) if !path.file_name().contains('-') => return None,
        Err(error) => {
            return Some(FileMetadata::unreadable(format!("it is no record of a package: {error}")));
        }
    };
    let id = PackageId::of_environment(Kind::Conda, record.name.to_lowercase(), &prefix);
    let owned = Owned {
        package: id.clone(),
        files: paths(Some(&prefix), record.files.iter().map(String::as_str).chain([own_name(path)])),
    };
    let mut package = Package::new(id, record.version);
    package.distributions = distributions(&record.files);
    package.build = record.build;
    package.architecture = record.subdir;
    package.channel = record.channel.map(|it| imgbuild_secret::public(&it));
    package.licence = record.license.filter(|it| !it.is_empty());
    let sizes: Option<Vec<u64>> = record.paths_data.paths.iter().map(|it| it.size_in_bytes).collect();
    package.installed_size =
        sizes.filter(|it| !it.is_empty()).map(|it| it.into_iter().fold(0, u64::saturating_add));
    let url = record.url.filter(|it| !it.is_empty()).map(|it| imgbuild_secret::public(&it));
    let name = record.file_name.or_else(|| Some(url.as_ref()?.rsplit('/').next()?.to_owned()));
    let sha256 = record.sha256.and_then(|hex| Digest::from_hex(&hex).ok());
    package.archive = name.map(|name| ArchiveFile { name, url, sha256, size: record.size });
    let requested = record.requested_spec.into_iter().chain(record.requested_specs);
    let requested = requested.filter(|it| !it.is_empty() && it != "None");
    package.requested = requested.map(|it| imgbuild_secret::public(&it)).collect();
    package.requested.dedup();
    let requires = record.depends.iter().map(|it| imgbuild_secret::public(it)).collect();
    let described = Described { requires, ..Described::new(package) };
    Some(FileMetadata::packages(vec![described], vec![owned]))
}

/// The path of the record itself, below its prefix.
fn own_name(path: &ImagePath) -> &str {
    let at = path.as_str().rfind(FOLDER).unwrap_or_default();
    &path.as_str()[at..]
}

/// The distributions of Python whose metadata a package brings.
fn distributions(files: &[String]) -> Vec<Distribution> {
    let in_modules = |file: &String| {
        let (_, rest) = file.split_once("site-packages/")?;
        Distribution::described_by(rest)
    };
    let mut found: Vec<Distribution> = files.iter().filter_map(in_modules).collect();
    found.sort();
    found.dedup();
    found
}
