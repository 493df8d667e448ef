//! Whether an attestation counts: by Sigstore's library, and by what it says.

use std::collections::BTreeSet;

use imgbuild_oci::canonical;
use imgbuild_provenance::Attestation;
use imgbuild_signature::Statement;
use sigstore_verify::crypto::CertificateInfo;
use sigstore_verify::types::{Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{Error, VerificationPolicy};

use crate::archive::Archive;
use crate::offered::{Kind, Offered};
use crate::refusal::{Refusal, shown};
use crate::root::{RootError, TrustRoot};
use crate::statement::check;

/// Checks attestations.
pub struct Verifier {
    library: sigstore_verify::Verifier,
    /// The logs whose keys are known, by the hashes of these.
    logs: BTreeSet<Vec<u8>>,
}

impl Verifier {
    /// What checks them by these keys.
    ///
    /// # Errors
    ///
    /// When they cannot be used.
    pub fn new(root: &TrustRoot) -> Result<Self, RootError> {
        let wrong = |error: Error| RootError::Wrong { path: "".into(), reason: error.to_string() };
        let library = sigstore_verify::Verifier::new(&root.0).map_err(wrong)?;
        let logs = root.0.tlogs.iter().map(|log| log.log_id.key_id.as_bytes().to_vec()).collect();
        Ok(Self { library, logs })
    }

    /// Who published an archive, as an attestation proves it: its certificate is one of Sigstore's and was noted in a log of certificates; it
    /// held when the attestation was signed; a log has noted that; the signature holds; it is about this archive, and says that
    /// it was published; and it is by whom the index says.
    ///
    /// # Errors
    ///
    /// When any of this is not so.
    pub fn verify(&self, offered: &Offered, archive: &Archive<'_>) -> Result<Attestation, Refusal> {
        let unreadable = |error: &dyn std::fmt::Display| Refusal::unreadable("attestation", error);
        let text = canonical::to_vec(&offered.bundle).map_err(|error| unreadable(&error))?;
        let text = String::from_utf8(text).map_err(|error| unreadable(&error))?;
        let bundle = Bundle::from_json(&text).map_err(|error| unreadable(&error))?;
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
            return Err(unreadable(&"it is over a file, and not over a statement"));
        };
        let statement = Statement::parse(envelope.payload.as_bytes()).map_err(|error| unreadable(&error))?;
        self.check_logs(&bundle)?;
        let sha256 = Sha256Hash::try_from(archive.sha256.as_bytes().as_slice());
        let sha256 = sha256.map_err(|error| unreadable(&error))?;
        // Who may publish it is decided by whoever reads the provenance; the index's own word is held against it below.
        let found = self.library.verify(sha256, &bundle, &VerificationPolicy::any_identity());
        let found = match found {
            // What it is about instead is told by what it says.
            Err(Error::ArtifactMismatch(_)) => {
                let wanted = archive.sha256;
                check(&statement, &offered.kind, archive)?;
                return Err(Refusal::Digest { found: None, wanted });
            }
            found => found.map_err(|error| Refusal::of_library(&error))?,
        };
        let channel = check(&statement, &offered.kind, archive)?;
        let certificate = found.certificate().ok_or(Refusal::Nobody)?;
        if let Kind::Wheel(claimed) = &offered.kind {
            claimed.holds(certificate)?;
        }
        let media_type = bundle.media_type().as_str().to_owned();
        let said = of_certificate(certificate, &statement)?;
        Ok(Attestation { channel, media_type, bundle: text, ..said })
    }

    /// Whether known logs say that they have it: how they prove it is the library's matter, which does not tell one from the other.
    fn check_logs(&self, bundle: &Bundle) -> Result<(), Refusal> {
        let entries = &bundle.verification_material.tlog_entries;
        if entries.is_empty() || entries.iter().any(|entry| entry.inclusion_proof.is_none()) {
            return Err(Refusal::Log("it names none, or has no proof of it".to_owned()));
        }
        let is_known = |id: &[u8]| self.logs.contains(id);
        let unknown = entries.iter().find(|entry| !is_known(entry.log_id.key_id.as_bytes()));
        unknown.map_or(Ok(()), |entry| Err(Refusal::UnknownLog(shown(&entry.log_id.key_id.to_string()))))
    }
}

fn of_certificate(certificate: &CertificateInfo, statement: &Statement) -> Result<Attestation, Refusal> {
    let named = |text: &Option<String>| text.as_deref().map(shown);
    let identity = certificate.identity.as_ref().map(|it| shown(it.as_str()));
    let (Some(issuer), Some(identity)) = (named(&certificate.issuer), identity) else {
        return Err(Refusal::Nobody);
    };
    Ok(Attestation {
        predicate_type: statement.predicate_type.clone(),
        issuer,
        identity,
        repository: named(&certificate.ci_claims.source_repository_uri),
        commit: named(&certificate.ci_claims.source_repository_digest),
        channel: None,
        media_type: String::new(),
        bundle: String::new(),
    })
}
