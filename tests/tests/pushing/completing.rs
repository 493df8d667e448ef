//! Whether all images of a matrix are there, however many machines have pushed them, and joining those of single platforms.

use imgbuild_tests::{Imgbuild, Registry};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{imgbuild, json, plain, push, small};

const PLATFORMS: &str = "platforms = [\"linux/amd64\", \"linux/arm64\"]";

/// Images `a` and `b`, each for so many platforms.
fn matrix(imgbuild: &Imgbuild, platforms: &str) {
    let more = "[image]\nlabels = { which = \"{which}\" }\n[matrix]\nwhich = [\"a\", \"b\"]\n";
    small(imgbuild, &format!("tags = [\"{{which}}\"]\n{platforms}"), more);
}

/// What a command prints and says.
fn said(imgbuild: &Imgbuild, address: &str, words: &[&str]) -> String {
    let outcome = imgbuild.run(words);
    let code = outcome.code.unwrap();
    plain(&format!("{}{}[{code}]", outcome.stdout, outcome.stderr), address)
}

/// The tags of a repository with their digests.
fn tags(imgbuild: &Imgbuild, target: &str) -> Vec<(String, Value)> {
    let tags = json(imgbuild.run(["tags", target, "--digests", "--json"]));
    let tags = tags["tags"].as_array().unwrap().iter();
    tags.map(|it| (it["tag"].as_str().unwrap().to_owned(), it["digest"].clone())).collect()
}

#[test]
fn machines_push_their_platforms_and_one_completes_the_matrix() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    let whole = push(&imgbuild, &format!("{address}/whole"), &[]);
    push(&imgbuild, &target, &["--platform", "linux/amd64", "--platform-tags"]);
    push(&imgbuild, &target, &["--platform", "linux/arm64", "--only", "which=a", "--platform-tags"]);
    let complete = ["push", "--complete", "spec.toml", &target];
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:a-arm64 is there
    REGISTRY/small:b-amd64 is there
    REGISTRY/small:b-arm64 is missing
      × 1 of 4 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones; machines that build one platform of an image each push with `--platform-tags`
    [1]
    ");
    push(&imgbuild, &target, &["--platform", "linux/arm64", "--only", "which=b", "--platform-tags"]);
    assert_snapshot!(said(&imgbuild, address, &complete), @"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:a-arm64 is there
    REGISTRY/small:b-amd64 is there
    REGISTRY/small:b-arm64 is there
    REGISTRY/small:a is sha256:… (new)
    REGISTRY/small:b is sha256:… (new)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 4.7 kB in 8 blobs
    [0]
    ");
    // What many machines have made is what one makes.
    let tags = tags(&imgbuild, &target);
    let digest = |tag: &str| tags.iter().find(|it| it.0 == tag).unwrap().1.clone();
    assert_eq!([digest("a"), digest("b")], [0, 1].map(|it| whole["pushed"][it]["digest"].clone()));
    // Once they are joined, that is all.
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is there
    [0]
    ");
    // Another lock is another matrix.
    let lock = imgbuild.read("spec.lock").replace("timestamp = ", "timestamp = 1");
    imgbuild.write("spec.lock", lock);
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a was made from another lock
    REGISTRY/small:b was made from another lock
      × 2 of 2 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones; machines that build one platform of an image each push with `--platform-tags`
    [1]
    ");
}

#[test]
fn images_that_were_pushed_whole_are_complete() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    push(&imgbuild, &target, &["--only", "which=a"]);
    let complete = ["push", "--complete", "spec.toml", &target];
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is missing
      × 1 of 2 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones; machines that build one platform of an image each push with `--platform-tags`
    [1]
    ");
    // Of two machines that push one platform each under one tag the last one wins.
    push(&imgbuild, &target, &["--only", "which=b", "--platform", "linux/amd64"]);
    push(&imgbuild, &target, &["--only", "which=b", "--platform", "linux/arm64"]);
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is there, but not for linux/amd64
      × 1 of 2 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones; machines that build one platform of an image each push with `--platform-tags`
    [1]
    ");
    let report: Value =
        serde_json::from_str(&imgbuild.run([&complete[..], &["--json"]].concat()).failure().stdout).unwrap();
    assert_snapshot!(plain(&report.to_string(), address), @r#"{"there":["REGISTRY/small:a"],"incomplete":[{"reference":"REGISTRY/small:b","why":"other platforms","lacking":["linux/amd64"]}],"joined":[]}"#);
    push(&imgbuild, &target, &["--only", "which=b"]);
    let before = tags(&imgbuild, &target);
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is there
    [0]
    ");
    assert_eq!(tags(&imgbuild, &target), before);
}

#[test]
fn what_is_left_of_another_lock_under_a_tag_of_a_platform_is_in_nobodys_way() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, "platforms = [\"linux/amd64\"]");
    let complete = ["push", "--complete", "spec.toml", &target];
    push(&imgbuild, &target, &["--platform-tags"]);
    assert_snapshot!(said(&imgbuild, address, &complete), @"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:b-amd64 is there
    REGISTRY/small:a is sha256:… (new)
    REGISTRY/small:b is sha256:… (new)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 3.3 kB in 6 blobs
    [0]
    ");
    imgbuild.write("one", "another\n");
    imgbuild.run(["lock", "spec.toml", "--upgrade"]).success();
    let lock = imgbuild.read("spec.lock").replace("timestamp = ", "timestamp = 1");
    imgbuild.write("spec.lock", lock);
    push(&imgbuild, &target, &["--only", "which=a"]);
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b was made from another lock
      × 1 of 2 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones
    [1]
    ");
    push(&imgbuild, &target, &[]);
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is there
    [0]
    ");
}

#[test]
fn what_is_copied_changes_without_the_lock() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    let complete = ["push", "--complete", "spec.toml", &target];
    push(&imgbuild, &target, &["--platform-tags"]);
    imgbuild.run(complete).success();
    imgbuild.write("one", "another\n");
    push(&imgbuild, &target, &["--platform-tags", "--only", "which=a"]);
    assert_snapshot!(said(&imgbuild, address, &complete), @"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:a-arm64 is there
    REGISTRY/small:b is there
    REGISTRY/small:a is sha256:… (was sha256:…)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 2.3 kB in 4 blobs
    [0]
    ");
    assert_snapshot!(said(&imgbuild, address, &complete), @r"
    REGISTRY/small:a is there
    REGISTRY/small:b is there
    [0]
    ");
}

#[test]
fn no_tag_is_moved_where_none_may_be() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    push(&imgbuild, &target, &["--platform-tags"]);
    // Somebody has taken a tag for something else.
    imgbuild.run(["copy", &format!("{target}:b-amd64"), &format!("{target}:a")]).success();
    let before = tags(&imgbuild, &target);
    let complete = ["push", "--complete", "spec.toml", &target];
    assert_snapshot!(said(&imgbuild, address, &[&complete[..], &["--immutable-tags"]].concat()), @r"
      × `REGISTRY/small:a` is `sha256:…` already, and would become `sha256:…`
      help: push under another tag, or without `--immutable-tags`
    [1]
    ");
    assert_eq!(tags(&imgbuild, &target), before);
    assert_snapshot!(said(&imgbuild, address, &complete), @"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:a-arm64 is there
    REGISTRY/small:b-amd64 is there
    REGISTRY/small:b-arm64 is there
    REGISTRY/small:a is sha256:… (was sha256:…)
    REGISTRY/small:b is sha256:… (new)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 4.7 kB in 8 blobs
    [0]
    ");
}

#[test]
fn a_part_of_a_matrix_is_completed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    push(&imgbuild, &target, &["--only", "which=a", "--platform-tags"]);
    push(&imgbuild, &target, &["--only", "which=b", "--platform", "linux/arm64", "--platform-tags"]);
    let complete = |more: &[&str]| {
        said(&imgbuild, address, &[&["push", "--complete", "spec.toml", &target], more].concat())
    };
    assert_snapshot!(complete(&["--only", "which=a"]), @"
    REGISTRY/small:a-amd64 is there
    REGISTRY/small:a-arm64 is there
    REGISTRY/small:a is sha256:… (new)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 2.3 kB in 4 blobs
    [0]
    ");
    assert_snapshot!(complete(&["--only", "which=b", "--platform", "linux/amd64"]), @r"
    REGISTRY/small:b is missing
      × 1 of 1 images are not there as this lock makes them
      help: build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones
    [1]
    ");
    assert_snapshot!(complete(&["--only", "which=c"]), @r#"
      × no variant of the spec has which = "c"
      help: `imgbuild check` lists the variants
    [1]
    "#);
    assert_snapshot!(complete(&["--named", "a"]), @r"
    error: the argument '--complete' cannot be used with '--named <NAME>'

    Usage: imgbuild push --complete <IMAGE> <REF>...

    For more information, try '--help'.
    [2]
    ");
    assert_snapshot!(complete(&["--only", "which=b", "--platform", "linux/arm64"]), @r"
    REGISTRY/small:b-arm64 is there
    [0]
    ");
}

#[test]
fn what_was_built_before_is_pushed_under_tags_of_platforms_as_well() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    let target = format!("{address}/small");
    matrix(&imgbuild, PLATFORMS);
    let built = json(imgbuild.run(["build", "spec.toml", "--output", "out", "--json"]));
    imgbuild.run(["push", "spec.toml", &target, "--platform-tags"]).success();
    let images = built["images"].as_array().unwrap().iter().map(|image| image["digest"].clone());
    let tags = tags(&imgbuild, &target);
    let names: Vec<&str> = tags.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(names, ["a-amd64", "a-arm64", "b-amd64", "b-arm64"]);
    assert!(tags.iter().map(|it| it.1.clone()).eq(images), "{tags:?} {built:#}");
    let refused = |words: &[&str]| said(&imgbuild, address, &[words, &["--platform-tags"]].concat());
    assert_snapshot!(refused(&["push", "small:a", &target]), @r"
      × `small:a` is no spec, of whose images each platform gets a tag by `--platform-tags`
      help: name the tag of an image itself, such as `:latest-amd64`
    [1]
    ");
    assert_snapshot!(refused(&["copy", &format!("{target}:a-amd64"), &target]), @r"
    error: unexpected argument '--platform-tags' found

      tip: a similar argument exists: '--platform'

    Usage: imgbuild copy --platform <OS/ARCH> <FROM> <REF>...

    For more information, try '--help'.
    [2]
    ");
}

#[test]
fn a_tag_that_leaves_no_room_for_a_platform_is_complete_by_itself() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let target = format!("{}/small", registry.address());
    // The most characters that a tag may have.
    let tag = "t".repeat(128);
    small(&imgbuild, &format!("tags = [\"{tag}\"]\n{PLATFORMS}"), "");
    push(&imgbuild, &target, &[]);
    let done = said(&imgbuild, registry.address(), &["push", "--complete", "spec.toml", &target]);
    assert_eq!(done, format!("REGISTRY/small:{tag} is there\n[0]"));
}
