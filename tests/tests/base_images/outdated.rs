//! `imgbuild outdated`: what is newer, of every kind.

use imgbuild_oci::Platform;
use imgbuild_tests::{Answer, Bench, DebianArchive, HandmadeLayer, Outcome, package_index};
use insta::assert_snapshot;

use crate::{Site, conda, config, has_blob, system};

/// Runs it: what it says, and how it ends.
fn ends(outcome: Outcome) -> (Option<i32>, String) {
    assert!(!outcome.stderr.contains("panicked at"), "{}", outcome.stderr);
    (outcome.code, outcome.stdout)
}

/// A spec with packages of every ecosystem, and the index of its wheels.
fn spec(bench: &Bench, idna: &str, index: &str) {
    bench.spec(
        "python = \"3.11\"",
        &format!(
            "packages = [\"editor\"]\n[conda]\nchannels = [\"./channel\"]\npackages = [\"{idna}\"]\n[pip]\npackages = [\"good\"]\nindex-url = \"{index}/simple\"\n[layers]\nbytecode = false"
        ),
    );
    // The base's own keys come before other tables.
    let text =
        bench.imgbuild.read("spec.toml").replace("keyring.asc\"\n\npackages", "keyring.asc\"\npackages");
    bench.imgbuild.write("spec.toml", text);
}

#[test]
fn packages_of_every_kind() {
    let mut archive = DebianArchive::new();
    archive.add("editor", "1", "", "");
    archive.publish();
    let mut bench = Bench::with(archive, |_| Answer::File);
    let folder = bench.imgbuild.path("index");
    let index = package_index(&folder, "good-1.0-py3-none-any.whl", |_| None);
    let outdated = |bench: &Bench, words: &[&str]| {
        let mut all = vec!["outdated", "spec.toml"];
        all.extend(words);
        ends(bench.imgbuild.run(all))
    };
    spec(&bench, "idna 3.6", &index.url());
    let missing = bench.imgbuild.run(["outdated", "spec.toml"]).failure();
    assert_snapshot!(bench.message(&missing), @"
    × there is no lock `spec.lock`
    help: run `imgbuild lock` first, and keep the lock beside the spec
    ");
    bench.run(&["lock", "spec.toml"]);
    let (code, said) = outdated(&bench, &[]);
    assert_eq!(code, Some(0));
    assert_snapshot!(said, @"spec.lock has the newest of all that the spec allows");
    // There is a newer one, and the spec forbids it: then nothing is outdated. Now it does not.
    spec(&bench, "idna", &index.url());
    let stale = bench.imgbuild.run(["outdated", "spec.toml"]).failure();
    assert_snapshot!(bench.message(&stale), @"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
    bench.run(&["lock", "spec.toml"]);
    let before = bench.imgbuild.read("spec.lock");
    bench.archive.add("editor", "2", "", "");
    bench.archive.add("tini", "2", "", "");
    bench.archive.publish();
    // The same folder, which has one more now.
    let _more = package_index(&folder, "good-2.0-py3-none-any.whl", |_| None);
    let (code, said) = outdated(&bench, &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(said, @"
    Debian packages
      editor 1 -> 2
      tini 1 -> 2

    conda packages
      idna 3.6 pyhd8ed1ab_0 -> 3.20 pyhd8ed1ab_0

    wheels
      good 1.0 -> 2.0
    ");
    let (code, said) = outdated(&bench, &["--json"]);
    assert_eq!(code, Some(3));
    assert_snapshot!(said, @r#"
    {
      "outdated": true,
      "base": [],
      "debian": [
        {
          "name": "editor",
          "reason": "requested",
          "before": [
            "1"
          ],
          "after": [
            "2"
          ]
        },
        {
          "name": "tini",
          "reason": "needed",
          "before": [
            "1"
          ],
          "after": [
            "2"
          ]
        }
      ],
      "conda": [
        {
          "name": "idna",
          "reason": "requested",
          "before": [
            "3.6 pyhd8ed1ab_0"
          ],
          "after": [
            "3.20 pyhd8ed1ab_0"
          ]
        }
      ],
      "pypi": [
        {
          "name": "good",
          "reason": "requested",
          "before": [
            "1.0"
          ],
          "after": [
            "2.0"
          ]
        }
      ]
    }
    "#);
    assert_eq!(bench.imgbuild.read("spec.lock"), before, "it was written");
    bench.run(&["lock", "spec.toml", "--upgrade"]);
    assert_eq!(outdated(&bench, &[]).0, Some(0));
}

#[test]
fn a_base_whose_tag_has_moved() {
    let site = Site::new();
    site.put("team/base:1", &[Platform::LinuxAmd64], vec![system()], &config());
    site.spec("team/base:1", &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let newer = vec![system(), HandmadeLayer::new().file("etc/new", "")];
    site.put("team/base:1", &[Platform::LinuxAmd64], newer, &config());
    let outdated = |words: &[&str]| {
        let (code, said) = ends(site.imgbuild.run([&["outdated", "spec.toml"], words].concat()));
        (code, site.shown(&said))
    };
    let (code, said) = outdated(&[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(said, @"
    bases
      127.0.0.1:50000/team/base:1 sha256:d5349cc67b3401b97ad66314c1df87e4969836de4be31f6e8a4755bf35bb83d2 -> sha256:ec5421824306074aac2537fdce68a563256fdb93eb6a897d52ceb51ad7f0a76d
    ");
    let (code, said) = outdated(&["--json"]);
    assert_eq!(code, Some(3));
    assert_snapshot!(said, @r#"
    {
      "outdated": true,
      "base": [
        {
          "name": "127.0.0.1:50000/team/base:1",
          "reason": "requested",
          "before": [
            "sha256:d5349cc67b3401b97ad66314c1df87e4969836de4be31f6e8a4755bf35bb83d2"
          ],
          "after": [
            "sha256:ec5421824306074aac2537fdce68a563256fdb93eb6a897d52ceb51ad7f0a76d"
          ]
        }
      ],
      "debian": [],
      "conda": [],
      "pypi": []
    }
    "#);
    // A failure is another thing.
    drop(site.registry);
    assert_eq!(site.imgbuild.run(["outdated", "spec.toml"]).code, Some(1));
}

#[test]
fn a_base_that_has_not_moved_is_not_read_again() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let layer = site.lock().variants[0].image.clone().unwrap().layers[0].digest;
    let other = site.elsewhere();
    assert_eq!(other.run(["outdated", "spec.toml"]).success().code, Some(0));
    other.run(["lock", "spec.toml", "--upgrade"]).success();
    assert_eq!(other.read("spec.lock"), site.imgbuild.read("spec.lock"));
    assert!(!has_blob(&other, &layer));
}
