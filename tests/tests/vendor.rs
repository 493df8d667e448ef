//! Archives in a folder: everything that a machine without a network needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_tests::{Bench, Imgbuild, capture, names};
use insta::assert_snapshot;

/// A spec with packages of both kinds, an interpreter for bytecode among them, and a lock with its folder.
fn vendored() -> (Bench, String) {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]\npackages = [\"requests\"]");
    let digest = bench.build(&[]);
    bench.run(&["lock", "spec.toml", "--vendor", "archives"]);
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    (bench, digest)
}

#[test]
fn a_folder_is_enough_where_there_is_nothing_else() {
    let (bench, digest) = vendored();
    let folder = bench.imgbuild.path("archives");
    assert_eq!(names(&folder), ["SHA256SUMS", "conda", "debian"]);
    assert_eq!(names(&folder.join("debian"))[0], "apt_1_all.deb");
    assert_eq!(names(&folder.join("conda")), ["linux-64", "noarch"]);
    capture(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&folder))
        .success();

    // An empty store, no network at all, and no channel.
    let elsewhere = Imgbuild::with_private_store().through(["unshare", "--net"]);
    for name in ["spec.toml", "spec.lock"] {
        elsewhere.write(name, bench.imgbuild.read(name));
    }
    let arguments = ["--vendor", folder.to_str().unwrap()];
    assert_eq!(elsewhere.build_again(&arguments).digests(), [digest]);
}

#[test]
fn what_is_there_stays() {
    let (bench, _) = vendored();
    let again = bench.run(&["lock", "spec.toml", "--vendor", "archives"]).stdout;
    assert!(again.ends_with(" 0 added\n"), "{again}");
    let tini = bench.imgbuild.path("archives/debian/tini_1_all.deb");
    fs_err::remove_file(&tini).unwrap();
    fs_err::write(bench.imgbuild.path("archives/debian/apt_1_all.deb"), "rotten").unwrap();
    let again = bench.run(&["lock", "spec.toml", "--vendor", "archives"]).stdout;
    assert!(again.ends_with(" 2 added\n"), "{again}");
    assert!(tini.exists());
}

#[test]
fn a_folder_that_is_not_whole() {
    let (bench, _) = vendored();
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::remove_file(bench.imgbuild.path("archives/debian/tini_1_all.deb")).unwrap();
    assert_snapshot!(bench.fails(&["--vendor", "archives"]), @"
    × cannot get `tini_1_all`
    ╰─▶ the folder `archives` does not hold it
    help: run `imgbuild lock --vendor archives` where there is a network
    ");
    bench.run(&["lock", "spec.toml", "--vendor", "archives"]);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::write(bench.imgbuild.path("archives/debian/tini_1_all.deb"), "rotten").unwrap();
    assert_snapshot!(bench.fails(&["--vendor", "archives"]), @"
    × cannot get `tini_1_all`
    ╰─▶ `archives/debian/tini_1_all.deb` is not what the lock says
    help: it was changed or damaged: run `imgbuild lock --vendor` where there is a network
    ");
    fs_err::write(bench.imgbuild.path("archives/SHA256SUMS"), "rotten\n").unwrap();
    assert_snapshot!(bench.fails(&["--vendor", "archives"]), @"
    × line 1 of `archives/SHA256SUMS` is not a hash and a path
    help: remove the file and run `imgbuild lock --vendor` again
    ");
    fs_err::remove_file(bench.imgbuild.path("archives/SHA256SUMS")).unwrap();
    capture(Command::new("mkfifo").arg(bench.imgbuild.path("archives/SHA256SUMS")));
    assert_snapshot!(bench.fails(&["--vendor", "archives"]), @"
    × `archives` is not a folder of archives: it has no `SHA256SUMS` that can be read
    ╰─▶ it is not a file
    help: make it with `imgbuild lock --vendor`
    ");
    assert_snapshot!(bench.fails(&["--vendor", "nowhere"]), @"
    × `nowhere` is not a folder of archives: it has no `SHA256SUMS` that can be read
    ╰─▶ No such file or directory (os error 2)
    help: make it with `imgbuild lock --vendor`
    ");
}
