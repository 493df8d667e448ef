//! What others say of what we write.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imgbuild_tests::{Imgbuild, Registry, node_tools, python_tools, workspace_root};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{PROVENANCE, SIGNED, bundle, get, imgbuild, key, manifest, printed, push, small};

/// What Sigstore's own library says of a bundle.
fn judged(bundle: &Path, key: &str) -> String {
    let modules = node_tools("trust-node", "tests/tests/trust/package-lock.json");
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules).arg(workspace_root().join("tests/tests/trust/bundle.cjs"));
    printed(node.arg(bundle).arg(key)).trim_end().to_owned()
}

fn changed(imgbuild: &Imgbuild, bundle: &Path, change: impl Fn(&mut Value)) -> std::path::PathBuf {
    let mut value: Value = serde_json::from_slice(&fs_err::read(bundle).unwrap()).unwrap();
    change(&mut value);
    imgbuild.write("changed.json", value.to_string())
}

#[test]
fn sigstore_takes_our_bundles_and_refuses_what_was_changed_in_them() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    for (name, private, public, other) in
        [("a", "p256.key", "p256.pub", "ed.pub"), ("b", "ed.key", "ed.pub", "p256.pub")]
    {
        let target = format!("{}/{name}", registry.address());
        let image = push(&imgbuild, &target, &["--sign-key", &key(private), "--provenance"]);
        for predicate in [SIGNED, PROVENANCE] {
            let bundle = bundle(&imgbuild, &registry, name, &image, predicate);
            assert_eq!(judged(&bundle, &key(public)), "true");
            assert_ne!(judged(&bundle, &key(other)), "true");
            let text = |value: &str| json!(STANDARD.encode(value));
            let refused = |change: &dyn Fn(&mut Value)| {
                let changed = changed(&imgbuild, &bundle, change);
                let judged = judged(&changed, &key(public));
                assert_ne!(judged, "true", "{}", fs_err::read_to_string(changed).unwrap());
            };
            refused(&|it| it["dsseEnvelope"]["payload"] = text("{}"));
            refused(&|it| it["dsseEnvelope"]["payloadType"] = json!("text/plain"));
            refused(&|it| it["dsseEnvelope"]["signatures"][0]["sig"] = text("x"));
            refused(&|it| it["dsseEnvelope"]["signatures"] = json!([]));
            refused(&|it| it["verificationMaterial"]["publicKey"]["hint"] = json!("x"));
            refused(&|it| it["mediaType"] = json!("application/x"));
        }
    }
}

/// A list that is made of images of several machines is signed with all that it lists.
#[test]
fn a_list_that_is_joined_is_signed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let target = format!("{}/small", registry.address());
    for platform in ["amd64", "arm64"] {
        small(&imgbuild);
        let spec = fs_err::read_to_string(imgbuild.path("spec.toml")).unwrap();
        imgbuild.write("spec.toml", spec.replace("linux/amd64", &format!("linux/{platform}")));
        push(&imgbuild, &format!("{target}:{platform}"), &[]);
    }
    let images = ["amd64", "arm64"].map(|it| format!("{target}:{it}"));
    let name = format!("{target}:all");
    let create = |more: &[&str]| {
        let words = [
            &["index", "create", name.as_str()],
            &images.each_ref().map(String::as_str)[..],
            &["--json"],
            more,
        ];
        super::json(imgbuild.run(words.concat()))
    };
    assert_eq!(create(&[])["pushed"][0]["signedBy"], Value::Null);
    let refuses = imgbuild.run(["verify", &name, "--key", &key("p256.pub")]).failure();
    assert!(
        refuses.stderr.contains("not signed") || refuses.stderr.contains("no signature"),
        "{}",
        refuses.stderr
    );
    let created = create(&["--sign-key", &key("p256.key")]);
    let list: imgbuild_oci::Digest = created["pushed"][0]["digest"].as_str().unwrap().parse().unwrap();
    assert!(created["pushed"][0]["signedBy"].is_string(), "{created:#}");
    let listed = manifest(&registry, "small", "all");
    let listed = listed["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["digest"].as_str().unwrap().parse().unwrap());
    for image in listed.chain([list]) {
        let bundle = bundle(&imgbuild, &registry, "small", &image, SIGNED);
        assert_eq!(judged(&bundle, &key("p256.pub")), "true");
        assert_ne!(judged(&bundle, &key("ed.pub")), "true");
        let statement: Value = serde_json::from_slice(&fs_err::read(&bundle).unwrap()).unwrap();
        let payload = STANDARD.decode(statement["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["subject"][0]["digest"]["sha256"], image.hex());
    }
    for platform in ["linux/amd64", "linux/arm64"] {
        let words = ["verify", &name, "--platform", platform, "--key", &key("p256.pub"), "--json"];
        let verified = super::json(imgbuild.run(words));
        assert_eq!(verified["digest"], list.to_string());
        imgbuild.run(["verify", &name, "--platform", platform, "--key", &key("ed.pub")]).failure();
    }
}

#[test]
fn openssl_takes_the_older_form() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/team/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    let signatures = manifest(&registry, "team/small", &format!("sha256-{}.sig", image.hex()));
    let layer = &signatures["layers"][0];
    let digest = layer["digest"].as_str().unwrap();
    let payload = imgbuild.write("payload", get(&registry, &format!("team/small/blobs/{digest}")));
    let signature = layer["annotations"]["dev.cosignproject.cosign/signature"].as_str().unwrap();
    let signature = imgbuild.write("signature", STANDARD.decode(signature).unwrap());
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-verify", &key("p256.pub"), "-signature"]).arg(signature);
    assert_eq!(printed(openssl.arg(&payload)), "Verified OK\n");
    let payload = fs_err::read_to_string(payload).unwrap();
    let payload = payload.replace(&image.to_string(), "DIGEST").replace(registry.address(), "REGISTRY");
    assert_snapshot!(payload, @r#"{"critical":{"identity":{"docker-reference":"REGISTRY/team/small"},"image":{"docker-manifest-digest":"DIGEST"},"type":"cosign container image signature"},"optional":null}"#);
}

#[test]
fn others_read_what_we_say_of_where_an_image_comes_from() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let imgbuild = imgbuild
        .variable("GITLAB_CI", "true")
        .variable("CI_PROJECT_URL", "https://gitlab.example/team/images")
        .variable("CI_RUNNER_ID", "7");
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key"), "--provenance"]);
    let bundle = bundle(&imgbuild, &registry, "small", &image, PROVENANCE);
    let python = python_tools("trust", "tests/tests/trust/tools.txt").join("bin/python");
    let mut python = Command::new(python);
    python.env("PYTHONDONTWRITEBYTECODE", "1").arg(workspace_root().join("tests/tests/trust/statement.py"));
    let said = printed(python.arg(bundle).arg(key("p256.pub"))).replace(&image.hex(), "IMAGE");
    assert_snapshot!(said, @"
    application/vnd.in-toto+json
    https://slsa.dev/provenance/v1
    IMAGE
    https://github.com/imgbuild/imgbuild/blob/main/docs/supply-chain.md#build-type-v1
    https://gitlab.example/team/images/-/runners/7
    spec variant
    lock
    ");
}
