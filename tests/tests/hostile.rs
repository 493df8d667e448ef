//! Packages that are made to do harm: each of `target/channel-hostile` (`xtask/channel/hostile.py` says what it does).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::symlink;

use imgbuild_tests::{Bench, Image, names, workspace_root};
use insta::assert_snapshot;

/// Those that are accepted; each has a test that says what becomes of it.
const HARMLESS: [&str; 6] = [
    "hostile-longer",
    "hostile-shorter",
    "hostile-two-link",
    "hostile-two-write",
    "hostile-unlisted",
    "hostile-wrong-hash",
];
/// What a build may use at most, in kilobytes: bombs unpack to four gigabytes.
const MEMORY: u64 = 400_000;
/// Runs a program and writes the most memory that it used, in kilobytes, into the file `peak`.
const MEASURED: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
open('peak', 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)";

/// The hostile channel in front of the good one, which has what the packages depend on.
fn bench() -> Bench {
    let bench = Bench::new();
    symlink(workspace_root().join("target/channel-hostile"), bench.imgbuild.path("hostile")).unwrap();
    Bench { imgbuild: bench.imgbuild.through(["python3", "-c", MEASURED]), ..bench }
}

fn ask(bench: &Bench, package: &str) {
    let channels = "channels = [\"./hostile\", \"./channel\"]";
    bench.spec("", &format!("[conda]\n{channels}\npackages = [\"{package}\"]"));
    drop(fs_err::remove_file(bench.imgbuild.path("spec.lock")));
}

/// The packages of the hostile channel.
fn packages() -> Vec<String> {
    let files = names(&workspace_root().join("target/channel-hostile/noarch")).into_iter();
    files.filter_map(|file| file.split_once("-1.0-0").map(|(name, _)| name.to_owned())).collect()
}

#[test]
fn every_attack_is_refused() {
    let bench = bench();
    let mut table = String::new();
    for package in packages().iter().filter(|it| !HARMLESS.contains(&it.as_str())) {
        ask(&bench, package);
        let message = bench.fails(&[]);
        let chain = message.split("\n\n").next().unwrap().lines().map(|line| line.trim_start());
        let when = if bench.imgbuild.path("spec.lock").exists() { "build" } else { "lock" };
        table.push_str(&format!("{package} ({when})\n"));
        chain.for_each(|line| table.push_str(&format!("  {line}\n")));
        let peak: u64 = bench.imgbuild.read("peak").parse().unwrap();
        assert!(peak < MEMORY, "`{package}` made the program use {peak} kB");
    }
    assert_snapshot!(table, @r#"
    hostile-absent (build)
      × cannot put `conda/hostile-absent` into a layer
      ╰─▶ `info/paths.json` lists `/share/absent.txt`, which the archive does not hold
    hostile-absolute (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-absolute-1.0-0.conda`
      ╰─▶ `info/paths.json` of the archive lists a path that must not be written: the path `/etc/hostile.txt` is absolute
    hostile-block-device (build)
      × cannot put `conda/hostile-block-device` into a layer
      ╰─▶ the archive holds a device node at `/share/disk`
    hostile-bomb (build)
      × cannot put `conda/hostile-bomb` into a layer
      ╰─▶ the archive unpacks to more than 67117064 bytes, far more than it declares
    hostile-bomb-bz2 (build)
      × cannot put `conda/hostile-bomb-bz2` into a layer
      ╰─▶ the archive unpacks to more than 67117064 bytes, far more than it declares
    hostile-bomb-declared (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-bomb-declared-1.0-0.conda`
      ╰─▶ `info/paths.json` of the archive declares 4294967296 bytes, more than 1000 times the 132066 bytes of the archive
    hostile-bomb-info (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-bomb-info-1.0-0.conda`
      ╰─▶ `info/paths.json` of the archive is larger than 512 MiB
    hostile-device (build)
      × cannot put `conda/hostile-device` into a layer
      ╰─▶ the archive holds a device node at `/share/null`
    hostile-dotdot (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-dotdot-1.0-0.conda`
      ╰─▶ `info/paths.json` of the archive lists a path that must not be written: the path `../hostile.txt` has a component `..`
    hostile-dotdot-inside (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-dotdot-inside-1.0-0.tar.bz2`
      ╰─▶ `info/paths.json` of the archive lists a path that must not be written: the path `share/../../hostile.txt` has a component `..`
    hostile-dotdot-noarch (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-dotdot-noarch-1.0-0.conda`
      ╰─▶ `info/paths.json` of the archive lists a path that must not be written: the path `site-packages/../../../../../hostile.py` has a component `..`
    hostile-duplicate (build)
      × cannot put `conda/hostile-duplicate` into a layer
      ╰─▶ the archive holds `/opt/conda/share/hostile.txt` twice, and the two differ
      help: where the package is to be trusted, `[conda] accept-damaged = ["hostile-duplicate"]` installs it as rattler does
    hostile-entry-point (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-entry-point-1.0-0.conda`
      ├─▶ `info/link.json` of the archive cannot be read
      ╰─▶ entry point command must not contain path separators or NUL: "../x" at line 7 column 3
    hostile-entry-point-absolute (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-entry-point-absolute-1.0-0.conda`
      ├─▶ `info/link.json` of the archive cannot be read
      ╰─▶ entry point command must not contain path separators or NUL: "/tmp/x" at line 7 column 3
    hostile-entry-point-code (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-entry-point-code-1.0-0.conda`
      ├─▶ `info/link.json` of the archive cannot be read
      ╰─▶ entry point function must be a Python dotted identifier: "main);import os;os.abort(" at line 7 column 3
    hostile-entry-point-folder (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-entry-point-folder-1.0-0.conda`
      ├─▶ `info/link.json` of the archive cannot be read
      ╰─▶ entry point command must not contain path separators or NUL: "a/b" at line 7 column 3
    hostile-fifo (build)
      × cannot put `conda/hostile-fifo` into a layer
      ╰─▶ the archive holds a named pipe at `/share/pipe`
    hostile-hardlink (build)
      × cannot put `conda/hostile-hardlink` into a layer
      ╰─▶ the path `../../etc/passwd` has a component `..`
    hostile-hardlink-absolute (build)
      × cannot put `conda/hostile-hardlink-absolute` into a layer
      ╰─▶ the path `/etc/passwd` is absolute
    hostile-identity (build)
      × cannot put `conda/hostile-identity` into a layer
      ╰─▶ the lock says of its name `hostile-identity`, and the archive `hostile-other`
    hostile-kind (build)
      × cannot put `conda/hostile-kind` into a layer
      ╰─▶ `/opt/conda/share/hostile.txt` is a symbolic link, and `info/paths.json` declares a file
      help: where the package is to be trusted, `[conda] accept-damaged = ["hostile-kind"]` installs it as rattler does
    hostile-nothing (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-nothing-1.0-0.conda`
      ╰─▶ the archive is truncated or is not a zip
    hostile-pax-size (build)
      × cannot put `conda/hostile-pax-size` into a layer
      ╰─▶ the archive is ambiguous at `share/hostile.txt`: its size is stated twice and differs
    hostile-short-placeholder (build)
      × cannot put `conda/hostile-short-placeholder` into a layer
      ├─▶ cannot put the prefix `/opt/conda` into `/opt/conda/lib/short.bin`
      ╰─▶ target prefix cannot be longer than the placeholder prefix (encoding 'utf-8')
    hostile-symlink-etc (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `conda/hostile-symlink-etc` holds the path `/opt/conda/share/etc/hostile.txt` below `/opt/conda/share/etc`, which is not a folder
    hostile-symlink-etc-bz2 (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `conda/hostile-symlink-etc-bz2` holds the path `/opt/conda/share/etc/hostile.txt` below `/opt/conda/share/etc`, which is not a folder
    hostile-symlink-relative (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `conda/hostile-symlink-relative` holds the path `/opt/conda/share/out/hostile.txt` below `/opt/conda/share/out`, which is not a folder
    hostile-truncated (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-truncated-1.0-0.conda`
      ╰─▶ the archive is truncated or is not a zip
    hostile-truncated-bz2 (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-truncated-bz2-1.0-0.tar.bz2`
      ╰─▶ the archive is truncated
    hostile-truncated-inside (build)
      × cannot put `conda/hostile-truncated-inside` into a layer
      ╰─▶ the archive is truncated
    hostile-wrong-sha256 (build)
      × cannot get `hostile-wrong-sha256-1.0-0.conda`
      ╰─▶ `file://FOLDER/hostile/noarch/hostile-wrong-sha256-1.0-0.conda` has the sha256 `SHA256`, and `SHA256` was expected
    hostile-zip-deflated (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-zip-deflated-1.0-0.conda`
      ╰─▶ the zip container is ambiguous or damaged at `metadata.json`: it is compressed, and the members of a `.conda` archive are not
    hostile-zip-name (build)
      × cannot put `conda/hostile-zip-name` into a layer
      ╰─▶ the zip container is ambiguous or damaged at `pkg-hostile-zip-name-1.0-0.tar.zst`: its header has another name than the directory
    hostile-zip-size (build)
      × cannot put `conda/hostile-zip-size` into a layer
      ╰─▶ the zip container is ambiguous or damaged at `pkg-hostile-zip-size-1.0-0.tar.zst`: its header has other sizes or another checksum than the directory
    hostile-zip-twice (lock)
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot use the metadata of `hostile-zip-twice-1.0-0.conda`
      ╰─▶ the zip container is ambiguous or damaged at `pkg-hostile-zip-twice-1.0-0.tar.zst`: the archive has it twice
    "#);
}

/// The entries of the one image whose path has `part` in it, with what they are.
fn entries(bench: &Bench, part: &str) -> String {
    let [image] = Image::all(&bench.imgbuild.path("out/x-latest.tar")).try_into().unwrap();
    let mut found = Vec::new();
    for index in 0..image.manifest.layers.len() {
        for entry in tar::Archive::new(image.layer(index)).entries().unwrap() {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            if path.contains(part) && !path.contains("conda-meta") {
                found.push(format!("{path} {:?}", entry.header().entry_type()));
            }
        }
    }
    found.join("\n")
}

#[test]
fn a_link_of_one_package_is_no_way_for_another() {
    let bench = bench();
    // The link alone points to `/etc` of the container, as a link may.
    ask(&bench, "hostile-two-link");
    bench.build(&[]);
    assert_snapshot!(entries(&bench, "hostile-two"), @"opt/conda/share/hostile-two Symlink");
    // Where another package writes below it, a folder takes the place of the link: the later package decides.
    ask(&bench, "hostile-two-write");
    bench.build(&[]);
    assert_snapshot!(entries(&bench, "hostile-two"), @"
    opt/conda/share/hostile-two/ Directory
    opt/conda/share/hostile-two/hostile.txt Regular
    ");
}

#[test]
fn what_the_metadata_does_not_list_is_not_installed() {
    let bench = bench();
    ask(&bench, "hostile-unlisted");
    bench.build(&[]);
    assert_snapshot!(entries(&bench, "conda/share/"), @"
    opt/conda/share/ Directory
    opt/conda/share/hostile.txt Regular
    ");
}

/// The archive's own hash is checked. The hashes of its files in `paths.json` are those of a builder's disk: real packages
/// have wrong ones, which is why conda checks them only on demand (`extra_safety_checks`), and rattler not at all.
#[test]
fn hashes_of_single_files_are_not_trusted_and_not_checked() {
    let bench = bench();
    ask(&bench, "hostile-wrong-hash");
    bench.build(&[]);
    let [image] = Image::all(&bench.imgbuild.path("out/x-latest.tar")).try_into().unwrap();
    assert_eq!(image.file("opt/conda/share/hostile.txt"), b"HOSTILE\n");
}

/// Nor are their sizes, which nobody reads a file by: conda and rattler install what is there. It is told.
#[test]
fn sizes_of_single_files_are_not_trusted() {
    let bench = bench();
    for (package, size) in [("hostile-longer", 8000), ("hostile-shorter", 8)] {
        ask(&bench, package);
        bench.build(&[]);
        let [image] = Image::all(&bench.imgbuild.path("out/x-latest.tar")).try_into().unwrap();
        assert_eq!(image.file("opt/conda/share/hostile.txt").len(), size);
    }
}

/// Readers of requirements call themselves for each parenthesis.
#[test]
fn requirements_in_a_thousand_parentheses() {
    let bench = Bench::new();
    let deep = format!("q {}>1{}", "(".repeat(7000), ")".repeat(7000));
    let said = ["depends", "constrains"].map(|key| {
        let mut record = serde_json::json!({
            "name": "p", "version": "1.0", "build": "0", "build_number": 0, "subdir": "linux-64", "depends": [],
            "size": 10, "sha256": "0".repeat(64),
        });
        record[key] = serde_json::json!([deep]);
        for (subdir, packages) in [("linux-64", serde_json::json!({ "p-1.0-0.conda": record })), ("noarch", serde_json::json!({}))] {
            let index = serde_json::json!({ "info": { "subdir": subdir }, "packages": {}, "packages.conda": packages });
            bench.imgbuild.write(&format!("own/{subdir}/repodata.json"), index.to_string());
        }
        bench.spec("platforms = [\"linux/amd64\"]", "[conda]\nchannels = [\"./own\"]\npackages = [\"p\"]");
        bench.refuses(&["lock", "spec.toml"]).lines().take(2).collect::<Vec<_>>().join("\n")
    });
    assert_snapshot!(said.join("\n"), @"
    × cannot lock the conda environment of `x:latest (linux/amd64)`
    ╰─▶ the channel `file://FOLDER/own/` says of `p-1.0-0.conda` what it requires in a way that no package does: more than 64 parentheses stand in each other
    × cannot lock the conda environment of `x:latest (linux/amd64)`
    ╰─▶ the channel `file://FOLDER/own/` says of `p-1.0-0.conda` what it requires in a way that no package does: more than 64 parentheses stand in each other
    ");
    bench.spec("", &format!("[conda]\nchannels = [\"./channel\"]\npackages = [\"{deep}\"]"));
    let said = bench.refuses(&["lock", "spec.toml"]);
    assert_snapshot!(said.lines().nth(1).unwrap().trim_start().replace(&deep, "DEEP"), @"╰─▶ `DEEP` is not a conda match spec: more than 64 parentheses stand in each other");
}
