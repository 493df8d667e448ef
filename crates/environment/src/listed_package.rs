//! Packages of PyPI that a lock of conda packages lists.

use imgbuild_document::Origin;
use imgbuild_oci::Digest;
use imgbuild_requirement::{ProjectName, RequirementSource};

use crate::lock_format::LockFormat;
use crate::md5::Md5;

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
