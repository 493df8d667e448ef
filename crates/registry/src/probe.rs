//! What a registry can do, measured: by pushing small blobs to a repository, as a push would.

use std::io::{Cursor, Read};
use std::sync::Arc;

use imgbuild_oci::{BlobError, Blobs, Digest};

use crate::error::RegistryError;
use crate::hosts::Chunks;
use crate::manifest::RemoteManifest;
use crate::remote::RemoteRepository;
use crate::upload::{Arrival, pushed_in_chunks};

/// What was tried, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What was tried.
    pub what: &'static str,
    /// Whether it works; nothing where that cannot be measured.
    pub works: Option<bool>,
    /// What the registry said, where it does not, or why that is not known.
    pub said: String,
}

/// One blob in memory.
struct InMemory(Vec<u8>);

impl Blobs for InMemory {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        if Digest::of(&self.0) == *digest {
            Ok(Box::new(Cursor::new(self.0.clone())))
        } else {
            Err(BlobError::Absent(*digest))
        }
    }
}

const MOUNTING: &str = "mounting from another repository";

/// The size of the blob that is sent in pieces: more than the least piece of any registry.
const LARGE: usize = 12 << 20;

impl RemoteRepository {
    /// Tries what a registry may be able to do. `unique` makes the blobs of this run its own. What is pushed stays under the tag
    /// `imgbuild-probe`, and is small but for one blob of 12 MiB. A small one is mounted in a second repository, `NAME-probe`.
    ///
    /// # Errors
    ///
    /// When nothing can be pushed there at all.
    pub async fn probe(&self, unique: u64) -> Result<Vec<Probed>, RegistryError> {
        let mut all = Vec::new();
        let small = format!("imgbuild probes this registry: {unique}").into_bytes();
        let digest = Digest::of(&small);
        self.send_blob(&small, &[]).await?;
        all.push(probed("a blob in one request", Ok(true)));
        let sibling = self.sibling(&format!("{}-probe", self.repository().name()))?;
        let sibling = sibling.mounting_from([self.repository().name().to_owned()]);
        let mounted = sibling.mount_if_there(&digest, self.repository().name()).await;
        all.push(match mounted.transpose() {
            Some(mounted) => probed(MOUNTING, mounted),
            None => {
                let said =
                    format!("there is no `{}`, and no repository is made by itself", sibling.repository());
                Probed { what: MOUNTING, works: None, said }
            }
        });
        let large: Vec<u8> = unique.to_le_bytes().iter().copied().cycle().take(LARGE).collect();
        let (large_digest, blobs) = (Digest::of(&large), Arc::new(InMemory(large)));
        let chunks = Chunks::of(self.repository().host(), &http::HeaderMap::new());
        let in_chunks = match chunks {
            Some(chunks) => {
                let chunks = Chunks { size: chunks.least.max(4 << 20), ..chunks };
                pushed_in_chunks(self, large_digest, LARGE as u64, blobs, chunks).await.map(|()| true)
            }
            None => Ok(false),
        };
        all.push(probed("a blob in pieces", in_chunks));
        all.extend(self.probe_manifests(&small).await?);
        Ok(all)
    }

    async fn send_blob(&self, bytes: &[u8], sources: &[String]) -> Result<Arrival, RegistryError> {
        let blobs = Arc::new(InMemory(bytes.to_vec()));
        self.upload(Digest::of(bytes), bytes.len() as u64, blobs, sources).await
    }

    async fn probe_manifests(&self, layer: &[u8]) -> Result<Vec<Probed>, RegistryError> {
        let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        self.send_blob(config, &[]).await?;
        self.send_blob(b"{}", &[]).await?;
        let tag = "imgbuild-probe".to_owned();
        let zstd = manifest(config, layer, "application/vnd.oci.image.layer.v1.tar+zstd", None);
        let mut all = vec![probed(
            "layers compressed with zstd",
            self.put_manifest(&zstd, &tag, &[]).await.map(|_| true),
        )];
        let several = [format!("{tag}-1"), format!("{tag}-2")];
        let taken = self.put_manifest(&zstd, &zstd.digest.to_string(), &several).await;
        all.push(probed("several tags in one request", taken.map(|taken| taken.len() == several.len())));
        let artifact = manifest(b"{}", layer, "text/plain", Some(&zstd));
        let stored = self.put_manifest(&artifact, &artifact.digest.to_string(), &[]).await.map(|_| true);
        all.push(probed("artifacts that refer to an image", stored));
        all.push(probed("a list of what refers to an image", self.has_referrers(&zstd.digest).await));
        Ok(all)
    }
}

fn probed(what: &'static str, outcome: Result<bool, RegistryError>) -> Probed {
    let (works, said) = match outcome {
        Ok(works) => (works, String::new()),
        Err(error) => (false, error.to_string()),
    };
    Probed { what, works: Some(works), said }
}

/// A manifest of one layer; of an artifact that refers to a subject, where one is named.
fn manifest(
    config: &[u8],
    layer: &[u8],
    media_type: &str,
    subject: Option<&RemoteManifest>,
) -> RemoteManifest {
    let pointer = |media_type: &str, bytes: &[u8]| serde_json::json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() });
    let config_type = match subject {
        Some(_) => "application/vnd.oci.empty.v1+json",
        None => "application/vnd.oci.image.config.v1+json",
    };
    let own = "application/vnd.oci.image.manifest.v1+json";
    let mut document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": own,
        "config": pointer(config_type, config),
        "layers": [pointer(media_type, layer)],
    });
    if let Some(subject) = subject {
        document["artifactType"] = "application/vnd.imgbuild.probe".into();
        document["subject"] = pointer(own, &subject.bytes);
    }
    let bytes = document.to_string().into_bytes();
    let digest = Digest::of(&bytes);
    let content = crate::manifest::Content::Image(Vec::new());
    RemoteManifest { media_type: own.to_owned(), digest, bytes, content }
}
