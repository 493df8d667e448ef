//! Tars, layers, zips and Debian packages.

use std::io::{Cursor, Read as _};

use imgbuild_archive::{LayerKind, LayerReader, TarReader, ZipArchive, ZipLimits};
use imgbuild_layer::{Codec, EntryHead, EntryKind, EntrySink, LayerWriter, Parents};

use crate::seeds::{FILES, ar, gnu_tar, gzip, own_tar, tar_of, with_checksums, zip_of, zstd};
use crate::{Seed, fuzz};

/// Words of tars.
const TAR: [&str; 16] = [
    "ustar\u{0}00",
    "ustar  \0",
    "././@LongLink\0",
    "12 path=a\n",
    "19 size=99999999\n",
    "14 path=../b\n",
    "11 uid=-1\n",
    "30 SCHILY.xattr.user.a=\0\0\0\0\0\n",
    "22 GNU.sparse.major=1\n",
    ".wh.a",
    ".wh..wh..opq",
    "../",
    "/",
    "\0",
    "\u{80}\0\0\0",
    "27 hdrcharset=BINARY\u{80}\n",
];

/// Words of zips: signatures, extra fields, numbers that stand for others.
const ZIP: [&str; 10] = [
    "PK\u{1}\u{2}",
    "PK\u{3}\u{4}",
    "PK\u{5}\u{6}",
    "PK\u{6}\u{6}",
    "PK\u{6}\u{7}",
    "\u{1}\0\u{10}\0",
    "../",
    "/",
    "up\u{1}\0",
    "\0",
];

fn tars() -> [Seed; 5] {
    let files = || tar_of(FILES);
    [
        Seed::plain(own_tar()),
        Seed::part(own_tar(), with_checksums),
        Seed::part(gnu_tar(), with_checksums),
        Seed::plain(files()),
        Seed::part(files(), with_checksums),
    ]
}

/// A name without what says nothing.
fn plain(name: &str) -> String {
    name.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

/// What of an entry every reader must read alike: its name, its body and where it leads.
type Read = (String, Vec<u8>, Option<String>);

/// What the `tar` crate reads.
fn by_the_crate(bytes: &[u8]) -> Option<Vec<Read>> {
    let mut found = Vec::new();
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let name = plain(&String::from_utf8(entry.path_bytes().into_owned()).ok()?);
        let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
        let is_link = matches!(entry.header().entry_type(), tar::EntryType::Symlink | tar::EntryType::Link);
        let mut body = Vec::new();
        entry.read_to_end(&mut body).ok()?;
        found.push((name, body, target.filter(|_| is_link)));
    }
    Some(found)
}

#[test]
fn tar() {
    fuzz(&tars(), &TAR, |bytes| {
        let mut reader = TarReader::new(bytes, 1 << 30);
        let mut ours = Vec::new();
        while let Some(head) = reader.next_entry().map_err(|error| error.to_string())? {
            let mut body = Vec::new();
            reader.body().read_to_end(&mut body).map_err(|error| error.to_string())?;
            let target = match &head.kind {
                imgbuild_archive::TarKind::Symlink(target) => Some(target.clone()),
                imgbuild_archive::TarKind::Hardlink(target) => Some(plain(target.as_str())),
                _ => None,
            };
            ours.push((head.path.map_or_else(String::new, |path| path.as_str().to_owned()), body, target));
        }
        // The crate ends the value of an extended header at a newline. POSIX gives its length, and engines read that.
        let newline = |(path, _, target): &Read| {
            path.contains('\n') || target.as_ref().is_some_and(|target| target.contains('\n'))
        };
        if ours.iter().any(newline) {
            return Ok(());
        }
        // What is taken means the same to another reader, where that one takes it.
        if let Some(mut theirs) = by_the_crate(bytes) {
            for ((_, _, target), (_, _, own)) in theirs.iter_mut().zip(&ours) {
                if target.as_deref().map(plain).as_deref() == own.as_deref() {
                    target.clone_from(own);
                }
            }
            assert_eq!(theirs, ours);
        }
        Ok(())
    });
}

#[test]
fn layer_reader() {
    let whiteouts =
        [("lib/", b"".as_slice()), ("lib/.wh.a", b""), ("lib/.wh..wh..opq", b""), ("lib/b", b"b")];
    let seeds: Vec<Seed> =
        tars().into_iter().chain([Seed::part(tar_of(whiteouts), with_checksums)]).collect();
    fuzz(&seeds, &TAR, |bytes| {
        let mut reader = LayerReader::new(bytes, 1 << 30);
        let parents = Parents::default();
        let threads = std::num::NonZero::<u32>::MIN;
        let mut writer = LayerWriter::new(Vec::new(), Codec::None, threads, &parents).unwrap();
        let mut files = Vec::new();
        while let Some(head) = reader.next_entry().map_err(|error| error.to_string())? {
            let mut body = Vec::new();
            reader.body().read_to_end(&mut body).map_err(|error| error.to_string())?;
            assert_eq!(head.size, body.len() as u64);
            let Some(path) = head.path else { continue };
            if head.kind != LayerKind::File || !head.xattrs.is_empty() {
                continue;
            }
            let kind = EntryKind::File { size: head.size };
            let head = EntryHead { path, kind, mode: head.mode, owner: head.owner, mtime: head.mtime };
            // Twice, or below a file: engines take that, and we write it never.
            if writer.put(&head, &mut body.as_slice()).is_ok() {
                files.push((head, body));
            }
        }
        let (_, written) = writer.finish().unwrap();
        let mut again = LayerReader::new(written.as_slice(), u64::MAX);
        let mut files = files.into_iter();
        while let Some(found) = again.next_entry().unwrap() {
            if found.kind != LayerKind::File {
                continue;
            }
            let (head, body) = files.next().unwrap();
            assert_eq!(
                (found.path.as_ref(), found.mode, found.owner, found.mtime),
                (Some(&head.path), head.mode, head.owner, head.mtime)
            );
            let mut read = Vec::new();
            again.body().read_to_end(&mut read).unwrap();
            assert_eq!(read, body);
        }
        assert_eq!(files.next(), None);
        Ok(())
    });
}

#[test]
fn zip() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.zip");
    let seeds = [Seed::plain(zip_of(FILES, true)), Seed::plain(zip_of(FILES, false))];
    fuzz(&seeds, &ZIP, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        let limits = ZipLimits { members: 100, content: 1 << 20 };
        let archive = ZipArchive::open(&file, limits).map_err(|error| error.to_string())?;
        let mut ours = Vec::new();
        for (number, member) in archive.members().iter().enumerate() {
            let mut body = Vec::new();
            let read = archive.body(number).unwrap().read_to_end(&mut body);
            read.map_err(|error| error.to_string())?;
            ours.push((member.name().to_owned(), body));
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let count = archive.len();
        let member = |number| {
            let mut member = archive.by_index(number).unwrap();
            let mut body = Vec::new();
            member.read_to_end(&mut body).unwrap();
            (member.name().unwrap().into_owned(), body)
        };
        let mut theirs: Vec<(String, Vec<u8>)> = (0..count).map(member).collect();
        // Ours are in the order of the file, theirs in that of the directory, which may be another.
        ours.sort();
        theirs.sort();
        assert_eq!(theirs, ours);
        Ok(())
    });
}

const CONTROL: &str = "\
Package: hello
Version: 1:2.10-3+b1
Architecture: amd64
Maintainer: Somebody <a@example.org>
Depends: libc6 (>= 2.36), a | b
Description: greets
 and says more
 .
 of itself
";

#[test]
fn deb() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hello.deb");
    let data =
        || tar_of([("./usr/", b"".as_slice()), ("./usr/bin/", b""), ("./usr/bin/hello", b"#!/bin/sh\n")]);
    let whole = |control: &[u8], data: &[u8]| {
        ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &gzip(control)), ("data.tar.zst", &zstd(data))])
    };
    let control = |control: &[u8]| {
        tar_of([
            ("./control", control),
            ("./md5sums", b"00000000000000000000000000000000  usr/bin/hello\n"),
            ("./postinst", b"#!/bin/sh\nset -e\nexit 0\n"),
        ])
    };
    let seeds = [
        Seed::plain(whole(&control(CONTROL.as_bytes()), &data())),
        Seed::part(CONTROL, move |text| whole(&control(text), &data())),
        Seed::part(control(CONTROL.as_bytes()), move |tar| whole(&with_checksums(tar), &data())),
        Seed::part(data(), move |tar| whole(&control(CONTROL.as_bytes()), &with_checksums(tar))),
    ];
    let words: Vec<&str> = [
        "!<arch>\n",
        "`\n",
        "data.tar",
        "control.tar.xz ",
        "\nPackage: x\n",
        "\n\n",
        "\n .\n",
        ": ",
        "Version",
    ]
    .into_iter()
    .chain(TAR)
    .collect();
    fuzz(&seeds, &words, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        let examined = imgbuild_debian::examine(&file, 100).map_err(|error| error.to_string())?;
        // What was found once is found again.
        assert_eq!(imgbuild_debian::facts(&file, 100).unwrap(), examined.facts);
        Ok(())
    });
}
