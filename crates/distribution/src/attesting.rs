//! What is said of images beside them, when they are pushed: signatures as cosign has them, and where they come from, as BuildKit has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use imgbuild_fetch::Context;
use imgbuild_oci::canonical::CanonicalError;
use imgbuild_oci::{Artifact, ArtifactFile, ArtifactType, Descriptor, Digest, Image, Reference};
use imgbuild_provenance::PREDICATE;
use imgbuild_registry::{Attachment, Pushable, RemoteBlobs, RemoteManifest, TaggedFile};
use imgbuild_signature::{
    BUNDLE_TYPE, Bundle, SIMPLE_TYPE, STATEMENT_TYPE, SigningKey, SimpleSignature, Statement, Subject,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::error::DistributionError;
use crate::pull::wanted;

/// What BuildKit's artifacts of attestations are.
pub(crate) const ATTESTATION_TYPE: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// The layer's annotation that names what is said, as BuildKit has it.
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The digest of its manifest.
    pub image: Digest,
    /// What it is called.
    pub name: String,
    /// SLSA's predicate.
    pub predicate: Value,
}

/// The same image as a list in which it is said where its images come from, as BuildKit has it.
///
/// # Errors
///
/// When a document cannot be written.
pub fn listed(image: Pushable, images: &[Image], origins: &[Origin]) -> Result<Pushable, DistributionError> {
    let created = created(&image);
    let mut artifacts = Vec::new();
    for own in images {
        let Descriptor { media_type, digest, size, .. } = own.manifest().descriptor;
        let subject = Descriptor::new(media_type, digest, size);
        let said = Said { subject: &subject, created: created.as_deref() };
        for origin in origins.iter().filter(|origin| origin.image == digest) {
            artifacts.push(said.statement(&origin.statement())?);
        }
    }
    Ok(image.listing(images, &artifacts)?)
}

impl Origin {
    fn statement(&self) -> Statement {
        let about = Subject::new(Some(self.name.clone()), &self.image);
        Statement::new(vec![about], PREDICATE, self.predicate.clone())
    }
}

/// What is put beside an image in a repository.
///
/// # Errors
///
/// When a document cannot be written.
pub(crate) fn attachments(
    image: &Pushable,
    repository: &str,
    key: Option<&SigningKey>,
    origins: &[Origin],
) -> Result<Vec<Attachment>, DistributionError> {
    let mut all = Vec::new();
    let created = created(image);
    for manifest in signed(image) {
        let Ok(media_type) = manifest.media_type.parse() else { continue };
        let subject = Descriptor::new(media_type, manifest.digest, manifest.bytes.len() as u64);
        let said = Said { subject: &subject, created: created.as_deref() };
        for origin in origins.iter().filter(|origin| origin.image == manifest.digest) {
            let statement = origin.statement();
            all.push(said.statement(&statement)?.into());
            if let Some(key) = key {
                all.push(said.bundle(&statement, key)?.into());
            }
        }
        if let Some(key) = key {
            all.push(said.bundle(&Statement::signed(&manifest.digest), key)?.into());
            all.push(Attachment::Tagged(simple(repository, &manifest.digest, key)?));
        }
    }
    Ok(all)
}

/// A document that describes an image, such as a list of its packages.
#[derive(Debug, Clone, Copy)]
pub struct Description<'a> {
    /// Its media type, without parameters, which is what the artifact is.
    pub media_type: &'a str,
    /// The URI by which a signed statement says what it is.
    pub predicate_type: &'a str,
    /// The document, as JSON.
    pub bytes: &'a [u8],
}

/// Puts a document beside the image of a registry that it describes; with a key a signed statement of it as well, as `cosign attest` does.
///
/// # Errors
///
/// When the image is not there, the document is no JSON, or the registry does not take it.
pub async fn describe(
    reference: &Reference,
    image: &Digest,
    description: Description<'_>,
    key: Option<&SigningKey>,
    context: &Context,
) -> Result<(), DistributionError> {
    let remote = context.registries()?.open(reference).await?.writing();
    let manifest = remote.needed_manifest(&image.to_string()).await?;
    let media_type = manifest.media_type.parse().map_err(|_| DistributionError::NotAnImage {
        reference: reference.to_string(),
        media_type: manifest.media_type.clone(),
    })?;
    let subject = Descriptor::new(media_type, manifest.digest, manifest.bytes.len() as u64);
    let said = Said { subject: &subject, created: None };
    let Description { media_type, predicate_type, bytes } = description;
    let file =
        ArtifactFile { media_type: kind(media_type)?, bytes: bytes.to_vec(), annotations: BTreeMap::new() };
    let mut all: Vec<Attachment> = vec![said.artifact(media_type, file, [])?.into()];
    if let Some(key) = key {
        let predicate = serde_json::from_slice(bytes);
        let predicate = predicate.map_err(|error| DistributionError::Attestation(Box::new(error)))?;
        let statement = Statement::new(vec![Subject::new(None, image)], predicate_type, predicate);
        all.push(said.bundle(&statement, key)?.into());
    }
    remote.attach(&all).await?;
    Ok(())
}

/// Signs an image that is in a registry, with all that it lists: gives the digests that are signed now.
///
/// # Errors
///
/// When it is not there, or the registry does not take it.
pub async fn sign(
    reference: &Reference,
    key: &SigningKey,
    context: &Context,
) -> Result<Vec<Digest>, DistributionError> {
    // From where it is written to, and from no mirror of it: what is signed is what is there.
    let remote = context.registries()?.open(reference).await?.writing();
    let top = remote.needed_manifest(&wanted(reference)).await?;
    let children = remote.below(&top).await?;
    let blobs = Arc::new(RemoteBlobs::new(remote.clone(), [], Handle::current()));
    let image = Pushable::new(children, top, blobs, Vec::new());
    let all = attachments(&image, &remote.repository().to_string(), Some(key), &[])?;
    remote.attach(&all).await?;
    Ok(signed(&image).map(|manifest| manifest.digest).collect())
}

/// The manifests of an image that are signed: all but those that are themselves about others.
fn signed(image: &Pushable) -> impl Iterator<Item = &RemoteManifest> {
    let is_about_another = |manifest: &&RemoteManifest| {
        manifest.blobs().first().is_some_and(|config| config.media_type == EMPTY_TYPE)
    };
    image.manifests().filter(move |manifest| !is_about_another(manifest))
}

/// The configuration of what is no image.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// What an image counts as made at, as its manifest says it: what is said of it has no other time, so that it is the same the next time.
fn created(image: &Pushable) -> Option<String> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default)]
        annotations: BTreeMap<String, String>,
    }
    let of = |manifest: &RemoteManifest| {
        let fields: Fields = serde_json::from_slice(&manifest.bytes).ok()?;
        fields.annotations.get(CREATED).cloned()
    };
    image.manifests().find_map(of)
}

const CREATED: &str = "org.opencontainers.image.created";

/// What something is said of.
struct Said<'a> {
    subject: &'a Descriptor,
    created: Option<&'a str>,
}

impl Said<'_> {
    /// A statement without a signature, as BuildKit attaches it.
    fn statement(&self, statement: &Statement) -> Result<Artifact, DistributionError> {
        let annotations = BTreeMap::from([(PREDICATE_TYPE.to_owned(), statement.predicate_type.clone())]);
        let bytes = statement.to_bytes().map_err(unwritten)?;
        self.artifact(
            ATTESTATION_TYPE,
            ArtifactFile { media_type: kind(STATEMENT_TYPE)?, bytes, annotations },
            [],
        )
    }

    /// A signed statement, as cosign 3 attaches it.
    fn bundle(&self, statement: &Statement, key: &SigningKey) -> Result<Artifact, DistributionError> {
        let bytes = Bundle::sign(statement, key).and_then(|it| it.to_bytes()).map_err(unwritten)?;
        let title = format!("sha256-{}.sigstore.json", Digest::of(&bytes).hex());
        let annotations = BTreeMap::from([("org.opencontainers.image.title".to_owned(), title)]);
        let file = ArtifactFile { media_type: kind(BUNDLE_TYPE)?, bytes, annotations };
        let said = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", statement.predicate_type.as_str()),
        ];
        self.artifact(BUNDLE_TYPE, file, said)
    }

    fn artifact<const N: usize>(
        &self,
        artifact_type: &str,
        file: ArtifactFile,
        said: [(&str, &str); N],
    ) -> Result<Artifact, DistributionError> {
        let created = self.created.map(|time| (CREATED, time));
        let annotations = said.into_iter().chain(created);
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Artifact::of_file(&kind(artifact_type)?, self.subject, file, &annotations).map_err(unwritten)
    }
}

/// The signature in its older form.
fn simple(repository: &str, image: &Digest, key: &SigningKey) -> Result<TaggedFile, DistributionError> {
    let SimpleSignature { payload, signature } =
        SimpleSignature::sign(repository, image, key).map_err(unwritten)?;
    Ok(TaggedFile {
        tag: SimpleSignature::tag(image),
        media_type: SIMPLE_TYPE.to_owned(),
        bytes: payload,
        annotations: BTreeMap::from([(SimpleSignature::ANNOTATION.to_owned(), signature)]),
    })
}

fn kind(text: &str) -> Result<ArtifactType, DistributionError> {
    text.parse().map_err(|error| DistributionError::Attestation(Box::new(error)))
}

fn unwritten(error: CanonicalError) -> DistributionError {
    DistributionError::Attestation(Box::new(error))
}
