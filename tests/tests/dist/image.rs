//! The image of imgbuild itself.

use std::os::unix::fs::chown;
use std::path::Path;

use imgbuild_tests::{Container, Image, Imgbuild, Start, Tree, channel};

use crate::made::{Made, VERSION};

/// Gives a folder with all that is in it to somebody.
fn give(folder: &Path, uid: u32) {
    for path in Tree::read(folder).0.keys() {
        chown(folder.join(path), Some(uid), Some(uid)).unwrap();
    }
    chown(folder, Some(uid), Some(uid)).unwrap();
}

#[test]
fn any_user_builds_in_it_what_is_built_outside() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let [image] = Image::all(&made.file("-linux-amd64.tar")).try_into().unwrap();
    assert_eq!(image.config.config.user, "1000");
    let container = Container::new(&image);
    let said = container.start_with(&["--version"]).success().stdout;
    assert_eq!(said, format!("imgbuild {VERSION}\n"));

    let table = format!("[conda]\nchannels = [\"{}\"]\npackages = [\"requests\"]\n", channel());
    let spec = format!("name = \"x\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n{table}");
    let digest = imgbuild.build(&spec, &[]).digests().remove(0);
    imgbuild.run(["lock", "spec.toml", "--vendor", "mounted/archives"]).success();
    let folder = imgbuild.path("mounted");
    for name in ["spec.toml", "spec.lock"] {
        imgbuild.write(&format!("mounted/{name}"), imgbuild.read(name));
    }
    give(&folder, 12345);
    let command = vec!["build", "spec.toml", "--vendor", "archives", "--output", "out", "--json"];
    let start = Start {
        user: Some("12345:12345"),
        command: Some(command),
        mount: Some((folder.clone(), "/work")),
        ..Start::default()
    };
    let (code, said) = container.spawn("stranger", &start).end();
    assert_eq!(code, 0, "{said}");
    // Whoever it was has its image, and nothing of it is kept beside.
    let [built] = Image::all(&folder.join("out/x-latest.tar")).try_into().unwrap();
    assert_eq!(built.digest.to_string(), digest);
    // Bytecode was compiled in the sandbox there as well.
    assert!(!said.contains("outside"), "{said}");

    // It would not be where there is no C library for conda's Python.
    fs_err::remove_dir_all(container.root().join("lib64")).unwrap();
    let start = Start { env: vec![("IMGBUILD_CACHE", "/tmp/empty".to_owned())], ..start };
    let (code, said) = container.spawn("without", &start).end();
    let message = said.split_once("  × ").unwrap().1;
    assert_eq!(code, 1);
    insta::assert_snapshot!(message.split_once("layer\n").unwrap().1, @"
    ╰─▶ the interpreter that compiles bytecode cannot be had: conda's Python runs with the C library of the machine, and this one has no glibc at `/lib64/ld-linux-x86-64.so.2`
    help: build on a machine with glibc, such as a container of Debian's or of imgbuild itself; `bytecode = false` in `[layers]` makes an image that starts slower
    ");
}

#[test]
fn it_holds_the_program_whom_it_trusts_and_folders_for_anybody() {
    let made = Made::ready();
    let [image] = Image::all(&made.file("-linux-amd64.tar")).try_into().unwrap();
    let container = Container::new(&image);
    let tree = Tree::read(&container.root());
    let mut shown = String::new();
    for (path, node) in &tree.0 {
        shown.push_str(&format!("{:04o} {path}\n", node.mode));
    }
    insta::assert_snapshot!(shown, @"
    0755 etc
    0644 etc/passwd
    0755 etc/ssl
    0755 etc/ssl/certs
    0644 etc/ssl/certs/ca-certificates.crt
    0755 home
    1777 home/imgbuild
    0755 lib
    0755 lib/libc.so.6
    0644 lib/libdl.so.2
    0644 lib/libm.so.6
    0644 lib/libpthread.so.0
    0644 lib/libresolv.so.2
    0644 lib/librt.so.1
    0644 lib/libutil.so.1
    0755 lib64
    0755 lib64/ld-linux-x86-64.so.2
    1777 tmp
    0755 usr
    0755 usr/bin
    0755 usr/bin/imgbuild
    0755 usr/share
    0755 usr/share/doc
    0755 usr/share/doc/imgbuild
    0644 usr/share/doc/imgbuild/LICENSE-APACHE
    0644 usr/share/doc/imgbuild/LICENSE-MIT
    0644 usr/share/doc/imgbuild/README.md
    0644 usr/share/doc/imgbuild/THIRD-PARTY
    0755 usr/share/imgbuild
    0644 usr/share/imgbuild/sbom.cdx.json
    0644 usr/share/imgbuild/spec.lock
    1777 work
    ");
    let authorities = String::from_utf8(image.file("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(authorities.matches("BEGIN CERTIFICATE").count() > 100);
}
