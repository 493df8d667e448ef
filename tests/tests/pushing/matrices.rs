//! Matrices and platforms: indexes, templates, and what is handed on.

use imgbuild_tests::Registry;
use insta::assert_snapshot;

use crate::{imgbuild, json, plain, push, small};

const MATRIX: &str = "tags = [\"{which}\"]\nplatforms = [\"linux/amd64\", \"linux/arm64\"]";

fn matrix(imgbuild: &imgbuild_tests::Imgbuild) {
    let more = "[image]\nlabels = { which = \"{which}\" }\n[matrix]\nwhich = [\"a\", \"b\"]\n";
    small(imgbuild, MATRIX, more);
}

#[test]
fn platforms_are_one_index_and_a_matrix_many_tags() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    matrix(&imgbuild);
    let report = push(&imgbuild, &format!("{address}/{{name}}-{{which}}"), &[]);
    let references: Vec<String> = report["pushed"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["references"].as_array().unwrap().clone())
        .map(|it| plain(it.as_str().unwrap(), address))
        .collect();
    assert_eq!(references, ["REGISTRY/small-a:a", "REGISTRY/small-b:b"]);
    // Both images copy the same files: the second repository has them from the first.
    assert!(report["pushed"][1]["mounted"]["blobs"].as_u64().unwrap() > 0, "{report:#}");
    let pulled = json(imgbuild.run(["pull", &format!("{address}/small-a:a"), "-o", "a.tar", "--json"]));
    assert_eq!(pulled["digest"], report["pushed"][0]["digest"]);
    // Joined by hand, the same images are the same index.
    let digests: Vec<String> = report["images"].as_array().unwrap()[..2]
        .iter()
        .map(|image| format!("{address}/small-a@{}", image["digest"].as_str().unwrap()))
        .collect();
    let joined = ["index", "create", &format!("{address}/joined:1"), &digests[0], &digests[1], "--json"];
    assert_eq!(json(imgbuild.run(joined))["pushed"][0]["digest"], report["pushed"][0]["digest"]);
    let twice = ["index", "create", &format!("{address}/joined:1"), &digests[0], &digests[0]];
    assert_snapshot!(plain(&imgbuild.run(twice).failure().stderr, address), @r"
    × `REGISTRY/small-a@sha256:…` is one more image for linux/amd64
    help: an index has one image for each platform
    ");
}

#[test]
fn two_images_are_not_pushed_under_one_name() {
    let imgbuild = imgbuild();
    matrix(&imgbuild);
    let words = ["build", "spec.toml", "--push", "registry.example/small:1"];
    assert_snapshot!(imgbuild.run(words).failure().stderr, @r"
    locking small:a (linux/amd64)
    locking small:a (linux/arm64)
    locking small:b (linux/amd64)
    locking small:b (linux/arm64)
      × `registry.example/small:1` would be two images: small:a and small:b
      help: write keys of the matrix into it, such as `:{python}`, or leave the tag out for the tags of the spec
    ");
}

#[test]
fn a_sparse_layout_hands_an_image_on() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    small(&imgbuild, "platforms = [\"linux/amd64\"]", "");
    let built = push(&imgbuild, &format!("{address}/staging:1"), &["--format", "sparse", "--output", "out"]);
    let blobs = fs_err::read_dir(imgbuild.path("out/small-latest/blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 2, "its configuration and its manifest");
    // Another machine, which has nothing else.
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    let pushed = json(imgbuild.run([
        "push",
        "out/small-latest",
        &format!("{address}/final"),
        "--json",
        "--mount-only",
    ]));
    assert_eq!(pushed["pushed"][0]["digest"], built["pushed"][0]["digest"]);
    let other = Registry::new();
    let pushed =
        json(imgbuild.run(["push", "out/small-latest", &format!("{}/final", other.address()), "--json"]));
    assert_eq!(pushed["pushed"][0]["digest"], built["pushed"][0]["digest"]);
    // It is written anew, and a whole one in its place is none of the kind.
    let again = ["build", "spec.toml", "--locked", "--format", "sparse", "--output", "out", "--push"];
    let staging = format!("{address}/staging:1");
    imgbuild.run([&again[..], &[staging.as_str()]].concat()).success();
    let whole = ["build", "spec.toml", "--locked", "--format", "oci-dir", "--output", "out"];
    imgbuild.run(whole).success();
    assert!(!imgbuild.path("out/small-latest/imgbuild-sparse.json").exists());
    imgbuild.run([&again[..], &[staging.as_str()]].concat()).success();
    // What says where the layers are is damaged.
    for text in ["{", "{\"layers\": [], \"repositories\": [\"Not One\"]}"] {
        imgbuild.write("out/small-latest/imgbuild-sparse.json", text);
        let refused = imgbuild.run(["push", "out/small-latest", &format!("{address}/more")]).failure();
        assert!(
            refused.stderr.contains("`out/small-latest` has a `imgbuild-sparse.json` that"),
            "{}",
            refused.stderr
        );
    }
}
