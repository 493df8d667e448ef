//! Whether an attestation counts: by Sigstore's library, and by what it says.

use std::collections::BTreeSet;

use imgbuild_oci::canonical;
use imgbuild_provenance::Attestation;
use imgbuild_signature::Statement;
use serde_json::Value;
use sigstore_verify::crypto::CertificateInfo;
use sigstore_verify::types::{Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{Error, VerificationPolicy};

use crate::archive::Archive;
use crate::limits::{LONGEST_FACT, MOST_ENTRIES};
use crate::offered::{Kind, Neighbour, Offered};
use crate::refusal::{Refusal, shown};
use crate::root::{RootError, TrustRoot};
use crate::statement::check;

/// What comes of all that is offered for an archive.
#[derive(Debug, Default)]
pub struct Verified {
    /// What is proved, in an order of its own.
    pub proved: Vec<Attestation>,
    /// Why others do not count.
    pub refused: Vec<Refusal>,
}

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
        let bundle = read(offered)?;
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
        let target_channel = check(&statement, &offered.kind, archive)?;
        let certificate = found.certificate().ok_or(Refusal::Nobody)?;
        if let Kind::Wheel(claimed) = &offered.kind {
            claimed.holds(certificate)?;
        }
        let said = of_certificate(certificate, &statement)?;
        let from = Some(offered.from.clone()).filter(|from| !from.is_empty());
        let (index, channel) = match offered.kind {
            Kind::Conda => (None, from),
            Kind::Wheel(_) | Kind::Unknown(_) => (from, None),
        };
        let media_type = bundle.media_type().as_str().to_owned();
        Ok(Attestation { index, channel, target_channel, media_type, bundle: written(&bundle)?, ..said })
    }

    /// The same of all that is offered. What is signed once counts once.
    pub fn verify_all(&self, offered: &[Offered], archive: &Archive<'_>) -> Verified {
        let (mut verified, mut envelopes) = (Verified::default(), BTreeSet::new());
        for offered in offered {
            match self.verify(offered, archive) {
                Ok(attestation) => {
                    let envelope = &offered.bundle["dsseEnvelope"];
                    let signed = [&envelope["payload"], &envelope["signatures"][0]["sig"]];
                    if envelopes.insert(signed.map(Value::to_string)) {
                        verified.proved.push(attestation);
                    }
                }
                Err(refusal) => verified.refused.push(refusal),
            }
        }
        verified.proved.sort();
        verified
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

/// The bundle, where it is something that is known and no larger than it need be.
fn read(offered: &Offered) -> Result<Bundle, Refusal> {
    match &offered.kind {
        Kind::Unknown(Neighbour::Publisher(kind)) => return Err(Refusal::PublisherKind(shown(kind))),
        Kind::Unknown(Neighbour::NoPublisher(why)) => {
            return Err(Refusal::unreadable("publisher (PEP 740)", why));
        }
        Kind::Unknown(Neighbour::Unreadable(why)) => {
            return Err(Refusal::unreadable("attestation (PEP 740)", why));
        }
        Kind::Wheel(_) | Kind::Conda => {}
    }
    let entries = offered.bundle["verificationMaterial"]["tlogEntries"].as_array().map_or(0, Vec::len);
    if entries > MOST_ENTRIES {
        return Err(Refusal::Entries(entries));
    }
    let unreadable = |error: &dyn std::fmt::Display| Refusal::unreadable("attestation", error);
    // Numbers that have several forms are refused with it.
    let text = canonical::to_vec(&offered.bundle).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(text).map_err(|error| unreadable(&error))?;
    Bundle::from_json(&text).map_err(|error| unreadable(&error))
}

/// The bundle as it is kept: what the library has read of it, and nothing that a stranger wrote beside that.
fn written(bundle: &Bundle) -> Result<String, Refusal> {
    let unreadable = |error: &dyn std::fmt::Display| Refusal::unreadable("attestation", error);
    let text = bundle.to_json().map_err(|error| unreadable(&error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    let text = canonical::to_vec(&value).map_err(|error| unreadable(&error))?;
    String::from_utf8(text).map_err(|error| unreadable(&error))
}

/// What a certificate says, whole: a part of it could be somebody else's.
fn fact(what: &'static str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    match text {
        Some(text) if text.contains(char::is_control) || text.chars().count() > LONGEST_FACT => {
            Err(Refusal::Fact(what))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn of_certificate(certificate: &CertificateInfo, statement: &Statement) -> Result<Attestation, Refusal> {
    let claims = &certificate.ci_claims;
    let identity = certificate.identity.as_ref().map(|it| it.as_str());
    let issuer = fact("issuer", certificate.issuer.as_deref())?;
    let (Some(issuer), Some(identity)) = (issuer, fact("identity", identity)?) else {
        return Err(Refusal::Nobody);
    };
    Ok(Attestation {
        predicate_type: statement.predicate_type.clone(),
        issuer,
        identity,
        repository: fact("repository", claims.source_repository_uri.as_deref())?,
        commit: fact("commit", claims.source_repository_digest.as_deref())?,
        index: None,
        channel: None,
        target_channel: None,
        media_type: String::new(),
        bundle: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_certificate_says_is_kept_whole_or_not_at_all() {
        let long = "x".repeat(LONGEST_FACT);
        assert_eq!(fact("identity", Some(&long)), Ok(Some(long.clone())));
        assert_eq!(fact("identity", None), Ok(None));
        for wrong in [format!("{long}x"), "a\nb".to_owned(), "\u{1b}[2J".to_owned()] {
            assert_eq!(fact("identity", Some(&wrong)), Err(Refusal::Fact("identity")), "{wrong:?}");
        }
    }
}
