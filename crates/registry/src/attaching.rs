//! What lies beside an image and describes it: artifacts that refer to it (distribution specification, "Pushing manifests with
//! subject"), and what an older form has under a tag that is made of its digest.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use http::header::HeaderName;
use imgbuild_oci::{Artifact, BlobError, Blobs, Digest, canonical};
use serde_json::{Value, json};

use crate::error::RegistryError;
use crate::list::referrers_tag;
use crate::manifest::RemoteManifest;
use crate::remote::RemoteRepository;

/// The header by which a registry says that it lists what refers to a manifest.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

/// What lies beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// An artifact that refers to it.
    Artifact(Box<Artifact>),
    /// A file more of what is under a tag, as cosign has had its signatures.
    Tagged(TaggedFile),
}

/// A file under a tag, with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedFile {
    /// The tag.
    pub tag: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is said of it.
    pub annotations: BTreeMap<String, String>,
}

impl From<Artifact> for Attachment {
    fn from(artifact: Artifact) -> Self {
        Self::Artifact(Box::new(artifact))
    }
}

/// One blob in memory.
struct Memory(Vec<u8>);

impl Blobs for Memory {
    fn open(&self, _digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

impl RemoteRepository {
    /// Puts beside an image what describes it. What is there already stays as it is.
    ///
    /// # Errors
    ///
    /// When the registry does not take it.
    pub async fn attach(&self, attachments: &[Attachment]) -> Result<(), RegistryError> {
        for attachment in attachments {
            match attachment {
                Attachment::Artifact(artifact) => self.attach_artifact(artifact).await?,
                Attachment::Tagged(file) => self.attach_tagged(file).await?,
            }
        }
        Ok(())
    }

    async fn attach_artifact(&self, artifact: &Artifact) -> Result<(), RegistryError> {
        for (digest, bytes) in artifact.blobs() {
            self.put_small(digest, bytes).await?;
        }
        let document = artifact.manifest();
        let reference = document.descriptor.digest.to_string();
        let manifest = self.own_manifest(document.bytes.clone(), MANIFEST_TYPE, &reference)?;
        let said = self.put_document(&manifest, &reference, &[]).await?;
        if said.contains_key(SUBJECT) {
            return Ok(());
        }
        let mut pointer = json!({
            "mediaType": MANIFEST_TYPE,
            "digest": manifest.digest,
            "size": manifest.bytes.len(),
            "artifactType": artifact.artifact_type(),
        });
        if !artifact.annotations().is_empty() {
            pointer["annotations"] = json!(artifact.annotations());
        }
        self.list_referrer(artifact.subject(), pointer).await
    }

    /// Adds to the list that a registry without one of its own has under a tag (distribution specification, "Referrers Tag Schema").
    /// Of two who do that at the same moment one may be lost, as the specification says.
    async fn list_referrer(&self, subject: &Digest, pointer: Value) -> Result<(), RegistryError> {
        let tag = referrers_tag(subject);
        let mut all = self.fields_of(&tag, "manifests").await?;
        if all.iter().any(|it| it["digest"] == pointer["digest"]) {
            return Ok(());
        }
        all.push(pointer);
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": all });
        self.put_own(&index, INDEX_TYPE, &tag).await
    }

    async fn attach_tagged(&self, file: &TaggedFile) -> Result<(), RegistryError> {
        let TaggedFile { tag, media_type, bytes, annotations } = file;
        let digest = Digest::of(bytes);
        let layer = json!({
            "mediaType": media_type, "digest": digest, "size": bytes.len(), "annotations": annotations,
        });
        let mut all = self.fields_of(tag, "layers").await?;
        if all.contains(&layer) {
            return Ok(());
        }
        all.push(layer);
        self.put_small(digest, bytes).await?;
        let diff_ids: Vec<&Value> = all.iter().map(|layer| &layer["digest"]).collect();
        // As cosign writes it: an image of nobody's machine.
        let config = json!({
            "architecture": "", "os": "", "config": {}, "created": "0001-01-01T00:00:00Z",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.written(&config, tag)?;
        let config_digest = Digest::of(&config);
        self.put_small(config_digest, &config).await?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": { "mediaType": CONFIG_TYPE, "digest": config_digest, "size": config.len() },
            "layers": all,
        });
        self.put_own(&manifest, MANIFEST_TYPE, tag).await
    }

    /// A list of the manifest that a tag means, each with all that somebody else has said of it; an empty one where there is none.
    async fn fields_of(&self, tag: &str, field: &str) -> Result<Vec<Value>, RegistryError> {
        let Some(found) = self.manifest(tag).await? else { return Ok(Vec::new()) };
        // It was read as a manifest already.
        let mut value: Value = serde_json::from_slice(&found.bytes).unwrap_or_default();
        match value[field].take() {
            Value::Array(all) => Ok(all),
            _ => Err(self.unfit(tag, format!("has no `{field}`, which its tag should mean"))),
        }
    }

    async fn put_small(&self, digest: Digest, bytes: &[u8]) -> Result<(), RegistryError> {
        if !self.has_blob(&digest).await? {
            let blobs = Arc::new(Memory(bytes.to_vec()));
            self.upload(digest, bytes.len() as u64, blobs, &[]).await?;
        }
        Ok(())
    }

    async fn put_own(&self, value: &Value, media_type: &str, tag: &str) -> Result<(), RegistryError> {
        let manifest = self.own_manifest(self.written(value, tag)?, media_type, tag)?;
        self.put_manifest(&manifest, tag, &[]).await.map(drop)
    }

    fn written(&self, value: &Value, reference: &str) -> Result<Vec<u8>, RegistryError> {
        canonical::to_vec(value).map_err(|error| self.unfit(reference, format!("cannot be written: {error}")))
    }

    fn own_manifest(
        &self,
        bytes: Vec<u8>,
        media_type: &str,
        reference: &str,
    ) -> Result<RemoteManifest, RegistryError> {
        RemoteManifest::parse(bytes, Some(media_type)).map_err(|reason| self.unfit(reference, reason))
    }

    fn unfit(&self, reference: &str, reason: String) -> RegistryError {
        RegistryError::Manifest { place: self.place(), reference: reference.to_owned(), reason }
    }
}
