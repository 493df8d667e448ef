//! What the sinks write holds when it is read back, and nothing half-made stands under a final name.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use imgbuild_diagnostic::told;
use imgbuild_oci::layout::LayoutWriter;
use imgbuild_oci::tarball::TarballWriter;
use imgbuild_oci::{
    BlobError, Blobs, ContainerConfig, Descriptor, DiffId, Digest, Document, History, Image, ImageHead,
    MediaType, Order, Platform, Reference, Sink, Timestamp, ValidateError, WriteError, deliver, validate,
};

/// Blobs in memory, or in files.
#[derive(Default)]
struct TestBlobs {
    bytes: BTreeMap<Digest, Vec<u8>>,
    folder: Option<PathBuf>,
}

impl Blobs for TestBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        if let Some(folder) = &self.folder {
            let file = fs::File::open(folder.join(digest.hex()));
            return Ok(Box::new(file.map_err(|error| BlobError::Read { digest: *digest, error })?));
        }
        let bytes = self.bytes.get(digest).ok_or(BlobError::Absent(*digest))?;
        Ok(Box::new(io::Cursor::new(bytes.clone())))
    }
}

type Layer = (Descriptor, DiffId, History);

impl TestBlobs {
    /// A layer whose tar is `tar`; no reader here looks into it.
    fn layer(&mut self, tar: &str, media_type: MediaType) -> Layer {
        let bytes = match media_type {
            MediaType::Layer => tar.as_bytes().to_vec(),
            MediaType::LayerGzip => {
                // Two members, as imgbuild's own encoder writes them.
                let (one, two) = tar.as_bytes().split_at(tar.len() / 2);
                [one, two].map(gzip).concat()
            }
            _ => zstd::encode_all(tar.as_bytes(), 3).unwrap(),
        };
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        if let Some(folder) = &self.folder {
            fs::write(folder.join(descriptor.digest.hex()), &bytes).unwrap();
        }
        self.bytes.insert(descriptor.digest, bytes);
        (descriptor, DiffId(Digest::of(tar)), History { comment: tar.to_owned(), ..History::default() })
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn image(platform: Platform, layers: Vec<Layer>) -> Image {
    let head = ImageHead {
        platform,
        created: Timestamp::from_seconds(1).unwrap(),
        config: ContainerConfig::default(),
        annotations: BTreeMap::new(),
    };
    Image::new(head, layers).unwrap()
}

fn write_layout(
    target: &Path,
    images: &[Image],
    references: &[Reference],
    blobs: &dyn Blobs,
) -> Result<(), WriteError> {
    deliver(images, references, blobs, Box::new(LayoutWriter::new(target)?))
}

fn write_tarball(
    target: &Path,
    images: &[Image],
    references: &[Reference],
    blobs: &dyn Blobs,
) -> Result<(), WriteError> {
    deliver(images, references, blobs, Box::new(TarballWriter::new(target)?))
}

fn references() -> Vec<Reference> {
    ["base:1", "base:latest"].map(|text| text.parse().unwrap()).to_vec()
}

/// One image for two platforms, with each kind of layer.
fn sample(blobs: &mut TestBlobs) -> Vec<Image> {
    let shared = blobs.layer("shared", MediaType::Layer);
    let amd64 = blobs.layer("amd64", MediaType::LayerZstd);
    let arm64 = blobs.layer("arm64", MediaType::LayerGzip);
    vec![
        image(Platform::LinuxAmd64, vec![shared.clone(), amd64]),
        image(Platform::LinuxArm64, vec![shared, arm64]),
    ]
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_valid_and_the_same_from_files_and_from_streams() {
    let folder = tempfile::tempdir().unwrap();
    let mut tarballs = Vec::new();
    for (name, blobs_in_files) in [("streams", false), ("files", true)] {
        let blob_folder = folder.path().join(name);
        fs::create_dir(&blob_folder).unwrap();
        let mut blobs = TestBlobs { folder: blobs_in_files.then_some(blob_folder), ..TestBlobs::default() };
        let images = sample(&mut blobs);

        let target = folder.path().join(format!("{name}.tar"));
        write_tarball(&target, &images, &references(), &blobs).unwrap();
        let in_tarball = validate(&target).unwrap();
        let target_folder = folder.path().join(format!("{name}.dir"));
        write_layout(&target_folder, &images, &references(), &blobs).unwrap();
        assert_eq!(validate(&target_folder).unwrap(), in_tarball);

        let platforms = [Some(Platform::LinuxAmd64), Some(Platform::LinuxArm64)];
        let wanted: Vec<_> = images.iter().map(Image::digest).zip(platforms).collect();
        assert_eq!(in_tarball.images, wanted);
        assert_eq!(in_tarball.layers.len(), 3);
        tarballs.push(fs::read(&target).unwrap());
    }
    assert!(tarballs[0] == tarballs[1]);
    insta::assert_snapshot!(Digest::of(&tarballs[0]), @"sha256:3708b3ccaf2f9bf4ab55e87f1a570090808418cd00b1d94ca94a387ceef3030c");
}

#[test]
fn a_tarball_names_its_entry_points_first_and_depends_on_nothing_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut blobs = TestBlobs::default();
    let layer = blobs.layer("one", MediaType::LayerZstd);
    let target = folder.path().join("x.tar");
    write_tarball(&target, &[image(Platform::LinuxAmd64, vec![layer])], &references(), &blobs).unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&target).unwrap());
    let mut listing = String::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let (mode, uid, gid) = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        let mtime = header.mtime().unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        if path.ends_with("json") || path == "oci-layout" {
            entry.read_to_string(&mut text).unwrap();
        }
        listing += &format!("{mode:o} {uid}:{gid} {mtime} {path} {text}\n");
    }
    insta::assert_snapshot!(listing, @r#"
    644 0:0 0 oci-layout {"imageLayoutVersion":"1.0.0"}
    644 0:0 0 index.json {"annotations":{"io.github.imgbuild.layout":"1"},"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/base:1","org.opencontainers.image.ref.name":"1"},"digest":"sha256:08557d9109b5e45162033222b92cd9466bf352c71579edac9ae416dd009c3af3","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"linux"},"size":400},{"annotations":{"io.containerd.image.name":"docker.io/library/base:latest","org.opencontainers.image.ref.name":"latest"},"digest":"sha256:08557d9109b5e45162033222b92cd9466bf352c71579edac9ae416dd009c3af3","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"linux"},"size":400}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}
    644 0:0 0 manifest.json [{"Config":"blobs/sha256/40c7db443b8090bbc83f455ba45dca0e3535778b13f9bb34ade94d062868b928","Layers":["blobs/sha256/1618cf94252cd957480ca9cef7bec790a4743ef518bf577c25f7a59c7149110f"],"RepoTags":["docker.io/library/base:1","docker.io/library/base:latest"]}]
    755 0:0 0 blobs/ 
    755 0:0 0 blobs/sha256/ 
    644 0:0 0 blobs/sha256/08557d9109b5e45162033222b92cd9466bf352c71579edac9ae416dd009c3af3 
    644 0:0 0 blobs/sha256/40c7db443b8090bbc83f455ba45dca0e3535778b13f9bb34ade94d062868b928 
    644 0:0 0 blobs/sha256/1618cf94252cd957480ca9cef7bec790a4743ef518bf577c25f7a59c7149110f
    "#);
}

#[test]
fn a_layout_of_ours_is_replaced_and_what_nothing_points_to_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layout");
    fs::create_dir(&target).unwrap(); // An empty folder is as good as none.
    let mut blobs = TestBlobs::default();
    let (kept, old, new) = (
        blobs.layer("kept", MediaType::Layer),
        blobs.layer("old", MediaType::Layer),
        blobs.layer("new", MediaType::Layer),
    );
    let write = |layers| write_layout(&target, &[image(Platform::LinuxAmd64, layers)], &references(), &blobs);
    write(vec![kept.clone(), old.clone()]).unwrap();
    fs::write(target.join(".imgbuild-killed"), "").unwrap();
    write(vec![kept.clone(), new.clone()]).unwrap();
    let validated = validate(&target).unwrap();
    assert!(validated.layers.contains_key(&new.0.digest));
    assert!(!names(&target.join("blobs/sha256")).contains(&old.0.digest.hex()));
    assert_eq!(names(&target), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn a_failure_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layout");
    let tarball = folder.path().join("x.tar");
    let mut blobs = TestBlobs::default();
    let good = blobs.layer("good", MediaType::Layer);
    let mut absent = blobs.layer("absent", MediaType::Layer);
    absent.0.digest = Digest::of("nowhere");
    let mut short = blobs.layer("short", MediaType::Layer);
    short.0.size += 1;
    let other = blobs.layer("other", MediaType::Layer);
    blobs.bytes.insert(other.0.digest, b"outer".to_vec());

    for (bad, message) in
        [(absent, "is not there"), (short, "has 5 bytes and should have 6"), (other, "holds something else")]
    {
        let images = [image(Platform::LinuxAmd64, vec![good.clone(), bad])];
        for error in [
            write_tarball(&tarball, &images, &references(), &blobs).unwrap_err(),
            write_layout(&target, &images, &references(), &blobs).unwrap_err(),
        ] {
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(message), "{cause}");
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    let images = [image(Platform::LinuxAmd64, vec![good])];
    write_layout(&target, &images, &references(), &blobs).unwrap();
    let before = validate(&target).unwrap();
    let mut absent = blobs.layer("more", MediaType::Layer);
    absent.0.digest = Digest::of("nowhere");
    let bad = [image(Platform::LinuxAmd64, vec![absent])];
    write_layout(&target, &bad, &references(), &blobs).unwrap_err();
    assert_eq!(validate(&target).unwrap(), before);
}

#[test]
fn folders_of_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |target: &Path| {
        let images = [image(Platform::LinuxAmd64, vec![])];
        let error = write_layout(target, &images, &references(), &TestBlobs::default()).unwrap_err();
        told(&error).replace(&folder.path().display().to_string(), "…")
    };
    let thesis = folder.path().join("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("chapter-1.tex"), "").unwrap();
    insta::assert_snapshot!(refused(&thesis), @r#"
    `…/thesis` holds files that are not an image layout's, and is left as it is
    hint: name another folder, or remove this one
    "#);
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
    insta::assert_snapshot!(refused(&foreign), @r#"
    `…/foreign` is an image layout that imgbuild did not write, and is left as it is
    hint: name another folder, or remove this one
    "#);
    // Whoever has put a named pipe there may never write into it.
    fs::remove_file(foreign.join("index.json")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(foreign.join("index.json")).status().unwrap().success());
    assert!(refused(&foreign).contains("is an image layout that imgbuild did not write"));
    insta::assert_snapshot!(refused(&thesis.join("chapter-1.tex")), @r#"
    `…/thesis/chapter-1.tex` is not a folder, and is left as it is
    hint: name another folder, or remove this one
    "#);
    assert_eq!(names(&thesis), ["chapter-1.tex"]);
}

#[test]
fn nothing_is_written_or_removed_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::create_dir_all(victim.join("sha256")).unwrap();
    let letters = [victim.join("letter"), victim.join("sha256").join("a".repeat(64))];
    letters.iter().for_each(|letter| fs::write(letter, "dear").unwrap());
    let mut blobs = TestBlobs::default();
    let images = [image(Platform::LinuxAmd64, vec![blobs.layer("one", MediaType::Layer)])];
    let target = folder.path().join("layout");
    // What a repository may hold where the output will stand: a layout of ours, with a link in it.
    let linked = |place: &str, to: &str| {
        let _ = fs::remove_file(&target);
        let _ = fs::remove_dir_all(&target);
        write_layout(&target, &images, &references(), &blobs).unwrap();
        let link = target.join(place);
        let _ = fs::remove_file(&link);
        let _ = fs::remove_dir_all(&link);
        std::os::unix::fs::symlink(to, &link).unwrap();
        let error = write_layout(&target, &images, &references(), &blobs).err();
        let told = error.map(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        });
        assert!(letters.iter().all(|letter| fs::read_to_string(letter).unwrap() == "dear"), "{place}");
        told.map(|told| told.replace(&folder.path().display().to_string(), "…"))
    };
    let through = "it is a link, and nothing is read or written through it";
    assert_eq!(
        linked("blobs/sha256", "../../victim"),
        Some(format!("`…/layout` cannot be written: {through}"))
    );
    assert_eq!(linked("blobs", "../victim"), Some(format!("`…/layout` cannot be written: {through}")));
    // A name alone that is a link is replaced.
    let digest = images[0].layers()[0].descriptor.digest.hex();
    for file in ["oci-layout", &format!("blobs/sha256/{digest}")] {
        assert_eq!(linked(file, &letters[0].display().to_string()), None);
        validate(&target).unwrap();
    }

    fs::remove_dir_all(&target).unwrap();
    std::os::unix::fs::symlink("victim", &target).unwrap();
    let error = told(&write_layout(&target, &images, &references(), &blobs).unwrap_err());
    insta::assert_snapshot!(error.replace(&folder.path().display().to_string(), "…"), @r#"
    `…/layout` is a link, and is left as it is
    hint: name another folder, or remove this one
    "#);
}

#[test]
fn of_what_is_there_only_blobs_are_removed_and_only_whole_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layout");
    let mut blobs = TestBlobs::default();
    let one = blobs.layer("one", MediaType::Layer);
    let old = blobs.layer("old", MediaType::Layer);
    let write = |layers| {
        write_layout(&target, &[image(Platform::LinuxAmd64, layers)], &references(), &blobs).unwrap();
    };
    write(vec![one.clone(), old.clone()]);
    let place = target.join("blobs/sha256");
    // The same size, and another content.
    fs::write(place.join(one.0.digest.hex()), "two").unwrap();
    fs::write(place.join("notes"), "mine").unwrap();
    fs::write(place.join(".imgbuild-left"), "half").unwrap();
    fs::create_dir(place.join("a".repeat(64))).unwrap();
    write(vec![one]);
    validate(&target).unwrap();
    let kept = names(&place);
    assert!(kept.contains(&"notes".to_owned()) && kept.contains(&"a".repeat(64)), "{kept:?}");
    assert!(!kept.contains(&old.0.digest.hex()) && !kept.contains(&".imgbuild-left".to_owned()), "{kept:?}");
}

#[test]
fn every_kind_of_damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layout");
    let mut blobs = TestBlobs::default();
    let one = blobs.layer("one", MediaType::Layer);
    let (zstd, _, _) = blobs.layer("zstd", MediaType::LayerZstd);
    let wrong_diff_id = (zstd, DiffId(Digest::of("wrong")), History::default());
    let not_gzip = {
        let (mut descriptor, diff_id, history) = blobs.layer("plain", MediaType::Layer);
        descriptor.media_type = MediaType::LayerGzip;
        (descriptor, diff_id, history)
    };
    let write = |layers| {
        write_layout(&target, &[image(Platform::LinuxAmd64, layers)], &references(), &blobs).unwrap();
    };
    let faults = || match validate(&target).unwrap_err() {
        ValidateError::Damaged { faults, .. } => {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        error @ ValidateError::Read { .. } => error.to_string(),
    };
    write(vec![wrong_diff_id, not_gzip]);
    insta::assert_snapshot!(faults(), @r#"
    the layer `sha256:352cda57a284d5913e93fa17e77580be0986f6fbadfd1924395118ec29f1753d` has the diff id `sha256:242daddb4ed79680ac790d9f9c01ca43c8fc3a16f1af137f7cb090c086988782`, and its image states `sha256:8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225`
    the layer `sha256:a116c9ed46d6207734a43317d30fd88f52ac8634c37d904bbf4e41d865f90475` cannot be decompressed: unexpected end of file
    "#);
    write(vec![one.clone()]);
    let blob = target.join("blobs/sha256").join(one.0.digest.hex());
    fs::write(&blob, "two").unwrap();
    insta::assert_snapshot!(faults(), @"the blob `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` holds something else: its digest is `sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3`");
    fs::write(&blob, "three").unwrap();
    insta::assert_snapshot!(faults(), @"the blob `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` has 4 bytes and should have 3");
    fs::remove_file(&blob).unwrap();
    fs::remove_file(target.join("oci-layout")).unwrap();
    insta::assert_snapshot!(faults(), @r#"
    `oci-layout` is missing
    the blob `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` is not there
    "#);
}

#[test]
fn a_truncated_or_doubled_tarball_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.tar");
    let mut blobs = TestBlobs::default();
    let layer = blobs.layer(&"long".repeat(1000), MediaType::Layer);
    write_tarball(&target, &[image(Platform::LinuxAmd64, vec![layer])], &references(), &blobs).unwrap();
    let bytes = fs::read(&target).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&target, bytes).unwrap();
        let ValidateError::Read { error, .. } = validate(&target).unwrap_err() else { panic!("not refused") };
        error.to_string()
    };
    let end = bytes.len() - 1024;
    for cut in [bytes.len() - 3000, end - 1, end, end + 512, bytes.len() - 1] {
        assert_eq!(refused(&bytes[..cut]), "the archive is truncated");
    }
    let twice = [&bytes[..1024], &bytes[..]].concat();
    assert_eq!(refused(&twice), "the tar holds `oci-layout` twice");
    // Some readers know GNU's long names, and some only POSIX's: the second header is a file to those.
    let mut long = bytes[..512].to_vec();
    long[156] = b'L';
    long[257..265].fill(0);
    long[148..156].fill(b' ');
    let sum: u32 = long.iter().map(|byte| u32::from(*byte)).sum();
    long[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    insta::assert_snapshot!(refused(&[&long[..], &bytes[512..]].concat()), @"the archive is ambiguous at `oci-layout`: it extends another entry and has no magic, without which some readers take it for a file");
}

/// A sink that notes what it is given, and has one layer already.
struct Noting {
    order: Order,
    there: Digest,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Noting {
    fn note(&self, note: String) -> Result<(), WriteError> {
        self.notes.lock().unwrap().push(note);
        Ok(())
    }
}

impl Sink for Noting {
    fn order(&self) -> Order {
        self.order
    }

    fn has(&self, layer: &Descriptor) -> Result<bool, WriteError> {
        Ok(layer.digest == self.there)
    }

    fn put_layer(&self, layer: &Descriptor, body: &mut dyn Read) -> Result<(), WriteError> {
        // The first byte alone: whoever does not read the whole has not checked it.
        let whole = layer.media_type != MediaType::LayerGzip;
        let limit = if whole { u64::MAX } else { 1 };
        let mut bytes = Vec::new();
        body.take(limit).read_to_end(&mut bytes).unwrap();
        self.note(format!("layer of {} bytes", bytes.len()))
    }

    fn put_document(&self, document: &Document) -> Result<(), WriteError> {
        let media_type = document.descriptor.media_type.as_str();
        self.note(media_type.rsplit(['.', '/']).nth(1).unwrap().to_owned())
    }

    fn name(&self, top: &Descriptor, references: &[Reference]) -> Result<(), WriteError> {
        let names: Vec<_> = references.iter().map(ToString::to_string).collect();
        self.note(format!("{} {}", top.media_type.as_str().rsplit('.').nth(1).unwrap(), names.join(" ")))
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        self.note("finished".to_owned())
    }
}

#[test]
fn a_sink_is_given_what_it_lacks_in_the_order_that_it_asks_for() {
    let mut blobs = TestBlobs::default();
    let there = blobs.layer("there", MediaType::Layer);
    let sent = blobs.layer("sent", MediaType::Layer);
    let images = [
        image(Platform::LinuxAmd64, vec![there.clone(), sent]),
        image(Platform::LinuxArm64, vec![there.clone()]),
    ];
    let given = |order, images: &[Image], blobs: &TestBlobs| {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let sink = Noting { order, there: there.0.digest, notes: Arc::clone(&notes) };
        let delivered = deliver(images, &references(), blobs, Box::new(sink));
        let notes = notes.lock().unwrap().join(", ");
        (notes, delivered)
    };
    let documents = "config, manifest, config, manifest, index, index base:1 base:latest";
    let (notes, delivered) = given(Order::LayersFirst, &images, &blobs);
    delivered.unwrap();
    assert_eq!(notes, format!("layer of 4 bytes, {documents}, finished"));
    let (notes, delivered) = given(Order::DocumentsFirst, &images, &blobs);
    delivered.unwrap();
    assert_eq!(notes, format!("{documents}, layer of 4 bytes, finished"));

    let read = blobs.layer("read in part", MediaType::LayerGzip);
    let (notes, delivered) = given(Order::LayersFirst, &[image(Platform::LinuxAmd64, vec![read])], &blobs);
    assert_eq!(notes, "layer of 1 bytes");
    assert!(matches!(delivered, Err(WriteError::Blob(BlobError::Size { found: 1, .. }))), "{delivered:?}");
}
