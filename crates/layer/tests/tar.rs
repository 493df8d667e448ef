//! What our tar writer writes is read back the same by the `tar` crate, by GNU tar, and by our own reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};

use imgbuild_archive::{ImagePath, LayerReader, Owner, TarKind, TarReader};
use imgbuild_layer::{EntryHead, EntryKind, TarWriter};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Entry {
    head: EntryHead,
    body: Vec<u8>,
}

fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9._-]{1,12}",
        2 => "[a-z]{90,255}",
        1 => "[ -.0-~]{1,20}",
        1 => "[äöüßéñ漢字🦀]{1,20}",
    ]
    .prop_filter("not a path component", |name| name != "." && name != "..")
}

fn path() -> impl Strategy<Value = ImagePath> {
    prop::collection::vec(component(), 1..6)
        .prop_map(|components| ImagePath::new(&components.join("/")).unwrap())
}

fn kind() -> impl Strategy<Value = (EntryKind, Vec<u8>)> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000)
            .prop_map(|body| (EntryKind::File { size: body.len() as u64 }, body)),
        // More than the writer gathers.
        1 => (100_000_u32..400_000, any::<u32>()).prop_map(|(size, seed)| {
            let body: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(seed | 1) >> 13) as u8).collect();
            (EntryKind::File { size: body.len() as u64 }, body)
        }),
        1 => Just((EntryKind::Directory, Vec::new())),
        2 => "[a-zäé/.]{1,200}".prop_map(|target| (EntryKind::Symlink { target }, Vec::new())),
        1 => path().prop_map(|target| (EntryKind::Hardlink { target }, Vec::new())),
    ]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let owner = (0_u32..70_000, prop_oneof![0_u32..70_000, Just(3_000_000)])
        .prop_map(|(uid, gid)| Owner { uid, gid });
    let mtime = prop_oneof![0_i64..2_000_000_000, Just(-5), Just(1 << 34)];
    let entry = (path(), kind(), 0_u32..0o10000, owner, mtime).prop_map(
        |(path, (kind, body), mode, owner, mtime)| Entry {
            head: EntryHead { path, kind, mode, owner, mtime },
            body,
        },
    );
    prop::collection::vec(entry, 0..8)
}

/// Gives less than is asked for, each time another number of bytes.
struct Short<'a> {
    body: &'a [u8],
    reads: usize,
}

impl Read for Short<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads += 1;
        let most = buffer.len().min(1 + self.reads.wrapping_mul(7919) % 150_000);
        self.body.read(&mut buffer[..most])
    }
}

fn written(entries: &[Entry]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for entry in entries {
        writer.append(&entry.head, &mut Short { body: &entry.body, reads: 0 }).unwrap();
    }
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_tar_crate_reads_what_was_written(entries in entries()) {
        let bytes = written(&entries);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut read = archive.entries().unwrap();
        for entry in &entries {
            let mut found = read.next().unwrap().unwrap();
            let pax: BTreeMap<String, String> = found.pax_extensions().unwrap().into_iter().flatten()
                .map(|record| record.unwrap())
                .map(|record| (record.key().unwrap().to_owned(), record.value().unwrap().to_owned()))
                .collect();
            let number = |key: &str, header: u64| pax.get(key).map_or(i128::from(header), |text| text.parse().unwrap());
            let name = found.path_bytes().into_owned();
            let name = String::from_utf8(name).unwrap();
            prop_assert_eq!(name.trim_end_matches('/'), entry.head.path.as_str());
            prop_assert_eq!(found.header().mode().unwrap(), entry.head.mode);
            prop_assert_eq!(number("uid", found.header().uid().unwrap()), i128::from(entry.head.owner.uid));
            prop_assert_eq!(number("gid", found.header().gid().unwrap()), i128::from(entry.head.owner.gid));
            prop_assert_eq!(number("mtime", found.header().mtime().unwrap()), i128::from(entry.head.mtime));
            let link = found.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
            match &entry.head.kind {
                EntryKind::Symlink { target } => prop_assert_eq!(link.as_deref(), Some(target.as_str())),
                EntryKind::Hardlink { target } => prop_assert_eq!(link.as_deref(), Some(target.as_str())),
                _ => prop_assert_eq!(link, None),
            }
            let mut body = Vec::new();
            found.read_to_end(&mut body).unwrap();
            prop_assert_eq!(&body, &entry.body);
        }
        prop_assert!(read.next().is_none());
    }

    #[test]
    fn our_reader_reads_what_was_written(entries in entries()) {
        let bytes = written(&entries);
        let mut reader = TarReader::new(bytes.as_slice(), u64::MAX);
        for entry in &entries {
            let head = reader.next_entry().unwrap().unwrap();
            prop_assert_eq!(head.path.as_ref(), Some(&entry.head.path));
            prop_assert_eq!((head.mode, head.owner, head.mtime), (entry.head.mode, entry.head.owner, entry.head.mtime));
            let kind = match &entry.head.kind {
                EntryKind::File { .. } => TarKind::File,
                EntryKind::Directory => TarKind::Directory,
                EntryKind::Symlink { target } => TarKind::Symlink(target.clone()),
                EntryKind::Hardlink { target } => TarKind::Hardlink(target.clone()),
                kind => unreachable!("{kind:?} is not among them"),
            };
            prop_assert_eq!(head.kind, kind);
            let mut body = Vec::new();
            reader.body().read_to_end(&mut body).unwrap();
            prop_assert_eq!(&body, &entry.body);
        }
        prop_assert_eq!(reader.next_entry().unwrap(), None);
    }

    #[test]
    fn our_readers_never_panic(mut bytes in entries().prop_map(|entries| written(&entries)),
                               damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
                               cut in any::<prop::sample::Index>(), truncate in any::<bool>()) {
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut reader = TarReader::new(bytes.as_slice(), 1 << 30);
        while let Ok(Some(_)) = reader.next_entry() {}
        let mut reader = LayerReader::new(bytes.as_slice(), 1 << 30);
        while let Ok(Some(_)) = reader.next_entry() {}
    }
}

/// GNU tar's own listing, with numbers instead of names.
fn gnu_listing(bytes: &[u8]) -> String {
    let mut child = Command::new("tar")
        .args(["--list", "--verbose", "--numeric-owner", "--full-time", "--quoting-style=literal", "-f", "-"])
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let feeder = std::thread::spawn(move || std::io::Write::write_all(&mut input, &bytes));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn gnu_tar_reads_what_was_written() {
    let head = |path: &str, kind| EntryHead {
        path: ImagePath::new(path).unwrap(),
        kind,
        mode: 0o640,
        owner: Owner { uid: 1000, gid: 3_000_000 },
        mtime: 1_700_000_000,
    };
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(120));
    let split = format!("{}/{}", "d".repeat(120), "f".repeat(90));
    let entries = [
        Entry { head: head("a", EntryKind::Directory), body: vec![] },
        Entry { head: head("a/b", EntryKind::File { size: 3 }), body: b"abc".to_vec() },
        Entry {
            head: head("a/é漢", EntryKind::Hardlink { target: ImagePath::new("a/b").unwrap() }),
            body: vec![],
        },
        Entry { head: head("l", EntryKind::Symlink { target: "../x".repeat(40) }), body: vec![] },
        Entry { head: head(&long, EntryKind::File { size: 0 }), body: vec![] },
        Entry { head: head(&split, EntryKind::File { size: 600 }), body: vec![7; 600] },
    ];
    let fields = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let listing: Vec<String> = gnu_listing(&written(&entries)).lines().map(fields).collect();
    let meta =
        |mode: &str, size: u32, name: &str| format!("{mode} 1000/3000000 {size} 2023-11-14 22:13:20 {name}");
    assert_eq!(
        listing,
        [
            meta("drw-r-----", 0, "a/"),
            meta("-rw-r-----", 3, "a/b"),
            meta("hrw-r-----", 0, "a/é漢 link to a/b"),
            meta("lrw-r-----", 0, &format!("l -> {}", "../x".repeat(40))),
            meta("-rw-r-----", 0, &long),
            meta("-rw-r-----", 600, &split),
        ]
    );
}
