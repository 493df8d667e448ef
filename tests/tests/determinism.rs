//! The same lock gives the same bytes, wherever and however it is built.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Image, Imgbuild, channel};

/// Builds one lock in all ways that must not matter, and compares the digests. `spec` gives the spec, with the files beside it.
fn built_everywhere_alike(spec: impl Fn(&Imgbuild) -> String) {
    let first = Imgbuild::with_private_store();
    let text = spec(&first).replace("conda-forge", &channel());
    first.write("spec.toml", &text);
    first.run(["lock", "spec.toml"]).success();
    let wanted = first.build_again(&["--locked"]);
    let lock = first.read("spec.lock");

    // A warm store: nothing is made again, and it is the same image.
    let warm = first.build_again(&["--locked", "--offline"]);
    assert_eq!(warm.digests(), wanted.digests());
    assert_eq!(fs_err::read(warm.path()).unwrap(), fs_err::read(wanted.path()).unwrap());

    // Archives without layers: everything is made again, in an order of its own.
    for entry in fs_err::read_dir(first.store()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if ["layers", "blobs", "bytecode", "tools"].iter().any(|start| name.starts_with(start)) {
            fs_err::remove_dir_all(entry.path()).unwrap();
        }
    }
    assert_eq!(first.build_again(&["--locked", "--offline"]).digests(), wanted.digests());

    // Another machine: one core, another user's settings, an empty store.
    let home = imgbuild_tests::scratch("home");
    let other = Imgbuild::with_private_store()
        .through(["taskset", "--cpu-list", "0", "sh", "-c", "umask 077; exec \"$@\"", "sh"])
        .variable("HOME", home.path())
        .variable("LC_ALL", "tr_TR.UTF-8")
        .variable("LANG", "de_DE.ISO-8859-1")
        .variable("TZ", "Pacific/Kiritimati")
        .variable("PYTHONHASHSEED", "7")
        .variable("SOURCE_DATE_EPOCH", "86400");
    let folder = other.path("elsewhere/deep down");
    fs_err::create_dir_all(&folder).unwrap();
    spec(&other);
    other.write("spec.toml", &text);
    other.write("spec.lock", &lock);
    let mut command =
        other.command(["build", "../../spec.toml", "--locked", "--output", "../../out", "--json"]);
    let outcome = imgbuild_tests::capture(command.current_dir(&folder)).success();
    let [path] = [other.path("out").join(wanted.path().file_name().unwrap())];
    assert_eq!(Image::all(&path)[0].digest.to_string(), wanted.digests()[0], "{}", outcome.stderr);
    assert_eq!(fs_err::read(&path).unwrap(), fs_err::read(wanted.path()).unwrap());
}

#[test]
fn six_packages() {
    built_everywhere_alike(|imgbuild| imgbuild.example("six-packages"));
}

/// Large packages are cut, and their pieces made side by side.
#[test]
fn cut_packages() {
    let cut = |spec: String| format!("{spec}[layers]\nmax-layer = \"16MiB\"\nbudget = 60\n");
    built_everywhere_alike(|imgbuild| cut(imgbuild.example("six-packages")));
}

#[test]
fn quickstart() {
    built_everywhere_alike(|imgbuild| imgbuild.example("quickstart"));
}

/// What two environments have alike is linked, whoever makes the layer.
#[test]
fn several_environments() {
    let spec = "name = \"several\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n[conda]\nchannels = [\"conda-forge\"]\nenvironment = \"app\"\npackages = [\"requests\"]\n[envs.tools]\npython = \"3.11\"\npackages = [\"requests\", \"tqdm\"]\n";
    built_everywhere_alike(|_| spec.to_owned());
}

/// Digests of the latest format version, which stand here as long as it is the latest: whoever changes one adds a version (`formats` has the
/// digests of all of them).
#[test]
fn golden_digests() {
    let imgbuild = Imgbuild::with_private_store();
    // Larger than a block of any of the compressors, and neither all the same nor noise.
    let text: String =
        (0..200_000_u64).map(|number| format!("line {}\n", number % 977 * number % 1013)).collect();
    imgbuild.write("files/text.txt", text);
    imgbuild.write("files/empty", "");
    let mut digests = Vec::new();
    for compression in ["zstd", "gzip", "none"] {
        let spec = format!(
            "name = \"golden\"\nplatforms = [\"linux/amd64\"]\nbase = \"scratch\"\n\
             [[copy]]\nfrom = \"files\"\nto = \"/data\"\n[layers]\ncompression = \"{compression}\"\n"
        );
        imgbuild.write("spec.toml", &spec);
        let image = imgbuild.build_again(&["--offline"]).image();
        let layers = image.manifest.layers.iter().map(|layer| layer.digest.to_string());
        digests.push(format!(
            "{compression} {}\n  {}",
            image.digest,
            layers.collect::<Vec<_>>().join("\n  ")
        ));
    }
    insta::assert_snapshot!(digests.join("\n"), @"
    zstd sha256:2c7de207614007059487d558f751654a703ece55e62e2b5386a9640f61f21f32
      sha256:e0afea48a2c3a57f7a2c7940aaa26cfe2ea03a08d5c2c1c2b80080fcf6a1d20e
      sha256:c85ceff92744bb68597dccc4678f9d83e38e075279e9b186ceb71fef545a71ca
    gzip sha256:52a2109274c2272e14077ee807478e7d9e5de60278e959147490cc99edc0a076
      sha256:6da01995816b3124adec6938797251362b58d5e4c4154459e973546c9e9ed9d4
      sha256:ccd6baad2c2ebec90a214912d132f9f83e40421a4addee17c5cc4c6eb3e08293
    none sha256:302211d52f7ffc0af2e6722bc7e8bfeed9f83ab7000f6a146a284a819e42c087
      sha256:fe63097f7ba47a0eb5f06a7ad4fa3ac055e9b79b0b3f3fe67464c2bf03d3dba8
      sha256:34368b8acbffbdc3f81ace08aaf6adc805d68783b875e63dc50af2f5c4348fd2
    ");
}
