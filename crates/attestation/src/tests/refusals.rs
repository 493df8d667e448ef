//! Each thing that is wrong, and all that is said of it.

use imgbuild_diagnostic::told;
use serde_json::{Value, json};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::{Genuine, attestation, change, circleci, conda, file, github, gitlab, google, keys, offer};
use crate::{Archive, TrustRoot};

fn refused(genuine: &Genuine, root: &TrustRoot) -> String {
    told(&genuine.verified(root).unwrap_err())
}

/// What is said of real attestations, each changed in one place.
fn all(changes: Vec<(&str, Genuine)>) -> String {
    let line = |(what, genuine): &(&str, Genuine)| format!("{what}:\n{}\n\n", refused(genuine, &keys()));
    changes.iter().map(line).collect()
}

/// One that is changed.
fn changed(mut genuine: Genuine, change: impl Fn(&mut Value)) -> Genuine {
    change(&mut genuine.offer);
    genuine
}

fn entry(offer: &mut Value) -> &mut Value {
    &mut attestation(offer)["verification_material"]["transparency_entries"][0]
}

#[test]
fn a_wheel_that_is_not_the_attested_one() {
    let renamed = |name| Genuine { archive: Archive { name, ..github().archive }, ..github() };
    let other =
        Genuine { archive: Archive { sha256: circleci().archive.sha256, ..github().archive }, ..github() };
    let payload = changed(github(), |offer| {
        change(&mut attestation(offer)["envelope"]["statement"], |text| text.replace("0.0.19", "0.0.18"));
    });
    let subject = changed(circleci(), |offer| *attestation(offer) = attestation(&mut github().offer).clone());
    let signature = changed(github(), |offer| {
        let other = attestation(&mut circleci().offer)["envelope"]["signature"].clone();
        attestation(offer)["envelope"]["signature"] = other;
    });
    insta::assert_snapshot!(all(vec![
        ("a version of another name", renamed("pypi_attestations-0.0.20.tar.gz")),
        ("other bytes", other),
        ("a changed statement", payload),
        ("the attestation of another archive", subject),
        ("the signature of another attestation", signature),
    ]));
}

#[test]
fn an_attestation_of_somebody_else_than_the_index_says() {
    let by = |genuine: Genuine, publisher: Value| {
        changed(genuine, |offer| offer["attestation_bundles"][0]["publisher"] = publisher.clone())
    };
    let name = "trailofbits/pypi-attestations";
    let git = |repository: &str, workflow: &str| json!({ "kind": "GitHub", "repository": repository, "workflow": workflow });
    insta::assert_snapshot!(all(vec![
        ("another repository", by(github(), git("trailofbits/other", "release.yml"))),
        ("another workflow", by(github(), git(name, "test.yml"))),
        ("a part of the workflow's name", by(github(), git(name, "release.yml@refs"))),
        (
            "GitHub's at GitLab",
            by(github(), json!({ "kind": "GitLab", "repository": name, "workflow_filepath": "release.yml" }))
        ),
        (
            "another file at GitLab",
            by(
                gitlab(),
                json!({ "kind": "GitLab", "repository": "facutuesca/gitlab-oidc-project", "workflow_filepath": "other.yml" })
            )
        ),
        ("another account", by(google(), json!({ "kind": "Google", "email": "other@example.com" }))),
        (
            "another pipeline",
            by(
                circleci(),
                json!({ "kind": "CircleCI", "project_id": "fdd9283f-e619-46af-8f9c-851f7d3e8b2b", "pipeline_definition_id": "1" })
            )
        ),
        ("a kind that nobody knows", by(github(), json!({ "kind": "Forge\u{1b}[31m" }))),
        ("a kind without what belongs to it", by(github(), json!({ "kind": "GitHub" }))),
    ]));
}

#[test]
fn an_attestation_that_no_log_has() {
    let no_entry = changed(github(), |offer| {
        attestation(offer)["verification_material"]["transparency_entries"] = json!([]);
    });
    let no_proof =
        changed(github(), |offer| drop(entry(offer).as_object_mut().unwrap().remove("inclusionProof")));
    let promise = changed(github(), |offer| {
        let other = entry(&mut circleci().offer)["inclusionPromise"].clone();
        entry(offer)["inclusionPromise"] = other;
    });
    let time = changed(github(), |offer| entry(offer)["integratedTime"] = "1700000000".into());
    let proof = changed(github(), |offer| {
        entry(offer)["inclusionProof"]["hashes"].as_array_mut().unwrap().swap(0, 1);
    });
    let checkpoint = changed(github(), |offer| {
        let other = entry(&mut gitlab().offer)["inclusionProof"]["checkpoint"].clone();
        entry(offer)["inclusionProof"]["checkpoint"] = other;
    });
    let of_another = changed(github(), |offer| *entry(offer) = entry(&mut gitlab().offer).clone());
    insta::assert_snapshot!(all(vec![
        ("no entry", no_entry),
        ("no proof", no_proof),
        ("the promise of another entry", promise),
        ("another time", time),
        ("a changed proof", proof),
        ("another checkpoint", checkpoint),
        ("the entry of another attestation", of_another),
    ]));
}

#[test]
fn an_attestation_of_keys_that_are_not_known() {
    let root = |change: &dyn Fn(&mut Value)| {
        let mut keys: Value = serde_json::from_str(SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
        change(&mut keys);
        TrustRoot::parse(&keys.to_string(), "trusted_root.json".as_ref()).unwrap()
    };
    let ended = "2022-12-01T00:00:00Z";
    let expired = root(&|keys| {
        for authority in keys["certificateAuthorities"].as_array_mut().unwrap() {
            authority["validFor"]["end"] = ended.into();
        }
    });
    let without = |name: &'static str| root(&|keys: &mut Value| keys[name] = json!([]));
    let publisher = github().offer["attestation_bundles"][0]["publisher"].clone();
    let staging = Genuine {
        archive: super::archive(
            "rfc8785-0.1.2-py3-none-any.whl",
            "c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201",
        ),
        offer: offer(publisher, file("rfc8785-0.1.2-py3-none-any.whl.publish.attestation")),
    };
    let told = [
        ("another Sigstore's", refused(&staging, &keys())),
        ("authorities that ended", refused(&github(), &expired)),
        ("no authorities", refused(&github(), &without("certificateAuthorities"))),
        ("no logs of certificates", refused(&github(), &without("ctlogs"))),
        ("no logs", refused(&github(), &without("tlogs"))),
    ];
    insta::assert_snapshot!(told.map(|(what, text)| format!("{what}:\n{text}\n")).join("\n"));
}

#[test]
fn what_is_no_attestation() {
    let whole = |offer: Value| Genuine { offer, ..github() };
    let certificate = changed(github(), |offer| {
        attestation(offer)["verification_material"]["certificate"] = "AAAA".into();
    });
    let version = changed(github(), |offer| attestation(offer)["version"] = 2.into());
    let many = changed(github(), |offer| {
        let all = offer["attestation_bundles"][0]["attestations"].as_array_mut().unwrap();
        *all = vec![all[0].clone(); 17];
    });
    let number = changed(github(), |offer| entry(offer)["logIndex"] = 0.5.into());
    insta::assert_snapshot!(all(vec![
        ("another object", whole(json!({ "message": "Not Found\n\u{1b}[2J" }))),
        ("a later version", whole(json!({ "version": 2, "attestation_bundles": [] }))),
        ("a later attestation", version),
        ("no certificate", certificate),
        ("a number that has several forms", number),
        ("far too many", many),
    ]));
}

#[test]
fn a_conda_package_that_is_not_the_attested_one() {
    let renamed = Genuine {
        archive: Archive { name: "actionlint-1.7.12-h60d57d3_1.conda", ..conda().archive },
        ..conda()
    };
    let other =
        Genuine { archive: Archive { sha256: github().archive.sha256, ..conda().archive }, ..conda() };
    let payload = changed(conda(), |offer| {
        change(&mut offer[0]["dsseEnvelope"]["payload"], |text| {
            text.replace("github-releases", "conda-forge")
        });
    });
    let of_wheel = Genuine { archive: github().archive, offer: conda().offer };
    let bundle = serde_json::from_str::<Value>(&github().verified(&keys()).unwrap()[0].bundle).unwrap();
    let says_of_wheel = Genuine { archive: github().archive, offer: json!([bundle]) };
    let no_bundle = Genuine { offer: json!([{}]), ..conda() };
    let no_entry = changed(conda(), |offer| offer[0]["verificationMaterial"]["tlogEntries"] = json!([]));
    insta::assert_snapshot!(all(vec![
        ("another build", renamed),
        ("other bytes", other),
        ("another channel", payload),
        ("a wheel", of_wheel),
        ("what is said of wheels", says_of_wheel),
        ("no bundle", no_bundle),
        ("no entry of a log", no_entry),
    ]));
}

#[test]
fn keys_that_cannot_be_used() {
    let wrong = ["", "{}", "[]", "{\"mediaType\": \"x\"}"];
    let read = |text: &&str| TrustRoot::parse(text, "trusted_root.json".as_ref());
    let mut told: Vec<String> =
        wrong.iter().filter_map(|text| read(text).err()).map(|it| imgbuild_diagnostic::told(&it)).collect();
    let nowhere = TrustRoot::read(Some("/nowhere/trusted_root.json".as_ref())).unwrap_err();
    told.push(imgbuild_diagnostic::told(&nowhere));
    insta::assert_snapshot!(told.join("\n\n"));
}
