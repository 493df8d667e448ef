//! Attestations of real archives: those that count, and the same changed in one place each. Where they come from stands in
//! `genuine/README.md`.

mod refusals;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::Digest;
use imgbuild_provenance::Attestation;
use serde_json::{Value, json};

use crate::{Archive, Offered, Refusal, TrustRoot, Verifier, of_conda, of_wheel};

/// A real archive, and what is offered for it.
struct Genuine {
    archive: Archive<'static>,
    offer: Value,
}

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/genuine").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn archive(name: &'static str, sha256: &str) -> Archive<'static> {
    Archive { name, sha256: Digest::from_hex(sha256).unwrap() }
}

/// A wheel that a pipeline of CircleCI's has published.
fn circleci() -> Genuine {
    let name = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl";
    Genuine {
        archive: archive(name, "8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f"),
        offer: file(&format!("{name}.provenance")),
    }
}

/// A source distribution that a workflow of GitHub Actions has published.
fn github() -> Genuine {
    let name = "pypi_attestations-0.0.19.tar.gz";
    Genuine {
        archive: archive(name, "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"),
        offer: file(&format!("{name}.provenance")),
    }
}

/// One that an account of Google's has published.
fn google() -> Genuine {
    let name = "gcb_attestation_test-0.0.0.tar.gz";
    Genuine {
        archive: archive(name, "461317362419124b6012e855423a9078d6de8aed3e74fa78cc74d669b23dc6cf"),
        offer: file(&format!("{name}.provenance")),
    }
}

/// One of a pipeline of GitLab's, as an index would offer it.
fn gitlab() -> Genuine {
    let name = "gitlab_oidc_project-0.0.3.tar.gz";
    let publisher = json!({
        "kind": "GitLab", "repository": "facutuesca/gitlab-oidc-project", "workflow_filepath": ".gitlab-ci.yml",
    });
    Genuine {
        archive: archive(name, "c1ca9b0d85df1606451098233018534497bf584362e10e4a8c21dfaea92c02a8"),
        offer: offer(publisher, file(&format!("{name}.publish.attestation"))),
    }
}

/// A conda package, in whose channel a workflow of GitHub Actions has published it.
fn conda() -> Genuine {
    let name = "actionlint-1.7.12-h60d57d3_0.conda";
    Genuine {
        archive: archive(name, "e3e0f35dec5b09b18baac8729d14115903b5adfd25065f8bbb90a2b3be5401e4"),
        offer: file(&format!("{name}.sigs")),
    }
}

/// A provenance object of one attestation.
fn offer(publisher: Value, attestation: Value) -> Value {
    json!({
        "version": 1,
        "attestation_bundles": [{ "publisher": publisher, "attestations": [attestation] }],
    })
}

impl Genuine {
    fn offered(&self) -> Result<Vec<Offered>, Refusal> {
        let bytes = self.offer.to_string();
        let (bytes, from) = (bytes.as_bytes(), "https://offers.example");
        if self.offer.is_array() { of_conda(bytes, from) } else { of_wheel(bytes, from) }
    }

    /// What is proved by these keys.
    fn verified(&self, root: &TrustRoot) -> Result<Vec<Attestation>, Refusal> {
        let verifier = Verifier::new(root).unwrap();
        self.offered()?.iter().map(|offered| verifier.verify(offered, &self.archive)).collect()
    }
}

/// The keys of the public Sigstore.
fn keys() -> TrustRoot {
    TrustRoot::read(None).unwrap()
}

/// All but the bundle, which is long.
fn shown(attestation: &Attestation) -> String {
    let Attestation { predicate_type, issuer, identity, repository, commit, media_type, .. } = attestation;
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let (repository, commit) = (said(repository), said(commit));
    // Its name alone.
    let channel = said(&attestation.target_channel).rsplit('/').next().unwrap().to_owned();
    format!(
        "{predicate_type}\n  {issuer}\n  {identity}\n  {repository}\n  {commit}\n  {channel}\n  {media_type}\n"
    )
}

#[test]
fn who_published_real_archives_is_proved() {
    let all = [circleci(), github(), google(), gitlab(), conda()];
    let told = all.iter().flat_map(|it| it.verified(&keys()).unwrap());
    insta::assert_snapshot!(told.map(|it| shown(&it)).collect::<String>());
}

#[test]
fn what_is_kept_is_a_bundle_that_is_proved_again() {
    let github = github();
    let kept = github.verified(&keys()).unwrap().remove(0);
    let bundle: Value = serde_json::from_str(&kept.bundle).unwrap();
    let again = Offered { bundle, ..github.offered().unwrap().remove(0) };
    assert_eq!(Verifier::new(&keys()).unwrap().verify(&again, &github.archive), Ok(kept));
}

#[test]
fn the_store_keeps_what_was_offered() {
    for genuine in [circleci(), conda()] {
        let offered = genuine.offered().unwrap();
        let kept = serde_json::to_vec(&offered).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Offered>>(&kept).unwrap(), offered);
    }
}

#[test]
fn what_is_kept_is_what_was_read_and_once() {
    let github = github();
    let mut bundle = github.offered().unwrap().remove(0);
    let plain = bundle.clone();
    bundle.bundle["a stranger's"] = json!("x".repeat(1000));
    bundle.bundle["dsseEnvelope"]["another"] = json!(1);
    let found = Verifier::new(&keys()).unwrap().verify_all(&[bundle, plain], &github.archive);
    assert!(found.refused.is_empty());
    assert_eq!(found.proved, github.verified(&keys()).unwrap());
    assert_eq!(found.proved[0].index.as_deref(), Some("https://offers.example"));
}

#[test]
fn what_is_not_known_spoils_nothing_beside_it() {
    let mut genuine = github();
    let bundles = genuine.offer["attestation_bundles"].as_array_mut().unwrap();
    let good = bundles[0].clone();
    let (mut of_others, mut later) = (good.clone(), good);
    of_others["publisher"] = json!({ "kind": "Forge" });
    later["attestations"][0]["version"] = 2.into();
    bundles.extend([of_others, later]);
    let found = Verifier::new(&keys()).unwrap().verify_all(&genuine.offered().unwrap(), &genuine.archive);
    assert_eq!(found.proved.len(), 1);
    insta::assert_snapshot!(found.refused.iter().map(|it| format!("{it}\n")).collect::<String>(), @"
    the index says that it is by a publisher of the kind `Forge`, which is not known here
    it is no attestation (PEP 740) that can be read: its version is 2
    ");
}

/// The attestation of a provenance object.
fn attestation(offer: &mut Value) -> &mut Value {
    &mut offer["attestation_bundles"][0]["attestations"][0]
}

/// Changes a text that is in base64.
fn change(text: &mut Value, change: impl Fn(String) -> String) {
    let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    *text = STANDARD.encode(change(String::from_utf8(bytes).unwrap())).into();
}
