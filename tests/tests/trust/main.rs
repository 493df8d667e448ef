//! Whose images are: signatures as cosign's readers read them, where they come from as others read that, and what `imgbuild verify` says.
//! The keys are those of `crates/signature`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attached;
mod attacks;
mod others;
mod page;
mod policies;
mod publishers;
mod rebuilding;
mod refusals;

use std::path::PathBuf;
use std::process::Command;

use imgbuild_oci::Digest;
use imgbuild_tests::{Imgbuild, Outcome, Registry, capture, workspace_root};
use serde_json::Value;

/// A file of a key.
fn key(name: &str) -> String {
    workspace_root().join("crates/signature/src/tests/keys").join(name).display().to_string()
}

/// A program whose store is empty and its own, and which no CI and no repository of git knows.
fn imgbuild() -> Imgbuild {
    let imgbuild = Imgbuild::with_private_store().without("COSIGN_PASSWORD");
    let cis = ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "TF_BUILD", "JENKINS_URL"];
    cis.into_iter().fold(imgbuild, Imgbuild::without)
}

/// A spec without packages: what is copied is all of it.
fn small(imgbuild: &Imgbuild) {
    imgbuild.write("one", "one\n".repeat(4000));
    imgbuild.write(
        "spec.toml",
        "name = \"small\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[layers]\ncompression = \"gzip\"\n\
         [[copy]]\nfrom = \"one\"\nto = \"/one\"\n",
    );
}

/// What a command says as JSON.
#[track_caller]
fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success().stdout).unwrap()
}

/// Builds the spec that is there, and pushes it: the digest of what was pushed.
#[track_caller]
fn push(imgbuild: &Imgbuild, target: &str, more: &[&str]) -> Digest {
    let mut words = vec!["build", "spec.toml", "--json", "--push", target];
    words.extend(more);
    json(imgbuild.run(words))["pushed"][0]["digest"].as_str().unwrap().parse().unwrap()
}

/// What a registry answers, whatever it is.
fn get(registry: &Registry, path: &str) -> Vec<u8> {
    let types = "accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--location", "--header", types]);
    let output = curl.arg(format!("http://{}/v2/{path}", registry.address())).output().unwrap();
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn manifest(registry: &Registry, name: &str, reference: &str) -> Value {
    serde_json::from_slice(&get(registry, &format!("{name}/manifests/{reference}"))).unwrap()
}

/// What refers to an image, as registries without a list of it have it: each artifact's manifest.
fn referrers(registry: &Registry, name: &str, image: &Digest) -> Vec<Value> {
    let index = manifest(registry, name, &format!("sha256-{}", image.hex()));
    let all = index["manifests"].as_array().unwrap().clone();
    all.iter().map(|it| manifest(registry, name, it["digest"].as_str().unwrap())).collect()
}

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The bundle of an image that says this, in a file.
fn bundle(imgbuild: &Imgbuild, registry: &Registry, name: &str, image: &Digest, predicate: &str) -> PathBuf {
    let all = referrers(registry, name, image);
    let is_it = |it: &&Value| {
        it["artifactType"] == BUNDLE && it["annotations"]["dev.sigstore.bundle.predicateType"] == predicate
    };
    let artifact = all.iter().find(is_it).unwrap();
    let digest = artifact["layers"][0]["digest"].as_str().unwrap();
    imgbuild.write("bundle.json", get(registry, &format!("{name}/blobs/{digest}")))
}

const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// A text with what differs from run to run replaced.
fn plain(text: &str, address: &str) -> String {
    let text = text.replace(address, "REGISTRY");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("sha256").filter(|at| rest[at + 6..].starts_with([':', '-'])) {
        out.push_str(&rest[..at + 7]);
        out.push('…');
        rest = rest[at + 7..].trim_start_matches(|it: char| it.is_ascii_hexdigit());
    }
    out + rest
}

/// What a program prints.
#[track_caller]
fn printed(command: &mut Command) -> String {
    capture(command).success().stdout
}
