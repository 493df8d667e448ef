//! What is offered for an archive: the provenance objects of indexes, the sidecars of channels. Nothing of it is known to be true yet.

use imgbuild_signature::BUNDLE_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::MOST_OFFERED;
use crate::publisher::Claimed;
use crate::refusal::{Refusal, shown};

/// Who offers an attestation, and so by which rules it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// An index of wheels, which says by whom it is.
    Wheel(Claimed),
    /// A conda channel.
    Conda,
    /// Nobody by whose rules it could count here. Others that are offered with it may.
    Unknown(Neighbour),
}

/// What cannot be read here of one attestation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Neighbour {
    /// A publisher of another kind.
    Publisher(String),
    /// A publisher without what belongs to it, and why.
    NoPublisher(String),
    /// Something else, and why it is not known.
    Unreadable(String),
}

/// An attestation as it is offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// Who offers it.
    pub kind: Kind,
    /// The public URL of the index or channel that offers it: it is its word on whom it is of.
    #[serde(default)]
    pub from: String,
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
    attestations: Vec<Value>,
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

/// What the index at this public URL offers for one of its files: a provenance object of PEP 740. Its attestations are Sigstore's bundles
/// in other words. One that is of a kind that is not known spoils no other.
///
/// # Errors
///
/// When it is none, or has more than anybody needs.
pub fn of_wheel(bytes: &[u8], index: &str) -> Result<Vec<Offered>, Refusal> {
    let what = "provenance object (PEP 740)";
    let provenance: Provenance =
        serde_json::from_slice(bytes).map_err(|error| Refusal::unreadable(what, error))?;
    if provenance.version != 1 {
        return Err(Refusal::unreadable(what, format!("its version is {}", provenance.version)));
    }
    let mut all = Vec::new();
    for AttestationBundle { publisher, attestations } in provenance.attestation_bundles {
        let kind = match Claimed::read(publisher) {
            Ok(claimed) => Kind::Wheel(claimed),
            Err(Refusal::PublisherKind(kind)) => Kind::Unknown(Neighbour::Publisher(kind)),
            Err(Refusal::Unreadable { reason, .. }) => Kind::Unknown(Neighbour::NoPublisher(reason)),
            Err(other) => Kind::Unknown(Neighbour::NoPublisher(other.to_string())),
        };
        all.extend(attestations.into_iter().map(|attestation| match bundle(attestation) {
            Ok(bundle) => Offered { kind: kind.clone(), from: index.to_owned(), bundle },
            Err(why) => Offered {
                kind: Kind::Unknown(Neighbour::Unreadable(why)),
                from: index.to_owned(),
                bundle: Value::Null,
            },
        }));
    }
    few(all)
}

/// What the channel at this public URL offers for one of its packages: a list of Sigstore's bundles (CEP 50). Who got it has held it against the hash that the
/// channel's index has of it.
///
/// # Errors
///
/// As for [`of_wheel`].
pub fn of_conda(bytes: &[u8], channel: &str) -> Result<Vec<Offered>, Refusal> {
    let bundles: Vec<Value> = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::unreadable("list of attestations (CEP 50)", error))?;
    let offered = |bundle| Offered { kind: Kind::Conda, from: channel.to_owned(), bundle };
    few(bundles.into_iter().map(offered).collect())
}

fn few(all: Vec<Offered>) -> Result<Vec<Offered>, Refusal> {
    if all.len() > MOST_OFFERED { Err(Refusal::Many(all.len())) } else { Ok(all) }
}

/// The same attestation as Sigstore's tools read it, or why it cannot be read.
fn bundle(attestation: Value) -> Result<Value, String> {
    let read = serde_json::from_value(attestation);
    let Attestation { version, verification_material: material, envelope } =
        read.map_err(|error| shown(&error.to_string()))?;
    if version != 1 {
        return Err(format!("its version is {version}"));
    }
    Ok(json!({
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
    }))
}
