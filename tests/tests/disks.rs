//! Disks and folders that take nothing more: full ones, read-only ones, those of a machine that has nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use imgbuild_tests::{Bench, Outcome, capture};
use insta::assert_snapshot;

/// Runs a shell script in a mount namespace of its own, in the folder of the program; `"$@"` is the build.
fn in_namespace(bench: &Bench, script: &str, arguments: &[&str]) -> Outcome {
    let words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"];
    let command = bench.imgbuild.command(arguments);
    let mut outer = Command::new(words[0]);
    outer
        .args(&words[1..])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(bench.imgbuild.folder());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    capture(&mut outer)
}

/// A message, without how much something is.
fn sized(message: &str) -> String {
    let words = message.replace(" MB", "MB");
    words
        .split_inclusive([' ', '\n'])
        .map(|word| word.find("MB").map_or(word.to_owned(), |at| format!("SIZE{}", &word[at + 2..])))
        .collect()
}

#[test]
fn a_full_disk_under_the_store() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]");
    bench.run(&["lock", "spec.toml"]);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::create_dir(bench.imgbuild.store()).unwrap();
    // Where it is known before, nothing is begun.
    let script = "mount -t tmpfs -o size=6m tmpfs store; exec \"$@\"";
    let refused = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(sized(&bench.message(&refused)), @"
    × a build that needs SIZE cannot begin: SIZE are free at `STORE`
    help: `--discard-archives` needs SIZE; `imgbuild cache prune` removes what was not used for long, and `IMGBUILD_CACHE` names another folder
    ");
    // A disk that has room, and no file more, cannot be told from one that has both. What is left there when the program is gone is
    // checked before the disk goes.
    let script = "mount -t tmpfs -o nr_inodes=60 tmpfs store; code=0; \"$@\" || code=$?; \
                  ls store/layers-v1 >layers; for file in store/archives/* store/blobs/sha256/*; do \
                  test ! -e \"$file\" || sha256sum \"$file\" >>sums; done; exit $code";
    let outcome = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out"]).failure();
    assert_eq!(outcome.code, Some(1));
    // Which package found no room first is chance, and whether as an archive or in a layer.
    let message = bench.message(&outcome);
    let start = message.find("no space is left").unwrap_or_else(|| panic!("{message}"));
    let message = &message[start..];
    assert!(message.starts_with("no space is left on the disk of the cache `STORE`\n"), "{message}");
    assert!(message.contains("No space left on device (os error 28)"), "{message}");
    assert!(
        message.ends_with("help: `imgbuild cache prune` frees space; `IMGBUILD_CACHE` names another folder"),
        "{message}"
    );
    bench.nothing_is_there();
    for line in bench.imgbuild.read("sums").lines() {
        let (sum, path) = line.split_once("  ").unwrap();
        assert!(path.ends_with(sum), "{line}");
    }
}

#[test]
fn a_full_disk_under_the_output() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]");
    bench.run(&["build", "spec.toml"]);
    fs_err::create_dir(bench.imgbuild.path("out")).unwrap();
    let script = "mount -t tmpfs -o size=6m tmpfs out; exec \"$@\"";
    let refused = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(sized(&bench.message(&refused)), @"
    × a build that needs SIZE cannot begin: SIZE are free at `FOLDER/out`
    help: name another folder with `-o`
    ");
    let script =
        "mount -t tmpfs -o nr_inodes=1 tmpfs out; code=0; \"$@\" || code=$?; ls -A out >left; exit $code";
    for format in ["oci", "oci-dir"] {
        let arguments = ["build", "spec.toml", "--output", "out", "--format", format];
        let outcome = in_namespace(&bench, script, &arguments).failure();
        let message = bench.message(&outcome);
        assert_eq!(bench.imgbuild.read("left"), "", "{message}");
        match format {
            "oci" => assert_snapshot!(message, @r#"
            × the image cannot be written
            ├─▶ `out/x-latest.tar` cannot be written
            ╰─▶ No space left on device (os error 28) at path "FOLDER/out/.imgbuild-XXXXXX.tar"
            "#),
            _ => assert_snapshot!(message, @r#"
            × the image cannot be written
            ├─▶ `out/x-latest` cannot be written
            ╰─▶ No space left on device (os error 28) at path "FOLDER/out/.imgbuild-XXXXXX"
            "#),
        }
    }
}

#[test]
fn a_read_only_output_folder() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    fs_err::create_dir(bench.imgbuild.path("out")).unwrap();
    let script = "mount --bind out out; mount -o remount,ro,bind out; exec \"$@\"";
    let outcome = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(bench.message(&outcome), @r#"
    × the image cannot be written
    ├─▶ `out/x-latest.tar` cannot be written
    ╰─▶ Read-only file system (os error 30) at path "FOLDER/out/.imgbuild-XXXXXX.tar"
    "#);
    let outcome = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out/below"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × `out/below` cannot be made
    ╰─▶ Read-only file system (os error 30)
    ");
    // The layers were made, and are not made again.
    let again = bench.run(&["build", "spec.toml", "--output", "out"]);
    assert!(again.stderr.contains("layers are in the cache"), "{}", again.stderr);
}

#[test]
fn a_read_only_store() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    fs_err::create_dir_all(bench.imgbuild.store()).unwrap();
    let script = "mount --bind store store; mount -o remount,ro,bind store; exec \"$@\"";
    let outcome = in_namespace(&bench, script, &["build", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × the cache `STORE` cannot be written
    ╰─▶ Read-only file system (os error 30)
    help: set `IMGBUILD_CACHE` to a folder that you may write
    ");
    bench.nothing_is_there();
    // As somebody else, to whom the folder does not belong.
    fs_err::set_permissions(bench.imgbuild.folder(), PermissionsExt::from_mode(0o755)).unwrap();
    let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let home = bench.imgbuild.folder().to_owned();
    let bench = Bench { imgbuild: bench.imgbuild.through(words).variable("HOME", home), ..bench };
    let outcome = bench.imgbuild.run(["build", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × the cache `STORE` cannot be written
    ╰─▶ Permission denied (os error 13)
    help: set `IMGBUILD_CACHE` to a folder that you may write
    ");
}

#[test]
fn a_machine_that_knows_no_mirror() {
    let bench = Bench::new();
    bench.spec("", "");
    bench.run(&["lock", "spec.toml"]).success();
    // The lock names no mirror to build from, so it holds for another machine, which has other sources.
    let spec = fs_err::read_to_string(bench.imgbuild.path("spec.toml")).unwrap();
    let without: Vec<&str> = spec.lines().filter(|line| !line.starts_with("mirror")).collect();
    bench.imgbuild.write("spec.toml", without.join("\n"));
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    let script = "mkdir empty; mount --bind empty /etc/apt; exec \"$@\"";
    let outcome =
        in_namespace(&bench, script, &["build", "--locked", "spec.toml", "--output", "out"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × cannot find a Debian mirror
    ╰─▶ no Debian mirror for `trixie` is known: the apt sources of this machine name none
    help: set `[base] mirror` to the folder of a mirror that holds `dists` and `pool`
    ");
}

#[test]
fn a_read_only_folder_of_the_spec() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    let script = "mkdir -p store; mount --bind . .; cd \"$PWD\"; mount -t tmpfs tmpfs store; mount -o remount,ro,bind .; exec \"$@\"";
    let outcome = in_namespace(&bench, script, &["lock", "spec.toml"]).failure();
    assert_snapshot!(bench.message(&outcome), @r#"
    × `spec.lock` cannot be written
    ╰─▶ Read-only file system (os error 30) at path "FOLDER/./.imgbuild-XXXXXX"
    "#);
}

#[test]
fn sizes_that_a_lock_makes_up_are_no_panic() {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    bench.run(&["lock", "spec.toml"]);
    let lock = bench.imgbuild.read("spec.lock");
    let size = |line: &str| {
        if line.starts_with("size = ") { "size = 9000000000000000000".to_owned() } else { line.to_owned() }
    };
    let made_up: Vec<String> = lock.lines().map(size).collect();
    assert!(made_up.iter().filter(|line| line.starts_with("size = ")).count() > 2);
    bench.imgbuild.write("spec.lock", made_up.join("\n") + "\n");
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    for more in [&[][..], &["--discard-archives"]] {
        let words = [&["build", "spec.toml", "--locked", "--output", "out"], more].concat();
        let outcome = bench.imgbuild.run(words).failure();
        assert!(outcome.stderr.contains("cannot begin"), "{}", outcome.stderr);
    }
}
