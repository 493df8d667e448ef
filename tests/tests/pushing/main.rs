//! Images to registries and from there: what is moved, what is taken over, and what many builders share. The registry is Debian's
//! `docker-registry`; what registries do wrong is in `registries`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod buckets;
mod caches;
mod completing;
mod engines;
mod leases;
mod matrices;
mod moving;
mod team;

use imgbuild_tests::{Imgbuild, Outcome};
use serde_json::Value;

/// A spec without packages: what is copied is all of it. `more` stands behind it.
fn small(imgbuild: &Imgbuild, head: &str, more: &str) {
    for name in ["one", "two"] {
        imgbuild.write(name, format!("{name}\n").repeat(4000));
    }
    let spec = format!(
        "name = \"small\"\nbase = \"scratch\"\n{head}\n[layers]\ncompression = \"gzip\"\n\
         [[copy]]\nfrom = \"one\"\nto = \"/one\"\n[[copy]]\nfrom = \"two\"\nto = \"/two\"\n{more}"
    );
    imgbuild.write("spec.toml", spec);
}

/// A program whose store is empty and its own.
fn imgbuild() -> Imgbuild {
    Imgbuild::with_private_store()
}

/// What a command says as JSON.
#[track_caller]
fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success().stdout).unwrap()
}

/// Builds the spec that is there, and pushes it.
#[track_caller]
fn push(imgbuild: &Imgbuild, target: &str, more: &[&str]) -> Value {
    let mut words = vec!["build", "spec.toml", "--json", "--push", target];
    words.extend(more);
    json(imgbuild.run(words))
}

/// Blobs that were sent, mounted and there, of all images.
fn counts(report: &Value) -> [u64; 3] {
    let sum = |what: &str| {
        report["pushed"].as_array().unwrap().iter().map(|it| it[what]["blobs"].as_u64().unwrap()).sum()
    };
    ["sent", "mounted", "there"].map(sum)
}

/// A text with what differs from run to run replaced.
fn plain(text: &str, address: &str) -> String {
    let text = text.replace(address, "REGISTRY");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("sha256:") {
        out.push_str(&rest[..at]);
        out.push_str("sha256:…");
        rest = rest[at + "sha256:".len()..].trim_start_matches(|it: char| it.is_ascii_hexdigit());
    }
    out + rest
}
