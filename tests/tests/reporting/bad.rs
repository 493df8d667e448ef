//! Pages that cannot be written, and images that are none.

use std::process::Command;

use imgbuild_tests::{Bench, Outcome, capture};
use insta::assert_snapshot;

/// Runs the program where the folder `out` takes nothing.
fn read_only(bench: &Bench, arguments: &[&str]) -> Outcome {
    let script = "mount --bind out out; mount -o remount,ro,bind out; exec \"$@\"";
    let command = bench.imgbuild.command(arguments);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"]);
    outer.arg(command.get_program()).args(command.get_args()).current_dir(bench.imgbuild.folder());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    capture(&mut outer)
}

#[test]
fn a_folder_that_is_read_only() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    fs_err::create_dir(bench.imgbuild.path("out")).unwrap();
    // It is told before anything is built.
    let outcome =
        read_only(&bench, &["build", "spec.toml", "-o", "images", "--report", "out/x.html"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × the page `out/x.html` cannot be written
    ╰─▶ Read-only file system (os error 30)
    help: name a file in a folder that is there and that you may write to, or `-` for standard output
    ");
    assert!(!bench.imgbuild.path("images").exists());
    bench.run(&["build", "spec.toml", "-o", "images", "--no-check"]);
    let outcome = read_only(&bench, &["report", "images/x-latest.tar", "-o", "out/x.html"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × the page `out/x.html` cannot be written
    ╰─▶ Read-only file system (os error 30)
    help: name a file in a folder that is there and that you may write to, or `-` for standard output
    ");
    let outcome = read_only(&bench, &["catalog", "images/x-latest.tar", "-o", "out/all/"]).failure();
    assert_snapshot!(bench.message(&outcome), @"
    × the page `out/all/index.html` cannot be written
    ╰─▶ Read-only file system (os error 30)
    help: name a file in a folder that is there and that you may write to, or `-` for standard output
    ");
}

#[test]
fn a_page_that_is_a_folder_or_lies_in_none() {
    let bench = Bench::new();
    fs_err::create_dir(bench.imgbuild.path("out")).unwrap();
    let told = |arguments: &[&str]| bench.message(&bench.imgbuild.run(arguments).failure());
    assert_snapshot!(told(&["report", "x", "-o", "out"]), @"
    × the page `out` cannot be written
    ╰─▶ Is a directory (os error 21)
    help: name a file in a folder that is there and that you may write to, or `-` for standard output
    ");
    assert_snapshot!(told(&["report", "x", "-o", "none/x.html"]), @"
    × the page `none/x.html` cannot be written
    ╰─▶ No such file or directory (os error 2)
    help: name a file in a folder that is there and that you may write to, or `-` for standard output
    ");
    assert_snapshot!(told(&["build", "x.toml", "--report", "-"]), @"
    error: invalid value '-' for '--report <FILE>': standard output says where the images are: name a file

    For more information, try '--help'.
    ");
    assert_eq!(fs_err::read_dir(bench.imgbuild.path("out")).unwrap().count(), 0);
}

#[test]
fn an_image_that_is_none_leaves_no_page() {
    let bench = Bench::new();
    let told = |arguments: &[&str]| bench.message(&bench.imgbuild.run(arguments).failure());
    assert_snapshot!(told(&["report", "nothing:1"]), @"
    × there is no image `nothing:1`: it is no file or folder, and was not built here
    help: build one first: `imgbuild build SPEC`
    ");
    assert_snapshot!(told(&["catalog", "nothing:1"]), @"
    × there is no image `nothing:1`: it is no file or folder, and was not built here
    help: build one first: `imgbuild build SPEC`
    ");
    for page in ["report.html", "catalog.html"] {
        assert!(!bench.imgbuild.path(page).exists());
    }
}
