//! Good archives, made from parts.

use std::io::{Cursor, Read, Write};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, TarWriter};
use zip::write::SimpleFileOptions;

/// What archives of packages have in common.
pub(crate) const FILES: [(&str, &[u8]); 3] =
    [("lib/a.py", b"x = 1\n"), ("lib/b.py", b"y = 2\n"), ("share/empty", b"")];

/// A tar as imgbuild writes it, with links and a path that needs an extended header.
pub(crate) fn own_tar() -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    let mut put = |path: &str, kind: EntryKind, body: &[u8]| {
        let path = ImagePath::new(path).unwrap();
        let head =
            EntryHead { path, kind, mode: 0o755, owner: Owner { uid: 3_000_000, gid: 5 }, mtime: 1 << 34 };
        tar.append(&head, &mut &*body).unwrap();
    };
    put("lib", EntryKind::Directory, b"");
    put("lib/a.py", EntryKind::File { size: 6 }, b"x = 1\n");
    put(&format!("lib/{}/ä", "n".repeat(200)), EntryKind::File { size: 3 }, b"abc");
    put("lib/link", EntryKind::Symlink { target: "a.py".to_owned() }, b"");
    put("lib/hard", EntryKind::Hardlink { target: ImagePath::new("lib/a.py").unwrap() }, b"");
    tar.finish().unwrap()
}

/// A tar of the `tar` crate's, with the files given.
pub(crate) fn tar_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, body) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_600_000_000);
        header.set_entry_type(match body {
            b"" if name.ends_with('/') => tar::EntryType::Directory,
            _ => tar::EntryType::Regular,
        });
        tar.append_data(&mut header, name, body).unwrap();
    }
    tar.into_inner().unwrap()
}

/// One with what GNU's tar writes for long names and links.
pub(crate) fn gnu_tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let long = format!("{}/file", "d".repeat(120));
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o600);
    tar.append_data(&mut header, &long, b"body".as_slice()).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "link", &long).unwrap();
    tar.into_inner().unwrap()
}

/// The same archive with the right checksum in each header, as far as its sizes lead.
pub(crate) fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = header[124..135].iter().take_while(|byte| (b'0'..=b'7').contains(byte));
        let size = size.fold(0_usize, |size, digit| size * 8 + usize::from(digit - b'0'));
        at = at.saturating_add(512 + size.next_multiple_of(512));
    }
    tar
}

/// A zip with stored and deflated members.
pub(crate) fn zip_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>, stored: bool) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in files {
        let method = if stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(name, options.unix_permissions(0o644)).unwrap();
        zip.write_all(body).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Compresses as conda and dpkg do.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Compresses as `gzip` does.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// Compresses as `bzip2` does.
pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// Debian's `ar`.
pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, body) in members {
        writeln!(archive, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", body.len()).unwrap();
        archive.extend(*body);
        archive.extend(b"\n".iter().take(body.len() % 2));
    }
    archive
}
