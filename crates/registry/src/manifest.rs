//! Manifests of a repository: what stands in them is read by their own fields, whatever their media types say.

use std::collections::BTreeMap;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use imgbuild_oci::{DescriptorPlatform, Digest, Platform};
use reqwest::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::error::{Doing, RegistryError};
use crate::limits::ANSWER_LIMIT;
use crate::remote::{Read, RemoteRepository, drain, header};
use crate::sought::Sought;

/// What is asked for: images and lists of them, in the forms of OCI and of docker. Older forms are not.
const MANIFESTS: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json",
);

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// Content that a manifest points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Its media type, as it is stated.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What an image is built for, where it is stated.
    pub platform: Option<DescriptorPlatform>,
    /// What an artifact is, where it is stated.
    pub artifact_type: Option<String>,
    /// What is said of it.
    pub annotations: BTreeMap<String, String>,
    /// Whether it is kept elsewhere, such as a layer of Windows: no registry has it.
    pub is_foreign: bool,
}

/// What a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An image or an artifact: its configuration and its layers.
    Image(Vec<Pointer>),
    /// A list of manifests.
    Index(Vec<Pointer>),
}

/// A manifest as it is, and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteManifest {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it points to.
    pub content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a manifest")]
struct Fields {
    schema_version: Option<u64>,
    media_type: Option<String>,
    config: Option<PointerFields>,
    layers: Option<Vec<PointerFields>>,
    blobs: Option<Value>,
    manifests: Option<Vec<PointerFields>>,
    fs_layers: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a descriptor")]
struct PointerFields {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    size: u64,
    platform: Option<DescriptorPlatform>,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    urls: Option<Vec<String>>,
}

impl From<PointerFields> for Pointer {
    fn from(fields: PointerFields) -> Self {
        let PointerFields { media_type, digest, size, platform, artifact_type, annotations, urls } = fields;
        let is_foreign = urls.is_some_and(|urls| !urls.is_empty());
        let annotations = annotations.unwrap_or_default();
        Self { media_type, digest, size, platform, artifact_type, annotations, is_foreign }
    }
}

impl RemoteManifest {
    /// Reads a manifest, which whoever has it calls by `stated`.
    ///
    /// # Errors
    ///
    /// When it is none, or one that different readers would read differently.
    pub fn parse(bytes: Vec<u8>, stated: Option<&str>) -> Result<Self, String> {
        let fields: Fields =
            serde_json::from_slice(&bytes).map_err(|error| format!("cannot be read: {error}"))?;
        if fields.schema_version == Some(1) || fields.fs_layers.is_some() {
            return Err("is of docker's first version, which states no digest of a configuration".to_owned());
        }
        if fields.blobs.is_some() {
            return Err("is one of OCI's former artifact manifests".to_owned());
        }
        let pointers = |all: Vec<PointerFields>| all.into_iter().map(Pointer::from).collect();
        let content = match (fields.config, fields.layers, fields.manifests) {
            (Some(config), Some(_), None) if config.size > ANSWER_LIMIT as u64 => {
                return Err(format!(
                    "has a configuration of {} bytes: no more than {ANSWER_LIMIT} are read",
                    config.size
                ));
            }
            (Some(config), Some(mut layers), None) => {
                layers.insert(0, config);
                Content::Image(pointers(layers))
            }
            (None, None, Some(manifests)) => Content::Index(pointers(manifests)),
            (None, None, None) => return Err("is neither an image nor a list of images".to_owned()),
            _ => return Err("could be read as an image and as a list of images".to_owned()),
        };
        let own = match content {
            Content::Image(_) => "application/vnd.oci.image.manifest.v1+json",
            Content::Index(_) => "application/vnd.oci.image.index.v1+json",
        };
        // Old writers leave it out; then the registry's word is all there is.
        let media_type =
            fields.media_type.or_else(|| stated.map(str::to_owned)).unwrap_or_else(|| own.to_owned());
        Ok(Self { media_type, digest: Digest::of(&bytes), bytes, content })
    }

    /// The manifests of a list; none of an image.
    pub fn manifests(&self) -> &[Pointer] {
        match &self.content {
            Content::Index(manifests) => manifests,
            Content::Image(_) => &[],
        }
    }

    /// The configuration and the layers of an image; none of a list.
    pub fn blobs(&self) -> &[Pointer] {
        match &self.content {
            Content::Image(blobs) => blobs,
            Content::Index(_) => &[],
        }
    }
}

/// What a registry says of a manifest without sending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestHead {
    /// Its digest.
    pub digest: Digest,
}

impl RemoteRepository {
    /// Whether a manifest is there, by its tag or digest.
    ///
    /// # Errors
    ///
    /// When the registry does not say it.
    pub async fn head_manifest(&self, reference: &str) -> Result<Option<ManifestHead>, RegistryError> {
        let doing = Doing::ReadManifest(reference.to_owned());
        let url = self.repository().manifest(reference)?;
        let answer = self.fetch(&doing, &url, &|url| asking(Method::HEAD, url)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                if let Some(digest) = stated_digest(answer.headers()) {
                    return Ok(Some(ManifestHead { digest }));
                }
                // The header is missing: old registries leave it out.
                Ok(self.manifest(reference).await?.map(|manifest| ManifestHead { digest: manifest.digest }))
            }
            _ => Err(self.refused(&doing, answer).await),
        }
    }

    /// Whether something is there, asked once: where another place has it as well, nobody waits for this one.
    pub(crate) async fn has_at_once(&self, sought: &Sought) -> Result<bool, RegistryError> {
        let (doing, url) = match sought {
            Sought::Manifest(reference) => {
                (Doing::ReadManifest(reference.clone()), self.repository().manifest(reference)?)
            }
            Sought::Blob(digest) => (Doing::ReadBlob(*digest), self.repository().blob(digest)?),
        };
        let mut answer = self.send_once(&doing, &|| asking(Method::HEAD, &url)).await?;
        if matches!(sought, Sought::Manifest(_)) {
            answer = self.follow(&doing, answer, &url, &|url| asking(Method::HEAD, url)).await?;
        }
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            // Blobs are often elsewhere.
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(self.refused(&doing, answer).await),
        }
    }

    /// A manifest, by its tag or digest; nothing where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not what it should be.
    pub async fn manifest(&self, reference: &str) -> Result<Option<RemoteManifest>, RegistryError> {
        let doing = Doing::ReadManifest(reference.to_owned());
        let url = self.repository().manifest(reference)?;
        let (headers, bytes) = match self.read(&doing, &url, &|url| asking(Method::GET, url)).await? {
            Read::Document { headers, bytes, .. } => (headers, bytes),
            Read::Other(answer) if answer.status() == StatusCode::NOT_FOUND => {
                drain(answer).await;
                return Ok(None);
            }
            Read::Other(answer) => return Err(self.refused(&doing, answer).await),
        };
        let wanted = reference.parse::<Digest>().ok().or_else(|| stated_digest(&headers));
        let media_type = header(&headers, CONTENT_TYPE).map(str::to_owned);
        let found = Digest::of(&bytes);
        if wanted.is_some_and(|wanted| wanted != found) {
            return Err(RegistryError::Digest { at: self.failed(&doing), found });
        }
        RemoteManifest::parse(bytes, media_type.as_deref())
            .map(Some)
            .map_err(|reason| self.wrong_manifest(reference, reason))
    }

    /// The same, which must be there.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be had, or is not what it should be.
    pub async fn needed_manifest(&self, reference: &str) -> Result<RemoteManifest, RegistryError> {
        let found = self.manifest(reference).await?;
        found
            .ok_or_else(|| RegistryError::NoManifest { place: self.place(), reference: reference.to_owned() })
    }

    /// The manifest of an image for a platform: that of a tag or digest, or the one that it lists.
    ///
    /// # Errors
    ///
    /// When there is none for the platform, or it cannot be had.
    pub async fn image_manifest(
        &self,
        reference: &str,
        platform: Platform,
    ) -> Result<RemoteManifest, RegistryError> {
        let top = self.needed_manifest(reference).await?;
        match top.content {
            Content::Index(_) => self.image_of(top, reference, platform).await,
            Content::Image(_) => self.for_platform(top, reference, platform).await,
        }
    }

    /// The same of what is there already under `reference`. What is no list is given as it is.
    ///
    /// # Errors
    ///
    /// As for [`Self::image_manifest`].
    pub async fn image_of(
        &self,
        top: RemoteManifest,
        reference: &str,
        platform: Platform,
    ) -> Result<RemoteManifest, RegistryError> {
        let Content::Index(manifests) = &top.content else { return Ok(top) };
        let Some(found) = manifests.iter().find(|it| is_for(it, platform)) else {
            let there: Vec<String> =
                manifests.iter().filter_map(|it| Some(shown(it.platform.as_ref()?))).collect();
            return Err(RegistryError::Platform {
                place: self.place(),
                reference: reference.to_owned(),
                platform: platform.to_string(),
                there,
            });
        };
        let reference = found.digest.to_string();
        let image = self.needed_manifest(&reference).await?;
        match image.content {
            Content::Image(_) => Ok(image),
            Content::Index(_) => {
                Err(self.wrong_manifest(&reference, "is a list of images within another one".to_owned()))
            }
        }
    }

    /// An image that no list says the platform of: its configuration does, where it is one of an image.
    async fn for_platform(
        &self,
        image: RemoteManifest,
        reference: &str,
        platform: Platform,
    ) -> Result<RemoteManifest, RegistryError> {
        let Some(config) = image.blobs().first() else { return Ok(image) };
        let bytes = self.blob_bytes(config.digest, config.size).await?;
        // What is no configuration is told by whoever reads it.
        let Ok(found) = serde_json::from_slice::<DescriptorPlatform>(&bytes) else { return Ok(image) };
        if found.os == platform.os() && found.architecture == platform.architecture() {
            return Ok(image);
        }
        Err(RegistryError::Platform {
            place: self.place(),
            reference: reference.to_owned(),
            platform: platform.to_string(),
            there: vec![shown(&found)],
        })
    }

    /// Writes a manifest under its digest, or under a tag. `tags` are further tags for it: gives those that the registry says
    /// it has taken on the way.
    ///
    /// # Errors
    ///
    /// When the registry does not take it, or says that it has stored something else.
    pub async fn put_manifest(
        &self,
        manifest: &RemoteManifest,
        reference: &str,
        tags: &[String],
    ) -> Result<Vec<String>, RegistryError> {
        let stored = self.put_document(manifest, reference, tags).await?;
        let taken = stored.get_all(OCI_TAG).iter().filter_map(|value| value.to_str().ok());
        Ok(taken.flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned()).collect())
    }

    /// The same: gives all that the registry says of it.
    pub(crate) async fn put_document(
        &self,
        manifest: &RemoteManifest,
        reference: &str,
        tags: &[String],
    ) -> Result<HeaderMap, RegistryError> {
        let doing = Doing::WriteManifest(reference.to_owned());
        let mut url = self.repository().manifest(reference)?;
        if !tags.is_empty() {
            url.query_pairs_mut().extend_pairs(tags.iter().map(|tag| ("tag", tag)));
        }
        // A media type that can be no header is none that a registry takes.
        let media_type = HeaderValue::from_str(&manifest.media_type)
            .map_err(|_| self.wrong_manifest(reference, "has a media type that is none".to_owned()))?;
        let make = || {
            let mut request = Request::new(Method::PUT, url.clone());
            request.headers_mut().insert(CONTENT_TYPE, media_type.clone());
            *request.body_mut() = Some(manifest.bytes.clone().into());
            request
        };
        let answer = self.send(&doing, &make).await?;
        if !answer.status().is_success() {
            return Err(self.refused(&doing, answer).await);
        }
        let stored = header(answer.headers(), CONTENT_DIGEST).map(str::to_owned);
        if let Some(found) = stored.filter(|found| *found != manifest.digest.to_string()) {
            return Err(RegistryError::Stored { at: self.failed(&doing), wanted: manifest.digest, found });
        }
        let said = answer.headers().clone();
        drain(answer).await;
        Ok(said)
    }

    fn wrong_manifest(&self, reference: &str, reason: String) -> RegistryError {
        RegistryError::Manifest { place: self.place(), reference: reference.to_owned(), reason }
    }
}

fn asking(method: Method, url: &Url) -> Request {
    let mut request = Request::new(method, url.clone());
    request.headers_mut().insert(ACCEPT, MANIFESTS);
    request
}

fn stated_digest(headers: &HeaderMap) -> Option<Digest> {
    header(headers, CONTENT_DIGEST)?.parse().ok()
}

fn is_for(pointer: &Pointer, platform: Platform) -> bool {
    let is_ours =
        |it: &DescriptorPlatform| it.os == platform.os() && it.architecture == platform.architecture();
    pointer.platform.as_ref().is_some_and(is_ours)
}

fn shown(platform: &DescriptorPlatform) -> String {
    let variant = platform.variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RemoteManifest, String> {
        RemoteManifest::parse(
            text.replace("DIGEST", &Digest::of("x").to_string()).into_bytes(),
            Some("stated/type"),
        )
    }

    #[test]
    fn manifests_are_read_by_their_own_fields() {
        let pointer = r#"{"mediaType":"a/b","digest":"DIGEST","size":1}"#;
        let image =
            parse(&format!(r#"{{"schemaVersion":2,"config":{pointer},"layers":[{pointer},{pointer}]}}"#))
                .unwrap();
        assert_eq!((image.media_type.as_str(), image.blobs().len()), ("stated/type", 3));
        // It says that it is an index, and is an image.
        let image = parse(&format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{pointer},"layers":[]}}"#
        ))
        .unwrap();
        assert_eq!(image.blobs().len(), 1);
        let index = parse(&format!(r#"{{"schemaVersion":2,"manifests":[{pointer}]}}"#)).unwrap();
        assert_eq!(index.manifests().len(), 1);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let pointer = r#"{"mediaType":"a/b","digest":"DIGEST","size":1}"#;
        for (text, reason) in [
            ("<html>", "cannot be read: expected value at line 1 column 1"),
            ("{}", "is neither an image nor a list of images"),
            (
                r#"{"schemaVersion":1,"fsLayers":[]}"#,
                "is of docker's first version, which states no digest of a configuration",
            ),
            (
                &format!(r#"{{"config":{pointer},"layers":[],"manifests":[]}}"#),
                "could be read as an image and as a list of images",
            ),
            (r#"{"blobs":[]}"#, "is one of OCI's former artifact manifests"),
        ] {
            assert_eq!(parse(text).unwrap_err(), reason);
        }
        for digest in ["sha256:1", "sha512:00", "../../x"] {
            assert!(parse(&format!(r#"{{"config":{{"digest":"{digest}","size":1}},"layers":[]}}"#)).is_err());
        }
    }
}
