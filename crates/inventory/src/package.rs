//! A package of an image, whatever ecosystem it is of.

use std::fmt;

use imgbuild_archive::ImagePath;
use imgbuild_licence::Licence;
use imgbuild_oci::Digest;
use imgbuild_python::Distribution;
use serde::{Deserialize, Serialize};

/// What a package is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A package of Debian or of a system that is made of its packages.
    Debian,
    /// A package of Alpine Linux or Wolfi.
    Apk,
    /// A package of conda.
    Conda,
    /// A distribution of Python that an installer such as pip has put there.
    Pypi,
}

impl Kind {
    /// Every kind, in the order in which they lie over one another.
    pub const ALL: [Self; 4] = [Self::Debian, Self::Apk, Self::Conda, Self::Pypi];

    /// How packages' names begin: `conda` of `conda/numpy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Apk => "apk",
            Self::Conda => "conda",
            Self::Pypi => "pypi",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What tells a package of an image from all others of it. Shown as `conda/numpy`, and as `conda/numpy in /opt/conda/envs/tf`
/// where the image has several environments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageId {
    /// What it is one of.
    pub kind: Kind,
    /// The name, as its ecosystem compares it; of Debian `libc6`, or `libc6:i386` where it is of a foreign architecture.
    pub name: String,
    /// The folder of its environment; nothing for what belongs to the whole system.
    pub environment: Option<ImagePath>,
}

/// An archive that a package was installed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// The name of its file.
    pub name: String,
    /// Where it is to be had, without credentials, where anybody says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The hash of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What one package requires of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The requirement in the words of its ecosystem, such as `python >=3.11,<3.12.0a0` or `libc6 (>= 2.34)`.
    pub text: String,
    /// Those that meet it; none where the image has none, or where it is about what no package is, such as conda's `__glibc`.
    pub met_by: Vec<PackageId>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// What tells it from the others.
    pub id: PackageId,
    /// The version.
    pub version: String,
    /// The build, of conda's packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// What it is for: Debian's architecture, such as `amd64`, conda's `subdir`, such as `linux-64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The channel, of conda's packages: a name or a URL without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The source package that Debian made it of, where that has another name or version: `openssl`, or `glibc (2.36-9)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What it was installed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFile>,
    /// The sum of its files' sizes in bytes, where anybody says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_size: Option<u64>,
    /// Its licence, as it says it itself: an SPDX expression, or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Who made it, such as `Debian GCC Maintainers <debian-gcc@lists.debian.org>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The distributions of Python that it brings; of one that pip installs itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// In what words somebody asked for it; nothing where others need it, or nobody says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<String>,
    /// Whether every base of its system has it, whoever asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_every_base: bool,
    /// What it requires, in the order in which it says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
}

impl PackageId {
    /// A package of the whole system.
    pub fn of_system(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), environment: None }
    }

    /// A package of an environment.
    pub fn of_environment(kind: Kind, name: impl Into<String>, environment: &ImagePath) -> Self {
        Self { kind, name: name.into(), environment: Some(environment.clone()) }
    }

    /// Whether it is an interpreter of Python: conda's `python`, Debian's `python3.11`, Alpine's `python3`.
    pub fn is_python(&self) -> bool {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        match self.kind {
            Kind::Conda => self.name == "python",
            Kind::Debian => self.name.strip_prefix("python3.").is_some_and(is_number),
            Kind::Apk => self.name == "python3",
            Kind::Pypi => false,
        }
    }

    /// Its kind and name, without its environment.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)?;
        match &self.environment {
            Some(environment) => write!(f, " in {environment}"),
            None => Ok(()),
        }
    }
}

impl Package {
    /// A package of which nothing else is known.
    pub fn new(id: PackageId, version: impl Into<String>) -> Self {
        Self {
            id,
            version: version.into(),
            build: None,
            architecture: None,
            channel: None,
            source: None,
            archive: None,
            installed_size: None,
            licence: None,
            supplier: None,
            homepage: None,
            summary: None,
            distributions: Vec::new(),
            requested: Vec::new(),
            of_every_base: false,
            requires: Vec::new(),
        }
    }

    /// Its version as people tell two of them apart: with the build, where it has one.
    pub fn release(&self) -> String {
        match &self.build {
            Some(build) => format!("{} {build}", self.version),
            None => self.version.clone(),
        }
    }

    /// The source package that Debian made it of, and the version of that: itself, where it says nothing else. Advisories are about these.
    pub fn debian_source(&self) -> Option<(&str, &str)> {
        if self.id.kind != Kind::Debian {
            return None;
        }
        let binary = self.id.name.split(':').next().unwrap_or(&self.id.name);
        let source = self.source.as_deref().unwrap_or(binary);
        Some(match source.split_once(" (") {
            Some((name, version)) => (name, version.trim_end_matches(')')),
            None => (source, &self.version),
        })
    }

    /// Its licence, as its own words are understood; nothing where it has none.
    pub fn read_licence(&self) -> Option<Licence> {
        let said = self.licence.as_deref()?;
        if self.id.kind == Kind::Debian { Licence::read_debian(said) } else { Licence::read(said) }
    }

    /// Whether somebody asked for it, or every base has it.
    pub fn is_requested(&self) -> bool {
        self.of_every_base || !self.requested.is_empty()
    }
}

/// The upstream version of a package's version: `3.11.2` of Debian's `3.11.2-6+deb12u3`.
pub fn upstream_version(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let end = version.find(|it: char| !(it.is_ascii_digit() || it == '.')).unwrap_or(version.len());
    version[..end].trim_end_matches('.')
}
