//! What is known of wheels without having asked anybody: what is on this machine, and what may not be built.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use imgbuild_environment::ListedPackages;
use imgbuild_fetch::Context;
use imgbuild_image::{absolute, listed_error, pypi_error};
use imgbuild_oci::{Digest, HashReader};
use imgbuild_pypi::{
    Choice, Environment, ListedPackage, LockingError, Permission, ProjectSource, PylockError, Reading,
    Target, WheelFilename, indexes, listed_packages, requirement,
};
use imgbuild_requirement::{PipRequirement, PylockFile, RequirementSource};
use imgbuild_spec::{Base, Pip, PipPackages, Variant};

use crate::error::LockSpecError;

/// A glibc that runs every wheel: what does not fit it fits no image.
const NEWEST_GLIBC: u8 = 99;

/// What is wrong with something that is to be installed: what it is, and the rule that it breaks.
type Fault = (String, String);

/// What is wrong with the wheels of a variant.
pub(super) fn wheels(variant: &Variant, pip: &Pip, context: &Context) -> Vec<LockSpecError> {
    let folder = match absolute(&context.folder) {
        Ok(folder) => folder,
        Err(error) => return vec![error.into()],
    };
    let settings = imgbuild_pypi::Settings::read(&context.variables, &folder, &indexes(pip, &folder));
    let mut mistakes: Vec<LockSpecError> =
        settings.err().into_iter().map(|error| pypi_error(variant, None, error.into()).into()).collect();
    let asking = WheelRequirements { variant, pip, folder: &folder, context };
    let found = match &pip.packages {
        PipPackages::Requirements(requirements) => asking.requirements(requirements),
        PipPackages::Pylock(file) => asking.pylock(file),
        PipPackages::Listed(listed) => match listed_packages(listed, &folder) {
            Ok(packages) => asking.listed(listed, &packages),
            Err(error) => {
                mistakes.push(listed_error(listed, error).into());
                Vec::new()
            }
        },
    };
    mistakes.extend(found.into_iter().map(|error| pypi_error(variant, Some(pip), error).into()));
    mistakes
}

/// What is asked for, and where from.
struct WheelRequirements<'a> {
    variant: &'a Variant,
    pip: &'a Pip,
    /// The spec's folder, from the root on.
    folder: &'a Path,
    context: &'a Context,
}

impl WheelRequirements<'_> {
    fn requirements(&self, given: &[PipRequirement]) -> Vec<LockingError> {
        let environment = self.environment();
        let (mut mistakes, mut taken) = (Vec::new(), Vec::new());
        for (place, given) in given.iter().enumerate() {
            let holds =
                |marker: &imgbuild_requirement::Marker| Some(environment.as_ref()?.holds(marker, &[]));
            // A condition that only the locked Python decides is looked at when that is known.
            if !given.marker.as_ref().map_or(Some(true), holds).unwrap_or(false) {
                continue;
            }
            let unusable = |(what, rule)| LockingError::Unusable { requirement: place, what, rule };
            let present = match &given.source {
                RequirementSource::Path { path, .. } => {
                    present(path, self.folder).and_then(|()| has_hash(path, self.folder, &given.hashes))
                }
                _ => Ok(()),
            };
            let read = present.and_then(|()| {
                let read = requirement(given, self.folder, &self.context.variables);
                read.map_err(|rule| (format!("`{}`", given.text), rule))
            });
            match read {
                Ok(requirement) => taken.push((place, requirement)),
                Err(fault) => mistakes.push(unusable(fault)),
            }
        }
        let taken = taken.iter().map(|(place, requirement)| (*place, requirement));
        let allowed = &self.pip.allow_builds;
        mistakes.extend(imgbuild_pypi::refused_requirements(taken, self.pip.require_hashes, allowed));
        mistakes
    }

    fn pylock(&self, file: &PylockFile) -> Vec<LockingError> {
        if let Err(error) = imgbuild_pypi::check_pylock(&file.text) {
            return vec![error.into()];
        }
        let Some(environment) = self.environment() else { return Vec::new() };
        // The file is named as the spec is, from where the program was started.
        let parent = file.path.parent().unwrap_or(Path::new(""));
        let folder = match std::path::absolute(parent.join(".")) {
            Ok(folder) => folder,
            Err(error) => return vec![error.into()],
        };
        let hashes = BTreeMap::new();
        let reading = Reading {
            folder: &folder,
            root: self.folder,
            environment: &environment,
            urls: true,
            hashes: &hashes,
            parts: &file.parts,
        };
        let choices = match imgbuild_pypi::read_pylock(&file.text, reading) {
            Ok(choices) => choices,
            Err(
                error @ (PylockError::LeadsOut { .. } | PylockError::Location(_) | PylockError::NoFile(_)),
            ) => return vec![error.into()],
            Err(error) if self.is_certain(&error, &file.text) => return vec![error.into()],
            // What does not fit this Python may fit the one that is locked.
            Err(_) => Vec::new(),
        };
        let (mut mistakes, mut sources) = (Vec::new(), Vec::new());
        for choice in &choices {
            let fault = match choice {
                Choice::Wheel(wheel) => match (wheel.url.whole().to_file_path(), &wheel.given) {
                    (Ok(path), Some(given)) => wheel_fault(&path, given, &wheel.hashes),
                    _ => None,
                },
                // Whether one of its wheels fits is told below.
                Choice::Source { refused: Some(_), .. } => None,
                Choice::Source { source, hashes, .. } => {
                    let fault = source_fault(source, hashes);
                    sources.extend(fault.is_none().then(|| source.clone()));
                    fault
                }
            };
            mistakes.extend(fault.map(|(what, rule)| LockingError::Unusable { requirement: 0, what, rule }));
        }
        let (allowed, sources) = (&self.pip.allow_builds, sources.iter().map(|source| (None, source)));
        mistakes.extend(allowed.permit(sources).err());
        if self.knows_wheels(&file.text) {
            mistakes.extend(allowed.permitted(choices, environment.tags()).err().map(LockingError::from));
        }
        mistakes
    }

    fn listed(&self, listed: &ListedPackages, packages: &[ListedPackage]) -> Vec<LockingError> {
        let (mut mistakes, mut sources) = (Vec::new(), Vec::new());
        for (place, (given, package)) in listed.packages.iter().zip(packages).enumerate() {
            let fault = match package {
                ListedPackage::Wheel(wheel) => match &given.source {
                    RequirementSource::Path { path, .. } => {
                        let whole = self.folder.join(path);
                        wheel_fault(&whole, &path.display().to_string(), &wheel.hashes)
                    }
                    _ => None,
                },
                ListedPackage::Source { source, hashes } => {
                    let fault = source_fault(source, hashes);
                    sources.extend(fault.is_none().then_some((Some(place), source)));
                    fault
                }
            };
            let unusable = |(what, rule)| LockingError::Unusable { requirement: place, what, rule };
            mistakes.extend(fault.map(unusable));
        }
        mistakes.extend(self.pip.allow_builds.permit(sources).err());
        mistakes
    }

    /// What conditions are held against, where the spec says which Python there is.
    fn environment(&self) -> Option<Environment> {
        let version = self.variant.python.as_ref()?.version.as_str();
        let minor = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
        let glibc = self.glibc().unwrap_or(NEWEST_GLIBC);
        Environment::new(Target { platform: self.variant.platform, minor, glibc }, version).ok()
    }

    /// The second part of the glibc's version, where the spec decides on it.
    fn glibc(&self) -> Option<u8> {
        let Base::Debian(base) = &self.variant.base else { return None };
        // Another source may have a newer one.
        if !base.sources.is_empty() {
            return None;
        }
        base.suite.glibc().strip_prefix("2.")?.parse().ok()
    }

    /// Whether it is known which wheels of a lock fit, whatever else is locked: a Python is locked to the patch, by which wheels
    /// are not chosen, but which conditions may ask for.
    fn knows_wheels(&self, text: &str) -> bool {
        self.glibc().is_some() && !text.contains("python_full_version")
    }

    /// Whether a lock is refused by what the spec says already.
    fn is_certain(&self, error: &PylockError, text: &str) -> bool {
        let version = self.variant.python.as_ref().map(|python| python.version.as_str());
        match error {
            PylockError::NoWheel { .. } => self.knows_wheels(text),
            PylockError::Python { .. } | PylockError::Environment { .. } => {
                version.is_some_and(|version| version.split('.').count() > 2)
            }
            PylockError::Filename(_) | PylockError::Hashes { .. } => true,
            _ => false,
        }
    }
}

/// Whether what a path names is there: a wheel, an archive of sources, or the folder of a project.
fn present(path: &Path, folder: &Path) -> Result<(), Fault> {
    const FILES: [&str; 7] = ["whl", "gz", "tgz", "zip", "bz2", "xz", "zst"];
    let whole = folder.join(path);
    let is_file = path.extension().is_some_and(|it| FILES.iter().any(|end| it == *end));
    let what = match path.extension() {
        Some(extension) if extension == "whl" => wheel_title(path),
        Some(_) if is_file => file_title(path),
        _ => format!("the folder `{}`", path.display()),
    };
    match std::fs::metadata(&whole) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) if is_file => Err((what, "it is a folder".to_owned())),
        Ok(_) => imgbuild_wheels::check_folder(&whole).map_err(|error| (what, error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Err((what, "it is not there".to_owned())),
        Err(error) => Err((what, format!("it cannot be read: {error}"))),
    }
}

/// Whether a file has one of these hashes, where there are any, and the name of a wheel where it says that it is one.
fn has_hash(path: &Path, folder: &Path, hashes: &[Digest]) -> Result<(), Fault> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_wheel = name.ends_with(".whl");
    let what = || if is_wheel { wheel_title(path) } else { file_title(path) };
    if is_wheel && let Err(error) = name.parse::<WheelFilename>() {
        return Err((what(), format!("no wheel is called like it: {}", error.rule)));
    }
    let whole = folder.join(path);
    if hashes.is_empty() || !whole.is_file() {
        return Ok(());
    }
    let found = File::open(&whole).and_then(|file| {
        let mut reader = HashReader::new(file);
        std::io::copy(&mut reader, &mut std::io::sink())?;
        Ok(reader.finish().0)
    });
    let found = found.map_err(|error| (what(), format!("it cannot be read: {error}")))?;
    if hashes.contains(&found) {
        return Ok(());
    }
    Err((what(), format!("its sha256 is `{}`, which the requirement does not state", found.hex())))
}

/// What is wrong with a wheel of this machine that another tool has locked.
fn wheel_fault(whole: &Path, given: &str, hashes: &imgbuild_pypi::StatedHashes) -> Option<Fault> {
    file_fault(whole, given, hashes).map(|rule| (wheel_title(Path::new(given)), rule))
}

/// What is wrong with a source of this machine that another tool has locked.
fn source_fault(source: &ProjectSource, hashes: &imgbuild_pypi::StatedHashes) -> Option<Fault> {
    match source {
        ProjectSource::Folder { path, given, .. } => {
            let what = format!("the folder `{given}`");
            if !path.exists() {
                return Some((what, "it is not there".to_owned()));
            }
            imgbuild_wheels::check_folder(path).err().map(|error| (what, error.to_string()))
        }
        ProjectSource::Sdist { url, filename, .. } => {
            let path = url.whole().to_file_path().ok()?;
            file_fault(&path, filename, hashes).map(|rule| (file_title(Path::new(filename)), rule))
        }
        ProjectSource::Git { .. } => None,
    }
}

/// What is wrong with a file: it is not there, or another one than is stated.
fn file_fault(path: &Path, name: &str, hashes: &imgbuild_pypi::StatedHashes) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => hashes.check(name, path).err().map(|error| error.to_string()),
        Ok(_) => Some("it is no file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Some("it is not there".to_owned()),
        Err(error) => Some(format!("it cannot be read: {error}")),
    }
}

fn wheel_title(path: &Path) -> String {
    format!("the wheel `{}`", path.display())
}

fn file_title(path: &Path) -> String {
    format!("the file `{}`", path.display())
}
