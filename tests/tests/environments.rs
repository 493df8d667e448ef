//! What is said of conda environments that cannot be had as they are asked for, and of what is not as the files say it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_tests::{Bench, capture};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A channel of an index alone: each package with its version and build, and what it depends on.
fn index(bench: &Bench, packages: &[(&str, &[&str])]) {
    let record = |(package, depends): &(&str, &[&str])| {
        let parts: Vec<&str> = package.split(' ').collect();
        let [name, version, build] = parts[..] else { panic!("{package}") };
        let number = if build.contains("cuda") { 200 } else { 0 };
        let record = json!({
            "name": name, "version": version, "build": build, "build_number": number, "depends": depends,
            "subdir": "linux-64", "sha256": "00".repeat(32), "size": 1,
        });
        (format!("{name}-{version}-{build}.conda"), record)
    };
    for subdir in ["linux-64", "noarch"] {
        let records: serde_json::Map<String, Value> =
            packages.iter().filter(|_| subdir == "linux-64").map(record).collect();
        let text = json!({ "info": { "subdir": subdir }, "packages": {}, "packages.conda": records });
        bench.imgbuild.write(&format!("own/{subdir}/repodata.json"), text.to_string());
    }
}

fn spec(bench: &Bench, top: &str, conda: &str) {
    let top = format!("platforms = [\"linux/amd64\"]\n{top}");
    bench.spec(&top, &format!("[conda]\nchannels = [\"./own\"]\n{conda}"));
}

/// A message has all of this.
#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn a_manager_that_no_channel_has() {
    let bench = Bench::new();
    index(&bench, &[("zlib 1.3 0", &[])]);
    spec(&bench, "", "packages = [\"zlib\"]\nmanager = \"mamba\"");
    says(
        &bench.fails(&[]),
        &[
            "No candidates were found for mamba *",
            "this manager",
            "`manager = \"mamba\"` is a package that no channel of the spec has",
        ],
    );
}

#[test]
fn packages_that_need_more_of_the_system_than_the_image_has() {
    let bench = Bench::new();
    index(
        &bench,
        &[
            ("gpu 1.0 0", &["__cuda >=12.6"]),
            ("any-gpu 1.0 0", &["__cuda"]),
            ("gpu-arch 1.0 0", &["__cuda_arch >=9.0"]),
            ("new 1.0 0", &["__glibc >=2.99"]),
            ("fast 1.0 0", &["__archspec 1 x86_64_v4"]),
            ("kernel 1.0 0", &["__linux >=6.8"]),
            ("mac 1.0 0", &["__osx"]),
            ("windows 1.0 0", &["__win"]),
        ],
    );
    let told = |top: &str, package: &str| {
        spec(&bench, top, &format!("packages = [\"{package}\"]"));
        let message = bench.fails(&[]);
        let of = |start: &str| {
            message.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_default()
        };
        format!("{}\n{}", of("`").trim(), of("help:").trim())
    };
    assert_snapshot!(told("", "gpu"), @r#"
    `gpu-1.0-0` needs `__cuda >=12.6`, and the image has none
    help: say which CUDA and which driver the image is for: `cuda = { version = "12.6", driver = "560" }`
    "#);
    assert_snapshot!(told("cuda = \"11.8\"", "gpu"), @r#"
    `gpu-1.0-0` needs `__cuda >=12.6`, and the image's oldest driver supports CUDA 11.0
    help: say which CUDA and which driver the image is for: `cuda = { version = "12.6", driver = "560" }`
    "#);
    assert_snapshot!(told("cuda = \"12.9\"", "gpu"), @r#"
    `gpu-1.0-0` needs `__cuda >=12.6`, and the image's oldest driver supports CUDA 12.0
    help: the image may meet a driver as old as 525.60.13: name a newer one, `cuda = { version = "12.9", driver = "560" }`
    "#);
    assert_snapshot!(told("cuda = { version = \"12.9\", driver = \"560\" }", "gpu-arch"), @r#"
    `gpu-arch-1.0-0` needs `__cuda_arch >=9.0`, and the image is for no GPU that is named
    help: say which GPUs the image is for: `cuda = { version = "12.9", arch = ["9.0"] }`
    "#);
    assert_snapshot!(told("", "any-gpu"), @r#"
    `any-gpu-1.0-0` needs `__cuda`, and the image has none
    help: say which CUDA the image is for: `cuda = "12.9"`
    "#);
    assert_snapshot!(told("", "new"), @"
    `new-1.0-0` needs `__glibc >=2.99`, and the image has 2.41
    help: no release of Debian that imgbuild builds has such a glibc: ask for another version of the package
    ");
    assert_snapshot!(told("", "fast"), @"
    `fast-1.0-0` needs `__archspec 1 x86_64_v4`, and the image has x86_64
    help: packages are chosen for every processor of the platform: ask for a build that needs no newer one
    ");
    assert_snapshot!(told("", "kernel"), @"
    `kernel-1.0-0` needs `__linux >=6.8`, and the image has 5.10
    help: an image brings no kernel, and packages are chosen for Linux from 5.10 on: ask for a version that needs no newer one
    ");
    assert_snapshot!(told("", "mac"), @"
    `mac-1.0-0` needs `__osx`, and the image has none
    help: `mac-1.0-0` is for macOS, and images are Linux: leave it out
    ");
    assert_snapshot!(told("", "windows"), @"
    `windows-1.0-0` needs `__win`, and the image has none
    help: `windows-1.0-0` is for Windows, and images are Linux: leave it out
    ");
}

#[test]
fn a_requirement_is_not_at_fault_for_being_called_like_a_word() {
    let bench = Bench::new();
    let packages = ["conda 1.0 0", "spec 1.0 0", "a 1.0 0", "options 1.0 0", "zlib 1.3 0"];
    index(&bench, &packages.map(|package| (package, &[] as &[&str])));
    let told = |asked: &str| {
        let asked = format!("packages = [\n\"conda\",\n\"spec\",\n\"a\",\n\"options\",\n\"{asked}\",\n]\n");
        spec(&bench, "", &asked);
        bench.fails(&[])
    };
    assert_snapshot!(told("zlib ==2"), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          No candidates were found for zlib ==2.

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:16:1]
     15 │ "options",
     16 │ "zlib ==2",
        · ─────┬────
        ·      ╰── this requirement
     17 │ ]
        ╰────
    "#);
    assert_snapshot!(told("zlib >>2"), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `zlib >>2` is not a conda match spec: unable to parse version spec: >>2

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:16:1]
     15 │ "options",
     16 │ "zlib >>2",
        · ─────┬────
        ·      ╰── this requirement
     17 │ ]
        ╰────
    "#);
}

#[test]
fn a_noarch_python_package_in_a_list_without_python() {
    let bench = Bench::new();
    bench.explicit(&["noarch/odd-noarch-python-1.0-pyhd8ed1ab_0.conda"]);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the conda environment of `x:latest (linux/amd64)`
    ╰─▶ `odd-noarch-python-1.0-pyhd8ed1ab_0.conda` is a noarch Python package, and the environment has no Python
    help: `explicit.txt` is the whole environment, and works nowhere like this: lock it with Python in it, or without this package
    ");
    // Nor is the key a way out, and it does not say so.
    bench.spec("python = \"3.11\"\nenv = \"explicit.txt\"", "");
    says(
        &bench.fails(&[]),
        &[
            "`explicit.txt` has no Python, but `python` asks for 3.11",
            "the lock is the whole environment: lock it with Python in it, or remove the key",
        ],
    );
}

#[test]
fn pip_that_is_added_for_a_part_for_pip_is_told() {
    let bench = Bench::new();
    index(&bench, &[("zlib 1.3 0", &[])]);
    bench.imgbuild.write("e.yml", "dependencies:\n  - zlib\n  - pip:\n      - six\n");
    spec(&bench, "env = \"e.yml\"", "");
    let refused = bench.imgbuild.run(["lock", "spec.toml"]).failure();
    let note = refused.stderr.lines().find(|line| line.starts_with("note:")).unwrap_or_default();
    assert_snapshot!(note, @"note: `e.yml` has a `pip:` part and lists neither pip nor Python: pip is added, which brings the newest Python that fits");
}

/// Writes an archive whose post-link script runs these lines.
const PACKAGE: &str = r##"
import bz2, hashlib, io, json, os, sys, tarfile
folder, script = sys.argv[1:]
index = {"name": "talks", "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch", "noarch": "generic"}
body = ("#!/bin/sh\n" + script + "\n").encode()
paths = {"paths_version": 1, "paths": [{"_path": "bin/.talks-post-link.sh", "path_type": "hardlink",
    "sha256": hashlib.sha256(body).hexdigest(), "size_in_bytes": len(body)}]}
whole = io.BytesIO()
with tarfile.open(fileobj=whole, mode="w:bz2") as tar:
    for name, data in [("info/index.json", json.dumps(index).encode()), ("info/paths.json", json.dumps(paths).encode()),
                       ("info/files", b"bin/.talks-post-link.sh\n"), ("bin/.talks-post-link.sh", body)]:
        head = tarfile.TarInfo(name)
        head.size, head.mode = len(data), 0o755
        tar.addfile(head, io.BytesIO(data))
data = whole.getvalue()
for subdir in ["linux-64", "noarch"]:
    os.makedirs(f"{folder}/{subdir}", exist_ok=True)
    records = {"talks-1.0-0.tar.bz2": {**index, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
    with open(f"{folder}/{subdir}/repodata.json", "w") as file:
        json.dump({"info": {"subdir": subdir}, "packages": records if subdir == "noarch" else {}, "packages.conda": {}}, file)
with open(f"{folder}/noarch/talks-1.0-0.tar.bz2", "wb") as file:
    file.write(data)
"##;

#[test]
fn what_a_post_link_script_wants_to_be_shown_is_shown() {
    // A base that has a shell.
    let imgbuild = imgbuild_tests::Imgbuild::with_private_store();
    let script = "printf 'set TALKS_HOME\\n\\033[31mred\\n' >> \"$PREFIX/.messages.txt\"\necho hidden";
    let mut python = Command::new("python3");
    capture(python.args(["-c", PACKAGE]).arg(imgbuild.path("own")).arg(script)).success();
    imgbuild.write(
        "spec.toml",
        "name = \"talks\"\nplatforms = [\"linux/amd64\"]\n[conda]\nchannels = [\"./own\"]\npackages = [\"talks\"]\nallow-post-link = [\"talks\"]\n",
    );
    let said = || {
        let report = imgbuild.run(["build", "spec.toml", "--output", "out"]).success().stderr;
        let lines = report.lines().skip_while(|line| !line.contains("the post-link scripts say"));
        lines.take(3).collect::<Vec<_>>().join("\n")
    };
    let expected = "note: the post-link scripts say:\n  set TALKS_HOME\n  [31mred";
    assert_eq!(said(), expected);
    // Also where the layer was made before.
    assert_eq!(said(), expected);
    let output = imgbuild.build_again(&[]);
    assert_eq!(output.report["images"][0]["messages"][0], "set TALKS_HOME\n\u{1b}[31mred");
    let folder = imgbuild_tests::scratch("unpacked");
    output.image().unpack(folder.path());
    assert!(folder.path().join("opt/conda/conda-meta").is_dir());
    assert!(!folder.path().join("opt/conda/.messages.txt").exists());
}
