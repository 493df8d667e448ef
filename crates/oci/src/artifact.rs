//! What describes an image and lies beside it: a list of its packages, a signature, where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::canonical::CanonicalError;
use crate::image::Document;
use crate::{Descriptor, Digest, MediaType, NameError};

/// The content of an artifact's configuration, which says nothing: an empty object.
const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The media type of what an artifact holds, such as `application/spdx+json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ArtifactType(String);

impl FromStr for ArtifactType {
    type Err = NameError;

    /// `TYPE/SUBTYPE` without parameters (RFC 6838, 4.2).
    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_name = |name: &str| {
            let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            first && name.len() <= 127 && name.bytes().all(known)
        };
        match text.split_once('/') {
            Some((kind, subtype)) if is_name(kind) && is_name(subtype) => Ok(Self(text.to_owned())),
            _ => Err(NameError {
                text: text.to_owned(),
                what: "media type",
                rule: "it is two names, of letters, digits and `!#$&-^_.+`, parted by a `/`",
            }),
        }
    }
}

impl fmt::Display for ArtifactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of an artifact, as its manifest points to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    /// What it is, where that is not what the artifact is.
    pub media_type: ArtifactType,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is said of it.
    pub annotations: BTreeMap<String, String>,
}

/// One file with the image that it describes. Follows `manifest.md` of the image specification 1.1, "Guidelines for artifact
/// usage".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    manifest: Document,
    artifact_type: ArtifactType,
    subject: Digest,
    annotations: BTreeMap<String, String>,
    file: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u32,
    media_type: MediaType,
    artifact_type: &'a ArtifactType,
    config: Content<'a>,
    layers: [Content<'a>; 1],
    subject: Content<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    media_type: &'a str,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Content<'a> {
    fn of(media_type: &'a str, bytes: &[u8]) -> Self {
        Self { media_type, digest: Digest::of(bytes), size: bytes.len() as u64, annotations: None }
    }
}

impl Artifact {
    /// A file that describes the image whose manifest, or index of manifests, is `subject`.
    ///
    /// # Errors
    ///
    /// When its manifest cannot be written.
    pub fn new(
        artifact_type: &ArtifactType,
        subject: &Descriptor,
        file: Vec<u8>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, CanonicalError> {
        let (media_type, none) = (artifact_type.clone(), BTreeMap::new());
        let file = ArtifactFile { media_type, bytes: file, annotations: none };
        Self::of_file(artifact_type, subject, file, annotations)
    }

    /// The same of a file that is something else than the artifact, or of which something is said.
    ///
    /// # Errors
    ///
    /// When its manifest cannot be written.
    pub fn of_file(
        artifact_type: &ArtifactType,
        subject: &Descriptor,
        file: ArtifactFile,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, CanonicalError> {
        let Descriptor { media_type, digest, size, .. } = subject;
        let said = Some(&file.annotations).filter(|said| !said.is_empty());
        let manifest = ArtifactManifest {
            schema_version: 2,
            media_type: MediaType::Manifest,
            artifact_type,
            config: Content::of(EMPTY_TYPE, EMPTY),
            layers: [Content { annotations: said, ..Content::of(&file.media_type.0, &file.bytes) }],
            subject: Content {
                media_type: media_type.as_str(),
                digest: *digest,
                size: *size,
                annotations: None,
            },
            annotations,
        };
        Ok(Self {
            manifest: Document::new(MediaType::Manifest, &manifest)?,
            artifact_type: artifact_type.clone(),
            subject: *digest,
            annotations: annotations.clone(),
            file: file.bytes,
        })
    }

    /// What it is.
    pub fn artifact_type(&self) -> &ArtifactType {
        &self.artifact_type
    }

    /// The digest of what it describes.
    pub fn subject(&self) -> &Digest {
        &self.subject
    }

    /// What is said of it.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Its manifest, which comes after its blobs.
    pub fn manifest(&self) -> &Document {
        &self.manifest
    }

    /// Its blobs: the configuration and the file.
    pub fn blobs(&self) -> [(Digest, &[u8]); 2] {
        [EMPTY, self.file.as_slice()].map(|bytes| (Digest::of(bytes), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_says_what_it_is_and_what_it_describes() {
        let subject = Descriptor::new(MediaType::Manifest, Digest::of("image"), 5);
        let annotations =
            [("org.opencontainers.image.created".to_owned(), "2026-01-01T00:00:00Z".to_owned())];
        let kind = "application/spdx+json".parse().unwrap();
        let artifact = Artifact::new(&kind, &subject, b"{\"x\":1}".to_vec(), &annotations.into()).unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&artifact.manifest().bytes), @r#"{"annotations":{"org.opencontainers.image.created":"2026-01-01T00:00:00Z"},"artifactType":"application/spdx+json","config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[{"digest":"sha256:5041bf1f713df204784353e82f6a4a535931cb64f1f4b4a5aeaffcb720918b22","mediaType":"application/spdx+json","size":7}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"subject":{"digest":"sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d","mediaType":"application/vnd.oci.image.manifest.v1+json","size":5}}"#);
        // The digest that the specification states for the empty configuration.
        assert_eq!(
            artifact.blobs()[0].0.to_string(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        for bad in
            ["", "a", "a/", "/b", "a/b/c", "a/b;c=d", "a /b", ".a/b", &format!("a/{}", "b".repeat(128))]
        {
            assert!(bad.parse::<ArtifactType>().is_err(), "{bad}");
        }
    }
}
