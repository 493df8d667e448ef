//! What is told of images that are not what they say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::Digest;
use imgbuild_tests::{Imgbuild, Outcome, Registry};
use insta::assert_snapshot;
use serde_json::Value;

use super::{imgbuild, key, manifest, plain, push, small};

fn shown(registry: &Registry, outcome: &Outcome) -> String {
    plain(&format!("{}{}[{}]", outcome.stderr, outcome.stdout, outcome.code.unwrap()), registry.address())
}

fn verified(registry: &Registry, imgbuild: &Imgbuild, image: &str, public: &str) -> String {
    let name = format!("{}/{image}", registry.address());
    shown(registry, &imgbuild.run(["verify", &name, "--key", &key(public)]))
}

#[test]
fn verify_tells_who_has_signed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    push(&imgbuild, &target, &["--sign-key", &key("p256.key"), "--provenance"]);
    assert_snapshot!(verified(&registry, &imgbuild, "small:latest", "p256.pub"), @"
    REGISTRY/small:latest is sha256:…
    signed: with the key PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=: bundle sha256:…, tag sha256-….sig
    provenance (signed): built by https://github.com/imgbuild/imgbuild#unattested-machine
    lock: sha256:…
    [0]
    ");
    assert_snapshot!(verified(&registry, &imgbuild, "small:latest", "ed.pub"), @"
      × no signature of `REGISTRY/small:latest` holds with the key `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`:
      │ the artifact `sha256:…`: it was made with another key: it names `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`, and this one is `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`
      │ the artifact `sha256:…`: it was made with another key: it names `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`, and this one is `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`
      │ the tag `sha256-….sig`: it does not hold: what is signed was changed, or it was made with another key
    [1]
    ");
    push(&imgbuild, &format!("{}/unsigned", registry.address()), &[]);
    assert_snapshot!(verified(&registry, &imgbuild, "unsigned:latest", "ed.pub"), @"
      × `REGISTRY/unsigned:latest` is not signed: nothing beside `sha256:…` is a signature
      help: `imgbuild sign REGISTRY/unsigned:latest --key KEY`, or `--sign-key` when it is pushed, signs it
    [1]
    ");
    assert_snapshot!(verified(&registry, &imgbuild, "small:nothing", "ed.pub"), @"
      × there is no image `REGISTRY/small:nothing`
      help: `imgbuild tags REGISTRY/small` lists what is there
    [1]
    ");
}

#[test]
fn a_key_that_cannot_be_used_is_told_before_anything_is_done() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let refused = |name: &str| {
        let outcome = imgbuild.run(["build", "spec.toml", "--push", &target, "--sign-key", name]);
        shown(&registry, &outcome).replace(&key(""), "KEYS/")
    };
    assert_snapshot!(refused(&key("cosign.key")), @"
      × the key `KEYS/cosign.key` cannot be used
      ╰─▶ it is encrypted, and no password is given
      help: put its password into the variable `COSIGN_PASSWORD`
    [1]
    ");
    assert_snapshot!(refused(&key("rsa.key")), @"
      × the key `KEYS/rsa.key` cannot be used
      ╰─▶ it is a key of RSA, and keys are of Ed25519 or of ECDSA over P-256
      help: `cosign generate-key-pair` makes one
    [1]
    ");
    assert_snapshot!(refused(&key("p256.pub")), @"
      × the key `KEYS/p256.pub` cannot be used
      ╰─▶ it is a public key, with which signatures are checked and none are made
      help: name the private key that belongs to it
    [1]
    ");
    assert_snapshot!(refused("spec.toml"), @"
      × the key `spec.toml` cannot be used
      ╰─▶ it holds no key in PEM
      help: `cosign generate-key-pair` makes a pair of keys, and so do `openssl genpkey -algorithm ed25519 -out sign.key` and `openssl pkey -in sign.key -pubout -out sign.pub`
    [1]
    ");
    assert_snapshot!(refused("nothing.key"), @"
      × the key `nothing.key` cannot be read
      ╰─▶ No such file or directory (os error 2)
    [1]
    ");
    assert_snapshot!(refused("env:NOTHING"), @"
      × the key `env:NOTHING` is not there: no such variable is set
    [1]
    ");
    assert!(registry.is_empty());
    let public = |name: &str| {
        let outcome = imgbuild.run(["verify", &format!("{target}:1"), "--key", &key(name)]);
        shown(&registry, &outcome).replace(&key(""), "KEYS/")
    };
    assert_snapshot!(public("p256.key"), @"
      × the key `KEYS/p256.key` cannot be used
      ╰─▶ it is a private key, and signatures are checked with the public one
      help: `cosign public-key --key KEY`, or `openssl pkey -in KEY -pubout`, prints the public key that belongs to it
    [1]
    ");
    assert_snapshot!(public("rsa.pub"), @"
      × the key `KEYS/rsa.pub` cannot be used
      ╰─▶ it is a key of RSA, and keys are of Ed25519 or of ECDSA over P-256
      help: `cosign generate-key-pair` makes one
    [1]
    ");
}

/// Puts a manifest under a tag, and gives it a layer.
fn put(registry: &Registry, name: &str, tag: &str, value: &Value) {
    let media_type = value["mediaType"].as_str().unwrap();
    registry.put_manifest(name, tag, media_type, value.to_string().as_bytes());
}

#[test]
fn a_signature_of_another_image_is_told_as_that() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let first = push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    imgbuild.write("one", "changed");
    let second = push(&imgbuild, &format!("{target}:2"), &[]);
    let tag = |image: &Digest| format!("sha256-{}", image.hex());
    // Somebody lays what was signed beside another image.
    let list = manifest(&registry, "small", &tag(&first));
    put(&registry, "small", &tag(&second), &list);
    let signatures = manifest(&registry, "small", &format!("{}.sig", tag(&first)));
    put(&registry, "small", &format!("{}.sig", tag(&second)), &signatures);
    assert_snapshot!(verified(&registry, &imgbuild, "small:2", "p256.pub"), @"
      × no signature of `REGISTRY/small:2` holds with the key `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`:
      │ the artifact `sha256:…`: it is about `sha256:…`, and not about `sha256:…`
      │ the tag `sha256-….sig`: it is about `sha256:…`, and not about `sha256:…`
    [1]
    ");
}

#[test]
fn a_bundle_with_another_payload_is_told_as_that() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    imgbuild.write("one", "changed");
    let other = push(&imgbuild, &format!("{target}:2"), &[]);
    let mut artifact = super::referrers(&registry, "small", &image).remove(0);
    let bundle = super::bundle(&imgbuild, &registry, "small", &image, super::SIGNED);
    let mut bundle: Value = serde_json::from_slice(&fs_err::read(bundle).unwrap()).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = String::from_utf8(STANDARD.decode(payload).unwrap()).unwrap();
    bundle["dsseEnvelope"]["payload"] = STANDARD.encode(payload.replace(&image.hex(), &other.hex())).into();
    let bytes = bundle.to_string();
    registry.put_blob("small", bytes.as_bytes());
    artifact["layers"][0]["digest"] = Digest::of(&bytes).to_string().into();
    artifact["layers"][0]["size"] = bytes.len().into();
    let artifact_text = artifact.to_string();
    put(&registry, "small", &Digest::of(&artifact_text).to_string(), &artifact);
    let mut list = manifest(&registry, "small", &format!("sha256-{}", image.hex()));
    list["manifests"][0]["digest"] = Digest::of(&artifact_text).to_string().into();
    list["manifests"][0]["size"] = artifact_text.len().into();
    put(&registry, "small", &format!("sha256-{}", other.hex()), &list);
    assert_snapshot!(verified(&registry, &imgbuild, "small:2", "p256.pub"), @"
      × no signature of `REGISTRY/small:2` holds with the key `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`:
      │ the artifact `sha256:…`: it does not hold: what is signed was changed, or it was made with another key
    [1]
    ");
}

#[test]
fn an_image_that_is_not_of_the_lock_that_it_says_is_told_as_that() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    // A label of the spec's own wins.
    let spec = fs_err::read_to_string(imgbuild.path("spec.toml")).unwrap();
    let label =
        format!("[image]\nlabels = {{ \"io.github.imgbuild.lock\" = \"{}\" }}\n", Digest::of("another"));
    imgbuild.write("spec.toml", format!("{spec}{label}"));
    push(&imgbuild, &format!("{}/small", registry.address()), &["--sign-key", &key("ed.key")]);
    assert_snapshot!(verified(&registry, &imgbuild, "small:latest", "ed.pub"), @"
      × `REGISTRY/small:latest` says that it was made from the lock `sha256:…`, and holds `sha256:…`
    [1]
    ");
    // Somebody else's image has none, and is signed all the same.
    registry.push_image("other", "1", "application/vnd.oci.image.layer.v1.tar", &[0; 1024]);
    let other = format!("{}/other:1", registry.address());
    imgbuild.run(["sign", &other, "--key", &key("ed.key")]).success();
    assert_snapshot!(verified(&registry, &imgbuild, "other:1", "ed.pub"), @"
    REGISTRY/other:1 is sha256:…
    signed: with the key nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=: bundle sha256:…, tag sha256-….sig
    lock: none, it is no image of imgbuild, or others have laid something over it
    [0]
    ");
    let rebuilt = imgbuild.run(["verify", "--quiet", &other, "--rebuild", "spec.toml"]);
    assert_snapshot!(shown(&registry, &rebuilt), @"
      × `REGISTRY/other:1` does not say which lock it was made from: it is no image of imgbuild
    [1]
    ");
}
