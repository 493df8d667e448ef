//! Whose image it is that is in a registry: signatures in both of cosign's forms, and what is said of where it comes from.

use imgbuild_oci::Digest;
use imgbuild_provenance::{PREDICATE, Provenance, ProvenanceError};
use imgbuild_registry::{Pointer, RegistryError, RemoteRepository};
use imgbuild_signature::{
    BUNDLE_TYPE, Bundle, SIGN_PREDICATE, SIMPLE_TYPE, SignatureError, SimpleSignature, Statement,
    VerifyingKey,
};

use crate::attesting::ATTESTATION_TYPE;
use crate::error::DistributionError;
use crate::limits::{ATTESTATION_LIMIT, MOST_ATTESTATIONS};

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A bundle, which is an artifact of this digest.
    Bundle(Digest),
    /// The older form, under this tag.
    Tag(String),
}

/// Where an image comes from, as somebody says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What is said.
    pub provenance: Provenance,
    /// Whether the key has signed it.
    pub is_signed: bool,
}

/// What is known of an image in a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attested {
    /// The signatures of the key.
    pub signatures: Vec<Signature>,
    /// Where it comes from: what the key has signed first.
    pub told: Vec<Told>,
    /// Signatures that do not hold: what each is, and why.
    pub refused: Vec<(String, VerifyFailure)>,
    /// What nobody has signed and does not hold.
    pub doubted: Vec<(String, VerifyFailure)>,
}

/// Why something that is said of an image does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum VerifyFailure {
    /// Its signature.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Signature(#[from] SignatureError),
    /// What it says of where the image comes from.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The registry does not have what it lists, or that is not what it should be.
    #[error("it cannot be read: {0}")]
    Absent(String),
    /// It is too large.
    #[error("it has {0} bytes: no more than {ATTESTATION_LIMIT} are read")]
    Large(u64),
}

/// An image that the key has not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum NotSigned {
    /// Nobody has signed it.
    #[error("`{reference}` is not signed: nothing beside `{digest}` is a signature")]
    #[diagnostic(help("`imgbuild sign {reference} --key KEY`, or `--sign-key` when it is pushed, signs it"))]
    Nobody {
        /// The image.
        reference: String,
        /// Its digest.
        digest: Digest,
    },
    /// No signature holds.
    #[error("no signature of `{reference}` holds with the key `{key}`:{}", lines(refused))]
    Another {
        /// The image.
        reference: String,
        /// How bundles name the key.
        key: String,
        /// What does not hold, and why.
        refused: Vec<(String, VerifyFailure)>,
    },
}

imgbuild_diagnostic::boxed_sources!(NotSigned);

fn lines(refused: &[(String, VerifyFailure)]) -> String {
    refused.iter().map(|(what, why)| format!("\n{what}: {why}")).collect()
}

/// Looks for everything that a key, or anybody, says of the image whose manifest has this digest.
///
/// # Errors
///
/// When the registry cannot be asked. What does not hold is no error.
pub async fn attested(
    remote: &RemoteRepository,
    image: &Digest,
    key: Option<&VerifyingKey>,
) -> Result<Attested, DistributionError> {
    let mut found = Attested::default();
    // Others may lie there as many as they like.
    let is_asked =
        |it: &Pointer| [Some(BUNDLE_TYPE), Some(ATTESTATION_TYPE)].contains(&it.artifact_type.as_deref());
    let pointers = remote.referrers(image).await?.into_iter().filter(is_asked);
    for pointer in pointers.take(MOST_ATTESTATIONS) {
        let name = format!("the artifact `{}`", pointer.digest);
        if pointer.artifact_type.as_deref() == Some(ATTESTATION_TYPE) {
            let said = found.statement(content(remote, &pointer).await, image);
            found.doubted.extend(said.err().map(|failure| (name, failure)));
        } else if let Some(key) = key {
            let said = found.bundle(&pointer, content(remote, &pointer).await, image, key);
            found.refused.extend(said.err().map(|failure| (name, failure)));
        }
    }
    if let Some(key) = key {
        found.tagged(remote, image, key).await?;
    }
    found.told.sort_by_key(|told| !told.is_signed);
    // What the key has signed need not be told again by nobody.
    let mut told: Vec<Told> = Vec::new();
    for it in found.told {
        if !told.iter().any(|known| known.provenance == it.provenance) {
            told.push(it);
        }
    }
    Ok(Attested { told, ..found })
}

/// The file of an artifact. One that cannot be had hides none of the others.
async fn content(remote: &RemoteRepository, pointer: &Pointer) -> Result<Vec<u8>, VerifyFailure> {
    let absent = |error: RegistryError| VerifyFailure::Absent(imgbuild_diagnostic::told(&error));
    let manifest = remote.needed_manifest(&pointer.digest.to_string()).await.map_err(absent)?;
    match manifest.blobs().get(1) {
        Some(file) if file.size > ATTESTATION_LIMIT => Err(VerifyFailure::Large(file.size)),
        Some(file) => remote.blob_bytes(file.digest, file.size).await.map_err(absent),
        None => Ok(Vec::new()),
    }
}

impl Attested {
    /// Checks that the key has signed it. `digest` is what the reference means.
    ///
    /// # Errors
    ///
    /// When it has not.
    pub fn is_signed(&self, reference: &str, digest: &Digest, key: &VerifyingKey) -> Result<(), NotSigned> {
        let reference = reference.to_owned();
        match (self.signatures.is_empty(), self.refused.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => Err(NotSigned::Nobody { reference, digest: *digest }),
            (true, false) => {
                Err(NotSigned::Another { reference, key: key.hint(), refused: self.refused.clone() })
            }
        }
    }

    /// The same, with what is said of the list that it is in.
    pub fn and_of_list(&mut self, list: Self) {
        self.signatures.extend(list.signatures);
        self.refused.extend(list.refused);
        self.doubted.extend(list.doubted);
    }

    fn bundle(
        &mut self,
        pointer: &Pointer,
        bytes: Result<Vec<u8>, VerifyFailure>,
        image: &Digest,
        key: &VerifyingKey,
    ) -> Result<(), VerifyFailure> {
        let statement = Bundle::parse(&bytes?)?.verified(key)?;
        statement.is_about(image)?;
        match statement.predicate_type.as_str() {
            SIGN_PREDICATE => self.signatures.push(Signature::Bundle(pointer.digest)),
            PREDICATE => {
                let provenance = Provenance::read(&statement.predicate)?;
                self.told.push(Told { provenance, is_signed: true });
            }
            _ => {}
        }
        Ok(())
    }

    /// What nobody has signed: it is told, and proves nothing.
    fn statement(
        &mut self,
        bytes: Result<Vec<u8>, VerifyFailure>,
        image: &Digest,
    ) -> Result<(), VerifyFailure> {
        let statement = Statement::parse(&bytes?)?;
        if statement.predicate_type == PREDICATE {
            statement.is_about(image)?;
            let provenance = Provenance::read(&statement.predicate)?;
            self.told.push(Told { provenance, is_signed: false });
        }
        Ok(())
    }

    async fn tagged(
        &mut self,
        remote: &RemoteRepository,
        image: &Digest,
        key: &VerifyingKey,
    ) -> Result<(), DistributionError> {
        let tag = SimpleSignature::tag(image);
        let Some(manifest) = remote.manifest(&tag).await? else { return Ok(()) };
        for file in manifest.blobs().iter().skip(1).take(MOST_ATTESTATIONS) {
            let Some(signature) = file.annotations.get(SimpleSignature::ANNOTATION) else { continue };
            if file.media_type != SIMPLE_TYPE {
                continue;
            }
            if file.size > ATTESTATION_LIMIT {
                self.refused.push((format!("the tag `{tag}`"), VerifyFailure::Large(file.size)));
                continue;
            }
            let payload = match remote.blob_bytes(file.digest, file.size).await {
                Ok(payload) => payload,
                Err(error) => {
                    let failure = VerifyFailure::Absent(imgbuild_diagnostic::told(&error));
                    self.refused.push((format!("the tag `{tag}`"), failure));
                    continue;
                }
            };
            let signed = SimpleSignature { payload, signature: signature.clone() };
            match signed.is_about(image, key) {
                Ok(()) => self.signatures.push(Signature::Tag(tag.clone())),
                Err(error) => self.refused.push((format!("the tag `{tag}`"), error.into())),
            }
        }
        Ok(())
    }
}
