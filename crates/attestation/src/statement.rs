//! What an attestation says, once it is known who says it: that it is about this archive, and that it is something known.

use imgbuild_oci::Digest;
use imgbuild_signature::Statement;
use serde_json::Value;

use crate::archive::Archive;
use crate::filename::is_same;
use crate::offered::Kind;
use crate::refusal::{Refusal, shown};

/// What PyPI lets be said of a file: that it was published (docs.pypi.org/attestations), and how it was built.
const OF_WHEELS: [&str; 2] =
    ["https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"];
/// What is said of a conda package (CEP 27).
const OF_CONDA: &str = "https://schemas.conda.org/attestations-publish-1.schema.json";
/// The longest URL of a channel (CEP 27).
const LONGEST_CHANNEL: usize = 2083;

/// Checks what a statement says of an archive; the channel that it was published to, where it says one.
pub(crate) fn check(
    statement: &Statement,
    kind: &Kind,
    archive: &Archive<'_>,
) -> Result<Option<String>, Refusal> {
    let [subject] = statement.subjects.as_slice() else {
        return Err(Refusal::Subjects(statement.subjects.len()));
    };
    let name = subject.name.as_deref().unwrap_or_default();
    let is_named = match kind {
        Kind::Wheel(_) => is_same(name, archive.name),
        Kind::Conda => name == archive.name,
        Kind::Unknown(_) => false,
    };
    if !is_named {
        return Err(Refusal::Name { found: shown(name), wanted: archive.name.to_owned() });
    }
    let found = subject.digest.get("sha256").and_then(|hex| Digest::from_hex(hex).ok());
    if found != Some(archive.sha256) {
        return Err(Refusal::Digest { found, wanted: archive.sha256 });
    }
    let is_known = match kind {
        Kind::Wheel(_) => OF_WHEELS.contains(&statement.predicate_type.as_str()),
        Kind::Conda => statement.predicate_type == OF_CONDA,
        Kind::Unknown(_) => false,
    };
    match kind {
        _ if !is_known => Err(Refusal::Predicate(shown(&statement.predicate_type))),
        Kind::Wheel(_) | Kind::Unknown(_) => Ok(None),
        Kind::Conda => channel(&statement.predicate),
    }
}

/// The channel of a publish attestation (CEP 27): a URL without a slash at its end, or nothing.
fn channel(predicate: &Value) -> Result<Option<String>, Refusal> {
    if predicate.is_null() {
        return Ok(None);
    }
    let channel = predicate["targetChannel"].as_str().unwrap_or_default();
    let is_url = channel.contains("://") && !channel.ends_with('/') && channel.len() <= LONGEST_CHANNEL;
    match is_url && !channel.contains(char::is_control) {
        true => Ok(Some(channel.to_owned())),
        false => Err(Refusal::Channel(shown(channel))),
    }
}
