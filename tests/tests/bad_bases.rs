//! Existing images that nothing can be built on: the whole message, and nothing under `-o`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Command;

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{Bench, HandmadeLayer, capture, write_layout};
use insta::assert_snapshot;

const GLIBC: &str = "\x7fELF GNU C Library (GNU libc) stable release version 2.36.\n";

/// As much of a system with glibc as is looked at.
fn system() -> HandmadeLayer {
    HandmadeLayer::new()
        .file("etc/os-release", "ID=test\nVERSION_ID=1\n")
        .folder("lib64/", 0o755)
        .file("lib64/ld-linux-x86-64.so.2", "")
        .file("lib64/libc.so.6", GLIBC)
        .folder("bin/", 0o755)
        .program("bin/bash")
        .program("bin/sh")
}

/// The bench with an image of these layers as `base`.
fn bench(layers: Vec<HandmadeLayer>) -> Bench {
    let bench = Bench::new();
    let layers = layers.into_iter().map(HandmadeLayer::tar).collect();
    let config = ContainerConfig::default();
    write_layout(&bench.imgbuild.path("base"), &[Platform::LinuxAmd64], layers, &config);
    bench
}

/// What a build on `base` gets, with `rest` in its spec.
fn refused(bench: &Bench, rest: &str) -> String {
    let head = "name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = { layout = \"base\" }\n";
    bench.imgbuild.write("spec.toml", format!("{head}{rest}"));
    bench.fails(&[])
}

const CONDA: &str = "[conda]\nchannels = [\"./channel\"]\npackages = [\"odd-noarch-generic\"]\n";

#[test]
fn musl_under_conda() {
    let bench = bench(vec![HandmadeLayer::new().folder("lib/", 0o755).file("lib/ld-musl-x86_64.so.1", "")]);
    assert_snapshot!(refused(&bench, CONDA), @r#"
      × no conda environment can stand on `base`
      ╰─▶ its C library is musl, and conda's packages need glibc: the image could not start
      help: build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = "trixie"`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn no_c_library_under_conda() {
    let bench = bench(vec![HandmadeLayer::new().file("app", "")]);
    assert_snapshot!(refused(&bench, CONDA), @r#"
      × no conda environment can stand on `base`
      ╰─▶ it has no C library, and conda's packages need glibc: the image could not start
      help: build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = "trixie"`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn no_shell_where_one_is_needed() {
    let layer = HandmadeLayer::new().file("lib64/ld-linux-x86-64.so.2", "").file("lib64/libc.so.6", GLIBC);
    let bench = bench(vec![layer]);
    let conda = CONDA.replace("odd-noarch-generic", "odd-activate-dynamic");
    assert_snapshot!(refused(&bench, &conda), @r#"
      × the base `base` has no `/bin/bash`, which the activation scripts of `odd-activate-dynamic` need
      help: build on an image that has bash

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn a_prefix_behind_a_link() {
    let bench = bench(vec![system().folder("var/opt/", 0o755).link("opt", "var/opt")]);
    assert_snapshot!(refused(&bench, CONDA), @r#"
      × cannot build on `base`
      ╰─▶ `/opt/conda` cannot be the environment's folder: in the base, `/opt` is a link, and the path leads to `/var/opt/conda`
      help: set `prefix = "/var/opt/conda"` in `[conda]`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn a_prefix_that_is_there() {
    let bench = bench(vec![system().file("opt/conda/bin/python", "")]);
    assert_snapshot!(refused(&bench, CONDA), @r#"
      × cannot build on `base`
      ╰─▶ `/opt/conda` cannot be the environment's folder: the base has files there
      help: set another `prefix` in `[conda]`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn a_file_over_a_folder_or_a_link() {
    let bench = bench(vec![system().folder("srv/", 0o755).link("link", "srv")]);
    bench.imgbuild.write("file", "x");
    let copy = |to: &str| format!("[[copy]]\nfrom = \"file\"\nto = \"{to}\"\n");
    assert_snapshot!(refused(&bench, &copy("/srv")), @r#"
      × cannot build on `base`
      ╰─▶ `/srv` cannot be written: the base has a folder there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [[copy]]
       ╰────
    "#);
    assert_snapshot!(refused(&bench, &copy("/link")), @r#"
      × cannot build on `base`
      ╰─▶ `/link` cannot be written: the base has a link there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [[copy]]
       ╰────
    "#);
    assert_snapshot!(refused(&bench, &copy("/bin/bash/x")), @r#"
      × cannot build on `base`
      ╰─▶ `/bin/bash` cannot be written: the base has something that is not a folder there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
     4 │ [[copy]]
       ╰────
    "#);
}

#[test]
fn no_image_at_all() {
    let bench = Bench::new();
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ├─▶ `base` cannot be read as an image
      ╰─▶ No such file or directory (os error 2)

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    bench.imgbuild.write("base", "no tar");
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ├─▶ `base` cannot be read as an image
      ╰─▶ the archive is truncated

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    fs_err::remove_file(bench.imgbuild.path("base")).unwrap();
    fs_err::create_dir(bench.imgbuild.path("base")).unwrap();
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ╰─▶ `base` is a folder and no OCI layout: it has no `index.json`
      help: what others wrote as `dir:` becomes a layout: `skopeo copy dir:base oci:LAYOUT`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn a_tarball_that_is_compressed_as_a_whole() {
    let bench = bench(vec![system()]);
    let folder = bench.imgbuild.path("base");
    capture(
        Command::new("tar").arg("-C").arg(&folder).args(["-czf", "../base.tar.gz", "."]).current_dir(&folder),
    )
    .success();
    fs_err::rename(&folder, bench.imgbuild.path("gone")).unwrap();
    fs_err::rename(bench.imgbuild.path("base.tar.gz"), &folder).unwrap();
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ╰─▶ `base` is compressed with gzip as a whole, and so cannot be read piece by piece
      help: decompress it first

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn an_image_for_other_platforms() {
    let bench = Bench::new();
    let both = [Platform::LinuxArm64];
    write_layout(&bench.imgbuild.path("base"), &both, vec![system().tar()], &ContainerConfig::default());
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ╰─▶ `base` holds no image for linux/amd64; there are: `linux/arm64`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn several_images_and_none_of_that_name() {
    let bench = bench(vec![system()]);
    let one = bench.imgbuild.path("base");
    let other = bench.imgbuild.path("other");
    write_layout(
        &other,
        &[Platform::LinuxAmd64],
        vec![system().file("x", "").tar()],
        &ContainerConfig::default(),
    );
    let copied = |from: &PathBuf, name: &str| {
        let from = format!("oci:{}", from.display());
        let to = format!("oci:{}:{name}", bench.imgbuild.path("both").display());
        capture(Command::new("skopeo").args(["copy", "--quiet", &from, &to])).success();
    };
    copied(&one, "one");
    copied(&other, "two");
    fs_err::remove_dir_all(&one).unwrap();
    fs_err::rename(bench.imgbuild.path("both"), &one).unwrap();
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ╰─▶ `base` holds several images: `one`, `two`
      help: name one: `base:one`, or in a spec `layout = { path = "…", reference = "…" }`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    let third = "name = \"x\"\nplatforms = [\"linux/amd64\"]\n[base]\nlayout = { path = \"base\", reference = \"three\" }\n";
    bench.imgbuild.write("spec.toml", third);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot build on `base`
      ╰─▶ `base` holds no image `three`; there are: `one`, `two`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:10]
     3 │ [base]
     4 │ layout = { path = "base", reference = "three" }
       ·          ───────────────────┬──────────────────
       ·                             ╰── this base
       ╰────
    "#);
    bench.imgbuild.write("spec.toml", third.replace("three", "two"));
    assert_eq!(bench.imgbuild.build_again(&[]).image().file("x"), b"");
}

#[test]
fn damaged_layers() {
    let blob = |bench: &Bench| {
        let digest = imgbuild_oci::Digest::of(system().tar()).hex();
        bench.imgbuild.path("base/blobs/sha256").join(digest)
    };
    let missing = bench(vec![system()]);
    fs_err::remove_file(blob(&missing)).unwrap();
    assert_snapshot!(refused(&missing, ""), @r#"
      × cannot build on `base`
      ├─▶ layer 1 of `base` (`sha256:SHA256`) cannot be used
      ╰─▶ the blob `sha256:SHA256` is not there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    let short = bench(vec![system()]);
    fs_err::write(blob(&short), b"short").unwrap();
    assert_snapshot!(refused(&short, ""), @r#"
      × cannot build on `base`
      ├─▶ layer 1 of `base` (`sha256:SHA256`) cannot be used
      ╰─▶ the blob `sha256:SHA256` has 5 bytes and should have 6656

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    let other = bench(vec![system()]);
    let mut bytes = fs_err::read(blob(&other)).unwrap();
    bytes[0] ^= 1;
    fs_err::write(blob(&other), bytes).unwrap();
    assert_snapshot!(refused(&other, ""), @r#"
      × cannot build on `base`
      ├─▶ layer 1 of `base` (`sha256:SHA256`) cannot be used
      ╰─▶ the blob `sha256:SHA256` holds something else: its digest is `sha256:SHA256`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

/// Changes a document of the layout `base`, and every digest that leads to it.
fn change_config(bench: &Bench, change: impl Fn(&mut serde_json::Value)) {
    let root = bench.imgbuild.path("base");
    let read = |digest: &str| {
        let path = root.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
        serde_json::from_slice::<serde_json::Value>(&fs_err::read(path).unwrap()).unwrap()
    };
    let put = |value: &serde_json::Value, descriptor: &mut serde_json::Value| {
        let bytes = serde_json::to_vec(value).unwrap();
        let digest = imgbuild_oci::Digest::of(&bytes);
        fs_err::write(root.join("blobs/sha256").join(digest.hex()), &bytes).unwrap();
        descriptor["digest"] = digest.to_string().into();
        descriptor["size"] = bytes.len().into();
    };
    let mut index: serde_json::Value =
        serde_json::from_slice(&fs_err::read(root.join("index.json")).unwrap()).unwrap();
    let mut manifest = read(index["manifests"][0]["digest"].as_str().unwrap());
    let mut config = read(manifest["config"]["digest"].as_str().unwrap());
    change(&mut config);
    put(&config, &mut manifest["config"]);
    put(&manifest, &mut index["manifests"][0]);
    fs_err::write(root.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
}

#[test]
fn a_wrong_diff_id() {
    let bench = bench(vec![system()]);
    change_config(&bench, |config| {
        config["rootfs"]["diff_ids"][0] = imgbuild_oci::Digest::of("another").to_string().into();
    });
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ├─▶ layer 1 of `base` (`sha256:SHA256`) cannot be used
      ╰─▶ its diffID is `sha256:SHA256`, and its image states `sha256:SHA256`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    change_config(&bench, |config| config["rootfs"]["diff_ids"] = serde_json::json!([]));
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ╰─▶ the image in `base` has 1 layers, and its configuration names 0

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn hostile_layers() {
    let hostile = |layer| refused(&bench(vec![system(), layer]), "");
    assert_snapshot!(hostile(HandmadeLayer::new().file("etc/.wh...", "")), @r#"
      × cannot build on `base`
      ├─▶ layer 2 of `base` cannot be read
      ╰─▶ the archive is ambiguous at `etc/.wh...`: it is a whiteout that names nothing which could be removed

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    assert_snapshot!(hostile(HandmadeLayer::new().file("etc/.wh.x", "body")), @r#"
      × cannot build on `base`
      ├─▶ layer 2 of `base` cannot be read
      ╰─▶ the archive is ambiguous at `etc/.wh.x`: it is a whiteout and yet has a body

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    assert_snapshot!(hostile(HandmadeLayer::new().file("../../etc/passwd", "")), @r#"
      × cannot build on `base`
      ├─▶ layer 2 of `base` cannot be read
      ╰─▶ the path `../../etc/passwd` has a component `..`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
    assert_snapshot!(hostile(HandmadeLayer::new().link("etc/x", "/").file("etc/x/y", "")), @r#"
      × cannot build on `base`
      ├─▶ layer 2 of `base` cannot be read
      ╰─▶ engines read `/etc/x` in different ways: something of its layer stands below it, and it is a link or a file

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn a_layer_that_fills_every_disk() {
    let bench = bench(vec![system()]);
    // 200 MiB of noughts are a few KiB of zstd.
    let bomb =
        zstd::encode_all(HandmadeLayer::new().file("zero", vec![0; 200 << 20]).tar().as_slice(), 3).unwrap();
    let root = bench.imgbuild.path("base");
    let digest = imgbuild_oci::Digest::of(&bomb);
    fs_err::write(root.join("blobs/sha256").join(digest.hex()), &bomb).unwrap();
    change_config(&bench, |_| {});
    let index: serde_json::Value =
        serde_json::from_slice(&fs_err::read(root.join("index.json")).unwrap()).unwrap();
    let path = |digest: &str| root.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let old = index["manifests"][0]["digest"].as_str().unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs_err::read(path(old)).unwrap()).unwrap();
    manifest["layers"][0] = serde_json::json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "digest": digest, "size": bomb.len(),
    });
    let bytes = serde_json::to_vec(&manifest).unwrap();
    fs_err::write(path(&imgbuild_oci::Digest::of(&bytes).to_string()), &bytes).unwrap();
    let mut index = index;
    index["manifests"][0]["digest"] = imgbuild_oci::Digest::of(&bytes).to_string().into();
    index["manifests"][0]["size"] = bytes.len().into();
    fs_err::write(root.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    assert_snapshot!(refused(&bench, ""), @r#"
      × cannot build on `base`
      ├─▶ layer 1 of `base` (`sha256:SHA256`) cannot be used
      ╰─▶ it unpacks to more than 73793128 bytes, far more than a layer of its size does

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:19]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { layout = "base" }
       ·                   ───┬──
       ·                      ╰── this base
       ╰────
    "#);
}

#[test]
fn an_image_that_was_changed_since() {
    let bench = bench(vec![system()]);
    let spec = "name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = { layout = \"base\" }\n";
    bench.imgbuild.write("spec.toml", spec);
    bench.run(&["lock", "spec.toml"]);
    change_config(&bench, |config| config["config"]["User"] = "7".into());
    assert_snapshot!(bench.fails(&[]), @r#"
    × the base `base` is another image than the one that was locked: its digest is `sha256:SHA256`, and the lock has `sha256:SHA256`
    help: run `imgbuild lock` to take it as it is now
    "#);
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(bench.imgbuild.build_again(&[]).image().config.config.user, "7");
}

#[test]
fn more_layers_than_the_budget() {
    let bench = bench((0..12).map(|number| HandmadeLayer::new().file(&format!("f{number}"), "")).collect());
    assert_snapshot!(refused(&bench, "[layers]\nbudget = 10\n"), @r#"
    × the image needs at least 13 layers, and its budget is 10
    help: raise `[layers] budget`
    "#);
}

#[test]
fn keys_that_exclude_each_other() {
    let bench = bench(vec![HandmadeLayer::new().file("f", "")]);
    let refused = |text: &str| {
        bench.imgbuild.write("spec.toml", format!("name = \"x\"\n{text}"));
        bench.fails(&[])
    };
    assert_snapshot!(refused("[base]\nlayout = \"base\"\npackages = [\"git\"]\n"), @r#"
     × `base.layout` and `base.packages` exclude each other
      ╭─[spec.toml:3:10]
    2 │ [base]
    3 │ layout = "base"
      ·          ───┬──
      ·             ╰── an existing image
    4 │ packages = ["git"]
      ·            ───┬───
      ·               ╰── only Debian packages have this
      ╰────
    "#);
    assert_snapshot!(refused("python = { version = \"3.11\", from = \"debian\" }\n[base]\nlayout = \"base\"\n"), @r#"
     × `base.layout` and `python.from` exclude each other
      ╭─[spec.toml:2:10]
    1 │ name = "x"
    2 │ python = { version = "3.11", from = "debian" }
      ·          ──────────────────┬──────────────────
      ·                            ╰── a Debian package
    3 │ [base]
    4 │ layout = "base"
      ·          ───┬──
      ·             ╰── an existing image
      ╰────
     help: leave `from` out for the Python that the image has; or take one from conda: `from = "conda"`
    "#);
    assert_snapshot!(refused("[base]\nscratch = true\nlayout = \"base\"\n"), @r#"
     × `base.scratch` and `base.layout` exclude each other
      ╭─[spec.toml:3:11]
    2 │ [base]
    3 │ scratch = true
      ·           ──┬─
      ·             ╰── an empty base
    4 │ layout = "base"
      ·          ───┬──
      ·             ╰── an existing image
      ╰────
    "#);
}
