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
use serde_json::Value;

/// The digest of the image of each version's lock, which the imgbuild had that wrote such locks first. They stand here for ever.
const IMAGES: [(FormatVersion, &str); 3] = [
    (FormatVersion::Two, "sha256:2ff5fbdce7ea3479b94805add0c28106bd4d50513e0df7f3382b5a6e2415bb52"),
    (FormatVersion::Three, "sha256:49760ace88988f955e47cd9a57dc2e731c7907376e030814ec22c8a342f39629"),
    (FormatVersion::Four, "sha256:4e2fa37c1eb326e872c19e88868380fc4da34407751a05ab4a21339cb0f5ce5f"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

/// The image of a version's lock, built where there is no network.
fn built(version: FormatVersion) -> Image {
    built_by(&imgbuild(), version)
}

fn imgbuild() -> Imgbuild {
    Imgbuild::with_private_store().through(["unshare", "--net"])
}

fn built_by(imgbuild: &Imgbuild, version: FormatVersion) -> Image {
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
fn version_4_holds_the_bill_of_materials_that_the_lock_makes() {
    let imgbuild = imgbuild();
    let (three, four) = (built(FormatVersion::Three), built_by(&imgbuild, FormatVersion::Four));
    let bill: Value = serde_json::from_slice(&four.file("usr/share/imgbuild/sbom.cdx.json")).unwrap();
    let components = |it: &Value| it["components"].as_array().cloned().unwrap_or_default();
    let line = |indent: &str, it: &Value| format!("{indent}{}\n", it["bom-ref"].as_str().unwrap());
    let lines = components(&bill).into_iter().flat_map(|it| {
        let nested: Vec<String> = components(&it).iter().map(|it| line("  ", it)).collect();
        [line("", &it)].into_iter().chain(nested)
    });
    assert_snapshot!(lines.collect::<String>(), @"
    os:debian@
    pkg:conda/jupyterlab@4.5.0?build=0&channel=channel&subdir=noarch&type=conda
    pkg:conda/large@2.0?build=0&channel=channel&subdir=linux-64&type=conda
    pkg:conda/middle@1.5?build=0&channel=channel&subdir=linux-64&type=conda
    pkg:conda/pure@3?build=0&channel=channel&subdir=noarch&type=conda
    pkg:conda/python@3.11.9?build=0&channel=channel&subdir=linux-64&type=conda
    pkg:conda/small@1?build=0&channel=channel&subdir=linux-64&type=conda
    pkg:deb/debian/apt@1?arch=all&distro=debian-trixie
    pkg:deb/debian/ca-certificates@1?arch=all&distro=debian-trixie
    pkg:deb/debian/curl@9?arch=all&distro=debian-trixie
    pkg:deb/debian/libc6@2.41-1?arch=all&distro=debian-trixie
    pkg:deb/debian/libnss-wrapper@9?arch=all&distro=debian-trixie
    pkg:deb/debian/libstdc%2B%2B6@9?arch=all&distro=debian-trixie
    pkg:deb/debian/netbase@9?arch=all&distro=debian-trixie
    pkg:deb/debian/openssh-server@9?arch=all&distro=debian-trixie
    pkg:deb/debian/procps@9?arch=all&distro=debian-trixie
    pkg:deb/debian/rsync@9?arch=all&distro=debian-trixie
    pkg:deb/debian/systemd-standalone-sysusers@9?arch=all&distro=debian-trixie
    pkg:deb/debian/tini@1?arch=all&distro=debian-trixie
    pkg:deb/debian/tzdata@1?arch=all&distro=debian-trixie
    environment:/opt/conda
      pkg:pypi/heavy@1.0
      pkg:pypi/jupyterlab@4.5.0
      pkg:pypi/light@0.1
      pkg:pypi/pure@3
    ");
    // It is in the lock's layer, and all others are the same.
    let digests = |image: &Image| -> BTreeSet<String> {
        image.manifest.layers.iter().map(|layer| layer.digest.to_string()).collect()
    };
    assert_eq!(digests(&three).symmetric_difference(&digests(&four)).count(), 2);
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
    let [two, last] = [2, FormatVersion::LATEST.number()].map(|version| format!("\nversion = {version}\n"));
    let new = bench.imgbuild.read("spec.lock");
    let latest = bench.build(&["--locked"]);

    // Neither renewing it nor a build that has to changes its version, and it says no more than such locks did.
    bench.imgbuild.write("spec.lock", new.replacen(&last, &two, 1));
    let renewed = bench.run(&["lock", "spec.toml"]);
    assert_snapshot!(renewed.stderr, @"
    locking x:latest (linux/amd64)
    note: the lock keeps format version 2, by which its images have the digests that they had; `imgbuild lock spec.toml --upgrade-format` moves it to version 4
    ");
    let old = bench.build(&["--locked"]);
    assert_ne!(old, latest);
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
    ~ format version 2 -> 4
    spec.lock: 22 packages, 0 changed
    ");
    assert_eq!(bench.imgbuild.read("spec.lock"), new);
    assert_eq!(bench.build(&["--locked"]), latest);
}

#[test]
fn every_codec_of_every_version_writes_the_bytes_that_it_always_did() {
    let imgbuild = Imgbuild::with_private_store();
    // Larger than a block of any of the compressors, and neither all the same nor noise.
    let text: String =
        (0..200_000_u64).map(|number| format!("line {}\n", number % 977 * number % 1013)).collect();
    imgbuild.write("files/text.txt", text);
    imgbuild.write("files/empty", "");
    let built = |version: FormatVersion, compression: &str| {
        let spec = format!(
            "name = \"golden\"\nplatforms = [\"linux/amd64\"]\nbase = \"scratch\"\n\
             [[copy]]\nfrom = \"files\"\nto = \"/data\"\n[layers]\ncompression = \"{compression}\"\n"
        );
        imgbuild.write("spec.toml", &spec);
        imgbuild.run(["lock", "spec.toml", "--offline", "--upgrade-format"]).success();
        let latest = format!("\nversion = {}\n", FormatVersion::LATEST.number());
        let wanted = format!("\nversion = {}\n", version.number());
        imgbuild.write("spec.lock", imgbuild.read("spec.lock").replacen(&latest, &wanted, 1));
        let image = imgbuild.build_again(&["--offline", "--locked"]).image();
        let layers: Vec<String> =
            image.manifest.layers.iter().map(|layer| layer.digest.to_string()).collect();
        format!("{} {compression} {}\n  {}", version.number(), image.digest, layers.join("\n  "))
    };
    let all = IMAGES
        .iter()
        .flat_map(|(version, _)| ["zstd", "gzip", "none"].map(|compression| built(*version, compression)));
    assert_snapshot!(all.collect::<Vec<_>>().join("\n"), @"
    2 zstd sha256:96a506a34851bd815751cf49609d3107ced771914cf323666780bcfbb269631c
      sha256:a0676858e28756decc299960eb5786ec11d550d89ded29b9c5fa578ab32f1c59
      sha256:c85ceff92744bb68597dccc4678f9d83e38e075279e9b186ceb71fef545a71ca
    2 gzip sha256:5c6cb080888f7720379b5f3e8cd1185251c0f5ad78a6e603f0b48f7f51ea0567
      sha256:3463436768dc415fcc6a2afd06f895a5fc99f34c654ced413e263b267c80d53b
      sha256:ccd6baad2c2ebec90a214912d132f9f83e40421a4addee17c5cc4c6eb3e08293
    2 none sha256:a39bf56c3f8512f07fa48d08fb4139472440048eb1a44e0569617559546b0853
      sha256:f01ffb36009e571c10f590848dcba62ebe5066965e3955ad7eaccc118a64b71b
      sha256:34368b8acbffbdc3f81ace08aaf6adc805d68783b875e63dc50af2f5c4348fd2
    3 zstd sha256:2c7de207614007059487d558f751654a703ece55e62e2b5386a9640f61f21f32
      sha256:e0afea48a2c3a57f7a2c7940aaa26cfe2ea03a08d5c2c1c2b80080fcf6a1d20e
      sha256:c85ceff92744bb68597dccc4678f9d83e38e075279e9b186ceb71fef545a71ca
    3 gzip sha256:52a2109274c2272e14077ee807478e7d9e5de60278e959147490cc99edc0a076
      sha256:6da01995816b3124adec6938797251362b58d5e4c4154459e973546c9e9ed9d4
      sha256:ccd6baad2c2ebec90a214912d132f9f83e40421a4addee17c5cc4c6eb3e08293
    3 none sha256:302211d52f7ffc0af2e6722bc7e8bfeed9f83ab7000f6a146a284a819e42c087
      sha256:fe63097f7ba47a0eb5f06a7ad4fa3ac055e9b79b0b3f3fe67464c2bf03d3dba8
      sha256:34368b8acbffbdc3f81ace08aaf6adc805d68783b875e63dc50af2f5c4348fd2
    4 zstd sha256:fd3c92fb8abc9c9b1d3e8abbadc0b3dc8ff93587fe9d5f45aab40c775fdd7aee
      sha256:2c9baeb4aa911dfd2df2c0c184999afb42a4cfaff0cbdc1500fd8e803253c809
      sha256:c85ceff92744bb68597dccc4678f9d83e38e075279e9b186ceb71fef545a71ca
    4 gzip sha256:4ca336848f8d49bb9a4aeb468a1be8d1e0ac9965aa72b5fb888dbc8e14de53ae
      sha256:d661f355b63b024fd3983a489364101a6c35d069ac692ad2e0ac38a441832094
      sha256:ccd6baad2c2ebec90a214912d132f9f83e40421a4addee17c5cc4c6eb3e08293
    4 none sha256:c2cee74c4e1199ccea72d913c6af8a8230e1f39646e1fc6772f76793d4cb8511
      sha256:43bc4933e3bea371e93d2fff55c6891b4fee2a13ba1b1067dea5fa98c7253d1b
      sha256:34368b8acbffbdc3f81ace08aaf6adc805d68783b875e63dc50af2f5c4348fd2
    ");
}
