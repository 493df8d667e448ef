//! What those who look get told who cannot be told what they asked.

use imgbuild_oci::{ContainerConfig, Digest, Platform};
use imgbuild_tests::{Bench, HandmadeLayer, write_layout};
use insta::assert_snapshot;
use serde_json::json;

use crate::others::{CONFIG, MANIFEST, get, put, read_json};
use crate::sample::{IMAGE, Sample};

#[test]
fn there_is_no_such_image() {
    let bench = Bench::new();
    bench.imgbuild.write("notes.txt", "no image\n");
    assert_snapshot!(bench.refuses(&["inspect", "nothing"]), @"
    × there is no image `nothing`: it is no file or folder, and was not built here
    help: build one first: `imgbuild build SPEC`
    ");
    assert_snapshot!(bench.refuses(&["inspect", "notes.txt"]), @"
    × `notes.txt` cannot be read as an image
    ╰─▶ the archive is truncated
    ");
    assert_snapshot!(bench.refuses(&["why", "nothing", "numpy"]), @"
    × there is no image `nothing`: it is no file or folder, and was not built here
    help: build one first: `imgbuild build SPEC`
    ");
    bench.spec("", "");
    assert_snapshot!(bench.refuses(&["inspect", "spec.toml"]), @"
    × `x:latest` was not built here yet
    help: build it first: `imgbuild build spec.toml`
    ");
    assert_snapshot!(bench.refuses(&["tree", "spec.toml"]), @"
    × the spec `spec.toml` has no lock that fits it
    help: make one: `imgbuild lock spec.toml`
    ");
}

#[test]
fn there_is_no_such_path() {
    let sample = Sample::built();
    let refuses = |words: &[&str]| sample.refuses(words);
    assert_snapshot!(refuses(&["cat", IMAGE, "/srv"]), @"
    × `/srv` of `out/x-latest.tar` is a folder
    help: list it by `imgbuild ls out/x-latest.tar /srv`, or get it by `imgbuild extract out/x-latest.tar /srv DIR`
    ");
    assert_snapshot!(refuses(&["cat", IMAGE, "/srv/nothing.txt"]), @"
    × `out/x-latest.tar` has nothing at `/srv/nothing.txt`
    help: list what there is: `imgbuild ls out/x-latest.tar /srv`
    ");
    assert_snapshot!(refuses(&["cat", IMAGE, "/"]), @"
    × `/` of `out/x-latest.tar` is a folder
    help: list it by `imgbuild ls out/x-latest.tar /`, or get it by `imgbuild extract out/x-latest.tar / DIR`
    ");
    assert_snapshot!(refuses(&["ls", IMAGE, "/nothing/here"]), @"
    × `out/x-latest.tar` has nothing at `/nothing/here`
    help: list what there is: `imgbuild ls out/x-latest.tar /nothing`
    ");
    assert_snapshot!(refuses(&["ls", IMAGE, "/srv/../etc"]), @"  × the path `srv/../etc` has a component `..`");
    assert_snapshot!(refuses(&["extract", IMAGE, "/nothing", "some"]), @"
    × `out/x-latest.tar` has nothing at `/nothing`
    help: list what there is: `imgbuild ls out/x-latest.tar /`
    ");
    assert_snapshot!(refuses(&["why", IMAGE, "/nothing"]), @"
    × `out/x-latest.tar` has nothing at `/nothing`
    help: list what there is: `imgbuild ls out/x-latest.tar FOLDER`
    ");
    assert_snapshot!(refuses(&["why", IMAGE, "pyyml"]), @"
    × `out/x-latest.tar` has no package `pyyml`
    help: it has `conda/pyyaml`
    ");
    assert_snapshot!(refuses(&["tree", IMAGE, "nothing"]), @"
    × `out/x-latest.tar` has no package `nothing`
    help: list what it has: `imgbuild inspect out/x-latest.tar --packages`
    ");
    assert_snapshot!(refuses(&["inspect", IMAGE, "--files", "[a"]), @"
    × `[a` is not a pattern of paths: unclosed character class; missing ']'
    help: `*` stands for a part of a name, `**` for any folders: `/opt/conda/**/*.so`
    ");
    sample.bench.imgbuild.write("some/srv", "mine");
    assert_snapshot!(refuses(&["extract", IMAGE, "/srv", "some"]), @"
    × `some/srv` is there already, and is left as it is
    help: name another folder, or remove it
    ");
}

#[test]
fn locks_cannot_be_compared() {
    let sample = Sample::built();
    let refuses = |words: &[&str]| sample.refuses(words);
    assert_snapshot!(refuses(&["diff", "spec.lock", IMAGE]), @"
    × `spec.lock` is a lock and `out/x-latest.tar` is none
    help: compare two images, or two locks: `spec.lock spec.lock@HEAD~1`
    ");
    assert_snapshot!(refuses(&["diff", "spec.lock", "other.lock"]), @"
    × `other.lock` cannot be read
    ╰─▶ No such file or directory (os error 2)
    ");
    let mut git = std::process::Command::new("git");
    git.args(["init", "--quiet"]).current_dir(sample.bench.imgbuild.folder());
    imgbuild_tests::capture(&mut git).success();
    assert_snapshot!(refuses(&["diff", "spec.lock@HEAD", "spec.lock"]), @"
    × git has no `spec.lock` at `HEAD`: fatal: invalid object name 'HEAD'.
    help: name a revision that has the file, such as `HEAD~1`; `git log -- spec.lock` lists them
    ");
    assert_snapshot!(refuses(&["diff", "spec.lock@--output=x", "spec.lock"]), @"
    × git has no `spec.lock` at `--output=x`: fatal: option '--output=x:./spec.lock' must come before non-option arguments
    help: name a revision that has the file, such as `HEAD~1`; `git log -- spec.lock` lists them
    ");
    let newer = sample.bench.imgbuild.read("spec.lock").replacen("version = 4", "version = 99", 1);
    sample.bench.imgbuild.write("newer.lock", newer);
    assert_snapshot!(refuses(&["diff", "spec.lock", "newer.lock"]), @"  × the lock has format version 99, and this imgbuild reads versions up to 4");
}

#[test]
fn an_image_lacks_a_layer_or_is_changed() {
    let sample = Sample::built();
    let layout = sample.layout();
    let image = layout.display().to_string();
    let report = sample.bench.run(&["inspect", &image, "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let first = report["layers"][0]["digest"].as_str().unwrap().replace(':', "/");
    let blob = layout.join("blobs").join(first);
    fs_err::write(&blob, b"damaged").unwrap();
    // Nobody has read it yet: what is known of a layer is known of it still when it is damaged.
    let refuses = |words: &[&str]| {
        let other = imgbuild_tests::Imgbuild::with_private_store();
        let outcome = other.run(words).failure();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        sample.plain(&sample.bench.message(&outcome))
    };
    assert_snapshot!(refuses(&["inspect", &image, "--files"]), @"
    × the layer `sha256:SHA256` cannot be unpacked
    ├─▶ the blob `sha256:SHA256` cannot be read
    ╰─▶ Unknown frame descriptor
    ");
    fs_err::remove_file(&blob).unwrap();
    assert_snapshot!(refuses(&["cat", &image, "/usr/bin/x"]), @"
    × the layer `sha256:SHA256` cannot be unpacked
    ╰─▶ the blob `sha256:SHA256` is not there
    ");
}

/// An image of an imgbuild that is newer than this one.
#[test]
fn an_image_holds_a_lock_of_a_newer_format() {
    let bench = Bench::new();
    let lock = "version = 99\nformat = 99\n";
    let layer = HandmadeLayer::new().file("usr/share/imgbuild/spec.lock", lock);
    let layout = bench.imgbuild.path("image");
    write_layout(&layout, &[Platform::LinuxAmd64], vec![layer.tar()], &ContainerConfig::default());
    let mut index = read_json(&layout.join("index.json"));
    let mut manifest = get(&layout, &index["manifests"][0]);
    let mut config = get(&layout, &manifest["config"]);
    config["history"] = json!([{ "created_by": "imgbuild", "comment": "the lock" }]);
    config["config"]["Labels"] = json!({ "io.github.imgbuild.lock": Digest::of(lock).to_string() });
    manifest["config"] = put(&layout, CONFIG, &config);
    index["manifests"][0] = put(&layout, MANIFEST, &manifest);
    fs_err::write(layout.join("index.json"), index.to_string()).unwrap();
    assert_snapshot!(bench.refuses(&["inspect", "./image"]), @"
    × the lock that the image is made of cannot be used
    ╰─▶ the lock has format version 99, and this imgbuild reads versions up to 4
    help: an imgbuild of another version has made the image, and that or a later one reads its lock; `imgbuild ls`, `cat` and `extract` show its files without
    ");
    assert_snapshot!(bench.refuses(&["why", "./image", "numpy"]), @"
    × the lock that the image is made of cannot be used
    ╰─▶ the lock has format version 99, and this imgbuild reads versions up to 4
    help: an imgbuild of another version has made the image, and that or a later one reads its lock; `imgbuild ls`, `cat` and `extract` show its files without
    ");
    // Its files can be looked at all the same.
    assert_snapshot!(bench.run(&["ls", "./image", "/usr/share/imgbuild"]).stdout, @"-rw-r--r--  0:0  25  spec.lock");
}
