//! What pip's part of an image is to be: requirements, or wheels that another tool has locked.

mod project_parts;
mod section;

use imgbuild_document::Origin;
use imgbuild_environment::ListedPackages;
use imgbuild_requirement::{FindLinks, PipRequirement, PipUrl, ProjectName, PylockFile};

use crate::values::TorchBackend;

pub(crate) use section::{Section, ServicePackage, brings_python, needs_python};

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
    /// Whether the virtual environment belongs to the image's user.
    pub writable: bool,
    /// Where PyTorch's wheels come from.
    pub pytorch: Pytorch,
    /// Where wheels were asked for first.
    pub origin: Origin,
}

/// Where PyTorch's wheels come from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Pytorch {
    /// Which of its indexes.
    pub backend: TorchBackend,
    /// Where that was asked for.
    pub backend_origin: Option<Origin>,
    /// What is asked in the place of PyTorch's own server. It may hold credentials and variables.
    pub mirror: Option<PipUrl>,
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
