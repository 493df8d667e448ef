//! Locks: when they change and when they do not, and where packages come from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_tests::{Answer, Bench, DebianArchive, Image, Server, channel_folder, names};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The packages of the lock, with their versions.
fn versions(bench: &Bench) -> BTreeMap<String, String> {
    let lock: toml::Table = bench.imgbuild.read("spec.lock").parse().unwrap();
    let package = |it: &toml::Value| {
        let text = |key: &str| it["record"][key].as_str().unwrap().to_owned();
        (text("name"), text("version"))
    };
    lock["conda"].as_array().unwrap().iter().map(package).collect()
}

/// Where the lock has a package from.
fn url(bench: &Bench, name: &str) -> String {
    let lock = bench.imgbuild.read("spec.lock").parse::<toml::Table>().unwrap();
    let packages = lock["conda"].as_array().unwrap().clone();
    let found = packages.into_iter().find(|it| it["record"]["name"].as_str() == Some(name)).unwrap();
    found["url"].as_str().unwrap().to_owned()
}

/// A small channel: each package is that of the test channel, with another name, version or time where that is given.
fn channel(folder: &Path, packages: &[(&str, &str)]) {
    let source = channel_folder().join("noarch");
    let index: Value = serde_json::from_slice(&fs_err::read(source.join("repodata.json")).unwrap()).unwrap();
    for subdir in ["linux-64", "noarch"] {
        fs_err::create_dir_all(folder.join(subdir)).unwrap();
        let mut records = serde_json::Map::new();
        for (file, depends) in packages.iter().filter(|_| subdir == "noarch") {
            let mut record = index["packages.conda"][file].clone();
            assert!(record.is_object(), "{file}");
            if !depends.is_empty() {
                record["depends"] = json!([depends]);
            }
            fs_err::copy(source.join(file), folder.join(subdir).join(file)).unwrap();
            records.insert((*file).to_owned(), record);
        }
        let text = json!({ "info": { "subdir": subdir }, "packages": {}, "packages.conda": records });
        fs_err::write(folder.join(subdir).join("repodata.json"), text.to_string()).unwrap();
    }
}

/// `spec.toml` with Python, so that there is something to choose from.
fn python(bench: &Bench, packages: &[&str], more: &str) {
    let conda = format!("[conda]\nchannels = [\"./channel\"]\npackages = {packages:?}\n{more}");
    bench.spec("python = \"3.11\"", &format!("{conda}\n[layers]\nbytecode = false"));
}

#[test]
fn a_lock_is_stable() {
    let bench = Bench::new();
    python(&bench, &["requests", "six"], "");
    let missing = bench.imgbuild.run(["lock", "--check", "spec.toml"]).failure();
    assert_snapshot!(bench.message(&missing), @"
    × there is no lock `spec.lock`
    help: run `imgbuild lock` first, and keep the lock beside the spec
    ");
    bench.run(&["lock", "spec.toml"]);
    let first = bench.imgbuild.read("spec.lock");
    let again = bench.run(&["lock", "spec.toml"]);
    assert!(again.stdout.ends_with(", 0 changed\n"), "{}", again.stdout);
    assert_eq!(bench.imgbuild.read("spec.lock"), first);
    assert_snapshot!(bench.run(&["lock", "--check", "spec.toml"]).stdout, @"spec.lock is up to date");
    // Also when nothing is there to be kept.
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(bench.imgbuild.read("spec.lock"), first);
    python(&bench, &["requests"], "");
    let stale = bench.imgbuild.run(["lock", "--check", "spec.toml"]).failure();
    assert_snapshot!(bench.message(&stale), @"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
    assert_eq!(bench.imgbuild.read("spec.lock"), first);
}

const OLD: [&str; 4] = ["idna 3.6", "six 1.16.0", "tornado 6.4.1", "numpy 1.26.4"];
const ANY: [&str; 4] = ["idna", "six", "tornado", "numpy"];

/// Only the lines of what changed.
fn changed(text: &str) -> String {
    text.lines().filter(|line| !line.contains("spec.lock")).collect::<Vec<_>>().join("\n")
}

#[test]
fn only_what_is_named_is_upgraded() {
    let bench = Bench::new();
    python(&bench, &OLD, "");
    bench.run(&["lock", "spec.toml"]);
    // The requirements allow newer versions now, and nothing asks for them.
    python(&bench, &ANY, "");
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml"]).stdout), @"");
    assert_eq!(versions(&bench)["idna"], "3.6");
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml", "--upgrade", "idna"]).stdout), @"~ conda/idna 3.6 pyhd8ed1ab_0 -> 3.20 pyhd8ed1ab_0");
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml", "--upgrade", "six", "numpy"]).stdout), @"
    ~ conda/numpy 1.26.4 py311_0 -> 2.0.2 py311_0
    ~ conda/six 1.16.0 pyhd8ed1ab_0 -> 1.17.0 pyhd8ed1ab_0
    ");
    let wrong = bench.imgbuild.run(["lock", "spec.toml", "--upgrade", "pandas"]).failure();
    assert_snapshot!(bench.message(&wrong), @"  × `pandas` is not a package of the lock, so it cannot be upgraded");
    assert_snapshot!(bench.run(&["lock", "spec.toml", "--upgrade", "--json"]).stdout, @r#"
    {
      "lock": "spec.lock",
      "format": 4,
      "changes": [
        {
          "package": "conda/tornado",
          "reason": "requested",
          "before": [
            "6.4.1 py311_0"
          ],
          "after": [
            "6.6.1 py311_0"
          ]
        }
      ],
      "notes": []
    }
    "#);
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml", "--upgrade"]).stdout), @"");
}

#[test]
fn a_debian_package_is_upgraded_when_it_is_named() {
    let mut archive = DebianArchive::new();
    archive.add("editor", "1", "", "");
    archive.publish();
    let mut bench = Bench::with(archive, |_| Answer::File);
    bench.packages(&["editor"]);
    bench.run(&["lock", "spec.toml"]);
    bench.archive.add("editor", "2", "", "");
    bench.archive.add("tini", "2", "", "");
    bench.archive.publish();
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml"]).stdout), @"");
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml", "--upgrade", "editor"]).stdout), @"~ debian/editor 1 -> 2");
    assert_snapshot!(changed(&bench.run(&["lock", "spec.toml", "--upgrade"]).stdout), @"~ debian/tini 1 -> 2");
}

#[test]
fn a_debian_package_that_was_read_is_not_read_again() {
    let bench = Bench::new();
    bench.packages(&[]);
    let relock = || {
        fs_err::remove_file(bench.imgbuild.path("spec.lock")).ok();
        bench.run(&["lock", "spec.toml"]);
        bench.imgbuild.read("spec.lock")
    };
    let first = relock();
    let kept = bench.imgbuild.store().join("repodata-v1/debian-info-v2");
    let documents = || fs_err::read_dir(&kept).unwrap().map(|it| it.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(documents().len(), first.matches("[[debian]]").count());
    // What is read of them is the same, from wherever.
    assert_eq!(relock(), first);
    documents().iter().for_each(|path| fs_err::write(path, "damaged").unwrap());
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    let told = bench.run(&["lock", "spec.toml", "-v"]).stderr;
    assert_eq!(told.matches("is damaged and is made anew").count(), documents().len(), "{told}");
    assert_eq!(bench.imgbuild.read("spec.lock"), first);
    assert!(documents().iter().all(|path| fs_err::read(path).unwrap() != b"damaged"));
}

#[test]
fn what_is_newer_than_a_time_is_left_out() {
    let bench = Bench::new();
    let one = bench.imgbuild.path("one");
    channel(&one, &[(EMPTY, "")]);
    // A second version, of a later time.
    let index = one.join("noarch/repodata.json");
    let mut repodata: Value = serde_json::from_slice(&fs_err::read(&index).unwrap()).unwrap();
    let records = &mut repodata["packages.conda"];
    let mut newer = records[EMPTY].clone();
    (newer["version"], newer["timestamp"]) = (json!("2.0"), json!(1_800_000_000_000_u64));
    records["odd-empty-2.0-0.conda"] = newer;
    fs_err::write(&index, repodata.to_string()).unwrap();
    fs_err::copy(one.join("noarch").join(EMPTY), one.join("noarch/odd-empty-2.0-0.conda")).unwrap();
    let locked = |more: &str| {
        bench.spec("", &format!("[conda]\nchannels = [\"./one\"]\npackages = [\"odd-empty\"]\n{more}"));
        bench.run(&["lock", "spec.toml"]);
        versions(&bench)["odd-empty"].clone()
    };
    let before = "exclude-newer = 2026-07-01T00:00:00Z";
    assert_eq!(locked(before), "1.0");
    assert_eq!(locked(""), "1.0", "what is locked stays");
    bench.run(&["lock", "spec.toml", "--upgrade"]);
    assert_eq!(versions(&bench)["odd-empty"], "2.0");
    assert_eq!(locked(before), "1.0", "what is too new does not stay");
}

const EMPTY: &str = "odd-empty-1.0-0.conda";
const MODES: &str = "odd-modes-1.0-0.conda";

/// A spec with `./one` before `./two`.
fn two(bench: &Bench, packages: &[&str], more: &str) {
    let conda = format!("[conda]\nchannels = [\"./one\", \"./two\"]\npackages = {packages:?}\n{more}");
    bench.spec("", &conda);
}

#[test]
fn the_first_channel_that_has_a_package_has_it() {
    let bench = Bench::new();
    // In the first channel, the package cannot be installed.
    channel(&bench.imgbuild.path("one"), &[(EMPTY, "no-such-package")]);
    channel(&bench.imgbuild.path("two"), &[(EMPTY, ""), (MODES, "")]);
    two(&bench, &["odd-empty"], "");
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          odd-empty * cannot be installed because there are no viable options:
          └─ odd-empty 1.0 would require
             └─ no-such-package *, for which no candidates were found.
          The following packages are incompatible
          └─ odd-empty * cannot be installed because there are no viable options:
             └─ odd-empty 1.0 is excluded because due to strict channel priority not using this option from: 'file://FOLDER/two/'

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ channels = ["./one", "./two"]
     10 │ packages = ["odd-empty"]
        ·             ─────┬─────
        ·                  ╰── this requirement
     11 │
        ╰────
    "#);
    two(&bench, &["odd-empty"], "channel-priority = \"flexible\"");
    bench.run(&["lock", "spec.toml"]);
    assert!(url(&bench, "odd-empty").ends_with("/two/noarch/odd-empty-1.0-0.conda"));
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    // A requirement may name its channel.
    two(&bench, &["./two::odd-empty", "odd-modes"], "");
    bench.run(&["lock", "spec.toml"]);
    assert!(url(&bench, "odd-empty").ends_with("/two/noarch/odd-empty-1.0-0.conda"));
    assert!(url(&bench, "odd-modes").ends_with("/two/noarch/odd-modes-1.0-0.conda"));
}

#[test]
fn a_lock_does_not_keep_what_its_channels_do_not_offer() {
    let bench = Bench::new();
    channel(&bench.imgbuild.path("one"), &[(EMPTY, "")]);
    channel(&bench.imgbuild.path("two"), &[(EMPTY, "")]);
    let locked = |channels: &str| {
        bench.spec("", &format!("[conda]\nchannels = {channels}\npackages = [\"odd-empty\"]"));
        bench.run(&["lock", "spec.toml"]);
        let url = url(&bench, "odd-empty");
        url.rsplit('/').nth(2).unwrap().to_owned()
    };
    assert_eq!(locked("[\"./one\"]"), "one");
    assert_eq!(locked("[\"./two\"]"), "two", "the channel of the lock is not asked for any more");
    assert_eq!(locked("[\"./one\", \"./two\"]"), "one", "an earlier channel has it too");
    // A package that is taken from the index is not kept either.
    channel(&bench.imgbuild.path("one"), &[(MODES, "")]);
    bench.spec("", "[conda]\nchannels = [\"./one\"]\npackages = [\"odd-empty\"]");
    assert_snapshot!(bench.refuses(&["lock", "spec.toml"]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          No candidates were found for odd-empty *.

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ channels = ["./one"]
     10 │ packages = ["odd-empty"]
        ·             ─────┬─────
        ·                  ╰── this requirement
        ╰────
    "#);
}

/// A server of the test channel below `/conda-forge`.
fn mirrored(bench: &Bench) -> Server {
    let root = bench.imgbuild.path("served");
    fs_err::create_dir_all(&root).unwrap();
    for name in ["conda-forge", "main"] {
        std::os::unix::fs::symlink(channel_folder(), root.join(name)).unwrap();
    }
    channel(&root.join("r"), &[]);
    Server::new(&root)
}

#[test]
fn a_channel_by_name_through_a_mirror() {
    let bench = Bench::new();
    let mirror = mirrored(&bench);
    let conda = |mirrors: &str| {
        bench.spec(
            "",
            &format!(
                "[conda]\nchannels = [\"conda-forge\"]\npackages = [\"odd-modes\"]\n[conda.mirrors]\nconda-forge = {mirrors}"
            ),
        );
    };
    conda(&format!("[\"{}/conda-forge\"]", mirror.url()));
    let digest = bench.build(&[]);
    assert!(mirror.count("odd-modes-1.0-0.conda") > 0);
    // The lock names the channel, not who served it.
    let channel = url(&bench, "odd-modes");
    assert!(channel.ends_with("/conda-forge/noarch/odd-modes-1.0-0.conda"), "{channel}");
    assert!(!bench.imgbuild.read("spec.lock").contains(&mirror.url()));
    // The first mirror is dead: the second one serves, and the image is the same.
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    conda(&format!("[\"http://127.0.0.1:1/conda-forge\", \"{}/conda-forge\"]", mirror.url()));
    assert_eq!(bench.build(&[]), digest);
    // A mirror written as the channel itself.
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    bench.spec(
        "",
        &format!("[conda]\nchannels = [\"{}/conda-forge\"]\npackages = [\"odd-modes\"]", mirror.url()),
    );
    bench.build(&[]);
    assert!(url(&bench, "odd-modes").starts_with(&mirror.url()));
}

#[test]
fn the_defaults_of_conda_through_a_mirror() {
    let bench = Bench::new();
    let mirror = mirrored(&bench);
    bench.spec(
        "",
        &format!(
            "[conda]\nchannels = [\"defaults\"]\npackages = [\"odd-modes\"]\n[conda.mirrors]\ndefaults = [\"{}\"]",
            mirror.url()
        ),
    );
    bench.build(&[]);
    assert!(url(&bench, "odd-modes").ends_with("/pkgs/main/noarch/odd-modes-1.0-0.conda"));
    assert!(mirror.requests().iter().any(|it| it.path.starts_with("/r/noarch/")));
}

#[test]
fn a_second_build_asks_nobody_and_makes_nothing() {
    let bench = Bench::new();
    let channel = Server::new(&channel_folder());
    let conda = format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url());
    bench.spec("", &conda);
    let digest = bench.build(&[]);
    let asked = || bench.mirror.requests().len() + channel.requests().len();
    let before = asked();
    let again = bench.run(&["build", "spec.toml", "--output", "again"]);
    assert!(again.stderr.starts_with("all 5 layers are in the cache\n"), "{}", again.stderr);
    assert_eq!(asked(), before);
    assert_eq!(bench.build(&["--offline", "--locked"]), digest);
    // What is not in the lock needs no solving: labels, variables, what is copied.
    bench.imgbuild.write("src/main.py", "print()\n");
    let image = "[image]\nlabels = { a = \"b\" }\nenv = { HF_HOME = \"/data\" }\n[[copy]]\nfrom = \"src\"\nto = \"/src\"";
    bench.spec("", &format!("{conda}\n{image}"));
    let other = bench.build(&["--offline", "--locked"]);
    assert_ne!(other, digest);
    assert_eq!(asked(), before);
    let [built] = Image::all(&bench.imgbuild.path("out/x-latest.tar")).try_into().unwrap();
    assert_eq!(built.file("src/main.py"), b"print()\n");
    assert_eq!(built.variable("HF_HOME"), Some("/data"));
    // Other tags are another lock, and need no network for it: everything is kept.
    bench.spec("tags = [\"one\", \"two\"]", &format!("{conda}\n{image}"));
    bench.build(&["--offline"]);
    assert_eq!(asked(), before);
    assert_eq!(names(&bench.imgbuild.path("out")), ["x-latest.tar", "x-one.tar"]);
    // The archives are not needed any more.
    fs_err::remove_dir_all(bench.imgbuild.store().join("archives")).unwrap();
    bench.build(&["--offline"]);
}

#[test]
fn another_version_of_one_package_is_one_new_layer() {
    let bench = Bench::new();
    python(&bench, &["requests", "idna 3.6"], "");
    bench.build(&[]);
    python(&bench, &["requests", "idna"], "");
    bench.run(&["lock", "spec.toml", "--upgrade", "idna"]);
    let output = bench.imgbuild.build_again(&[]);
    let layers = output.report["images"][0]["layers"].as_array().unwrap().clone();
    let made: Vec<_> =
        layers.iter().filter(|it| it["reused"] == false).map(|it| it["title"].to_string()).collect();
    // The lock is in the image, in the last layer.
    let (last, others) = made.split_last().unwrap();
    assert!(last.contains("the lock"), "{made:?}");
    assert_eq!(others.len(), 1, "{made:?}");
    assert!(others[0].contains("idna 3.20"), "{made:?}");
}
