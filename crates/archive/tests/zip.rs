//! Zip archives: what Python writes is read back, and what two readers could read differently is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use imgbuild_archive::{ZipArchive, ZipFileError, ZipLimits, zip_members};
use proptest::prelude::*;

const LIMITS: ZipLimits = ZipLimits { members: 100, content: 1 << 20 };

/// A member: name, mode, time, content.
type Content = (String, u32, i64, Vec<u8>);

/// What is in an archive.
fn contents(path: &Path) -> Result<Vec<Content>, String> {
    let archive = ZipArchive::open(path, LIMITS).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for (number, member) in archive.members().iter().enumerate() {
        let mut bytes = Vec::new();
        archive.body(number).unwrap().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        // The same from a part of the file.
        let part = &std::fs::read(path).unwrap()[usize::try_from(member.header()).unwrap()..];
        assert_eq!(member.content(part).unwrap(), bytes);
        assert!(member.content(&part[..usize::try_from(member.packed()).unwrap()]).is_err());
        found.push((member.name().to_owned(), member.mode(), member.mtime(), bytes));
    }
    Ok(found)
}

/// Members of all sizes: more than wait at once, many small ones, an empty one.
fn large(path: &Path) {
    let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for number in range(150):
        size = 7_000_000 if number % 50 == 3 else number * 37
        archive.writestr(f"m{number}", (b"%d " % number * size)[:size])
"#;
    assert!(Command::new("python3").args(["-c", script]).arg(path).status().unwrap().success());
}

#[test]
fn several_threads_give_the_same_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    large(&path);
    let limits = ZipLimits { members: 1000, content: 1 << 30 };
    let archive = Arc::new(ZipArchive::open(&path, limits).unwrap());
    // Some of them, one twice, and a number that no member has.
    let numbers: Vec<usize> =
        (0..150).rev().filter(|number| number % 7 != 0).chain([3, 5, 5, 1000]).collect();
    let one_by_one = numbers.iter().map(|number| {
        let mut bytes = Vec::new();
        if let Some(mut body) = archive.body(*number) {
            body.read_to_end(&mut bytes).unwrap();
        }
        bytes
    });
    let expected: Vec<Vec<u8>> = one_by_one.collect();
    for threads in [1, 2, 5] {
        let mut bodies = archive.bodies(numbers.clone(), NonZero::new(threads).unwrap());
        for (number, expected) in numbers.iter().zip(&expected) {
            let mut bytes = Vec::new();
            bodies.next_body().read_to_end(&mut bytes).unwrap();
            assert!(bytes == *expected, "member {number} by {threads} threads");
        }
        assert_eq!(bodies.next_body().read(&mut [0]).unwrap(), 0);
        // Whoever reads none of one, or only a part, may go on and may stop.
        let mut bodies = archive.bodies(numbers.clone(), NonZero::new(threads).unwrap());
        let large = numbers.iter().position(|number| *number == 103).unwrap();
        (0..large).for_each(|_| drop(bodies.next_body()));
        let mut start = [0; 4];
        bodies.next_body().read_exact(&mut start).unwrap();
        assert_eq!(&start, b"103 ");
        let mut next = Vec::new();
        bodies.next_body().read_to_end(&mut next).unwrap();
        assert!(next == expected[large + 1], "{threads} threads");
    }
}

#[test]
fn a_damaged_member_is_an_error_on_every_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.zip");
    large(&path);
    let limits = ZipLimits { members: 1000, content: 1 << 30 };
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = ZipArchive::open(&path, limits).unwrap();
    let end = usize::try_from(whole.members()[53].end()).unwrap();
    bytes[end - 1000] ^= 0x3c;
    std::fs::write(&path, bytes).unwrap();
    let archive = Arc::new(ZipArchive::open(&path, limits).unwrap());
    let said = |threads| {
        let mut bodies = archive.bodies((50..60).collect(), NonZero::new(threads).unwrap());
        let read = |_| io::copy(&mut bodies.next_body(), &mut io::sink()).map_err(|error| error.to_string());
        (50..60).map(read).collect::<Vec<_>>()
    };
    let alone = said(1);
    assert!(alone[3].is_err() && alone.iter().filter(|it| it.is_err()).count() == 1, "{alone:?}");
    assert_eq!(said(2), alone);
    assert_eq!(said(4), alone);
}

#[test]
fn what_python_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // Seekable; with zip64 fields; and into a pipe, where sizes follow the data.
    let script = r#"
import io, sys, zipfile
class Pipe(io.RawIOBase):
    def __init__(self, file): self.file = file
    def writable(self): return True
    def seekable(self): return False
    def write(self, data): return self.file.write(data)
for kind in ("plain", "zip64", "pipe", "pipe64"):
    file = open(sys.argv[1] + "/" + kind, "wb")
    with zipfile.ZipFile(Pipe(file) if "pipe" in kind else file, "w") as archive:
        for name, mode, method in (("empty", 0o644, 0), ("dir/", 0o40755, 0), ("dir/ä", 0o100755, 8), ("stored", 0o100600, 0)):
            info = zipfile.ZipInfo(name, (2021, 3, 4, 5, 6, 8))
            info.external_attr, info.compress_type = mode << 16, method
            with archive.open(info, "w", force_zip64="64" in kind) as member:
                member.write({"empty": b"", "dir/": b""}.get(name, name.encode() * 999))
    file.close()
"#;
    let status = Command::new("python3").args(["-c", script]).arg(folder.path()).status().unwrap();
    assert!(status.success());
    let time = 1_614_834_368;
    let expected = vec![
        ("empty".to_owned(), 0o644, time, Vec::new()),
        ("dir/".to_owned(), 0o40755, time, Vec::new()),
        ("dir/ä".to_owned(), 0o100_755, time, "dir/ä".repeat(999).into_bytes()),
        ("stored".to_owned(), 0o100_600, time, "stored".repeat(999).into_bytes()),
    ];
    for kind in ["plain", "zip64", "pipe", "pipe64"] {
        assert_eq!(contents(&folder.path().join(kind)).unwrap(), expected, "{kind}");
    }
}

/// One member, and every field in which an attack may lie.
#[derive(Clone)]
struct Member {
    name: &'static str,
    local_name: &'static str,
    data: Vec<u8>,
    flags: u16,
    /// Those of the local header, where they are others.
    local_flags: Option<u16>,
    mode: u32,
    local_extra: Option<Vec<u8>>,
    comment: Vec<u8>,
    method: u16,
    crc: u32,
    size: u32,
    local_crc: u32,
    disk: u16,
    extra: Vec<u8>,
    behind: Vec<u8>,
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

fn stored(name: &'static str, data: &[u8]) -> Member {
    Member {
        name,
        local_name: name,
        data: data.to_vec(),
        flags: 0,
        local_flags: None,
        mode: 0o100_644,
        local_extra: None,
        comment: Vec::new(),
        method: 0,
        crc: crc(data),
        size: data.len() as u32,
        local_crc: crc(data),
        disk: 0,
        extra: Vec::new(),
        behind: Vec::new(),
    }
}

fn deflated(name: &'static str, data: &[u8]) -> Member {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    Member { data: encoder.finish().unwrap(), method: 8, ..stored(name, data) }
}

fn numbers(narrow: &[u16]) -> Vec<u8> {
    narrow.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn wide(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn zip(members: &[Member]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for it in members {
        let (packed, offset) = (it.data.len() as u32, file.len() as u32);
        let extra = it.extra.len() as u16;
        file.extend(b"PK\x03\x04");
        file.extend(numbers(&[20, it.local_flags.unwrap_or(it.flags), it.method, 0, 0]));
        file.extend(wide(&[it.local_crc, packed, it.size]));
        let local_extra = it.local_extra.as_ref().unwrap_or(&it.extra);
        file.extend(numbers(&[it.local_name.len() as u16, local_extra.len() as u16]));
        file.extend([it.local_name.as_bytes(), local_extra, &it.data, &it.behind].concat());
        directory.extend(b"PK\x01\x02");
        directory.extend(numbers(&[0x0314, 20, it.flags, it.method, 0, 0]));
        directory.extend(wide(&[it.crc, packed, it.size]));
        directory.extend(numbers(&[it.name.len() as u16, extra, it.comment.len() as u16, it.disk, 0]));
        directory.extend(wide(&[it.mode << 16, offset]));
        directory.extend([it.name.as_bytes(), &it.extra, &it.comment].concat());
    }
    let (size, offset, count) = (directory.len() as u32, file.len() as u32, members.len() as u16);
    file.extend(directory);
    file.extend(b"PK\x05\x06");
    file.extend(numbers(&[0, 0, count, count]));
    file.extend(wide(&[size, offset]));
    file.extend(numbers(&[0]));
    file
}

fn refusal_of(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    contents(file.path()).err().unwrap_or_else(|| "accepted".to_owned())
}

fn refusal(members: &[Member]) -> String {
    refusal_of(&zip(members))
}

const PREFIX: &str = "the zip container is ambiguous or damaged";

#[test]
fn what_the_builder_writes_is_read() {
    assert_eq!(refusal(&[stored("a", b"one"), deflated("b", &[7; 5000])]), "accepted");
    assert_eq!(refusal(&[]), "accepted");
}

#[test]
fn members_that_two_readers_could_read_differently_are_refused() {
    let good = stored("a", b"one");
    let member = |change: fn(&mut Member)| {
        let mut member = good.clone();
        change(&mut member);
        refusal(&[member, stored("b", b"")])
    };
    let is = |found: String, rule: &str| assert_eq!(found, format!("{PREFIX}{rule}"));
    is(member(|it| it.local_name = "b"), " at `a`: its header has another name than the directory");
    let sizes = " at `a`: its header has other sizes or another checksum than the directory";
    is(member(|it| it.local_crc = 1), sizes);
    let flags = " at `a`: its header has other flags than the directory";
    is(member(|it| it.local_flags = Some(0x0800)), flags);
    is(member(|it| it.local_flags = Some(8)), flags);
    is(member(|it| it.local_flags = Some(1)), flags);
    assert_eq!(member(|it| it.local_flags = Some(6)), "accepted");
    is(member(|it| it.flags = 1), " at `a`: it is encrypted");
    is(member(|it| it.flags = 0x40), " at `a`: it is encrypted");
    is(member(|it| it.flags = 0x20), " at `a`: it is a patch of something else");
    is(member(|it| it.method = 12), " at `a`: it is packed by a method that is not read here");
    is(member(|it| it.size = 2), " at `a`: it has two sizes");
    is(member(|it| it.disk = 1), " at `a`: it is on another disk");
    is(member(|it| it.behind = vec![0]), " at `a`: bytes behind it belong to nothing");
    is(member(|it| it.extra = vec![0x75, 0x70, 0, 0]), " at `a`: it has two names");
    let doubled = " at `a`: its zip64 field is doubled";
    is(member(|it| it.extra = [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(2)), doubled);
    is(member(|it| it.extra = vec![1, 0, 0, 0]), " at `a`: its zip64 field is empty");
    is(member(|it| it.extra = vec![1, 0, 0]), " at `a`: its extra fields are damaged");
    // A zip64 field of sizes that are not saturated.
    let needless = " at `a`: its zip64 field states what needs no stating";
    is(member(|it| it.extra = [&[1, 0, 16, 0][..], &[9; 16]].concat()), needless);
    is(member(|it| it.extra = [&[1, 0, 8, 0][..], &[3, 0, 0, 0, 0, 0, 0, 0]].concat()), needless);
    is(member(|it| it.flags = 8), " at `a`: its data descriptor is damaged");
    let descriptor = |crc| [wide(&[crc, 3, 3])].concat();
    let mut followed = good.clone();
    (followed.flags, followed.behind) = (8, descriptor(crc(b"one")));
    assert_eq!(refusal(&[followed.clone()]), "accepted");
    let mut repeated = good.clone();
    repeated.local_extra = Some([&[1, 0, 16, 0][..], &[3, 0, 0, 0, 0, 0, 0, 0].repeat(2)].concat());
    assert_eq!(refusal(&[repeated.clone()]), "accepted");
    repeated.local_extra = Some([&[1, 0, 16, 0][..], &[4, 0, 0, 0, 0, 0, 0, 0].repeat(2)].concat());
    is(refusal(&[repeated]), needless);
    followed.behind = descriptor(0);
    is(refusal(&[followed]), " at `a`: its data descriptor differs from the directory");
    is(refusal(&[good.clone(), good.clone()]), " at `a`: the archive has it twice");
    let mut name = stored("ä", b"");
    is(refusal(&[name.clone()]), " at `\\u{e4}`: its name is in an unnamed encoding");
    name.flags = 0x0800;
    assert_eq!(refusal(&[name.clone()]), "accepted");
    name.local_flags = Some(0);
    is(refusal(&[name]), " at `\\u{e4}`: its header has other flags than the directory");
}

#[test]
fn names_that_systems_read_differently_are_refused() {
    let is = |names: &[&'static str], found: &str| {
        let members: Vec<Member> = names.iter().map(|name| stored(name, b"")).collect();
        assert_eq!(refusal(&members), format!("{PREFIX}{found}"), "{names:?}");
    };
    is(&[""], " at ``: it has no name");
    is(&["a\0b"], " at `a\\u{0}b`: its name has a NUL byte");
    is(&["a\\b"], " at `a\\\\b`: its name has a backslash, which some systems read as a slash");
    is(&["/a"], " at `/a`: its name is absolute");
    is(&["../a"], " at `../a`: its name has a component `..`");
    is(&["a/../../b"], " at `a/../../b`: its name has a component `..`");
    let place = "another member of the archive has the same place";
    is(&["x", "./x"], &format!(" at `./x`: {place}"));
    is(&["x/y", "x//y"], &format!(" at `x//y`: {place}"));
    is(&["x", "x/y"], " at `x/y`: a folder that it is in is a file of the archive");
    is(&["x/y/z", "x"], " at `x/y/z`: a folder that it is in is a file of the archive");
    let mut folder = stored("x/", b"");
    folder.mode = 0o040_755;
    assert_eq!(refusal(&[folder.clone(), stored("x/y", b"")]), "accepted");
    assert_eq!(refusal(&[stored("x", b""), folder.clone()]), format!("{PREFIX} at `x/`: {place}"));
    let kind = "its type says that it is a folder, and its name that it is none, or the reverse";
    folder.name = "x";
    folder.local_name = "x";
    assert_eq!(refusal(&[folder]), format!("{PREFIX} at `x`: {kind}"));
    let mut full = stored("x/", b"one");
    full.mode = 0o040_755;
    assert_eq!(refusal(&[full]), format!("{PREFIX} at `x/`: it is a folder and has content"));
}

#[test]
fn the_end_is_read_in_one_way_only() {
    let locator = [&b"PK\x06\x07"[..], &[0; 16]].concat();
    let mut member = stored("a", b"one");
    // The last bytes of the directory: an extra field that nobody knows, or a comment.
    member.extra = [&[0x99, 0x99, 20, 0][..], &locator].concat();
    let found = refusal(&[member]);
    assert_eq!(found, format!("{PREFIX}: a zip64 locator stands where none belongs"));
    let mut commented = stored("a", b"one");
    commented.comment = locator;
    assert_eq!(refusal(&[commented]), found);
    let mut empty_behind_junk = [b"junk".as_slice(), &zip(&[])].concat();
    let offset = empty_behind_junk.len() - 6;
    empty_behind_junk[offset] = 4;
    assert_eq!(
        refusal_of(&empty_behind_junk),
        format!("{PREFIX}: bytes before its directory belong to nothing")
    );
}

#[test]
fn content_is_what_was_promised() {
    let is = |found: String, rule: &str| assert_eq!(found, format!("{PREFIX} at `a`: {rule}"));
    let mut wrong = deflated("a", &[7; 5000]);
    wrong.size = 4999;
    is(refusal(&[wrong.clone()]), "it holds more bytes than the directory says");
    wrong.size = 5001;
    is(refusal(&[wrong.clone()]), "it holds fewer bytes than the directory says");
    wrong.size = 5000;
    wrong.data.push(0);
    is(refusal(&[wrong]), "it holds more bytes than the directory says");
    let mut changed = stored("a", b"one");
    changed.data = b"two".to_vec();
    is(refusal(&[changed]), "its checksum is not the one that the directory says");
}

#[test]
fn what_is_around_the_members_is_refused() {
    let good = zip(&[stored("a", b"one")]);
    assert_eq!(refusal_of(b"PK"), "the archive is truncated or is not a zip");
    assert_eq!(refusal_of(&[good.as_slice(), &[0]].concat()), "the archive is truncated or is not a zip");
    let shifted = [&[0], good.as_slice()].concat();
    assert_eq!(refusal_of(&shifted), format!("{PREFIX}: its directory does not stand at its end"));
    let mut overlapping = zip(&[stored("a", b"one"), stored("b", b"one")]);
    let second = overlapping.len() - 22 - 47 + 42;
    overlapping[second..second + 4].copy_from_slice(&[0; 4]);
    assert_eq!(refusal_of(&overlapping), format!("{PREFIX}: its members overlap"));
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let many: Vec<Member> = (0..101).map(|_| stored("a", b"")).collect();
    assert_eq!(refusal(&many), format!("{PREFIX}: it has too many members"));
    let large = deflated("a", &vec![0; (1 << 20) + 1]);
    assert_eq!(refusal(&[large]), "the archive unpacks to 1048577 bytes, and may not to more than 1048576");
}

#[test]
fn the_tail_says_how_much_more_is_needed() {
    let file = zip(&[stored("a", b"one")]);
    let total = file.len() as u64;
    let Err(imgbuild_archive::ZipError::NeedTail(offset)) = zip_members(&file[file.len() - 30..], total, 9)
    else {
        panic!("a part of the directory was enough");
    };
    assert_eq!(zip_members(&file[offset as usize..], total, 9).unwrap()[0].name(), "a");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_read_on(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = zip(&[stored("a", b"one"), deflated("b", &[7; 5000])]);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        match ZipArchive::open(file.path(), LIMITS) {
            Ok(archive) => {
                for (number, member) in archive.members().iter().enumerate() {
                    let mut content = Vec::new();
                    if archive.body(number).unwrap().read_to_end(&mut content).is_ok() {
                        prop_assert_eq!(content.len() as u64, member.size());
                    }
                }
            }
            Err(ZipFileError::Read(error)) => return Err(TestCaseError::fail(error.to_string())),
            Err(_) => {}
        }
    }
}
