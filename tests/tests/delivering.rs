//! Where images go: what is there and is right is left alone, a layout shares its blobs with the store, a stream takes one image.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use imgbuild_tests::{Bench, Imgbuild, named, names};
use insta::assert_snapshot;
use serde_json::Value;

const SPEC: &str = "name = \"x\"\nbase = { scratch = true }\nplatforms = [\"linux/amd64\"]\n[[copy]]\nfrom = \"a\"\nto = \"/a\"\n";

fn bench(spec: &str) -> Imgbuild {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", spec);
    imgbuild.write("a", "text");
    imgbuild.run(["lock", "spec.toml"]).success();
    imgbuild
}

fn build(imgbuild: &Imgbuild, format: &str) {
    imgbuild.run(["build", "--locked", "--output", "out", "--format", format, "spec.toml"]).success();
}

/// Which files there are in a folder, or which one there is: who writes one anew makes another.
fn files(path: &Path) -> Vec<(String, u64, SystemTime)> {
    let state = |path: &Path| {
        let metadata = fs_err::metadata(path).unwrap();
        (path.display().to_string(), metadata.ino(), metadata.modified().unwrap())
    };
    if !path.is_dir() {
        return vec![state(path)];
    }
    names(path).iter().flat_map(|name| files(&path.join(name))).collect()
}

fn contents(path: &Path) -> Vec<(String, Vec<u8>)> {
    files(path).into_iter().map(|(path, _, _)| (path.clone(), fs_err::read(path).unwrap())).collect()
}

#[test]
fn what_is_there_and_is_right_is_left_as_it_is() {
    let imgbuild = bench(SPEC);
    for (format, path) in
        [("oci", "out/x-latest.tar"), ("docker", "out/x-latest.tar"), ("oci-dir", "out/x-latest")]
    {
        build(&imgbuild, format);
        let path = imgbuild.path(path);
        let (before, content) = (files(&path), contents(&path));
        build(&imgbuild, format);
        assert_eq!(files(&path), before, "{format}");

        // What somebody has changed, or taken away, is written anew.
        let changed = if path.is_dir() { path.join("oci-layout") } else { path.clone() };
        fs_err::write(&changed, "other").unwrap();
        build(&imgbuild, format);
        assert_eq!(contents(&path), content, "{format}");
        if path.is_dir() {
            fs_err::remove_dir_all(&path).unwrap()
        } else {
            fs_err::remove_file(&path).unwrap()
        }
        build(&imgbuild, format);
        assert_eq!(contents(&path), content, "{format}");
    }
    // Another image takes the place of the one before.
    let before = files(&imgbuild.path("out/x-latest"));
    imgbuild.write("a", "another text");
    build(&imgbuild, "oci-dir");
    assert_ne!(files(&imgbuild.path("out/x-latest")), before);
}

#[test]
fn a_layout_has_the_blobs_of_the_store_and_not_copies() {
    let imgbuild = bench(SPEC);
    // What does not compress, so that the layer is the largest of the blobs.
    let noise = (0..100_000_u64).map(|number| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8);
    imgbuild.write("a", noise.collect::<Vec<u8>>());
    build(&imgbuild, "oci-dir");
    let inode = |folder: &Path, name: &str| fs_err::metadata(folder.join(name)).unwrap().ino();
    let (layout, store) = (imgbuild.path("out/x-latest/blobs/sha256"), imgbuild.store().join("blobs/sha256"));
    let largest =
        names(&layout).into_iter().max_by_key(|name| fs_err::metadata(layout.join(name)).unwrap().size());
    let largest = largest.unwrap();
    // Where the file system shares blocks, these are two files.
    assert!(fs_err::read(layout.join(&largest)).unwrap() == fs_err::read(store.join(&largest)).unwrap());
    assert!(inode(&layout, &largest) == inode(&store, &largest) || shares_blocks(&store));
    // Who can read what is made there can read it.
    let mode = |path: &Path| fs_err::metadata(path).unwrap().mode();
    assert_eq!(mode(&layout.join(&largest)), mode(&imgbuild.path("out/x-latest/index.json")));

    // A blob that was changed there may be one that was changed in the store: it is noticed, and nothing is made of it.
    let blob = fs_err::read(layout.join(&largest)).unwrap();
    fs_err::write(layout.join(&largest), blob.iter().rev().copied().collect::<Vec<u8>>()).unwrap();
    let outcome = imgbuild.run(["build", "--locked", "--output", "elsewhere", "spec.toml"]);
    assert!(
        outcome.code == Some(1) && outcome.stderr.contains("is damaged") || shares_blocks(&store),
        "{}",
        outcome.stderr
    );
}

/// Whether a file can be made of the blocks of another one.
fn shares_blocks(folder: &Path) -> bool {
    let (one, other) = (folder.join("one"), folder.join("other"));
    fs_err::write(&one, "text").unwrap();
    let copied = Command::new("cp")
        .arg("--reflink=always")
        .args([&one, &other])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    for path in [one, other].iter().filter(|path| path.exists()) {
        fs_err::remove_file(path).unwrap();
    }
    copied.success()
}

#[test]
fn a_stream_takes_one_image() {
    let imgbuild = bench(SPEC);
    build(&imgbuild, "oci");
    let stream = File::create(imgbuild.path("stream.tar")).unwrap();
    let mut command = imgbuild.command(["build", "--locked", "--output", "-", "spec.toml"]);
    let output = command.stdout(stream).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("x:latest") && !told.contains("docker load"), "{told}");
    let [file, stream] =
        ["out/x-latest.tar", "stream.tar"].map(|path| fs_err::read(imgbuild.path(path)).unwrap());
    assert!(file == stream);

    let refused = |more: &[&str]| {
        let words: Vec<&str> = ["build", "--output", "-", "spec.toml"].iter().chain(more).copied().collect();
        named(&imgbuild.run(words).failure().stderr)
    };
    assert_snapshot!(refused(&["--format", "oci-dir"]), @r"
      × an image that is a folder cannot be written to standard output
      help: leave `--format` out, which makes a tarball, or name a folder: `-o DIR`
    ");
    assert_snapshot!(refused(&["--json"]), @r"
      × the image and the result as JSON cannot both be written to standard output
      help: leave out `--json`, or name a folder for the image: `-o DIR`
    ");
    imgbuild.write(
        "spec.toml",
        format!("{SPEC}[matrix]\nletter = [\"a\", \"b\"]\n")
            .replace("\nbase", "\ntags = [\"{letter}\"]\nbase"),
    );
    imgbuild.run(["lock", "spec.toml"]).success();
    assert_snapshot!(refused(&[]), @r"
      × 2 images are to be written to standard output, which takes one
      help: choose one with `--only KEY=VALUE`, or name a folder with `-o`
    ");
}

#[test]
fn an_archive_goes_when_its_layers_are_there() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]\npackages = [\"six\"]");
    bench.run(&["lock", "spec.toml"]);
    let archives = bench.imgbuild.store().join("archives");
    let words = ["build", "spec.toml", "--locked", "--no-check", "--output", "out", "--json"];
    let json = |words: &[&str]| -> Value { serde_json::from_str(&bench.run(words).stdout).unwrap() };
    let kept = json(&words);
    let all = names(&archives).len();
    assert!(all > 5);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    let discarded = json(&[words.as_slice(), &["--discard-archives"]].concat());
    assert_eq!(kept["images"][0]["digest"], discarded["images"][0]["digest"]);
    // What runs here, Python and what it needs, stays: it is read whenever the first source has to be compiled.
    let left = names(&archives);
    assert!(!left.is_empty() && left.len() < all, "{} of {all}", left.len());
    assert_eq!(names(&bench.imgbuild.store().join("seals-v1/archives")), left);
    let peak = |report: &Value| report["peakDisk"].as_u64().unwrap();
    assert!(peak(&discarded) < peak(&kept), "{} {}", peak(&discarded), peak(&kept));
    // An image that is there takes records of it.
    assert!(peak(&json(&words)) < 100_000);

    // Without bytecode nothing runs, and nothing stays.
    bench.spec(
        "python = \"3.11\"",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"six\"]\n[layers]\nbytecode = false",
    );
    bench.run(&["lock", "spec.toml"]);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    bench.run(&["build", "spec.toml", "--locked", "--no-check", "--output", "out", "--discard-archives"]);
    assert_eq!(names(&archives), [""; 0]);
}

#[test]
fn the_cache_is_kept_within_its_size() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]");
    let config = bench.imgbuild.write("config.toml", "[cache]\nsize = \"12MB\"\n");
    let size = || -> u64 {
        let listed: Value = serde_json::from_str(&bench.run(&["cache", "ls", "--json"]).stdout).unwrap();
        listed["entries"].as_array().unwrap().iter().map(|entry| entry["size"].as_u64().unwrap()).sum()
    };
    bench.run(&["build", "spec.toml", "--output", "out"]);
    assert!(size() > 20_000_000, "{}", size());
    let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
    let output = command.env("IMGBUILD_CONFIG", &config).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("from the cache, which may have 12.0 MB"), "{told}");
    assert!(size() <= 12_000_000, "{}", size());
    // A variable comes before the file; nothing is so small that the image is not delivered.
    let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "again"]);
    command.env("IMGBUILD_CONFIG", &config).env("IMGBUILD_CACHE_SIZE", "0");
    assert!(command.output().unwrap().status.success());
    assert_eq!(size(), 0);
    assert_eq!(
        fs_err::read(bench.imgbuild.path("again/x-latest.tar")).unwrap(),
        fs_err::read(bench.imgbuild.path("out/x-latest.tar")).unwrap()
    );
}
