//! Wheels in the lock.

use std::collections::BTreeMap;

use oci::Digest;
use serde::{Deserialize, Serialize};

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
    /// Where it is, without credentials.
    pub url: String,
    /// The size of the wheel in bytes, where the index says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The hash of the wheel.
    pub sha256: Digest,
    /// Where it came from, when that was no index: what becomes `direct_url.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<DirectUrl>,
    /// What only the wheel knows.
    pub facts: PypiFacts,
}

/// What a layer's key needs to know of a wheel and only the wheel says.
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
