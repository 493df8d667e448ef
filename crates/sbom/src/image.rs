//! What is known of the image that a document describes.

use std::collections::BTreeMap;

use imgbuild_oci::{Digest, Timestamp};

use crate::Contact;

/// Hashes of archives, in hexadecimal digits, by the SHA-256 of the same archives: locks have no SHA-512, and who has the archives
/// can compute it.
pub type Sha512 = BTreeMap<Digest, String>;

/// How much of what an image holds its inventory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every package, with all that each requires: the lock says it.
    Complete,
    /// What package managers have left in the image; what was put there without them is not known.
    Unknown,
}

/// What is known of an image beside its packages.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// Its name, with its repository, but without tag and digest.
    pub name: String,
    /// Its tag, where it has one.
    pub tag: Option<String>,
    /// The digest of its manifest; nothing where it is not made yet, or where the document is part of it.
    pub digest: Option<Digest>,
    /// What tells it from all other images: its manifest's digest, or that of its lock. The document's own identifier is made of
    /// it.
    pub identity: Digest,
    /// When it counts as created.
    pub created: Timestamp,
    /// Who answers for it.
    pub creator: Contact,
    /// The version of this program; nothing where the document is part of the image, which no later version may change.
    pub tool_version: Option<String>,
    /// How much of it is known.
    pub completeness: Completeness,
    /// What is known of its packages' archives beside their SHA-256.
    pub sha512: Sha512,
}
