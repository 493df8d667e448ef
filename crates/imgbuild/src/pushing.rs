//! What was pushed, for people and as JSON.

use imgbuild_build::AttestedPackages;
use imgbuild_distribution::Published;
use imgbuild_oci::Reference;
use imgbuild_registry::{Count, Counts, TagChange};
use serde_json::{Value, json};

use crate::words::size;

/// What an image is called where it was pushed to: by its tags, or by its digest where it has none.
pub(crate) fn references(published: &Published) -> Vec<String> {
    let tagged: Vec<Reference> = published.destination.references().collect();
    if tagged.is_empty() {
        return vec![format!("{}@{}", published.pushed.repository, published.pushed.digest)];
    }
    tagged.iter().map(ToString::to_string).collect()
}

/// A line for each tag, and one that says what was sent.
pub(crate) fn summary(published: &[Published], attested: Option<AttestedPackages>, dry_run: bool) -> String {
    if published.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    let mut counts = Counts::default();
    for Published { destination, pushed, .. } in published {
        counts.and(&pushed.counts);
        for TagChange { tag, was } in &pushed.tags {
            let name = destination.references().find(|it| it.tag().is_some_and(|it| it.as_str() == tag));
            let name = name.map(|it| it.to_string()).unwrap_or_default();
            let change = match was {
                None => " (new)".to_owned(),
                Some(was) if *was == pushed.digest => " (unchanged)".to_owned(),
                Some(was) => format!(" (was {was})"),
            };
            text.push_str(&format!("{name} is {}{change}\n", pushed.digest));
        }
        if pushed.tags.is_empty() {
            text.push_str(&format!("{}@{}\n", pushed.repository, pushed.digest));
        }
    }
    text.push_str(&totals(&counts, dry_run));
    if !dry_run {
        text.push_str(&said(published, attested));
    }
    text
}

/// What is said beside what was pushed.
fn said(published: &[Published], attested: Option<AttestedPackages>) -> String {
    let signed = published.iter().find_map(|it| it.signed_by.as_ref());
    let told = published.iter().any(|it| it.has_provenance);
    let signed = signed.map(|key| format!("signed with the key {key}\n")).unwrap_or_default();
    let attested = attested.filter(|_| told).map(|AttestedPackages { packages, proved, .. }| {
        let have = if proved == 1 { "has" } else { "have" };
        format!("{proved} of {packages} packages {have} attestations that hold\n")
    });
    let told = if told { "with provenance\n" } else { "" };
    format!("{signed}{told}{}", attested.unwrap_or_default())
}

fn totals(counts: &Counts, dry_run: bool) -> String {
    let count = |Count { blobs, bytes }: Count| {
        let noun = if blobs == 1 { "blob" } else { "blobs" };
        format!("{} in {blobs} {noun}", size(bytes))
    };
    let Counts { sent, mounted, there } = *counts;
    let (sending, mounting) =
        if dry_run { ("would be sent", "would be mounted") } else { ("sent", "mounted") };
    format!("{sending}: {}; {mounting}: {}; there: {}\n", count(sent), count(mounted), count(there))
}

/// How many packages have attestations.
pub(crate) fn attested_as_json(attested: AttestedPackages) -> Value {
    let AttestedPackages { packages, offered, proved } = attested;
    json!({ "packages": packages, "offered": offered, "proved": proved })
}

pub(crate) fn as_json(published: &Published) -> Value {
    let Published { pushed, .. } = published;
    let count = |Count { blobs, bytes }: Count| json!({ "blobs": blobs, "bytes": bytes });
    json!({
        "repository": pushed.repository,
        "digest": pushed.digest,
        "references": references(published),
        "tags": pushed.tags.iter().map(|it| json!({ "tag": it.tag, "was": it.was })).collect::<Vec<_>>(),
        "sent": count(pushed.counts.sent),
        "mounted": count(pushed.counts.mounted),
        "there": count(pushed.counts.there),
        "signedBy": published.signed_by,
        "provenance": published.has_provenance,
    })
}
