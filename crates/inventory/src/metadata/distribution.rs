//! `*.dist-info` and `*.egg-info`: distributions of Python ("Recording installed projects").

use imgbuild_archive::ImagePath;
use imgbuild_python::{Distribution, normalized};

use super::{FileMetadata, Owned, Reader, paths};
use crate::{Described, Kind, Package, PackageId};

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    let in_folder = |suffix: &str| path.parent().is_some_and(|folder| folder.file_name().ends_with(suffix));
    match path.file_name() {
        "METADATA" if in_folder(".dist-info") => Some(read),
        "PKG-INFO" if in_folder(".egg-info") => Some(read),
        "RECORD" if in_folder(".dist-info") => Some(read_record),
        name if name.ends_with(".egg-info") => Some(read),
        _ => None,
    }
}

/// The folder of modules that a path stands in, and the environment that this is one of: what stands before `lib/python3.11`.
fn place(path: &ImagePath) -> Option<(ImagePath, ImagePath)> {
    // Conda keeps what it has unpacked there, and links environments to it.
    if path.folders().any(|folder| folder.to_path().file_name() == "pkgs") {
        return None;
    }
    let modules = path.folders().map(|folder| folder.to_path());
    let modules =
        modules.into_iter().find(|it| ["site-packages", "dist-packages"].contains(&it.file_name()))?;
    let library = modules.parent()?;
    let prefix = if library.file_name().starts_with("python") {
        library.parent()?.parent()?
    } else {
        library.parent()?
    };
    Some((modules, prefix))
}

fn id(name: &str, prefix: &ImagePath) -> PackageId {
    PackageId::of_environment(Kind::Pypi, normalized(name), prefix)
}

fn read(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    let (modules, prefix) = place(path)?;
    // What stands deeper, others carry with them: it is not installed.
    Distribution::described_by(path.strip_prefix(&modules)?)?;
    let headers = imgbuild_pypi::Headers::read(text);
    let (name, version) = (headers.first("Name")?, headers.first("Version")?);
    let text = |header| headers.first(header).map(str::trim).filter(|it| !it.is_empty() && *it != "UNKNOWN");
    let mut package = Package::new(id(name, &prefix), version);
    let distribution = Distribution::try_from(format!("{} {version}", normalized(name)));
    package.distributions = distribution.into_iter().collect();
    package.licence = imgbuild_pypi::licence(&headers);
    package.supplier = imgbuild_pypi::author(&headers);
    let page = headers.all("Project-URL").find_map(|it| {
        let (label, url) = it.split_once(',')?;
        label.trim().eq_ignore_ascii_case("homepage").then(|| url.trim())
    });
    package.homepage = text("Home-page").or(page).map(imgbuild_secret::public);
    package.summary = text("Summary").map(str::to_owned);
    let described = Described {
        requires: headers.all("Requires-Dist").map(imgbuild_secret::public).collect(),
        requires_python: text("Requires-Python").map(str::to_owned),
        ..Described::new(package)
    };
    Some(FileMetadata::packages(vec![described], Vec::new()))
}

/// The files of a distribution: paths relative to the folder of modules, some of which lead out of it.
fn read_record(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    let (modules, prefix) = place(path)?;
    let folder = path.parent()?;
    let metadata = format!("{}/METADATA", folder.file_name());
    let distribution = Distribution::described_by(&metadata)?;
    let first = |line: &'_ str| -> Option<String> {
        // A name with a comma stands in quotes.
        let name = match line.strip_prefix('"') {
            Some(rest) => rest.split_once("\",")?.0.replace("\"\"", "\""),
            None => line.split(',').next()?.to_owned(),
        };
        (!name.is_empty()).then_some(name)
    };
    let names: Vec<String> =
        text.lines().filter_map(first).filter_map(|name| joined(&modules, &name)).collect();
    let files = paths(None, names.iter().map(String::as_str));
    Some(FileMetadata::owned([Owned { package: id(&distribution.name, &prefix), files }]))
}

/// A path relative to a folder, which may begin with `../`.
fn joined(folder: &ImagePath, name: &str) -> Option<String> {
    if let Some(absolute) = name.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    let (mut folder, mut name) = (Some(folder.clone()), name);
    while let Some(rest) = name.strip_prefix("../") {
        (folder, name) = (folder?.parent(), rest);
    }
    Some(folder.map_or(name.to_owned(), |folder| format!("{}/{name}", folder.as_str())))
}
