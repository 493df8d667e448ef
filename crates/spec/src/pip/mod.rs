//! What pip's part of an image is to be: requirements, or wheels that another tool has locked.

mod conda_build;
mod fault;
mod find_links;
mod lines;
mod marker;
mod nearly;
mod options;
mod pylock;
mod requirement;
mod requirements_file;
mod section;
mod specifier;

use std::fmt;
use std::path::PathBuf;

use oci::Digest;
use secret::SecretText;

pub use find_links::FindLinks;
pub use marker::{Comparison, Condition, Marker, MarkerOperator, MarkerValue, MarkerVariable};
pub use pylock::PylockFile;
pub use specifier::{DependencySpecifier, VersionsOrUrl};

pub(crate) use lines::unset;
pub(crate) use pylock::is_pylock;
pub(crate) use requirement::{SOURCES, relative};
pub(crate) use requirements_file::Reader;
pub(crate) use section::{Section, brings_python, needs_python};

use crate::environment::{LockFormat, Md5};
use crate::source::Origin;
use crate::values::{PipUrl, ProjectName};

/// The wheels of an image, as they are asked for: by `[pip]`, and by the file that `env` names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pip {
    /// What is to be installed; never nothing.
    pub packages: PipPackages,
    /// What packages must be if they are needed at all; never beside locked wheels.
    pub constraints: Vec<PipRequirement>,
    /// The index that is asked, in the place of the machine's own. It may hold credentials and variables.
    pub index_url: Option<PipUrl>,
    /// Further indexes.
    pub extra_index_urls: Vec<PipUrl>,
    /// Folders and pages that list packages.
    pub find_links: Vec<FindLinks>,
    /// Whether no index is asked (`--no-index`).
    pub no_index: bool,
    /// Whether versions that are not released yet may be taken (`--pre`).
    pub prereleases: bool,
    /// Whether every requirement has hashes, and names one version or one file: nothing else may be installed.
    pub require_hashes: bool,
    /// What may be built from source.
    pub allow_builds: AllowBuilds,
    /// Where wheels were asked for first.
    pub origin: Origin,
}

impl Pip {
    /// Whether a requirement or a listed wheel is of this project, by its normalised name.
    pub(crate) fn names_project(&self, project: &str) -> bool {
        let is = |name: &ProjectName| name.as_str() == project;
        match &self.packages {
            PipPackages::Requirements(requirements) => {
                requirements.iter().any(|requirement| requirement.name.as_ref().is_some_and(is))
            }
            PipPackages::Pylock(_) => false,
            PipPackages::Listed(listed) => listed.packages.iter().any(|it| it.name.as_ref().is_some_and(is)),
        }
    }
}

/// What pip's part is made of.
#[derive(Debug, Clone)]
pub enum PipPackages {
    /// Requirements that are to be locked: those of `[pip] packages`, then those of its files, then those of the `env`
    /// file.
    Requirements(Vec<PipRequirement>),
    /// A `pylock.toml`: it is taken as it is.
    Pylock(PylockFile),
    /// What a lock of conda packages lists beside them: it is taken as it is.
    Listed(ListedPackages),
}

/// The packages of PyPI in a lock of conda packages.
#[derive(Debug, Clone)]
pub struct ListedPackages {
    /// What the file is.
    pub format: LockFormat,
    /// The file, as messages call it.
    pub file: String,
    /// The packages for the variant's platform: at least one.
    pub packages: Vec<ListedPackage>,
}

/// A package of PyPI that another tool has locked: a wheel, or what one is built of.
#[derive(Debug, Clone)]
pub struct ListedPackage {
    /// The project; nothing only for what is no wheel, where the lock does not say it.
    pub name: Option<ProjectName>,
    /// Its version, as the lock or the name of the wheel has it.
    pub version: Option<String>,
    /// Where it is, without variables; never an index.
    pub source: RequirementSource,
    /// The hash of its file, where the lock has it.
    pub sha256: Option<Digest>,
    /// The MD5 of its file, where the lock has it.
    pub md5: Option<Md5>,
    /// The size of its file in bytes, where the lock has it.
    pub size: Option<u64>,
    /// Where it is listed.
    pub origin: Origin,
}

/// A requirement, by the PyPA specification "Dependency specifiers" (PEP 508), or a URL or path as pip takes them.
#[derive(Clone)]
pub struct PipRequirement {
    /// The project; nothing only for a path or URL that does not say it.
    pub name: Option<ProjectName>,
    /// One line, as uv and pip read it out of a requirements file in the spec's folder: without options and hashes. It may
    /// hold credentials and variables (`${NAME}`), which are not expanded.
    pub text: SecretText,
    /// Where it comes from.
    pub source: RequirementSource,
    /// The extras that are asked for, as they are written.
    pub extras: Vec<String>,
    /// The condition under which it is installed.
    pub marker: Option<String>,
    /// The hashes of the files that may be taken; none where any may be.
    pub hashes: Vec<Digest>,
    /// Where it was written.
    pub origin: Origin,
}

/// Where a required project comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequirementSource {
    /// From the indexes.
    Index,
    /// A wheel, or an archive of sources.
    Url(PipUrl),
    /// A git repository.
    Git {
        /// Its URL, as git takes it.
        url: PipUrl,
        /// A branch, tag or commit; without one, the repository's `HEAD`.
        revision: Option<String>,
        /// The folder of the project in it.
        subdirectory: Option<String>,
    },
    /// A wheel, an archive of sources, or the folder of a project, on this machine. What is in it is not known to the spec.
    Path {
        /// The path, relative to the spec's folder, or absolute.
        path: PathBuf,
        /// Whether it was named by `-e`.
        editable: bool,
    },
}

/// What may be built from source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowBuilds {
    /// Nothing: wheels only.
    #[default]
    None,
    /// These projects.
    Named(Vec<ProjectName>),
    /// Everything.
    All,
}

impl AllowBuilds {
    /// Whether a project may be built, by its name in any spelling.
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(names) => name.parse::<ProjectName>().is_ok_and(|name| names.contains(&name)),
            Self::All => true,
        }
    }
}

impl fmt::Display for PipRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

impl fmt::Debug for PipRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {:?} ({:?})", self.source, self.origin)
    }
}

impl RequirementSource {
    /// The name of the file that it names; nothing where it names none, or a path that may be a folder.
    pub(crate) fn file_name(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(file_of(url.secret().whole())),
            Self::Path { path, .. } => {
                let name = path.file_name()?.to_str()?;
                SOURCES.iter().chain(&[".whl"]).any(|end| name.ends_with(end)).then_some(name)
            }
            Self::Index | Self::Git { .. } => None,
        }
    }

    /// Whether it names one file, of which there can be a hash.
    pub(crate) fn is_file(&self) -> bool {
        self.file_name().is_some()
    }

    /// Whether what it names is no wheel, so that it must be built. What an index has is not known.
    pub fn is_built(&self) -> bool {
        match self {
            Self::Index => false,
            Self::Url(url) => !file_of(url.secret().whole()).ends_with(".whl"),
            Self::Git { .. } => true,
            Self::Path { path, .. } => path.extension().is_none_or(|it| it != "whl"),
        }
    }
}

/// The last part of a URL's path.
pub(crate) fn file_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}
