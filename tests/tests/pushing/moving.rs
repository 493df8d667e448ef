//! What is moved, and what is not.

use imgbuild_tests::{Registry, channel};
use insta::assert_snapshot;

use crate::{counts, imgbuild, json, plain, push, small};

/// Two conda packages of the test channel, or three.
fn conda(imgbuild: &imgbuild_tests::Imgbuild, more: &str) {
    imgbuild.write(
        "spec.toml",
        format!(
            "name = \"science\"\nplatforms = [\"linux/amd64\"]\n\
             [conda]\nchannels = [\"{}\"]\npackages = [\"libzlib\", \"tzdata\"{more}]\n",
            channel()
        ),
    );
}

#[test]
fn only_what_the_registry_lacks_is_made_and_sent() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let target = format!("{}/team/science", registry.address());
    conda(&imgbuild, "");
    let first = push(&imgbuild, &target, &[]);
    let [sent, mounted, there] = counts(&first);
    assert!(sent > 2 && (mounted, there) == (0, 0), "{first:#}");
    assert!(first["outputs"].as_array().unwrap().is_empty(), "a push writes into no folder");

    // Nothing has changed, and nothing of it is here any more.
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    let again = push(&imgbuild, &target, &["--locked", "--offline"].as_slice()[..1]);
    assert_eq!(counts(&again), [0, 0, sent]);
    assert_eq!(again["images"][0]["digest"], first["images"][0]["digest"]);
    let layers = again["images"][0]["layers"].as_array().unwrap();
    assert!(layers.iter().all(|layer| layer["reused"] == true), "{layers:?}");
    assert!(
        !imgbuild.store().join("archives").exists()
            || imgbuild.store().join("archives").read_dir().unwrap().next().is_none()
    );

    // One more package: its layer, and what says of the environment what is in it.
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    conda(&imgbuild, ", \"libgcc-ng\"");
    let changed = push(&imgbuild, &target, &[]);
    let new: u64 = changed["images"][0]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|layer| layer["reused"] == false)
        .map(|layer| layer["size"].as_u64().unwrap())
        .sum();
    let bytes = changed["pushed"][0]["sent"]["bytes"].as_u64().unwrap();
    assert!(bytes <= new + 8192, "{bytes} bytes were sent, and the changed layers have {new}");
    assert_eq!(changed["pushed"][0]["tags"][0]["was"], first["images"][0]["digest"]);

    // It is the image that is made without any registry.
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    let alone = imgbuild.build_again(&["--locked"]).image();
    assert_eq!(alone.digest.to_string(), changed["images"][0]["digest"].as_str().unwrap());
}

#[test]
fn what_is_elsewhere_is_got_where_it_is_needed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let target = format!("{}/team/science", registry.address());
    conda(&imgbuild, "");
    let first = push(&imgbuild, &target, &[]);
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    // Into a file, by a build that makes no layer.
    let report = push(&imgbuild, &target, &["--output", "out"]);
    assert_eq!(report["images"][0]["digest"], first["images"][0]["digest"]);
    assert!(imgbuild.path("out/science-latest.tar").is_file());
    // To another registry, from this one.
    let other = Registry::new();
    fs_err::remove_dir_all(imgbuild.store()).unwrap();
    push(&imgbuild, &target, &[]);
    let elsewhere = format!("{}/science", other.address());
    let pushed = json(imgbuild.run(["push", "spec.toml", &elsewhere, "--json"]));
    assert_eq!(pushed["pushed"][0]["digest"], first["images"][0]["digest"]);
    assert_eq!(pushed["pushed"][0]["sent"]["blobs"], counts(&first)[0]);
    let copied = json(imgbuild.run(["copy", &elsewhere, &format!("{}/a/copy:1", other.address()), "--json"]));
    assert_eq!(copied["pushed"][0]["mounted"]["blobs"], counts(&first)[0]);
}

#[test]
fn a_push_says_what_it_does() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address().to_owned();
    small(&imgbuild, "tags = [\"1\", \"latest\"]\nplatforms = [\"linux/amd64\"]", "");
    imgbuild.run(["build", "spec.toml", "--output", "out"]).success();
    let run = |words: &[&str]| {
        let words = words.iter().map(|word| word.replace("REGISTRY", &address));
        let outcome = imgbuild.run(words);
        let stderr: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| !line.starts_with("sent ") && !line.starts_with("mounted "))
            .collect();
        plain(&format!("{}\n{}[{}]", stderr.join("\n"), outcome.stdout, outcome.code.unwrap()), &address)
    };
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/small", "--dry-run"]), @"
    REGISTRY/small:1 is sha256:… (new)
    REGISTRY/small:latest is sha256:… (new)
    would be sent: 1.6 kB in 3 blobs; would be mounted: 0 B in 0 blobs; there: 0 B in 0 blobs
    REGISTRY/small:1
    REGISTRY/small:latest
    [0]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/small"]), @"
    REGISTRY/small:1 is sha256:… (new)
    REGISTRY/small:latest is sha256:… (new)
    sent: 1.6 kB in 3 blobs; mounted: 0 B in 0 blobs; there: 0 B in 0 blobs
    REGISTRY/small:1
    REGISTRY/small:latest
    [0]
    ");
    assert_snapshot!(run(&["push", "small:1", "REGISTRY/small"]), @"
    REGISTRY/small:1 is sha256:… (unchanged)
    sent: 0 B in 0 blobs; mounted: 0 B in 0 blobs; there: 1.6 kB in 3 blobs
    REGISTRY/small:1
    [0]
    ");
    assert_snapshot!(run(&["push", "out/small-1.tar", "REGISTRY/other:x"]), @"
    REGISTRY/other:x is sha256:… (new)
    sent: 1.6 kB in 3 blobs; mounted: 0 B in 0 blobs; there: 0 B in 0 blobs
    REGISTRY/other:x
    [0]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/new", "--mount-only"]), @r"
      × `REGISTRY/new` lacks 2 layers of the image, and `--mount-only` sends none: `sha256:…`, `sha256:…`
      help: push the image, or what it stands on, from where it is built first
    [1]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/a/mounted:1", "REGISTRY/b/mounted:1", "--blob-repository", "REGISTRY/small", "--mount-only"]), @"
    REGISTRY/a/mounted:1 is sha256:… (new)
    REGISTRY/b/mounted:1 is sha256:… (new)
    sent: 0 B in 0 blobs; mounted: 3.2 kB in 6 blobs; there: 0 B in 0 blobs
    REGISTRY/a/mounted:1
    REGISTRY/b/mounted:1
    [0]
    ");
    imgbuild.write("one", "changed");
    imgbuild.run(["build", "spec.toml", "--output", "out"]).success();
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/small", "--immutable-tags"]), @r"
      × `REGISTRY/small:1` is `sha256:…` already, and would become `sha256:…`
      help: push under another tag, or without `--immutable-tags`
    [1]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/small:1"]), @"
    REGISTRY/small:1 is sha256:… (was sha256:…)
    sent: 819 B in 2 blobs; mounted: 0 B in 0 blobs; there: 793 B in 1 blob
    REGISTRY/small:1
    [0]
    ");
    assert_snapshot!(run(&["tags", "REGISTRY/small", "--digests"]), @r"
    1 sha256:…
    latest sha256:…
    [0]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "small"]), @r"
    error: invalid value 'small' for '<REF>...': `small` names no registry to push to

    For more information, try '--help'.
    [2]
    ");
    assert_snapshot!(run(&["push", "spec.toml", "REGISTRY/small:{python}"]), @r"
      × `REGISTRY/small:{python}` has `{python}`, which is no key of the matrix
      help: the spec has no matrix; `{name}` is the image's name
    [1]
    ");
    assert_snapshot!(run(&["push", "nothing", "REGISTRY/small"]), @r"
      × there is no image `nothing`: it is no file or folder, and was not built here
      help: built here: `small:1`, `small:latest`
    [1]
    ");
    assert_snapshot!(run(&["tags", "REGISTRY/nothing"]), @r"
      × there is no repository `REGISTRY/nothing`
    [1]
    ");
    assert_snapshot!(run(&["pull", "REGISTRY/small:3"]), @r"
      × there is no image `REGISTRY/small:3`
      help: `imgbuild tags REGISTRY/small` lists what is there
    [1]
    ");
    assert_snapshot!(run(&["pull", "REGISTRY/small:1", "--platform", "linux/arm64"]), @r"
      × `REGISTRY/small:1` is not built for linux/arm64; it is for linux/amd64
    [1]
    ");
}

#[test]
fn a_form_is_that_of_a_file() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild, "platforms = [\"linux/amd64\"]", "");
    let image = format!("{}/small:latest", registry.address());
    push(&imgbuild, &image, &[]);
    let refused = imgbuild.run(["pull", &image, "--format", "oci-dir"]).failure();
    assert_snapshot!(plain(&refused.stderr, registry.address()), @r"
    error: the following required arguments were not provided:
      --output <PATH>

    Usage: imgbuild pull --output <PATH> --format <FORMAT> <IMAGE>

    For more information, try '--help'.
    ");
    imgbuild.run(["pull", &image, "--format", "oci-dir", "--output", "folder"]).success();
    assert!(imgbuild.path("folder/index.json").is_file());
    imgbuild.run(["pull", &image]).success();
}

#[test]
fn a_tag_that_is_named_twice_is_written_once() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild, "platforms = [\"linux/amd64\"]", "");
    let tag = |tag: &str| format!("{}/small:{tag}", registry.address());
    let all = [tag("a"), tag("b"), tag("a")];
    let words: Vec<&str> = all.iter().flat_map(|tag| ["--push", tag]).collect();
    let report = json(imgbuild.run([&["build", "spec.toml", "--json"], &words[..]].concat()));
    assert_eq!(report["pushed"][0]["references"], serde_json::json!([tag("a"), tag("b")]));
}
