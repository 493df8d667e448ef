//! Conda packages in the lock.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_layer::PartId;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Compiler, ExcludedPath};

/// The conda environment of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CondaSet {
    /// Where the environment stands in the image. Bytes of the packages depend on it.
    pub prefix: ImagePath,
    /// The prefix below whose `envs` the environment stands under its name; nothing for one that stands for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_prefix: Option<ImagePath>,
    /// The name of the environment.
    pub name: String,
    /// What the environment's file calls it, where that is another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The channels that were asked, in order.
    pub channels: Vec<String>,
    /// The match specs that were asked for, sorted: what `conda-meta/history` names.
    pub requested: Vec<String>,
    /// The virtual packages that the environment was solved with, such as `__glibc = "2.36"`.
    pub virtual_packages: BTreeMap<String, String>,
    /// The URLs of the packages, in topological order: what a package depends on comes before it, and of two packages
    /// that hold the same path the later one has it.
    pub packages: Vec<String>,
    /// The paths that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedPath>,
    /// The URLs of the packages whose post-link script is run when the image is built, in topological order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_link: Vec<String>,
    /// The names of the packages that are installed although they contradict themselves, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_damaged: Vec<String>,
    /// The interpreters that can compile the environment's bytecode, one for each kind of build machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compilers: Vec<Compiler>,
    /// The variables of the environment file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl CondaSet {
    /// What parts of the environment are told from those of the image's other environments by; nothing for one that stands for
    /// itself, of which there is one.
    pub fn scope(&self) -> Option<&str> {
        self.root_prefix.as_ref().map(|_| self.name.as_str())
    }

    /// The part of an image that a package of the environment is, or another thing of it.
    pub fn part(&self, ecosystem: &str, name: &str) -> PartId {
        PartId::in_scope(ecosystem, self.scope(), name)
    }
}

/// The packages with which an environment is changed from inside of it.
pub const MANAGERS: [&str; 3] = ["conda", "mamba", "micromamba"];

/// A locked conda package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CondaPackage {
    /// Where its channel has it. Mirrors are not locked.
    pub url: String,
    /// The channel.
    pub channel: String,
    /// The size of the archive in bytes, where the channel says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The hash of the archive.
    pub sha256: Digest,
    /// What only the archive knows.
    pub facts: CondaFacts,
    /// Its whole record in the channel's index, but for size and hash.
    pub record: toml::Table,
}

/// What a layer's key needs to know of a conda package and only the archive says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CondaFacts {
    /// A hash of the paths that it claims: the excluded paths of an environment were computed from them.
    pub paths: Digest,
    /// The sum of its files' sizes in bytes.
    pub installed_size: u64,
    /// The entry points of a noarch Python package, such as `jupyter = jupyter_core.command:main`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// The scripts that an installer would run, such as `bin/.NAME-post-link.sh`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_scripts: Vec<String>,
    /// The Python distributions that it installs, such as `numpy 1.26.4`: normalised name and version, sorted. One whose
    /// version only its metadata says stands without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<String>,
    /// What its activation scripts do.
    #[serde(default, skip_serializing_if = "Activation::is_empty")]
    pub activation: Activation,
}

/// What the activation scripts of a package do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Activation {
    /// The variables that they set whatever the circumstances. `$CONDA_PREFIX` in a value stands for the prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<EnvironmentVariable>,
    /// The scripts that do more than that, and so need a shell that activates the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamic: Vec<ImagePath>,
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentVariable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Activation {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.exports.is_empty() && self.dynamic.is_empty()
    }
}

impl CondaPackage {
    /// A field of its record that is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.record.get(field).and_then(toml::Value::as_str)
    }

    /// Its name. Records without one are refused when the lock is read.
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.text("version").unwrap_or_default()
    }

    /// Its build string.
    pub fn build(&self) -> &str {
        self.text("build").unwrap_or_default()
    }

    /// The name of its file: the last component of its URL.
    pub fn file_name(&self) -> &str {
        self.url.rsplit_once('/').map_or(&self.url, |(_, name)| name)
    }
}
