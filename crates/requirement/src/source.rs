//! Requirements, and where what they require comes from.

use std::fmt;
use std::path::PathBuf;

use imgbuild_document::Origin;
use imgbuild_oci::Digest;
use imgbuild_secret::SecretText;

use crate::marker::Marker;
use crate::project::{PipUrl, ProjectName};

/// How archives of sources are named.
pub const SOURCES: [&str; 6] = [".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz", ".tar.zst"];

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
    pub marker: Option<Marker>,
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
    pub fn file_name(&self) -> Option<&str> {
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
    pub fn is_file(&self) -> bool {
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
