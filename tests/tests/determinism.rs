//! The same lock gives the same bytes, wherever and however it is built.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Image, Imgbuild, channel, workspace_root};

/// Builds one lock in all ways that must not matter, and compares the digests.
fn built_everywhere_alike(spec: &str) {
    let first = Imgbuild::with_private_store();
    first.write("spec.toml", spec);
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
    other.write("spec.toml", spec);
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
    let spec = fs_err::read_to_string(workspace_root().join("examples/six-packages.toml")).unwrap();
    built_everywhere_alike(&spec.replace("conda-forge", &channel()));
}

#[test]
fn quickstart() {
    let spec = workspace_root().join("examples/quickstart.toml");
    built_everywhere_alike(&fs_err::read_to_string(spec).unwrap());
}

/// Digests that stand here for ever: whoever changes one changes the format, and counts up its version.
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
    insta::assert_snapshot!(digests.join("\n"), @r"
    zstd sha256:3435376de0ca3e202e08c869465da8dcf056f79a1da31f29ec322b1a752325ba
      sha256:a7c81e07ef01b301beb43732080e50fdf2a8d8d8628cb5632d63bf1bbf0112b1
      sha256:c85ceff92744bb68597dccc4678f9d83e38e075279e9b186ceb71fef545a71ca
    gzip sha256:4c39ad2d68f1ca6b63ea060cc859bf4ccb3fa7c7aad96acc5904028289925644
      sha256:f4b8f34dd2aa20dcf850f3fe51b1956894f2cf0e9dd8058fc34f32251b5d5101
      sha256:ccd6baad2c2ebec90a214912d132f9f83e40421a4addee17c5cc4c6eb3e08293
    none sha256:24e4eb05211161c8b61f17d2ad244734c844420f783aa991a0b85a1b3d4e871b
      sha256:28004f4f43ab9285628b61f05362be61adbe2dd676c5ad0b7746fb3080a32303
      sha256:34368b8acbffbdc3f81ace08aaf6adc805d68783b875e63dc50af2f5c4348fd2
    ");
}
