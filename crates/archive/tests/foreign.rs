//! Layers that others wrote are read as engines read them, and what engines read in different ways is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::io::Read;
use std::process::Command;

use imgbuild_archive::{LayerHead, LayerKind, LayerReader, Special, Whiteout};
use tar::{Builder, EntryType, Header};

fn header(name: &str, entry_type: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    // `set_path` refuses hostile names, so they are put there by hand.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(entry_type);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header
}

fn archive(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, body) in entries {
        builder.append(header, *body).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file(name: &str) -> (Header, &'static [u8]) {
    (header(name, EntryType::Regular, 0), b"")
}

fn device(name: &str, entry_type: EntryType, major: u32, minor: u32) -> (Header, &'static [u8]) {
    let mut header = header(name, entry_type, 0);
    header.set_device_major(major).unwrap();
    header.set_device_minor(minor).unwrap();
    header.set_cksum();
    (header, b"")
}

fn link(name: &str, entry_type: EntryType, target: &str) -> (Header, &'static [u8]) {
    let mut header = header(name, entry_type, 0);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    (header, b"")
}

/// An extended header of these records, before `entry`.
fn with_records(records: &[(&str, &[u8])], entry: (Header, &[u8])) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        // The length counts its own digits: two of them, for records of this size.
        body.extend_from_slice(format!("{} {key}=", key.len() + value.len() + 5).as_bytes());
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    archive(&[(header("x", EntryType::XHeader, body.len() as u64), &body), entry])
}

fn read(bytes: &[u8]) -> Result<Vec<LayerHead>, String> {
    let mut reader = LayerReader::new(bytes, 10 << 20);
    let mut heads = Vec::new();
    while let Some(head) = reader.next_entry().map_err(|error| error.to_string())? {
        heads.push(head);
    }
    Ok(heads)
}

/// The one entry of a layer of one entry, as path and kind.
fn one(entry: (Header, &[u8])) -> (String, LayerKind) {
    let head = read(&archive(&[entry])).unwrap().remove(0);
    (head.path.map_or_else(|| "/".to_owned(), |path| path.to_string()), head.kind)
}

fn refusal(entries: &[(Header, &[u8])]) -> String {
    read(&archive(entries)).expect_err("it should be refused")
}

fn path(text: &str) -> imgbuild_archive::ImagePath {
    imgbuild_archive::ImagePath::new(text).unwrap()
}

#[test]
fn names_are_read_from_the_root_as_engines_do() {
    for name in ["etc/passwd", "./etc/passwd", "/etc/passwd", "/./etc//passwd"] {
        assert_eq!(one(file(name)).0, "/etc/passwd", "{name}");
    }
    for name in ["./", "/", ".", "//"] {
        let entry = (header(name, EntryType::Directory, 0), &b""[..]);
        assert_eq!(one(entry), ("/".to_owned(), LayerKind::Directory), "{name}");
    }
    assert_eq!(one(link("a", EntryType::Link, "/etc/passwd")).1, LayerKind::Hardlink(path("etc/passwd")));
}

#[test]
fn names_that_leave_the_image_or_are_no_text_are_refused() {
    assert_eq!(refusal(&[file("../x")]), "the path `../x` has a component `..`");
    assert_eq!(refusal(&[file("/a/../../x")]), "the path `/a/../../x` has a component `..`");
    assert_eq!(refusal(&[link("a", EntryType::Link, "../x")]), "the path `../x` has a component `..`");
    assert_eq!(refusal(&[(header("", EntryType::Regular, 0), b"")]), "the path `` is empty");
    let mut latin = header("caf_", EntryType::Regular, 0);
    latin.as_old_mut().name[3] = 0xe9;
    latin.set_cksum();
    assert_eq!(refusal(&[(latin, b"")]), "the path `caf\\u{fffd}` is not valid UTF-8");
    assert_eq!(
        refusal(&[link(".", EntryType::Symlink, "x")]),
        "the archive is ambiguous at `.`: the root is not a folder"
    );
}

#[test]
fn devices_and_pipes_are_a_kind_of_their_own() {
    let kind = |entry| one(entry).1;
    let character = Special::Character { major: 5, minor: 1 };
    assert_eq!(kind(device("dev/console", EntryType::Char, 5, 1)), LayerKind::Special(character));
    let block = Special::Block { major: 7, minor: 300 };
    assert_eq!(kind(device("dev/loop", EntryType::Block, 7, 300)), LayerKind::Special(block));
    assert_eq!(kind(device("run/pipe", EntryType::Fifo, 0, 0)), LayerKind::Special(Special::Fifo));
    assert_eq!(
        refusal(&[device("etc/gone", EntryType::Char, 0, 0)]),
        "the archive is ambiguous at `etc/gone`: it is the device 0:0, which is a whiteout of overlayfs"
    );
    let sparse = (header("s", EntryType::GNUSparse, 0), &b""[..]);
    assert_eq!(refusal(&[sparse]), "the archive is ambiguous at `s`: it is a sparse file");
    let unknown = (header("s", EntryType::new(b'Z'), 0), &b""[..]);
    assert_eq!(refusal(&[unknown]), "the archive is ambiguous at `s`: it is of an unknown kind");
}

#[test]
fn attributes_and_times_of_extended_headers_are_read() {
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.security.capability", b"\x01\xff="),
        ("LIBARCHIVE.xattr.user.a", b"aGVsbG8gd29"),
        ("atime", b"1.500000000"),
        ("mtime", b"7.500000000"),
    ];
    let head = read(&with_records(&records, file("bin/ping"))).unwrap().remove(0);
    assert_eq!(head.mtime, 7);
    assert_eq!(head.xattrs, [("security.capability".to_owned(), b"\x01\xff=".to_vec())].into());
    assert_eq!(
        read(&with_records(&[("SCHILY.xattr.trusted.overlay.opaque", b"y")], file("d"))).unwrap_err(),
        "the archive is ambiguous at `d`: it has an attribute of overlayfs"
    );
    let twice: [(&str, &[u8]); 2] = [("SCHILY.xattr.user.a", b"1"), ("SCHILY.xattr.user.a", b"2")];
    assert_eq!(
        read(&with_records(&twice, file("d"))).unwrap_err(),
        "the archive is ambiguous at ``: an extended header states something twice"
    );
}

#[test]
fn whiteouts_are_recognised() {
    let whiteout = |name| match one(file(name)).1 {
        LayerKind::Whiteout(whiteout) => whiteout,
        kind => panic!("`{name}` is {kind:?}"),
    };
    assert_eq!(whiteout("./etc/.wh.motd"), Whiteout::Removes(path("etc/motd")));
    assert_eq!(whiteout(".wh.etc"), Whiteout::Removes(path("etc")));
    assert_eq!(whiteout("etc/.wh..profile"), Whiteout::Removes(path("etc/.profile")));
    assert_eq!(whiteout("etc/.wh...x"), Whiteout::Removes(path("etc/..x")));
    assert_eq!(whiteout("etc/.wh..wh..opq"), Whiteout::Opaque(Some(path("etc"))));
    assert_eq!(whiteout(".wh..wh..opq"), Whiteout::Opaque(None));
    assert_eq!(one(file("etc/.whx")).1, LayerKind::File);
}

#[test]
fn whiteouts_that_are_none_are_refused() {
    let nothing = "it is a whiteout that names nothing which could be removed";
    for name in ["etc/.wh.", "etc/.wh..", "etc/.wh...", ".wh.."] {
        assert_eq!(refusal(&[file(name)]), format!("the archive is ambiguous at `{name}`: {nothing}"));
    }
    for name in [".wh..wh.plnk", ".wh..wh.aufs", "a/.wh..wh.x", ".wh..wh."] {
        assert_eq!(
            refusal(&[file(name)]),
            format!(
                "the archive is ambiguous at `{name}`: it is a whiteout of a whiteout, or a record of aufs"
            )
        );
    }
    assert_eq!(
        refusal(&[file(".wh..wh.plnk/17.3")]),
        "the archive is ambiguous at `.wh..wh.plnk/17.3`: it lies below a whiteout"
    );
    assert_eq!(
        refusal(&[(header(".wh.a", EntryType::Regular, 3), b"abc")]),
        "the archive is ambiguous at `.wh.a`: it is a whiteout and yet has a body"
    );
    for entry in [
        (header(".wh.a", EntryType::Directory, 0), &b""[..]),
        link(".wh.a", EntryType::Symlink, "b"),
        link(".wh.a", EntryType::Link, "b"),
    ] {
        assert_eq!(
            refusal(&[entry]),
            "the archive is ambiguous at `.wh.a`: it has the name of a whiteout, and is no file"
        );
    }
    assert_eq!(
        refusal(&[link("a", EntryType::Link, ".wh.b")]),
        "the archive is ambiguous at `a`: it is a hard link to a whiteout"
    );
}

#[test]
fn the_end_may_be_missing_but_nothing_else() {
    let whole = archive(&[(header("a", EntryType::Regular, 3), b"abc"), file("b")]);
    let names = |bytes: &[u8]| read(bytes).map(|heads| heads.len());
    assert_eq!(names(&whole), Ok(2));
    for length in [1536, 2048] {
        assert_eq!(names(&whole[..length]), Ok(2), "{length}");
    }
    assert_eq!(names(b""), Ok(0), "a layer without a byte is an empty one");
    // What pads the last body may be missing as well: `umoci insert` writes none.
    for length in [515, 600, 1023] {
        assert_eq!(names(&whole[..length]), Ok(1), "{length}");
    }
    for length in [100, 514, 1300] {
        assert_eq!(names(&whole[..length]), Err("the archive is truncated".to_owned()), "{length}");
    }
    let twice = [whole.clone(), whole].concat();
    assert_eq!(names(&twice), Err("the archive is ambiguous at ``: there is data behind its end".to_owned()));
}

#[test]
fn a_path_may_occur_twice() {
    let layer = archive(&[file("a"), link("a", EntryType::Symlink, "b"), file("a")]);
    assert_eq!(read(&layer).unwrap().len(), 3);
}

#[test]
fn what_gnu_tar_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(words[0]).args(&words[1..]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let long = format!("{}/{}", "d".repeat(200), "ü".repeat(100));
    run(&["mkdir", "-p", &"d".repeat(200)]);
    run(&["mkfifo", "-m", "600", "pipe"]);
    run(&["ln", "-s", &"x".repeat(150), "link"]);
    std::fs::write(folder.path().join(&long), "body").unwrap();
    run(&["ln", &long, "other"]);
    for format in ["gnu", "pax", "posix"] {
        let bytes = run(&["tar", "--create", "--format", format, "--sort=name", "--file=-", "."]);
        let mut reader = LayerReader::new(bytes.as_slice(), 10 << 20);
        let mut seen = Vec::new();
        while let Some(head) = reader.next_entry().unwrap() {
            let mut body = String::new();
            reader.body().read_to_string(&mut body).unwrap();
            seen.push((head.path.map_or_else(String::new, String::from), head.kind, body));
        }
        let d = "d".repeat(200);
        let empty = String::new;
        let wanted = [
            (empty(), LayerKind::Directory, empty()),
            (d, LayerKind::Directory, empty()),
            (long.clone(), LayerKind::File, "body".to_owned()),
            ("link".to_owned(), LayerKind::Symlink("x".repeat(150)), empty()),
            ("other".to_owned(), LayerKind::Hardlink(path(&long)), empty()),
            ("pipe".to_owned(), LayerKind::Special(Special::Fifo), empty()),
        ];
        assert_eq!(seen, wanted, "{format}");
    }
}

#[test]
fn a_layer_cannot_be_larger_than_it_may() {
    let body: &'static [u8] = &[0; 20 << 20];
    let entry = (header("a", EntryType::Regular, body.len() as u64), body);
    assert_eq!(
        refusal(&[entry]),
        "the archive unpacks to more than 10485760 bytes, far more than it declares"
    );
}
