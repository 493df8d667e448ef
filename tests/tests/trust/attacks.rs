//! What those who have the registry, or a folder, and not the key, cannot do.

use std::process::Command;

use imgbuild_oci::Digest;
use imgbuild_tests::{HandmadeLayer, Registry};
use serde_json::{Value, json};

use super::{BUNDLE, get, imgbuild, key, manifest, push, referrers, small};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layer under the key of another one, which anybody can write into a manifest: it is not what is signed.
#[test]
fn a_registry_does_not_get_its_own_layer_signed() {
    let (registry, first) = (Registry::new(), imgbuild());
    small(&first);
    let target = format!("{}/small", registry.address());
    let image = push(&first, &target, &[]);
    let tar = HandmadeLayer::new().file("one", "evil\n").tar();
    first.write("evil.tar", &tar);
    let packed =
        Command::new("gzip").args(["-n", "-c", "evil.tar"]).current_dir(first.folder()).output().unwrap();
    registry.put_blob("small", &packed.stdout);
    let mut evil = manifest(&registry, "small", "latest");
    let config = evil["config"]["digest"].as_str().unwrap().to_owned();
    let mut config: Value =
        serde_json::from_slice(&get(&registry, &format!("small/blobs/{config}"))).unwrap();
    config["rootfs"]["diff_ids"][0] = json!(Digest::of(&tar));
    let config = serde_json::to_vec(&config).unwrap();
    registry.put_blob("small", &config);
    (evil["config"]["digest"], evil["config"]["size"]) = (json!(Digest::of(&config)), json!(config.len()));
    let layer = &mut evil["layers"][0];
    assert!(layer["annotations"]["dev.imgbuild.layer.key"].is_string(), "{layer}");
    (layer["digest"], layer["size"]) = (json!(Digest::of(&packed.stdout)), json!(packed.stdout.len()));
    registry.put_manifest("small", "latest", MANIFEST, &serde_json::to_vec(&evil).unwrap());
    let builds = |more: &[&str]| {
        let fresh = imgbuild();
        small(&fresh);
        push(&fresh, &target, more)
    };
    assert_eq!(builds(&["--sign-key", &key("ed.key")]), image);
    registry.put_manifest("small", "latest", MANIFEST, &serde_json::to_vec(&evil).unwrap());
    assert_eq!(builds(&["--provenance"]), image);
}

/// What was verified is what is run, whatever lies in the folder under its name.
#[test]
fn a_file_of_the_folder_is_not_run_in_the_place_of_what_was_verified() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("ed.key")]);
    let runs =
        || imgbuild.run(["run", &format!("{target}:latest"), "--verify", &key("ed.pub"), "--", "/one"]);
    let before = runs();
    imgbuild.write(&format!("{target}@{image}"), "no image\n");
    imgbuild.write(&image.to_string(), "nor this\n");
    assert_eq!(runs(), before);
}

/// What somebody puts beside an image hides no signature.
#[test]
fn a_damaged_artifact_hides_no_other() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    let bundle =
        referrers(&registry, "small", &image).into_iter().find(|it| it["artifactType"] == BUNDLE).unwrap();
    let digest: Digest = bundle["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    imgbuild.run(["sign", &format!("{target}:latest"), "--key", &key("ed.key")]).success();
    fs_err::remove_file(registry.blob_file(&digest)).unwrap();
    imgbuild.run(["verify", &format!("{target}:latest"), "--key", &key("ed.pub")]).success();
}

/// A key in the place of its file's name, as it happens in CI, is not told.
#[test]
fn a_key_that_is_given_as_a_word_is_not_shown() {
    let imgbuild = imgbuild();
    let text = fs_err::read_to_string(key("ed.key")).unwrap();
    let secret = text.lines().nth(1).unwrap();
    for word in [text.as_str(), secret] {
        for words in
            [vec!["sign", "r.example/a:1", "--key", word], vec!["verify", "r.example/a:1", "--key", word]]
        {
            let outcome = imgbuild.run(words).failure();
            assert!(
                !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                "{}",
                outcome.stderr
            );
        }
    }
}
