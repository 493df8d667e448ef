//! Wheels in the lock.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{BasePython, ExcludedPath};

/// The wheels of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PypiSet {
    /// The environment that they are put into: the conda environment's prefix, or a virtual environment.
    pub prefix: ImagePath,
    /// The name of the conda environment, where that is below the `envs` of a prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The Python of the existing image that they are for, where it is that one's: then they are in a virtual environment of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<BasePython>,
    /// The names of the projects that somebody asked for, normalised and sorted. The others are there for these.
    pub requested: Vec<String>,
    /// The packages' identifiers (see [`PypiPackage::id`]), sorted.
    pub packages: Vec<String>,
    /// What the wheels need and the conda environment or the existing image has, such as `numpy 1.26.4`, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provided: Vec<String>,
    /// The paths that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedPath>,
}

/// A locked wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PypiPackage {
    /// The project's name, normalised.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The name of the wheel's file, which says for which Pythons and platforms it is.
    pub filename: String,
    /// Where it is, without credentials, where the requirement or another tool's lock said that. A wheel of an index is found
    /// again through the index, by its name, version and hash: so a lock depends on no mirror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The size of the wheel in bytes, where the index says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The hash of the wheel.
    pub sha256: Digest,
    /// Where it came from, when that was no index: what becomes `direct_url.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<DirectUrl>,
    /// How it was built, when it was no wheel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<PypiBuild>,
    /// What only the wheel knows.
    pub facts: PypiFacts,
}

/// How a wheel was built from source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PypiBuild {
    /// What it was built from.
    pub source: PypiSource,
    /// The identifiers of the wheels that it was built with, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

/// What a wheel is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum PypiSource {
    /// A source distribution.
    Sdist {
        /// The name of its file.
        filename: String,
        /// Where it is, without credentials; nothing where an index has it, as for a wheel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Its hash.
        sha256: Digest,
        /// Its size in bytes, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// The folder of it in which the project is, where that is not its root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdirectory: Option<String>,
    },
    /// A revision of a git repository.
    Git {
        /// The repository, without credentials.
        url: String,
        /// The commit.
        commit: String,
        /// The folder of it in which the project is, where that is not its root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdirectory: Option<String>,
    },
    /// A folder beside the spec.
    Folder {
        /// Its path, relative to the spec's folder.
        path: String,
        /// A hash of its files.
        sha256: Digest,
    },
}

impl PypiPackage {
    /// What a variant calls it: the name of the wheel's file and its hash. Two builds of one wheel may have one name.
    pub fn id(&self) -> String {
        format!("{}#{}", self.filename, self.sha256.hex())
    }
}

/// What only the wheel says: what its layer's key needs to know, and what lists of packages say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PypiFacts {
    /// A hash of the paths that it holds: the excluded paths of an environment were computed from them.
    pub paths: Digest,
    /// The sum of its files' sizes in bytes.
    pub installed_size: u64,
    /// The newest time of its members, in seconds since 1970.
    pub timestamp: i64,
    /// Its commands, such as `f2py = numpy.f2py.f2py2e:main`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// The versions of Python that it is for, such as `>=3.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// What it requires, as its metadata says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires_dist: Vec<String>,
    /// Its licence, as its metadata says it; nothing in locks of format version 3 and before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Who made it, such as `A <a@b.example>`; nothing in locks of format version 3 and before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// Where a wheel came from ("Recording the Direct URL Origin of installed distributions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectUrl {
    /// The URL, without credentials.
    pub url: String,
    /// What is there.
    #[serde(flatten)]
    pub info: DirectUrlInfo,
    /// The folder of the archive or repository in which the project is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
}

/// What is at a direct URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectUrlInfo {
    /// An archive that was downloaded.
    #[serde(rename = "archive_info")]
    Archive(ArchiveInfo),
    /// A revision of a repository.
    #[serde(rename = "vcs_info")]
    Vcs(VcsInfo),
    /// A folder of the machine that locked.
    #[serde(rename = "dir_info")]
    Dir(DirInfo),
}

/// What is known of an archive that was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveInfo {
    /// Its hashes in hexadecimal digits, by the algorithm's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, String>,
}

/// Which revision of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VcsInfo {
    /// The system: `git`.
    pub vcs: String,
    /// The revision.
    pub commit_id: String,
    /// What was asked for: a branch, a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_revision: Option<String>,
}

/// How a folder was installed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirInfo {
    /// Whether changes in the folder show in the installation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
}
