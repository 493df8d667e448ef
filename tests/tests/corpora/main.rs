//! Archives that Go, CPython and libarchive test their readers with (`cargo xtask corpora`), as layers, packages and wheels:
//! what we take means the same to other readers, and the snapshots say why the others are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_archive::{LayerKind, LayerReader, TarKind, TarReader, ZipArchive, ZipLimits};
use imgbuild_conda::{Archive, ArchiveFormat};
use imgbuild_oci::Digest;
use imgbuild_tests::{capture, workspace_root};
use insta::assert_snapshot;
use serde::Deserialize;

/// An entry: its name, what it is, where it leads, and the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Entry(String, String, String, String);

/// What a reader makes of an archive.
type Listing = Result<Vec<Entry>, String>;

/// Nothing of a member behind this many bytes is read by others: some are sparse, or bombs.
const LARGEST: u64 = 16 << 20;

fn corpora() -> Vec<PathBuf> {
    let folder = workspace_root().join("target/corpora");
    let entries = fs_err::read_dir(folder).expect("`cargo xtask corpora` fetches the archives");
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some());
    paths.sort();
    assert!(paths.len() > 100, "{}", paths.len());
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A name without what says nothing: `./a//b/` is `a/b`.
fn plain(name: &str) -> String {
    name.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn entry(name: &str, kind: &str, target: &str, content: &[u8]) -> Entry {
    let hash = Digest::of(content).hex().to_string();
    Entry(plain(name), kind.to_owned(), plain(target), hash)
}

/// What Python's `tarfile` and `zipfile` read.
fn by_python() -> BTreeMap<String, Listing> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Read {
        Entries(Vec<Entry>),
        Error(String),
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora/readers.py");
    let mut command = Command::new("python3");
    let outcome = capture(command.arg(script).arg(workspace_root().join("target/corpora"))).success();
    let read: BTreeMap<String, Read> = serde_json::from_str(&outcome.stdout).unwrap();
    let listing = |read| match read {
        Read::Entries(entries) => {
            Ok(entries.into_iter().map(|Entry(a, b, c, d)| Entry(plain(&a), b, plain(&c), d)).collect())
        }
        Read::Error(error) => Err(error),
    };
    read.into_iter().map(|(name, read)| (name, listing(read))).collect()
}

/// What the `tar` crate reads.
fn by_tar_crate(bytes: &[u8]) -> Listing {
    use tar::EntryType;
    let (mut found, mut archive) = (Vec::new(), tar::Archive::new(bytes));
    for read in archive.entries().map_err(|error| error.to_string())? {
        let mut read = read.map_err(|error| error.to_string())?;
        let kind = match read.header().entry_type() {
            EntryType::Directory => "folder",
            EntryType::Symlink => "link",
            EntryType::Link => "hard link",
            EntryType::Char | EntryType::Block | EntryType::Fifo => "special",
            EntryType::XGlobalHeader => continue,
            _ => "file",
        };
        let path = String::from_utf8_lossy(&read.path_bytes()).into_owned();
        let target = read.link_name_bytes().filter(|_| kind.ends_with("link"));
        let target = target.map(|target| String::from_utf8_lossy(&target).into_owned()).unwrap_or_default();
        let mut body = Vec::new();
        (&mut read).take(LARGEST).read_to_end(&mut body).map_err(|error| error.to_string())?;
        found.push(entry(&path, kind, &target, if kind == "file" { &body } else { b"" }));
    }
    Ok(found)
}

/// What the `zip` crate reads.
fn by_zip_crate(bytes: &[u8]) -> Listing {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let members = archive.len();
    let read = |number| {
        let mut member =
            archive.by_index(number).map_err(|error: zip::result::ZipError| error.to_string())?;
        let mut body = Vec::new();
        (&mut member).take(LARGEST).read_to_end(&mut body).map_err(|error| error.to_string())?;
        let name = member.name().map_err(|error| error.to_string())?.into_owned();
        Ok(entry(&name, if name.ends_with('/') { "folder" } else { "file" }, "", &body))
    };
    (0..members).map(read).collect()
}

/// As the layer of an image.
fn as_layer(bytes: &[u8]) -> Listing {
    let mut reader = LayerReader::new(bytes, 64 << 20);
    let mut found = Vec::new();
    while let Some(head) = reader.next_entry().map_err(|error| error.to_string())? {
        let mut body = Vec::new();
        reader.body().read_to_end(&mut body).map_err(|error| error.to_string())?;
        let path = head.path.as_ref().map_or("", |path| path.as_str());
        found.push(match &head.kind {
            LayerKind::File => entry(path, "file", "", &body),
            LayerKind::Directory => entry(path, "folder", "", b""),
            LayerKind::Symlink(target) => entry(path, "link", target, b""),
            LayerKind::Hardlink(target) => entry(path, "hard link", target.as_str(), b""),
            LayerKind::Special(_) => entry(path, "special", "", b""),
            LayerKind::Whiteout(_) => entry(path, "file", "", b""),
        });
    }
    Ok(found)
}

fn listed(mut reader: TarReader<impl std::io::Read>) -> Listing {
    let mut found = Vec::new();
    while let Some(head) = reader.next_entry().map_err(|error| error.to_string())? {
        let mut body = Vec::new();
        reader.body().read_to_end(&mut body).map_err(|error| error.to_string())?;
        let path = head.path.as_ref().map_or("", |path| path.as_str());
        found.push(match &head.kind {
            TarKind::File => entry(path, "file", "", &body),
            TarKind::Directory => entry(path, "folder", "", b""),
            TarKind::Symlink(target) => entry(path, "link", target, b""),
            TarKind::Hardlink(target) => entry(path, "hard link", target.as_str(), b""),
        });
    }
    Ok(found)
}

/// As what a conda package installs, in both of its formats: they must not differ.
fn as_conda(bytes: &[u8], folder: &Path) -> Listing {
    let packed = |tar: &[u8]| zstd::encode_all(tar, 1).unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
    for (name, member) in [
        ("metadata.json", br#"{"conda_pkg_format_version": 2}"#.to_vec()),
        ("pkg-a-1-0.tar.zst", packed(bytes)),
        ("info-a-1-0.tar.zst", packed(&empty)),
    ] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(&member).unwrap();
    }
    let mut bz2 = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut bz2).unwrap();
    let [one, other] =
        [(ArchiveFormat::Conda, zip.finish().unwrap().into_inner()), (ArchiveFormat::TarBz2, bz2)].map(
            |(format, packed)| {
                let path = folder.join("package");
                fs_err::write(&path, packed).unwrap();
                let content = Archive::new(&path, format).content(64 << 20);
                listed(content.map_err(|error| error.to_string())?)
            },
        );
    assert_eq!(one, other);
    one
}

/// As the files of a Debian package.
fn as_deb(bytes: &[u8], folder: &Path) -> Result<usize, String> {
    let mut control = tar::Builder::new(Vec::new());
    let text = b"Package: a\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a\n";
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    control.append_data(&mut header, "./control", text.as_slice()).unwrap();
    let mut deb = b"!<arch>\n".to_vec();
    let control = control.into_inner().unwrap();
    for (name, body) in
        [("debian-binary", b"2.0\n".as_slice()), ("control.tar", &control), ("data.tar", bytes)]
    {
        writeln!(deb, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", body.len()).unwrap();
        deb.extend(body);
        deb.extend(b"\n".iter().take(body.len() % 2));
    }
    let path = folder.join("a.deb");
    fs_err::write(&path, deb).unwrap();
    let examined = imgbuild_debian::examine(&path, 1 << 20);
    let examined = examined.map_err(|error| error.to_string().replace(&path.display().to_string(), "DEB"));
    // Where dpkg keeps what it knows of the package.
    let own = |claim: &&imgbuild_layer::Claim| !claim.path.as_str().starts_with("var/lib/dpkg/info/");
    Ok(examined?.claims.iter().filter(own).count())
}

/// As a wheel or the container of a conda package.
fn as_zip(path: &Path) -> Listing {
    let limits = ZipLimits { members: 100_000, content: 64 << 20 };
    let archive = ZipArchive::open(path, limits).map_err(|error| error.to_string())?;
    let read = |number: usize| {
        let mut body = Vec::new();
        let member = &archive.members()[number];
        archive.body(number).unwrap().read_to_end(&mut body).map_err(|error| error.to_string())?;
        Ok(entry(member.name(), if member.name().ends_with('/') { "folder" } else { "file" }, "", &body))
    };
    (0..archive.members().len()).map(read).collect()
}

/// What we say of an archive. Whoever reads what we take reads the same.
fn told(path: &Path, ours: &Listing, theirs: &[&Listing], kind: &str) -> String {
    match ours {
        Err(error) => format!("  {kind}: {}\n", error.escape_debug()),
        Ok(entries) => {
            for read in theirs.iter().filter_map(|reader| reader.as_ref().ok()) {
                assert_eq!(read, entries, "{kind}: {}", name(path));
            }
            format!("  {kind}: taken\n")
        }
    }
}

#[test]
fn tars() {
    let (python, folder) = (by_python(), tempfile::tempdir().unwrap());
    let mut table = String::new();
    for path in corpora().iter().filter(|path| path.extension().unwrap() == "tar") {
        let bytes = fs_err::read(path).unwrap();
        let (read, by_crate) = (&python[name(path)], by_tar_crate(&bytes));
        table.push_str(&format!("{}\n", name(path)));
        let (layer, package) = (as_layer(&bytes), as_conda(&bytes, folder.path()));
        table.push_str(&told(path, &layer, &[read, &by_crate], "layer"));
        if layer.as_ref().err() != package.as_ref().err() {
            table.push_str(&told(path, &package, &[read, &by_crate], "package"));
        }
        match as_deb(&bytes, folder.path()) {
            // Folders are no claims of a package.
            Ok(claims) => assert!(package.is_ok_and(|entries| claims <= entries.len()), "{}", name(path)),
            Err(error) if package.as_ref().is_err_and(|other| error.ends_with(other.as_str())) => {}
            Err(error) => table.push_str(&format!("  deb: {}\n", error.escape_debug())),
        }
    }
    assert_snapshot!(table);
}

#[test]
fn zips() {
    let python = by_python();
    let mut table = String::new();
    for path in corpora().iter().filter(|path| path.extension().unwrap() == "zip") {
        let by_crate = by_zip_crate(&fs_err::read(path).unwrap());
        let ours = as_zip(path);
        table.push_str(&format!(
            "{}\n{}",
            name(path),
            told(path, &ours, &[&python[name(path)], &by_crate], "zip")
        ));
    }
    assert_snapshot!(table);
}
