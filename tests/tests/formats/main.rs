//! Locks of every format version, and the images that they have always had.
//!
//! The spec beside this file has a lock of each version, `N.lock`, and the archives of their packages, which were made for this and compress to
//! almost nothing: conda packages with prefixes, links and entry points, wheels, a small Debian; with a user, Jupyter, SSH and copied files.
//! Who adds a version lets what is here stand, and adds its lock, which `imgbuild lock --upgrade-format` makes of the one before, with its
//! digest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_layer::FormatVersion;
use imgbuild_tests::{Bench, Image, Imgbuild, capture};
use insta::assert_snapshot;

/// The digest of the image of each version's lock, which the imgbuild had that wrote such locks first. They stand here for ever.
const IMAGES: [(FormatVersion, &str); 2] = [
    (FormatVersion::Two, "sha256:2ff5fbdce7ea3479b94805add0c28106bd4d50513e0df7f3382b5a6e2415bb52"),
    (FormatVersion::Three, "sha256:49760ace88988f955e47cd9a57dc2e731c7907376e030814ec22c8a342f39629"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

/// The image of a version's lock, built where there is no network.
fn built(version: FormatVersion) -> Image {
    let imgbuild = Imgbuild::with_private_store().through(["unshare", "--net"]);
    let all = ["spec.toml", "keyring.asc", "files", "archives"].map(|name| folder().join(name));
    capture(Command::new("cp").arg("-r").args(all).arg(imgbuild.folder())).success();
    let lock = fs_err::read(folder().join(format!("{}.lock", version.number()))).unwrap();
    imgbuild.write("spec.lock", &lock);
    let image = imgbuild.build_again(&["--locked", "--vendor", "archives"]).image();
    assert_eq!(fs_err::read(imgbuild.path("spec.lock")).unwrap(), lock, "the lock stays as it is");
    image
}

fn titles(image: &Image) -> Vec<&str> {
    image.config.history.iter().map(|item| item.comment.as_str()).collect()
}

#[test]
fn every_version_has_the_images_that_it_always_had() {
    assert_eq!(IMAGES.last().unwrap().0, FormatVersion::LATEST);
    for (version, digest) in IMAGES {
        assert_eq!(built(version).digest.to_string(), digest, "{version:?}");
    }
}

#[test]
fn version_3_puts_large_layers_below_small_ones() {
    let (two, three) = (built(FormatVersion::Two), built(FormatVersion::Three));
    assert_snapshot!(titles(&two).join("\n"), @"
    tini 1
    apt 1, ca-certificates 1, libc6 2.41-1, tzdata 1
    curl 9, libnss-wrapper 9, libstdc++6 9, netbase 9, openssh-server 9, procps 9, rsync 9, systemd-standalone-sysusers 9
    apt's and dpkg's configuration, dpkg's state of trixie
    python 3.11.9 0
    large 2.0 0
    middle 1.5 0
    heavy 1.0
    light 0.1
    pure 3 0
    jupyterlab 4.5.0 0, small 1 0
    environment base, the lock, shell and start-up files
    copied files
    ");
    assert_snapshot!(titles(&three).join("\n"), @"
    large 2.0 0
    python 3.11.9 0
    middle 1.5 0
    heavy 1.0
    tini 1
    apt 1, ca-certificates 1, libc6 2.41-1, tzdata 1
    curl 9, libnss-wrapper 9, libstdc++6 9, netbase 9, openssh-server 9, procps 9, rsync 9, systemd-standalone-sysusers 9
    light 0.1
    pure 3 0
    jupyterlab 4.5.0 0, small 1 0
    apt's and dpkg's configuration, dpkg's state of trixie
    environment base, the lock, shell and start-up files
    copied files
    ");
    // The lock is in the last layer but one, and says the version. All others are the same.
    let digests = |image: &Image| -> BTreeSet<String> {
        image.manifest.layers.iter().map(|layer| layer.digest.to_string()).collect()
    };
    assert_eq!(digests(&two).symmetric_difference(&digests(&three)).count(), 2);
}

#[test]
fn a_lock_keeps_its_version_until_it_is_told_to_move() {
    let bench = Bench::new();
    let spec = |packages: &str| {
        let conda = format!("[conda]\nchannels = [\"./channel\"]\npackages = [{packages}]");
        bench.spec("", &format!("{conda}\n[layers]\nbytecode = false"));
    };
    spec("\"python\"");
    assert_snapshot!(bench.run(&["lock", "spec.toml"]).stdout, @"
    + conda/python 3.11.2 0_cpython
    + 16 packages of conda (that nobody named; `-v` lists them)
    + 5 packages of debian (that nobody named; `-v` lists them)
    spec.lock: 22 packages, 22 changed
    ");
    let [two, three] = [2, 3].map(|version| format!("\nversion = {version}\n"));
    let new = bench.imgbuild.read("spec.lock");
    let latest = bench.build(&["--locked"]);
    bench.imgbuild.write("spec.lock", new.replacen(&three, &two, 1));
    let old = bench.build(&["--locked"]);
    assert_ne!(old, latest);

    // Neither renewing it nor a build that has to changes it.
    let renewed = bench.run(&["lock", "spec.toml"]);
    assert_snapshot!(renewed.stderr, @"
    locking x:latest (linux/amd64)
    note: the lock keeps format version 2, by which its images have the digests that they had; `imgbuild lock --upgrade-format` moves it to version 3
    ");
    assert_eq!(bench.build(&[]), old);
    spec("\"python\", \"odd-empty\"");
    bench.build(&[]);
    assert!(bench.imgbuild.read("spec.lock").contains(&two));
    bench.run(&["lock", "spec.toml", "--upgrade"]);
    assert!(bench.imgbuild.read("spec.lock").contains(&two));
    spec("\"python\"");
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(bench.build(&["--locked"]), old);

    assert_snapshot!(bench.run(&["lock", "spec.toml", "--upgrade-format"]).stdout, @"
    ~ format version 2 -> 3
    spec.lock: 22 packages, 0 changed
    ");
    assert_eq!(bench.imgbuild.read("spec.lock"), new);
    assert_eq!(bench.build(&["--locked"]), latest);
}
