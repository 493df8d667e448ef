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
