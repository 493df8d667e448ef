//! What is to be locked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use imgbuild_document::ValueError;
use imgbuild_lock::PypiPackage;
use imgbuild_oci::Digest;
use imgbuild_requirement::Marker;
use imgbuild_secret::SecretText;
use imgbuild_spec::AllowBuilds;

use crate::choosing::building::ProjectSource;
use crate::choosing::dependency::Dependency;
use crate::choosing::environment::Environment;
use crate::choosing::locking_error::LockingError;
use crate::choosing::provided::ProvidedPackage;
use crate::index::pytorch::PytorchIndex;
use crate::wheel::filename::wheel_name;

/// What is to be locked. Plain data: where it was written is known to whoever made it, and an error speaks of a requirement
/// by its place in the list.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is wanted.
    pub requirements: Vec<Requirement>,
    /// What packages must be if they are needed at all, such as `numpy<2`.
    pub constraints: Vec<SecretText>,
    /// Whether versions before a release are taken too.
    pub prereleases: bool,
    /// What they are locked for.
    pub environment: Environment,
    /// The folder that paths are relative to.
    pub folder: PathBuf,
    /// What may be built.
    pub allow_builds: AllowBuilds,
    /// The version of CUDA, such as `12.4`, that frameworks are to use.
    pub cuda: Option<String>,
    /// Which of PyTorch's indexes its wheels come from.
    pub pytorch: PytorchIndex,
    /// What is there already.
    pub provided: Vec<ProvidedPackage>,
    /// Whether the requirements are all that there is to be, each with its hashes, as a hashed file of them says.
    pub require_hashes: bool,
    /// The packages of an earlier lock that stay where nothing speaks against it.
    pub earlier: Vec<PypiPackage>,
}

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The line that uv is given: a requirement, or the URL or path of a wheel.
    text: SecretText,
    /// What it requires by name, or why it does not.
    dependency: Result<Dependency, ValueError>,
    /// What it is a source of, where it names one. Then the line is for people.
    pub source: Option<ProjectSource>,
    /// The extras of a source, or of a wheel that is named by its URL or path alone.
    pub extras: Vec<String>,
    /// The condition of such.
    pub marker: Option<Marker>,
    /// Hashes of files, one of which must be that of the file that is taken; none where all are right.
    pub hashes: Vec<Digest>,
}

impl Requirement {
    /// A requirement as a line says it: `numpy>=1.26 ; python_version < "3.12"`, `name @ https://…whl`, `./x.whl`.
    pub fn new(text: impl Into<String>) -> Self {
        Self::of_line(SecretText::new(text))
    }

    /// The same, of a line that may hold secrets.
    pub fn of_line(text: SecretText) -> Self {
        Self {
            dependency: Dependency::from_str(text.whole()),
            text,
            source: None,
            extras: Vec::new(),
            marker: None,
            hashes: Vec::new(),
        }
    }

    /// The requirement of what is built from a source.
    pub fn of(text: impl Into<String>, source: ProjectSource) -> Self {
        Self { source: Some(source), ..Self::new(text) }
    }

    /// What it asks for by name, as it can be known before anybody is asked; nothing where it names a URL, a path or a source.
    ///
    /// # Errors
    ///
    /// When it has no hash and must have one, or is no requirement.
    pub(crate) fn stated(
        &self,
        place: usize,
        require_hashes: bool,
    ) -> Result<Option<&Dependency>, LockingError> {
        let wrong = |rule: &str| LockingError::Requirement {
            requirement: place,
            text: self.text.public(),
            rule: rule.to_owned(),
        };
        if require_hashes && self.hashes.is_empty() {
            return Err(LockingError::NoHash { requirement: place, text: self.text.public() });
        }
        if self.source.is_some() {
            return Ok(None);
        }
        let text = self.text.whole();
        if is_option(text) {
            return Err(wrong("it is an option, or more than one line"));
        }
        match &self.dependency {
            Ok(read) => Ok(Some(read)),
            // A URL or a path alone.
            Err(_) if text.contains(['/', '\\']) || wheel_name(text).is_some() => Ok(None),
            Err(error) => Err(wrong(&error.to_string())),
        }
    }

    /// The requirement, where it is one by name.
    pub(crate) fn dependency(&self) -> Option<&Dependency> {
        self.dependency.as_ref().ok().filter(|_| self.source.is_none())
    }

    /// The line.
    pub(crate) fn text(&self) -> &SecretText {
        &self.text
    }

    /// The normalised name of what is wanted, where it is said.
    pub(crate) fn name(&self) -> Option<String> {
        match &self.source {
            Some(source) => source.name().map(str::to_owned),
            None => self.dependency().map(|dependency| dependency.name.clone()),
        }
    }
}

/// Whether uv would read a line as an option, or as more than one. With `-e` it would run the code of a project.
pub(crate) fn is_option(text: &str) -> bool {
    text.contains(['\n', '\r']) || text.trim_start().starts_with('-')
}

/// The versions that may stay, by name.
pub(crate) fn preferences(earlier: &[PypiPackage]) -> BTreeMap<String, String> {
    let of_index = earlier.iter().filter(|package| package.url.is_none() && package.build.is_none());
    of_index.map(|package| (package.name.clone(), package.version.clone())).collect()
}
