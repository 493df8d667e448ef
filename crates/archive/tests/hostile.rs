//! Archives that two readers could read differently, or that must not be read at all, are refused with a sentence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use imgbuild_archive::{TarError, TarReader};
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

fn refusal(bytes: &[u8]) -> String {
    let mut reader = TarReader::new(bytes, 10 << 20);
    loop {
        match reader.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => return "accepted".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

fn file(name: &str, body: &'static [u8]) -> (Header, &'static [u8]) {
    (header(name, EntryType::Regular, body.len() as u64), body)
}

fn pax(records: &'static [u8]) -> (Header, &'static [u8]) {
    (header("x", EntryType::XHeader, records.len() as u64), records)
}

fn long_name(name: &'static [u8]) -> (Header, &'static [u8]) {
    (header("././@LongLink", EntryType::GNULongName, name.len() as u64), name)
}

#[test]
fn unsafe_names_are_refused() {
    let refused = |name| refusal(&archive(&[file(name, b"")]));
    assert_eq!(refused("../x"), "the path `../x` has a component `..`");
    assert_eq!(refused("a/../../x"), "the path `a/../../x` has a component `..`");
    assert_eq!(refused("/etc/passwd"), "the path `/etc/passwd` is absolute");
    // Every reader takes it for `a/b`.
    assert_eq!(refused("a//b"), "accepted");
    let mut link = header("l", EntryType::Link, 0);
    link.as_old_mut().linkname[..16].copy_from_slice(b"../../etc/passwd");
    link.set_cksum();
    assert_eq!(refusal(&archive(&[(link, b"")])), "the path `../../etc/passwd` has a component `..`");
}

#[test]
fn special_files_are_refused() {
    let refused = |kind| refusal(&archive(&[(header("dev/x", kind, 0), b"")]));
    assert_eq!(refused(EntryType::Char), "the archive holds a device node at `/dev/x`");
    assert_eq!(refused(EntryType::Block), "the archive holds a device node at `/dev/x`");
    assert_eq!(refused(EntryType::Fifo), "the archive holds a named pipe at `/dev/x`");
    assert_eq!(refused(EntryType::new(b'S')), "the archive holds a sparse file at `/dev/x`");
    assert_eq!(refused(EntryType::new(b'Z')), "the archive holds an entry of an unknown kind at `/dev/x`");
}

#[test]
fn what_is_stated_twice_and_differs_is_refused() {
    assert_eq!(
        refusal(&archive(&[pax(b"9 size=9\n"), file("a", b"abc")])),
        "the archive is ambiguous at `a`: its size is stated twice and differs"
    );
    assert_eq!(
        refusal(&archive(&[pax(b"10 path=b\n"), pax(b"10 path=c\n"), file("a", b"")])),
        "the archive is ambiguous at ``: two extended headers for one entry"
    );
    assert_eq!(
        refusal(&archive(&[pax(b"10 path=b\n10 path=c\n"), file("a", b"")])),
        "the archive is ambiguous at ``: an extended header states something twice"
    );
    assert_eq!(
        refusal(&archive(&[pax(b"10 path=b\n"), long_name(b"c\0"), file("a", b"")])),
        "the archive is ambiguous at `a`: it has both a PAX header and a GNU long name"
    );
    assert_eq!(
        refusal(&archive(&[long_name(b"b\0"), long_name(b"c\0"), file("a", b"")])),
        "the archive is ambiguous at ``: two long names for one entry"
    );
    assert_eq!(refusal(&archive(&[(header("a", EntryType::Link, 3), b"abc")])), "the path `` is empty");
    assert_eq!(
        refusal(&archive(&[(header("a/", EntryType::Directory, 3), b"abc")])),
        "the archive is ambiguous at `a/`: it is not a file and yet has a body"
    );
    assert_eq!(
        refusal(&archive(&[(header("g", EntryType::XGlobalHeader, 10), b"10 path=b\n")])),
        "the archive is ambiguous at ``: a global header changes entries"
    );
}

#[test]
fn damaged_archives_are_refused() {
    let whole = archive(&[file("a", b"abc")]);
    assert_eq!(refusal(&whole), "accepted");
    for length in [0, 100, 512, 515, 1024, 1536] {
        assert_eq!(refusal(&whole[..length]), "the archive is truncated", "{length}");
    }
    let mut damaged = whole.clone();
    damaged[0] = b'b';
    assert_eq!(refusal(&damaged), "the archive has a damaged header: its checksum is wrong");
    let mut behind = whole.clone();
    behind.extend_from_slice(&archive(&[file("b", b"")]));
    assert_eq!(refusal(&behind), "the archive is ambiguous at ``: there is data behind its end");
    let mut padded = whole;
    padded.extend_from_slice(&[0; 8192]);
    assert_eq!(refusal(&padded), "accepted");
}

#[test]
fn an_archive_cannot_be_larger_than_it_may() {
    let body: &'static [u8] = &[0; 20 << 20];
    let bytes = archive(&[(header("a", EntryType::Regular, body.len() as u64), body)]);
    let refused = refusal(&bytes);
    assert_eq!(refused, "the archive unpacks to more than 10485760 bytes, far more than it declares");
    assert!(matches!(
        TarReader::new(bytes.as_slice(), 100).next_entry(),
        Err(TarError::Bomb { limit: 100, entry: None })
    ));
}
