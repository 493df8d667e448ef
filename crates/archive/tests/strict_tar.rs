//! Tars byte by byte: what real writers write is read as Python reads it, and what two readers read differently is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::io::Write;
use std::process::{Command, Stdio};

use imgbuild_archive::{LayerKind, LayerReader, TarError, TarKind, TarReader};

/// A header whose fields are written as they are given.
fn header(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let fields: [(usize, &[u8]); 8] = [
        (0, b"a"),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"00000000000\0"),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    for (at, text) in fields.iter().chain(changes) {
        block[*at..*at + text.len()].copy_from_slice(text);
    }
    check_summed(block)
}

fn check_summed(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn with_body(head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(512) - body.len();
    [head, body.to_vec(), vec![0; padding]].concat()
}

/// A file of three bytes, with these changes.
fn file(changes: &[(usize, &[u8])]) -> Vec<u8> {
    with_body(header(&[&[(124, &b"00000000003\0"[..])], changes].concat()), b"abc")
}

fn extension(flag: &[u8], body: &[u8]) -> Vec<u8> {
    let size = format!("{:011o}\0", body.len());
    with_body(header(&[(156, flag), (124, size.as_bytes())]), body)
}

/// An extended header of one record.
fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..4).map(|digits| rest + digits).find(|it| it.to_string().len() == *it - rest).unwrap();
    extension(b"x", format!("{length} {key}={value}\n").as_bytes())
}

/// What the readers of packages and of layers say.
fn outcome(parts: &[Vec<u8>]) -> String {
    let bytes = [parts.concat(), vec![0; 1024]].concat();
    let message =
        |error: Option<TarError>| error.map_or_else(|| "accepted".to_owned(), |error| error.to_string());
    let mut package = TarReader::new(bytes.as_slice(), 1 << 20);
    let of_package = message(std::iter::from_fn(|| package.next_entry().transpose()).find_map(Result::err));
    let mut layer = LayerReader::new(bytes.as_slice(), 1 << 20);
    let of_layer = message(std::iter::from_fn(|| layer.next_entry().transpose()).find_map(Result::err));
    assert_eq!(of_package, of_layer, "the two readers differ");
    of_package
}

#[test]
fn headers_that_readers_read_differently_are_refused() {
    let ambiguous = |rule: &str| format!("the archive is ambiguous at `a`: {rule}");
    let number = |field: &str| {
        format!("the archive has a damaged header at `a`: {field} is not a number that it may be")
    };
    assert_eq!(outcome(&[file(&[])]), "accepted");
    let prefix: (usize, &[u8]) = (345, b"etc");
    assert_eq!(outcome(&[file(&[prefix])]), "accepted");
    for version in [&b"  "[..], b"01", b"\0\0", b"0\0"] {
        let refused = ambiguous("its header has a version that there is not");
        assert_eq!(outcome(&[file(&[prefix, (263, version)])]), refused, "{}", version.escape_ascii());
    }
    let gnu: (usize, &[u8]) = (257, b"ustar  \0");
    assert_eq!(outcome(&[file(&[gnu])]), "accepted");
    let refused = ambiguous("its header has GNU's magic and something where a prefix stands");
    assert_eq!(outcome(&[file(&[gnu, prefix])]), refused);
    assert_eq!(outcome(&[file(&[gnu, (483, b"1")])]), refused);
    let old: (usize, &[u8]) = (257, b"\0\0\0\0\0\0\0\0");
    assert_eq!(outcome(&[file(&[old])]), "accepted");
    let refused = ambiguous("its header has no magic, and yet the fields behind it");
    assert_eq!(outcome(&[file(&[old, prefix])]), refused);
    assert_eq!(outcome(&[file(&[(257, b"USTAR\x0000")])]), refused);
    let refused = ambiguous("its header holds something behind the prefix, which star would read");
    assert_eq!(outcome(&[file(&[prefix, (508, b"tar\0")])]), refused);
    for size in [
        &b"+0000000003\0"[..],
        b"-0000000003\0",
        b"\t0000000003\0",
        b"\x000000000003\0",
        b"0000000003x\0",
        b"0000000003\0x",
        b"3_\0\0\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfd",
        b"\x80\0\0\0\x80\0\0\0\0\0\0\x03",
        b"\x80\0\x01\0\0\0\0\0\0\0\0\x03",
        b"\x81\0\0\0\0\0\0\0\0\0\0\x03",
    ] {
        assert_eq!(outcome(&[file(&[(124, size)])]), number("its size"), "{}", size.escape_ascii());
    }
    assert_eq!(outcome(&[file(&[(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x03")])]), "accepted");
    assert_eq!(outcome(&[file(&[(100, b"000064x\0")])]), number("its mode"));
    assert_eq!(outcome(&[file(&[(108, b"+000000\0")])]), number("the number of its user"));
    assert_eq!(outcome(&[file(&[(116, b"\x80\0\0\x01\0\0\0\0")])]), number("the number of its group"));
    assert_eq!(outcome(&[file(&[(136, b"1 2        \0")])]), number("its time"));
    assert_eq!(outcome(&[file(&[(329, b"\t\0\0\0\0\0\0\0")])]), number("the number of its device"));
    let mut signed = header(&[(0, b"\xc3\xa9")]);
    let sum: i64 = signed.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    signed[148..156].fill(b' ');
    let is = signed.iter().map(|byte| i64::from(*byte as i8)).sum::<i64>();
    signed[148..156].copy_from_slice(format!("{is:06o}\0 ").as_bytes());
    assert!(sum != is);
    assert_eq!(outcome(&[signed]), "the archive has a damaged header: its checksum is wrong");
}

#[test]
fn types_and_names_that_readers_read_differently_are_refused() {
    let folder = "its name is a folder's, and it is none";
    let at = |name: &str, rule: &str| format!("the archive is ambiguous at `{name}`: {rule}");
    assert_eq!(outcome(&[header(&[(0, b"x/")])]), at("x/", folder));
    assert_eq!(outcome(&[header(&[(0, b"x/"), (156, b"2"), (157, b"y")])]), at("x/", folder));
    // As archives from before POSIX have folders.
    assert_eq!(outcome(&[header(&[(0, b"x/"), (156, b"\0")])]), "accepted");
    let names = "one of its names is a folder's, and the other is not";
    assert_eq!(outcome(&[pax("path", "y/"), header(&[(156, b"\0")])]), at("a", names));
    assert_eq!(outcome(&[extension(b"L", b"y\0"), header(&[(0, b"a/"), (156, b"\0")])]), at("a/", names));
    let global = at("", "a global header stands between an extended header and its entry");
    let comment = extension(b"g", b"13 comment=x\n");
    assert_eq!(outcome(&[comment.clone(), file(&[])]), "accepted");
    assert_eq!(outcome(&[pax("path", "one"), comment.clone(), file(&[])]), global);
    assert_eq!(outcome(&[extension(b"L", b"one\0"), comment, file(&[])]), global);
    let nothing = "the archive has a damaged header: an extended header describes no entry";
    for last in [pax("path", "b"), extension(b"L", b"b\0"), extension(b"K", b"b\0")] {
        assert_eq!(outcome(&[file(&[]), last]), nothing);
    }
    // The Rust crate takes such a header for a file.
    let old =
        at("a", "it extends another entry and has no magic, without which some readers take it for a file");
    for (flag, body) in
        [(b"L", &b"b\0"[..]), (b"K", b"b\0"), (b"x", b"9 path=b\n"), (b"g", b"13 comment=x\n")]
    {
        let size = format!("{:011o}\0", body.len());
        let head = header(&[(156, flag), (124, size.as_bytes()), (257, &[0; 8])]);
        assert_eq!(outcome(&[with_body(head, body), file(&[])]), old);
    }
    let end = "the archive has a damaged header: a long name has no end";
    assert_eq!(outcome(&[extension(b"L", b"b"), file(&[])]), end);
    assert_eq!(outcome(&[extension(b"L", b""), file(&[])]), end);
    let nul = "the archive has a damaged header: a long name has a NUL byte where none may be";
    for name in [&b"\0"[..], b"b\0\0", b"b\0c\0"] {
        assert_eq!(outcome(&[extension(b"L", name), file(&[])]), nul, "{}", name.escape_ascii());
    }
    let twice = at("", "two long link names for one entry");
    assert_eq!(outcome(&[extension(b"K", b"b\0"), extension(b"K", b"b\0"), file(&[])]), twice);
    let target = at("a", "it is not a link and yet has a long target");
    assert_eq!(outcome(&[extension(b"K", b"b\0"), file(&[])]), target);
}

#[test]
fn records_that_readers_read_differently_are_refused() {
    let damaged = |what: &str| format!("the archive has a damaged header: {what}");
    let record = |records: &str| outcome(&[extension(b"x", records.as_bytes()), file(&[])]);
    assert_eq!(record("9 size=3\n10 path=b\n"), "accepted");
    for records in [
        "+9 size=3\n",
        "8 size=3\n",
        "11 size=3\n",
        "9 size=3",
        " size=3\n",
        "5 =3\n",
        "size=3\n",
        "0 size=3\n",
    ] {
        assert_eq!(record(records), damaged("an extended header is damaged"), "{records}");
    }
    let number = damaged("a number of an extended header is damaged");
    for value in ["+3", "-1", " 3", "0x3", "3.0", "18446744073709551615", "9223372036854775808", ""] {
        assert_eq!(outcome(&[pax("size", value), file(&[])]), number, "{value}");
    }
    for value in ["+3", "-1", "4294967296"] {
        assert_eq!(outcome(&[pax("uid", value), file(&[])]), number, "{value}");
    }
    for value in ["1e3", "1.5e3", "nan", "+1", ".5", "1.-5", ""] {
        assert_eq!(outcome(&[pax("mtime", value), file(&[])]), number, "{value}");
    }
    for value in ["-1.25", "1.", "0"] {
        assert_eq!(outcome(&[pax("mtime", value), file(&[])]), "accepted", "{value}");
    }
    let nul = damaged("an extended header has a NUL byte where none may be");
    assert_eq!(outcome(&[pax("path", "b\0c"), file(&[])]), nul);
    assert_eq!(outcome(&[pax("uname", "b\0"), file(&[])]), nul);
    assert_eq!(outcome(&[pax("SCHILY.xattr.user.a\0b", "v"), file(&[])]), nul);
    assert_eq!(outcome(&[pax("SCHILY.xattr.user.a", "\0v"), file(&[])]), "accepted");
    assert_eq!(outcome(&[pax("comm\0ent", "v"), file(&[])]), nul);
    let empty = "the archive is ambiguous at ``: an extended header takes a value back";
    assert_eq!(outcome(&[pax("path", ""), file(&[])]), empty);
    assert_eq!(outcome(&[pax("linkpath", ""), file(&[])]), empty);
    let sparse = "the archive is ambiguous at ``: it holds a sparse file";
    for key in ["GNU.sparse.major", "GNU.sparse.map", "SCHILY.realsize", "SUN.holesdata"] {
        assert_eq!(outcome(&[pax(key, "1"), file(&[])]), sparse, "{key}");
    }
    let twice = "the archive is ambiguous at ``: an extended header states something twice";
    for records in ["9 size=3\n9 size=3\n", "11 mtime=1\n11 mtime=1\n", "8 uid=1\n8 uid=1\n"] {
        assert_eq!(record(records), twice, "{records}");
    }
    let size = "the archive is ambiguous at `a`: its size is stated twice and differs";
    assert_eq!(outcome(&[pax("size", "4"), file(&[])]), size);
    assert_eq!(outcome(&[pax("size", "3"), header(&[])]), size);
}

#[test]
fn what_hides_behind_a_size_is_never_read() {
    let hidden = file(&[(0, b"hidden")]);
    let number = "the archive has a damaged header at `a`: its size is not a number that it may be";
    assert_eq!(outcome(&[header(&[(124, &[0xff; 12])]), hidden.clone()]), number);
    let large = |size: u64| [&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat();
    assert_eq!(outcome(&[header(&[(124, &large(u64::MAX - 511))]), hidden.clone()]), number);
    let bomb = "the archive unpacks to more than 1048576 bytes, far more than it declares";
    assert_eq!(outcome(&[header(&[(124, &large(i64::MAX as u64))]), hidden]), bomb);
}

/// Python's listing of each of these archives: a line for each entry, or `refused`.
const LISTING: &str = r#"
import io, struct, sys, tarfile
def listed(data):
    try: members = tarfile.open(fileobj=io.BytesIO(data)).getmembers()
    except (tarfile.TarError, ValueError, EOFError, OverflowError): return ["refused"]
    kind = lambda m: "file" if m.isreg() else "folder" if m.isdir() else "symlink" if m.issym() else "hardlink" if m.islnk() else "other"
    plain = lambda name: "/".join(part for part in name.split("/") if part not in ("", "."))
    return [f"{plain(m.name)} {kind(m)} {m.mode & 0o7777:o} {m.uid}:{m.gid} {int(m.mtime)} {m.size if m.isreg() else 0} {m.linkname if m.issym() or m.islnk() else ''}" for m in members]
while size := sys.stdin.buffer.read(4):
    data = sys.stdin.buffer.read(struct.unpack("<I", size)[0])
    sys.stdout.buffer.write(("\n".join(listed(data)) + "\n\n").encode("utf8", "replace"))
"#;

fn by_python(archives: &[Vec<u8>]) -> Vec<String> {
    let mut child = Command::new("python3")
        .args(["-c", LISTING])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut sent = Vec::new();
    for archive in archives {
        sent.extend((archive.len() as u32).to_le_bytes());
        sent.extend(archive);
    }
    let feeder = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.strip_suffix("\n\n")
        .unwrap()
        .split("\n\n")
        .map(|one| one.trim_end_matches('\n').to_owned())
        .collect()
}

/// The same listing, by the reader of packages.
fn by_us(archive: &[u8]) -> Result<String, TarError> {
    let mut reader = TarReader::new(archive, 1 << 20);
    let mut lines = Vec::new();
    while let Some(head) = reader.next_entry()? {
        let (kind, link) = match &head.kind {
            TarKind::File => ("file", ""),
            TarKind::Directory => ("folder", ""),
            TarKind::Symlink(target) => ("symlink", target.as_str()),
            TarKind::Hardlink(target) => ("hardlink", target.as_str()),
        };
        let path = head.path.map_or_else(String::new, String::from);
        let (mode, mtime, size) = (head.mode, head.mtime, head.size);
        lines.push(format!(
            "{path} {kind} {mode:o} {}:{} {mtime} {size} {link}",
            head.owner.uid, head.owner.gid
        ));
    }
    Ok(lines.join("\n"))
}

/// Archives of every kind of entry, in the three formats of Python.
const WRITTEN: &str = r#"
import io, struct, sys, tarfile
for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
    ustar = format == tarfile.USTAR_FORMAT
    names = ["a", "d" * 60 + "/" + "f" * 60, "f" * 98, "é" * 40, "p" * 155 + "/" + "n" * 98] + ([] if ustar else ["x" * 101, "y/" * 100 + "z", "ü" * 120, "d" * 180 + "/" + "f" * 150])
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=format) as tar:
        for number, name in enumerate(names):
            for kind in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
                info = tarfile.TarInfo(name + kind.decode())
                info.type, info.mode, info.uid, info.gid = kind, 0o4755, number, 2097151 if ustar else 3000000
                info.uname, info.gname = "user", "é"
                info.mtime = [0, 1, 2**31, 2**33 - 1][number % 4] if ustar else [0, -5, 2**33, 1.75, 7][number % 5] if format == tarfile.PAX_FORMAT else [0, -5, 2**33][number % 3]
                if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE): info.linkname = "t" * (99 if ustar else 150 + number)
                body = b"x" * (number * 300) if kind == tarfile.REGTYPE else b""
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
    data = b.getvalue()
    sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
"#;

fn written_by_python() -> Vec<Vec<u8>> {
    let output = Command::new("python3").args(["-c", WRITTEN]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rest = output.stdout.as_slice();
    let mut archives = Vec::new();
    while let Some((size, more)) = rest.split_first_chunk::<4>() {
        let (archive, more) = more.split_at(u32::from_le_bytes(*size) as usize);
        archives.push(archive.to_vec());
        rest = more;
    }
    assert_eq!(archives.len(), 3);
    archives
}

#[test]
fn what_python_writes_is_read_as_python_reads_it() {
    let archives = written_by_python();
    for (archive, listing) in archives.iter().zip(by_python(&archives)) {
        assert_eq!(by_us(archive).unwrap(), listing);
        let mut reader = LayerReader::new(archive.as_slice(), 1 << 20);
        let mut seen = 0;
        while let Some(head) = reader.next_entry().unwrap() {
            seen += usize::from(!matches!(head.kind, LayerKind::Special(_) | LayerKind::Whiteout(_)));
        }
        assert_eq!(seen, listing.lines().count());
    }
}

/// Whatever byte of a header is changed: what is still accepted, Python reads alike.
#[test]
fn no_byte_of_a_header_makes_us_read_another_archive_than_python() {
    let end = vec![0; 1024];
    let bases = [
        [file(&[]), file(&[(0, b"b")]), end.clone()].concat(),
        [file(&[(257, b"ustar  \0")]), file(&[(0, b"b")]), end.clone()].concat(),
        [file(&[(257, &[0; 8])]), file(&[(0, b"b")]), end.clone()].concat(),
        [file(&[(345, b"p"), (156, b"\0")]), file(&[(0, b"b")]), end.clone()].concat(),
        [pax("path", "long"), file(&[]), file(&[(0, b"b")]), end.clone()].concat(),
        [extension(b"L", b"long\0"), file(&[]), file(&[(0, b"b")]), end].concat(),
    ];
    let mut changed = Vec::new();
    for base in &bases {
        for at in (0..4).chain(96..148).chain(156..160).chain(255..348).chain(470..512) {
            for byte in [0, b' ', b'+', b'/', b'5', b'7', 0x80, 0xff] {
                let mut archive = base.clone();
                archive[at] = byte;
                changed.push(check_summed(archive));
            }
        }
    }
    let accepted: Vec<(Vec<u8>, String)> = changed
        .into_iter()
        .filter_map(|archive| by_us(&archive).ok().map(|listing| (archive, listing)))
        .collect();
    assert!(accepted.len() > 1000);
    let archives: Vec<Vec<u8>> = accepted.iter().map(|(archive, _)| archive.clone()).collect();
    for ((archive, ours), theirs) in accepted.iter().zip(by_python(&archives)) {
        assert_eq!(*ours, theirs, "{}", archive[..512].escape_ascii());
    }
}
