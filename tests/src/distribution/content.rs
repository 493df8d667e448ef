//! What a registry holds.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;
use serde_json::Value;

/// What a registry holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The blobs of all repositories.
    pub(super) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// How many uploads have begun.
    pub(super) begun: usize,
}

/// A repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeSet<Digest>,
    pub(super) manifests: BTreeMap<Digest, Document>,
    pub(super) tags: BTreeMap<String, Digest>,
}

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A blob that is on its way.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// How much the first chunk had.
    pub(super) first: Option<u64>,
    /// How much the last chunk had.
    pub(super) last: u64,
    /// How many chunks were smaller than the registry's least.
    pub(super) too_small: usize,
}

impl Document {
    /// What it says; nothing where it is no JSON.
    pub(super) fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.bytes).ok()
    }

    /// The digests of what it needs in its repository: blobs, and manifests.
    pub(super) fn needs(&self) -> (Vec<Digest>, Vec<Digest>) {
        let value = self.value().unwrap_or_default();
        let digest = |descriptor: &Value| descriptor["digest"].as_str().and_then(|it| it.parse().ok());
        let all = |key: &str| -> Vec<Digest> {
            value[key].as_array().into_iter().flatten().filter_map(digest).collect()
        };
        let mut blobs: Vec<Digest> = digest(&value["config"]).into_iter().collect();
        blobs.extend(all("layers"));
        (blobs, all("manifests"))
    }

    /// What it refers to.
    pub(super) fn subject(&self) -> Option<Digest> {
        self.value()?["subject"]["digest"].as_str()?.parse().ok()
    }
}

impl Content {
    pub(super) fn put_blob(&mut self, name: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.repositories.entry(name.to_owned()).or_default().blobs.insert(digest);
        self.blobs.insert(digest, bytes);
        digest
    }

    /// A blob of a repository.
    pub(super) fn blob(&self, name: &str, digest: &Digest) -> Option<&Vec<u8>> {
        self.repositories.get(name)?.blobs.get(digest).and_then(|digest| self.blobs.get(digest))
    }

    /// The manifest of a tag or a digest.
    pub(super) fn manifest(&self, name: &str, reference: &str) -> Option<(Digest, &Document)> {
        let repository = self.repositories.get(name)?;
        let digest = reference.parse().ok().or_else(|| repository.tags.get(reference).copied())?;
        Some((digest, repository.manifests.get(&digest)?))
    }

    /// Whether any repository has a blob that may be mounted from it.
    pub(super) fn has_anywhere(&self, digest: &Digest) -> bool {
        self.repositories.values().any(|it| it.blobs.contains(digest))
    }
}
