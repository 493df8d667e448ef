//! Debian packages in the lock.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Compiler, ExcludedPath, PathRule};

/// The Debian packages of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DebianSet {
    /// The suite's code name, such as `bookworm`.
    pub suite: String,
    /// The mirror of the main archive from which apt installs inside the image. Packages are not locked to it: a build
    /// takes them from wherever its own machine finds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// The same for the security archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_mirror: Option<String>,
    /// The components of the suite that packages are taken from.
    #[serde(default = "main")]
    pub components: Vec<String>,
    /// The keys that sign the mirror, as armored text, where they are not Debian's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
    /// Which paths of packages are left out: the lines of dpkg's own configuration, `path-exclude=GLOB` and
    /// `path-include=GLOB`, of which the last one that matches counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path_rules: Vec<PathRule>,
    /// The packages' identifiers (see [`DebianPackage::id`]), sorted.
    pub packages: Vec<String>,
    /// The names of the packages that somebody asked for, sorted; nothing in locks of format version 3 and before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<String>,
    /// Whether the image has apt, dpkg and their databases.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub package_manager: bool,
    /// Those packages that are no part of the image, but are there while others are configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Those of them that dpkg itself configures in the sandbox, because their maintainer scripts do what is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configured: Vec<String>,
    /// The packages that apt inside the image holds to a version, or to how it begins and then `*`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, String>,
    /// The further repositories that packages are taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<LockedRepository>,
    /// The paths that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedPath>,
    /// The interpreters that can compile bytecode for Debian's Python, one for each kind of build machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compilers: Vec<Compiler>,
}

/// An image has a package manager where nothing else is said.
fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // Serde's form.
fn is_yes(value: &bool) -> bool {
    *value
}

/// The component of a lock from before there was a choice.
fn main() -> Vec<String> {
    vec!["main".to_owned()]
}

/// A further repository of Debian packages, as apt inside the image knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRepository {
    /// What it is called: the `archive` of its packages.
    pub name: String,
    /// Its root, without user and password.
    pub url: String,
    /// Its suite, or, with a slash at its end, the folder of a flat one.
    pub suite: String,
    /// Its components: none for a flat one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The keys that sign it, as armored text, where they are not Debian's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
}

/// A locked Debian package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DebianPackage {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture: `amd64`, `arm64` or `all`.
    pub architecture: String,
    /// The archive that it comes from: `debian`, `debian-security` or the name of a further repository. Which mirror
    /// serves Debian's is not locked.
    pub archive: String,
    /// Its path below the archive's root, such as `pool/main/b/bash/bash_5.2.15-2+b7_amd64.deb`.
    pub filename: String,
    /// The size of the `.deb` in bytes.
    pub size: u64,
    /// The hash of the `.deb`.
    pub sha256: Digest,
    /// What only the `.deb` knows.
    pub facts: DebianFacts,
    /// Its whole stanza in the signed index.
    pub record: String,
}

/// What only the `.deb` says of a Debian package: what its layer's key needs to know, and what lists of packages say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DebianFacts {
    /// The sum of its files' sizes in bytes.
    pub installed_size: u64,
    /// The newest time of its members, in seconds since 1970.
    pub timestamp: i64,
    /// A hash of its maintainer scripts, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scripts: Option<Digest>,
    /// Its folders that are not 0755 and `root:root`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<SpecialDirectory>,
    /// Its licences, as its `copyright` says them to machines; nothing in locks of format version 3 and before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// A folder whose mode or owner is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SpecialDirectory {
    /// The folder.
    pub path: ImagePath,
    /// Its mode, in octal digits, such as `1777`.
    pub mode: String,
    /// The number of its user.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

impl DebianPackage {
    /// The name under which the lock lists it: `NAME_VERSION_ARCHITECTURE`, as in the name of its file.
    pub fn id(&self) -> String {
        format!("{}_{}_{}", self.name, self.version, self.architecture)
    }
}
