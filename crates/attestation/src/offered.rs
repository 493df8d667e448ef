//! What is offered for an archive: the provenance objects of indexes, the sidecars of channels. Nothing of it is known to be true yet.

use imgbuild_signature::BUNDLE_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::MOST_OFFERED;
use crate::publisher::Claimed;
use crate::refusal::Refusal;

/// Who offers an attestation, and so by which rules it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// An index of wheels, which says by whom it is.
    Wheel(Claimed),
    /// A conda channel.
    Conda,
}

/// An attestation as it is offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// Who offers it.
    pub kind: Kind,
    /// Sigstore's bundle, as JSON.
    pub bundle: Value,
}

/// A provenance object (PEP 740).
#[derive(Deserialize)]
#[serde(expecting = "a provenance object")]
struct Provenance {
    version: u64,
    attestation_bundles: Vec<AttestationBundle>,
}

#[derive(Deserialize)]
#[serde(expecting = "an attestation bundle")]
struct AttestationBundle {
    publisher: Value,
    attestations: Vec<Attestation>,
}

/// An attestation object (PEP 740).
#[derive(Deserialize)]
#[serde(expecting = "an attestation")]
struct Attestation {
    version: u64,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(expecting = "the material of a verification")]
struct Material {
    certificate: String,
    transparency_entries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(expecting = "an envelope")]
struct Envelope {
    statement: String,
    signature: String,
}

/// What an index offers for one of its files: a provenance object of PEP 740. Its attestations are Sigstore's bundles in other words.
///
/// # Errors
///
/// When it is none, or has more than anybody needs.
pub fn of_wheel(bytes: &[u8]) -> Result<Vec<Offered>, Refusal> {
    let what = "provenance object (PEP 740)";
    let provenance: Provenance =
        serde_json::from_slice(bytes).map_err(|error| Refusal::unreadable(what, error))?;
    is_version_1(what, provenance.version)?;
    let mut all = Vec::new();
    for AttestationBundle { publisher, attestations } in provenance.attestation_bundles {
        let kind = Kind::Wheel(Claimed::read(publisher)?);
        for attestation in attestations {
            is_version_1("attestation (PEP 740)", attestation.version)?;
            all.push(Offered { kind: kind.clone(), bundle: bundle(&attestation) });
        }
    }
    few(all)
}

/// What a channel offers for one of its packages: a list of Sigstore's bundles (CEP 50). Who got it has held it against the hash that the
/// channel's index has of it.
///
/// # Errors
///
/// As for [`of_wheel`].
pub fn of_conda(bytes: &[u8]) -> Result<Vec<Offered>, Refusal> {
    let bundles: Vec<Value> = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::unreadable("list of attestations (CEP 50)", error))?;
    few(bundles.into_iter().map(|bundle| Offered { kind: Kind::Conda, bundle }).collect())
}

fn is_version_1(what: &'static str, version: u64) -> Result<(), Refusal> {
    match version {
        1 => Ok(()),
        other => Err(Refusal::unreadable(what, format!("its version is {other}"))),
    }
}

fn few(all: Vec<Offered>) -> Result<Vec<Offered>, Refusal> {
    if all.len() > MOST_OFFERED { Err(Refusal::Many(all.len())) } else { Ok(all) }
}

/// The same attestation as Sigstore's tools read it.
fn bundle(attestation: &Attestation) -> Value {
    let Attestation { verification_material: material, envelope, .. } = attestation;
    json!({
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "certificate": { "rawBytes": material.certificate },
            "tlogEntries": material.transparency_entries,
        },
        "dsseEnvelope": {
            "payload": envelope.statement,
            "payloadType": imgbuild_signature::STATEMENT_TYPE,
            "signatures": [{ "sig": envelope.signature }],
        },
    })
}
