//! What of a build is known beside its lock.

use std::collections::BTreeMap;

use imgbuild_oci::{Digest, ImageName};

use crate::attestation::Attestation;

/// What of a build is known beside its lock.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What the image is called.
    pub name: &'a ImageName,
    /// The spec.
    pub spec: &'a SpecFile,
    /// The digest of the lock's text, which the image says as well.
    pub lock: Digest,
    /// The commit of the repository in which the spec is, where it is in one.
    pub commit: Option<&'a Commit>,
    /// The variables of the process that builds: what runs it says there who it is.
    pub variables: &'a BTreeMap<String, String>,
    /// Who published archives of the lock, where that is proved.
    pub attestations: &'a BTreeMap<Digest, Vec<Attestation>>,
    /// The version of imgbuild.
    pub version: &'a str,
}

/// A spec's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecFile {
    /// Its path in its repository, or its name alone: paths of the machine that builds are nobody's business.
    pub path: String,
    /// The digest of its text.
    pub digest: Digest,
}

/// The commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Where others have the repository.
    pub repository: Option<String>,
    /// The commit, in hexadecimal digits.
    pub id: String,
    /// Whether there are changes beside it that are in no commit.
    pub is_changed: bool,
}
