//! A lock of wheels as a document: that of a `pylock.toml` ("pylock.toml Specification", PEP 751).

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;
use imgbuild_requirement::ProjectName;
use imgbuild_secret::public;
use serde::Deserialize;
use url::Url;

use crate::lists::pylock_error::PylockError;
use crate::lists::stated::StatedHashes;
use crate::wheel::filename::{WheelFilename, normalized};

/// A lock of wheels.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Document {
    pub(crate) lock_version: String,
    pub(crate) requires_python: Option<String>,
    #[serde(default)]
    pub(crate) environments: Vec<String>,
    #[serde(default)]
    pub(crate) extras: Vec<String>,
    #[serde(default)]
    pub(crate) dependency_groups: Vec<String>,
    #[serde(default)]
    pub(crate) default_groups: Vec<String>,
    #[serde(default)]
    pub(crate) packages: Vec<Entry>,
    /// Whether it is made of a `uv.lock`.
    #[serde(skip)]
    pub(crate) is_uvs: bool,
}

/// A package in it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) marker: Option<String>,
    pub(crate) requires_python: Option<String>,
    #[serde(default)]
    pub(crate) wheels: Vec<File>,
    pub(crate) archive: Option<File>,
    pub(crate) sdist: Option<File>,
    pub(crate) vcs: Option<Vcs>,
    pub(crate) directory: Option<Directory>,
}

/// A wheel, a source distribution, or an archive that a requirement named.
#[derive(Default, Deserialize)]
pub(crate) struct File {
    pub(crate) name: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) subdirectory: Option<String>,
    #[serde(default)]
    pub(crate) hashes: BTreeMap<String, String>,
}

/// A repository at a commit.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Vcs {
    pub(crate) r#type: String,
    pub(crate) url: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) commit_id: String,
    pub(crate) subdirectory: Option<String>,
}

/// A folder with a project.
#[derive(Deserialize)]
pub(crate) struct Directory {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) editable: bool,
    pub(crate) subdirectory: Option<String>,
}

/// Reads a `pylock.toml`.
///
/// # Errors
///
/// When it is damaged.
pub(crate) fn document(text: &str) -> Result<Document, PylockError> {
    let document: Document =
        toml::from_str(text).map_err(|error| PylockError::Syntax { line: line(text, &error) })?;
    if document.lock_version.split('.').next() != Some("1") {
        return Err(PylockError::Version(document.lock_version));
    }
    document.check()?;
    Ok(document)
}

/// The line, from 1, where a text is no lock.
pub(crate) fn line(text: &str, error: &toml::de::Error) -> usize {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

impl Document {
    /// Whether its files are what it says.
    ///
    /// # Errors
    ///
    /// When one is of another package, or a hash is none.
    pub(crate) fn check(&self) -> Result<(), PylockError> {
        self.packages.iter().try_for_each(Entry::check_wheels)?;
        self.packages.iter().try_for_each(Entry::check_hashes)
    }
}

impl Entry {
    /// Name and version.
    pub(crate) fn title(&self) -> String {
        self.version.iter().fold(self.name.clone(), |name, version| format!("{name} {version}"))
    }

    /// Whether its wheels are of its project and version, as their names say: what is reviewed is the entry.
    fn check_wheels(&self) -> Result<(), PylockError> {
        let wheels = self.wheels.iter().chain(&self.archive).map(File::filename);
        // What has no such name is told where it is needed, or is a source.
        for wheel in wheels.filter_map(|name| name.parse::<WheelFilename>().ok()) {
            if !wheel.is_of(&self.name, self.version.as_deref()) {
                return Err(PylockError::OtherWheel { package: self.title(), wheel: wheel.to_string() });
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Whether what is stated as a hash is one.
    fn check_hashes(&self) -> Result<(), PylockError> {
        for file in self.wheels.iter().chain(&self.archive).chain(&self.sdist) {
            if let Some((algorithm, digits)) = file.stated().odd() {
                let (algorithm, digits) = (algorithm.to_owned(), digits.to_owned());
                return Err(PylockError::Hash { file: public(&file.filename()), algorithm, digits });
            }
        }
        Ok(())
    }
}

impl File {
    /// The name of the file: said, or the last part of where it is.
    pub(crate) fn filename(&self) -> String {
        let text = self.name.clone().or_else(|| {
            let url = self.url.as_ref().and_then(|url| Url::parse(url).ok());
            let path = url.as_ref().map(|url| url.path().to_owned()).or_else(|| self.path.clone())?;
            // `+` of local versions is escaped by some indexes.
            path.rsplit('/').next().map(|name| name.replace("%2B", "+").replace("%2b", "+"))
        });
        text.unwrap_or_default()
    }

    pub(crate) fn sha256(&self) -> Option<Digest> {
        self.stated().sha256()
    }

    pub(crate) fn stated(&self) -> StatedHashes {
        StatedHashes::new(self.hashes.clone())
    }
}

/// The names of parts that are wanted, which a project must have.
///
/// # Errors
///
/// When it has one of them not.
pub(crate) fn existing<'a>(
    kind: &'static str,
    wanted: &[ProjectName],
    known: impl Iterator<Item = &'a String>,
) -> Result<Vec<String>, PylockError> {
    let known: BTreeSet<String> = known.map(|name| normalized(name)).collect();
    let names = wanted.iter().map(ToString::to_string);
    let (there, absent): (Vec<String>, Vec<String>) = names.partition(|name| known.contains(name));
    match absent.into_iter().next() {
        Some(name) => Err(PylockError::NoPart { kind, name, known: known.into_iter().collect() }),
        None => Ok(there),
    }
}
