//! The commands, on an image of conda's packages, wheels and Debian's.

use std::collections::BTreeSet;

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_sbom::Format;
use imgbuild_tests::{HandmadeLayer, Imgbuild, channel, write_layout};
use serde_json::Value;

use crate::{findings, listed_by_trivy};

pub(crate) fn spec() -> String {
    format!(
        "name = \"analysis\"\ntags = [\"1\"]\npython = \"3.11\"\n\
         [conda]\nchannels = [\"{}\"]\npackages = [\"numpy\"]\n\
         [pip]\npackages = [\"click\"]\n\
         [image.labels]\n\"org.opencontainers.image.authors\" = \"The team <team@example.org>\"\n",
        channel()
    )
}

/// What an image has, as `KIND NAME VERSION`.
fn inspected(imgbuild: &Imgbuild) -> BTreeSet<String> {
    let said = imgbuild.run(["inspect", "analysis:1", "--packages", "--json"]).success().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    let line = |it: &Value| {
        let [kind, name] = ["kind", "name"].map(|key| it["id"][key].as_str().unwrap());
        let kind = match kind {
            "conda" => "conda-pkg",
            "pypi" => "python-pkg",
            other => other,
        };
        format!("{kind} {name} {}", it["version"].as_str().unwrap())
    };
    said["package-list"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn an_image_and_its_spec_say_the_same_packages_and_trivy_lists_them_all() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&spec(), &[]);
    let packages = inspected(&imgbuild);
    for (of, name) in [("spec.toml", "lock"), ("analysis:1", "image")] {
        for format in Format::ALL {
            let file = imgbuild.path(&format!("{name}.{}.json", format.as_str()));
            let arguments = ["sbom", of, "--format", format.as_str(), "--output", file.to_str().unwrap()];
            imgbuild.run(arguments).success();
            assert_eq!(findings(format.as_str(), &file), "", "{of} {}", format.as_str());
            let again = imgbuild.run(&arguments[..4]).success().stdout;
            assert_eq!(again, fs_err::read_to_string(&file).unwrap());
        }
        let file = imgbuild.path(&format!("{name}.cyclonedx.json"));
        assert_eq!(findings("purls", &file), "");
        assert_eq!(findings("schema", &file), "");
        let trivy = imgbuild.path("trivy");
        let listed: BTreeSet<String> = listed_by_trivy(&file, &trivy)
            .iter()
            .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(packages.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new());
        // What it lists beside them are the distributions that packages of conda are.
        assert!(listed.difference(&packages).all(|it| it.starts_with("python-pkg ")), "{listed:?}");
    }
}

#[test]
fn archives_have_a_sha512_where_it_is_asked_for() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&spec(), &[]);
    let said = imgbuild.run(["sbom", "spec.toml", "--sha512"]).success().stdout;
    let bill: Value = serde_json::from_str(&said).unwrap();
    let mut seen = 0;
    for component in bill["components"].as_array().unwrap() {
        for reference in component["externalReferences"].as_array().into_iter().flatten() {
            if reference["type"] == "distribution" {
                let hashes = reference["hashes"].as_array().unwrap();
                let names: Vec<&str> = hashes.iter().map(|it| it["alg"].as_str().unwrap()).collect();
                assert_eq!(names, ["SHA-256", "SHA-512"]);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
    let elsewhere = Imgbuild::with_private_store();
    for file in ["spec.toml", "spec.lock"] {
        elsewhere.write(file, imgbuild.read(file));
    }
    let said = elsewhere.run(["sbom", "spec.toml", "--sha512"]).failure();
    assert!(said.stderr.contains("is not in the store"), "{}", said.stderr);
}

#[test]
fn an_audit_tells_what_is_vulnerable_and_what_cures_it() {
    let imgbuild = Imgbuild::new();
    imgbuild.write("spec.toml", spec());
    imgbuild.run(["lock", "spec.toml"]).success();
    imgbuild.write(
        "advisories/click.json",
        r#"{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "summary": "Clicks too much",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
            "affected": [{"package": {"ecosystem": "PyPI", "name": "click"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}]}]}"#,
    );
    imgbuild.write(
        "advisories/numpy.json",
        r#"{"id": "GHSA-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "numpy"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.9"}]}]}]}"#,
    );
    let audit = ["audit", "spec.toml", "--advisories", "advisories"];
    let told = imgbuild.run(audit).success().stdout;
    let version = told.split("pypi/click in /opt/conda ").nth(1).unwrap().split(' ').next().unwrap();
    insta::assert_snapshot!(told.replace(version, "VERSION").lines().take(5).collect::<Vec<_>>().join("\n"), @"
    high  CVE-2026-1  pypi/click in /opt/conda VERSION  fixed in 999.1
        Clicks too much

    what cures them
      pypi/click in /opt/conda  VERSION -> 999.1
    ");
    let failed = imgbuild.run([&audit[..], &["--fail-on", "high"]].concat()).failure();
    insta::assert_snapshot!(failed.stderr, @"
    × `spec.toml` has 1 vulnerability of severity high or worse
    help: the versions that cure them stand above; `imgbuild lock --upgrade PACKAGE` takes them
    ");
    let failed = imgbuild.run([&audit[..], &["--fail-on", "high", "--json"]].concat()).failure();
    insta::assert_snapshot!(failed.stderr, @"
    × `spec.toml` has 1 vulnerability of severity high or worse
    help: `fixed` says which versions cure them; `imgbuild lock --upgrade PACKAGE` takes them
    ");
    imgbuild.run([&audit[..], &["--fail-on", "critical"]].concat()).success();
    let json = imgbuild.run([&audit[..], &["--json"]].concat()).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["vulnerabilities"][0]["id"], "CVE-2026-1");
    assert_eq!(json["upgrades"][0]["cured-by"], "999.1");
    imgbuild.write("advisories/cut.json", "{\"id\": ");
    let failed = imgbuild.run(audit).failure();
    insta::assert_snapshot!(failed.stderr, @"
    × the advisory file `advisories/cut.json` is damaged
    ╰─▶ EOF while parsing a value at line 1 column 7
    help: fetch it again: advisories are files of OSV's form, or Debian's security tracker as `data/json`
    ");
}

/// An image of others has no lock, and of what no version without it is known there is no upgrade.
#[test]
fn what_to_do_is_told_where_something_can_be_done() {
    let imgbuild = Imgbuild::new();
    let database = "P:musl\nV:1.2.5-r0\nA:x86_64\n\nP:zlib\nV:1.3.1-r1\nA:x86_64\n\n";
    let layer = HandmadeLayer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .file("lib/apk/db/installed", database)
        .tar();
    let layout = imgbuild.path("layout");
    write_layout(&layout, &[Platform::LinuxAmd64], vec![layer], &ContainerConfig::default());
    let advisory = |package: &str, events: &str| {
        let text = format!(
            r#"{{"id": "ALPINE-CVE-1", "affected": [{{"package": {{"ecosystem": "Alpine:v3.20", "name": "{package}"}},
                "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}{events}]}}]}}]}}"#
        );
        imgbuild.write(&format!("advisories/{package}.json"), text);
    };
    let refused = |more: &[&str]| {
        let words = ["audit", "./layout", "--advisories", "advisories", "--fail-on", "low"];
        imgbuild.run([&words[..], more].concat()).failure().stderr
    };
    advisory("musl", "");
    insta::assert_snapshot!(refused(&[]), @"× `./layout` has 1 vulnerability of severity low or worse");
    advisory("zlib", r#", {"fixed": "1.3.1-r2"}"#);
    insta::assert_snapshot!(refused(&[]), @"
    × `./layout` has 2 vulnerabilities of severity low or worse
    help: the versions that cure some of them stand above
    ");
    insta::assert_snapshot!(refused(&["--json"]), @"
    × `./layout` has 2 vulnerabilities of severity low or worse
    help: `fixed` says which versions cure some of them
    ");
}

#[test]
fn licences_that_a_spec_does_not_allow_are_told_with_its_line_and_not_built() {
    let imgbuild = Imgbuild::new();
    let rules = "[licenses]\nallow = [\"MIT\"]\nexcept = { \"debian/*\" = \"known\", \"gone\" = \"was needed once\" }\n";
    imgbuild.write("spec.toml", format!("{}{rules}", spec().replace("analysis", "judged")));
    let refused = imgbuild.run(["build", "spec.toml"]).failure().stderr;
    assert!(!imgbuild.path("judged-1.tar").exists());
    let failed = imgbuild.run(["licenses", "spec.toml"]).failure();
    assert!(failed.stdout.contains("BSD-3-Clause ("), "{}", failed.stdout);
    insta::assert_snapshot!(failed.stderr, @r#"
    note: no package is `gone`, which spec.toml:13 excepts
      × 17 packages are under licences that are not allowed:
      │   conda/_libgcc_mutex in /opt/conda: it does not say which
      │   conda/bzip2 in /opt/conda: `bzip2-1.0.6`
      │   conda/ca-certificates in /opt/conda: `MPL-2.0`
      │   conda/libgcc-ng in /opt/conda: `GPL-3.0-only WITH GCC-exception-3.1`
      │   conda/liblzma in /opt/conda: `0BSD`
      │   conda/libsqlite in /opt/conda: `blessing`
      │   conda/libuuid in /opt/conda: `BSD-3-Clause`
      │   conda/libxcrypt in /opt/conda: `LGPL-2.1-or-later`
      │   conda/libzlib in /opt/conda: `Zlib`
      │   conda/ncurses in /opt/conda: `X11`
      │   conda/numpy in /opt/conda: `LicenseRef-see-dist-info`
      │   conda/openssl in /opt/conda: `Apache-2.0`
      │   conda/python in /opt/conda: `Python-2.0`
      │   conda/python_abi in /opt/conda: `BSD-3-Clause`
      │   conda/readline in /opt/conda: `GPL-3.0-only`
      │   conda/tzdata in /opt/conda: `LicenseRef-Public-Domain`
      │   pypi/click in /opt/conda: `BSD-3-Clause`
      help: allow the licence, or except the package with a reason: `except = { "conda/_libgcc_mutex" = "…" }`

    Advice: 
      ☞ what is allowed
        ╭─[spec.toml:12:9]
     11 │ [licenses]
     12 │ allow = ["MIT"]
        ·         ───┬───
        ·            ╰── here
     13 │ except = { "debian/*" = "known", "gone" = "was needed once" }
        ╰────
    "#);
    // A build says the same, of an image of a name.
    let told = failed.stderr.split_once("packages are").unwrap().1;
    assert_eq!(refused.split_once("packages of `judged:1 (linux/amd64)` are").unwrap().1, told);

    // An older lock says no licences of wheels: a build goes by those that it says, and the image's files say the rest.
    let rules =
        "[licenses]\nallow = [\"MIT\"]\nexcept = { \"conda/*\" = \"known\", \"debian/*\" = \"known\" }\n";
    let older = imgbuild.read("spec.lock").replacen("version = 4", "version = 3", 1);
    imgbuild.write("spec.lock", &older);
    imgbuild.run(["lock", "spec.toml"]).success();
    let refused = imgbuild.run(["build", "spec.toml"]).failure().stderr;
    assert!(refused.contains("packages of `judged:1 (linux/amd64)` are under"), "{refused}");
    assert!(!refused.contains("does not say which") && !refused.contains("pypi/click"), "{refused}");
    imgbuild.write("spec.toml", format!("{}{rules}", spec().replace("analysis", "judged")));
    let built = imgbuild.run(["build", "spec.toml"]).success();
    let note = built.stderr.lines().find(|it| it.contains("licences")).unwrap_or_default();
    insta::assert_snapshot!(note, @"note: what the lock does not say of the licences of `judged:1 (linux/amd64)` is not judged here: a lock of format version 3 does not say all; `imgbuild licenses` reads its files");
    let failed = imgbuild.run(["licenses", "spec.toml"]).failure();
    assert!(failed.stderr.contains("1 package is under"), "{}", failed.stderr);
    assert!(failed.stderr.contains("pypi/click in /opt/conda: `BSD-3-Clause`"), "{}", failed.stderr);
    // Nobody has said what an image by itself may be under.
    let json = imgbuild.run(["licenses", "judged:1", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let click =
        json["packages"].as_array().unwrap().iter().find(|it| it["package"]["name"] == "click").unwrap();
    assert_eq!((&click["expression"], &click["allowed"]), (&"BSD-3-Clause".into(), &Value::Null));
}
