//! The store as others see it: whole or absent, shared, mended.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, SystemTime};

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, DiffId, Digest, Document, MediaType, Platform, Reference};
use imgbuild_store::{CacheError, Kind, LayerCache, LayerCaches, LayerRecord, Prune, Remove, Store};

fn add_archive(store: &Store, text: &str) -> Digest {
    let digest = Digest::of(text);
    let mut writer = store.archive_writer().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.commit(&digest).unwrap();
    digest
}

fn add_layer(store: &Store, text: &str) -> (Key, LayerRecord) {
    let descriptor = Descriptor::new(MediaType::Layer, Digest::of(text), text.len() as u64);
    let mut writer = store.blob_writer().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.commit(&descriptor).unwrap();
    let record = LayerRecord {
        descriptor,
        diff_id: DiffId(Digest::of(text)),
        size: 1,
        archives: vec![],
        messages: String::new(),
        notes: vec![],
    };
    let key = Key(Digest::of(format!("key of {text}")));
    store.put_layer(&key, &record).unwrap();
    (key, record)
}

/// What removes folders: here their files belong to whoever runs the tests.
fn remove(path: &Path) -> std::io::Result<()> {
    if path.exists() { fs::remove_dir_all(path) } else { Ok(()) }
}

/// Of an archive or a blob: its seal says when it was used last.
fn set_used(path: &Path, used: SystemTime) {
    let (name, folder) = (path.file_name().unwrap(), path.parent().unwrap());
    let is_blob = folder.ends_with("sha256");
    let root = folder.ancestors().nth(if is_blob { 2 } else { 1 }).unwrap();
    let seal = root.join("seals-v1").join(if is_blob { "blobs" } else { "archives" }).join(name);
    for path in [path, &seal] {
        File::open(path).unwrap().set_modified(used).unwrap();
    }
}

fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_committed_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let archive = Digest::of("archive");
    assert_eq!(store.archive(&archive).unwrap(), None);
    add_archive(&store, "archive");
    assert_eq!(fs::read(store.archive(&archive).unwrap().unwrap()).unwrap(), b"archive");

    let (key, record) = add_layer(&store, "layer");
    assert_eq!(store.layer(&key).unwrap(), Some(record.clone()));
    let mut text = String::new();
    Blobs::open(&store, &record.descriptor.digest).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "layer");

    let key = Digest::of("source");
    let mut writer = store.bytecode_writer(&key).unwrap();
    writer.write_all(b"pyc").unwrap();
    writer.commit().unwrap();
    assert_eq!(fs::read(store.bytecode(&key).unwrap().unwrap()).unwrap(), b"pyc");

    let writers = [store.tool_writer(&key).unwrap(), store.tool_writer(&key).unwrap()];
    for writer in writers {
        fs::write(writer.path().join("python"), "x").unwrap();
        let path = writer.commit().unwrap();
        assert_eq!(names(&path), ["python"]);
        assert_eq!(store.tool(&key).unwrap(), Some(path));
    }
    assert_eq!(names(folder.path().join("tmp")), Vec::<String>::new());
}

#[test]
fn a_wrong_hash_or_size_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut writer = store.archive_writer().unwrap();
    writer.write_all(b"other").unwrap();
    insta::assert_snapshot!(writer.commit(&Digest::of("wanted")).unwrap_err(), @"the content has the sha256 `d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa`, and `ca9066873bf335f3c1d9f0f6986266ee50689a816763851d82791d3dbc31cbf5` was expected");
    let mut writer = store.blob_writer().unwrap();
    writer.write_all(b"other").unwrap();
    let descriptor = Descriptor::new(MediaType::Layer, Digest::of("x"), 1);
    insta::assert_snapshot!(writer.commit(&descriptor).unwrap_err(), @"`5` bytes were written for the blob `sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881`, whose descriptor says `1`");
    assert_eq!(store.ls().unwrap(), []);
    assert_eq!(names(folder.path().join("tmp")), Vec::<String>::new());
}

#[test]
fn a_damaged_record_or_blob_counts_as_absent_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (key, record) = add_layer(&store, "layer");
    let path = folder.path().join("layers-v1").join(key.to_string());
    fs::write(&path, "").unwrap();
    assert_eq!(store.layer(&key).unwrap(), None);
    add_layer(&store, "layer");
    assert_eq!(store.layer(&key).unwrap().as_ref(), Some(&record));
    fs::write(store.blob(&record.descriptor.digest).unwrap().unwrap(), "lay").unwrap();
    assert_eq!(store.layer(&key).unwrap(), None);
    add_layer(&store, "layer");
    assert_eq!(store.layer(&key).unwrap(), Some(record));
}

#[test]
fn verify_finds_what_is_damaged_and_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let archive = add_archive(&store, "archive");
    let (good, _) = add_layer(&store, "good");
    let (bad, record) = add_layer(&store, "blob");
    assert_eq!(store.verify().unwrap().damaged, []);
    fs::write(store.archive(&archive).unwrap().unwrap(), "Archive").unwrap();
    fs::write(store.blob(&record.descriptor.digest).unwrap().unwrap(), "Blob").unwrap();
    fs::write(folder.path().join("archives/stray"), "").unwrap();

    let verified = store.verify().unwrap();
    let mut damaged: Vec<_> = verified
        .damaged
        .iter()
        .map(|damaged| format!("{} {}: {}", damaged.entry.kind, damaged.entry.name, damaged.reason))
        .collect();
    damaged.sort();
    insta::assert_snapshot!(damaged.join("\n"), @r#"
    archive 0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3: its sha256 is `66f4804ee23ddc092d1bae43cb88186aa541187fff7c1cc8a4aa17e59a9f4123`
    archive stray: its name is not a sha256
    blob fa2c8cc4f28176bbeed4b736df569a34c79cd3723e9ec42f9674b4d46ac6b8b8: its sha256 is `24bafb0b2477f80fafd003f8104d90cb0a4ccf72dd30290872be59d153168476`
    layer 584dbc7bba8ce788887728306297d0b16e7be260d483d2339feceaa52e2a83d8: it is not as it was written, or its blob is gone or has another size
    "#);
    assert_eq!(store.archive(&archive).unwrap(), None);
    assert_eq!(store.layer(&bad).unwrap(), None);
    assert!(store.layer(&good).unwrap().is_some());
    assert_eq!(store.verify().unwrap().damaged, []);
}

#[test]
fn a_record_that_names_another_blob_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ((one, first), (two, second)) = (add_layer(&store, "one"), add_layer(&store, "two"));
    let path = |key: &Key| folder.path().join("layers-v1").join(key.to_string());
    let digest = |record: &LayerRecord| record.descriptor.digest.to_string();
    let text = fs::read_to_string(path(&one)).unwrap();
    for changed in [
        // Another layer's digest; another layer's whole record; a check that is not there.
        text.replace(&digest(&first), &digest(&second)),
        fs::read_to_string(path(&two)).unwrap(),
        text.replace("\"check\"", "\"chock\""),
    ] {
        fs::write(path(&one), changed).unwrap();
        assert_eq!(store.layer(&one).unwrap(), None);
        let damaged: Vec<_> = store.verify().unwrap().damaged;
        assert_eq!(damaged.iter().map(|it| it.entry.name.clone()).collect::<Vec<_>>(), [one.to_string()]);
    }
    assert_eq!(store.layer(&two).unwrap(), Some(second));
}

#[test]
fn what_is_no_file_is_not_waited_for_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    let root = folder.path().join("store");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("CACHEDIR.TAG")).unwrap();
    let store = Store::open(&root).unwrap();
    assert!(!outside.exists());

    let archive = add_archive(&store, "archive");
    let (key, record) = add_layer(&store, "layer");
    let blob = record.descriptor.digest;
    fs::write(&outside, "layer").unwrap();
    let pipe = |path: &Path| {
        fs::remove_file(path).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    pipe(&root.join("archives").join(archive.hex()));
    pipe(&root.join("layers-v1").join(key.to_string()));
    fs::remove_file(root.join("blobs/sha256").join(blob.hex())).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("blobs/sha256").join(blob.hex())).unwrap();
    assert!(store.archive(&archive).is_err());
    assert!(store.layer(&key).is_err());
    assert!(Blobs::open(&store, &blob).is_err());
    let damaged = store.verify().unwrap().damaged;
    assert_eq!(damaged.len(), 3, "{damaged:?}");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "layer");
    assert_eq!(store.verify().unwrap().damaged, []);
}

#[test]
fn the_lease_of_a_killed_build_goes_with_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    fs::write(folder.path().join("leases/1-killed"), "archives/0\n").unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(names(folder.path().join("leases")).len(), 1);
    drop(store);
    assert_eq!(names(folder.path().join("leases")), Vec::<String>::new());
}

#[test]
fn two_writers_of_the_same_archive_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "archive".repeat(100_000);
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = Store::open(folder.path()).unwrap();
                barrier.wait();
                add_archive(&store, &text);
            });
        }
    });
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.verify().unwrap().damaged, []);
    assert_eq!(store.ls().unwrap().len(), 1);
}

#[test]
fn work_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicU32::new(0);
    let key = Digest::of("archive");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(folder.path()).unwrap();
                let _exclusive = store.exclusive(Kind::Archive, &key).unwrap();
                if store.archive(&key).unwrap().is_none() {
                    made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    add_archive(&store, "archive");
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
    assert_eq!(names(folder.path().join("locks")), Vec::<String>::new());
}

/// Not a test of its own: the process that [`a_killed_writer_leaves_nothing`] starts, and that dies while it writes.
#[test]
fn child_that_is_killed() {
    let Some(root) = std::env::var_os("IMGBUILD_TEST_KILLED") else { return };
    let store = Store::open(root).unwrap();
    let key = Digest::of("archive");
    let _exclusive = store.exclusive(Kind::Archive, &key).unwrap();
    let tool = store.tool_writer(&key).unwrap();
    fs::write(tool.path().join("half"), "").unwrap();
    let mut writer = store.archive_writer().unwrap();
    writer.write_all(b"arch").unwrap();
    std::process::abort();
}

#[test]
fn a_killed_writer_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed"])
        .env("IMGBUILD_TEST_KILLED", folder.path())
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    assert_eq!(names(folder.path().join("archives")), Vec::<String>::new());
    assert_eq!(names(folder.path().join("tools-v1")), Vec::<String>::new());
    assert_eq!(names(folder.path().join("tmp")).len(), 2);
    assert_eq!(names(folder.path().join("locks")).len(), 1);

    // The next run cleans up, gets the lock that the dead one held, and finishes the work.
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(names(folder.path().join("tmp")), Vec::<String>::new());
    assert_eq!(names(folder.path().join("locks")), Vec::<String>::new());
    let _exclusive = store.exclusive(Kind::Archive, &Digest::of("archive")).unwrap();
    add_archive(&store, "archive");
}

#[test]
fn prune_keeps_what_a_running_build_uses() {
    let folder = tempfile::tempdir().unwrap();
    let build = Store::open(folder.path()).unwrap();
    let used = add_archive(&build, "used");
    let (key, _) = add_layer(&build, "layer");
    let repodata = build.repodata_folder().join("noarch.json");
    fs::write(&repodata, "{}").unwrap();
    {
        let earlier = Store::open(folder.path()).unwrap();
        add_archive(&earlier, "unused");
    }
    let other = Store::open(folder.path()).unwrap();
    let pruned = other.prune(Prune::All, SystemTime::now(), &remove).unwrap();
    let removed: Vec<_> = pruned.removed.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(removed, [Digest::of("unused").hex()]);
    assert_eq!(pruned.bytes, 6);
    assert!(repodata.exists());
    drop(build);

    other.prune(Prune::All, SystemTime::now(), &remove).unwrap();
    assert_eq!(other.ls().unwrap(), []);
    assert_eq!(other.archive(&used).unwrap(), None);
    assert_eq!(other.layer(&key).unwrap(), None);
}

#[test]
fn prune_follows_its_policy() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400);
    for (days, text) in [(1, "new"), (10, "older"), (20, "oldest")] {
        let store = Store::open(folder.path()).unwrap();
        let path = store.archive(&add_archive(&store, text)).unwrap().unwrap();
        set_used(&path, now - days * day);
    }
    let store = Store::open(folder.path()).unwrap();
    let sizes = |store: &Store| {
        let mut sizes: Vec<_> = store.ls().unwrap().iter().map(|entry| entry.size).collect();
        sizes.sort_unstable();
        sizes
    };
    store.prune(Prune::UnusedFor(15 * day), now, &remove).unwrap();
    assert_eq!(sizes(&store), [3, 5]);
    store.prune(Prune::MaxSize(8), now, &remove).unwrap();
    assert_eq!(sizes(&store), [3, 5]);
    store.prune(Prune::MaxSize(7), now, &remove).unwrap();
    assert_eq!(sizes(&store), [3]);
    // A look-up makes it young again.
    let path = store.archive(&Digest::of("new")).unwrap().unwrap();
    let young = store.ls().unwrap().into_iter().find(|entry| entry.path == path).unwrap();
    assert!(young.used >= now - day / 2);
}

#[test]
fn records_go_with_their_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    {
        let store = Store::open(folder.path()).unwrap();
        let (_, record) = add_layer(&store, "layer");
        let blob = store.blob(&record.descriptor.digest).unwrap().unwrap();
        set_used(&blob, now - Duration::from_secs(100));
    }
    let store = Store::open(folder.path()).unwrap();
    let pruned = store.prune(Prune::UnusedFor(Duration::from_secs(50)), now, &remove).unwrap();
    let kinds: Vec<_> = pruned.removed.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Blob, Kind::Layer]);
    assert_eq!(store.ls().unwrap(), []);
}

#[test]
fn the_store_belongs_to_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/cache");
    let store = Store::open(&root).unwrap();
    add_archive(&store, "x");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("blobs/sha256")), 0o700);
    // Nobody else gets as far as a file, whose own rights are those of any file that is made.
    fs::write(folder.path().join("made"), "").unwrap();
    assert_eq!(mode(&store.archive(&Digest::of("x")).unwrap().unwrap()), mode(&folder.path().join("made")));
}

/// Not a test of its own: the process that [`a_folder_that_may_not_be_written_is_named`] starts.
#[test]
fn child_that_may_not_write() {
    let Some(root) = std::env::var_os("IMGBUILD_TEST_READ_ONLY") else { return };
    println!("message: {}", imgbuild_diagnostic::told(&Store::open(root).unwrap_err()));
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = run_mounted("ro", "IMGBUILD_TEST_READ_ONLY", folder.path(), "child_that_may_not_write");
    insta::assert_snapshot!(message, @r#"
    the cache `/cache` cannot be written
    Read-only file system (os error 30)
    hint: set `IMGBUILD_CACHE` to a folder that you may write
    "#);
}

/// Not a test of its own: the process that [`a_full_disk_is_named`] starts, with a limit on the size of files.
#[test]
fn child_on_a_full_disk() {
    let Some(root) = std::env::var_os("IMGBUILD_TEST_FULL") else { return };
    let store = Store::open(root).unwrap();
    let mut writer = store.archive_writer().unwrap();
    let error = writer.write_all(&vec![1; 8 << 20]).unwrap_err();
    let message = imgbuild_diagnostic::told(imgbuild_diagnostic::carried(&error).unwrap());
    println!("message: {message}");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    drop(writer);
    assert_eq!(store.ls().unwrap(), []);
}

#[test]
fn a_full_disk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = run_mounted("size=1m", "IMGBUILD_TEST_FULL", folder.path(), "child_on_a_full_disk");
    insta::assert_snapshot!(message, @r#"
    no space is left on the disk of the cache `/cache`
    No space left on device (os error 28)
    hint: `imgbuild cache prune` frees space; `IMGBUILD_CACHE` names another folder
    "#);
}

/// Runs a test of this file in a process of its own, for which `folder` is a disk with these options: in a mount
/// namespace, which ends with the process. What it prints behind `message: ` is given back.
fn run_mounted(options: &str, variable: &str, folder: &Path, test: &str) -> String {
    let script = format!("mount -t tmpfs -o {options} none \"${variable}\" && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let message = &text[text.find("message: ").unwrap() + 9..];
    let message = message.lines().take(3).collect::<Vec<_>>().join("\n");
    message.replace(&folder.display().to_string(), "/cache")
}

#[test]
fn an_unpacked_layer_counts_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let key = Digest::of("key");
    assert_eq!(store.unpacked(&key).unwrap(), None);
    let killed = store.unpacked_writer(&key, &remove).unwrap();
    fs::create_dir(killed.path()).unwrap();
    fs::write(killed.path().join("half"), "").unwrap();
    drop(killed);
    assert_eq!(store.unpacked(&key).unwrap(), None);
    let writer = store.unpacked_writer(&key, &remove).unwrap();
    assert!(!writer.path().exists());
    fs::create_dir(writer.path()).unwrap();
    let path = writer.commit(7).unwrap();
    assert_eq!(store.unpacked(&key).unwrap(), Some(path.clone()));
    assert_eq!(names(&path), Vec::<String>::new());
    assert_eq!(store.ls().unwrap()[0].size, 7);
    // It is in use as long as this store is open.
    store.prune(Prune::All, SystemTime::now(), &remove).unwrap();
    assert!(path.exists());
    drop(store);
    let pruned = Store::open(folder.path()).unwrap().prune(Prune::All, SystemTime::now(), &remove).unwrap();
    assert_eq!((pruned.removed.len(), pruned.bytes), (1, 7));
    assert!(!path.exists());
}

#[test]
fn scratch_folders_come_and_go_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let remove: Arc<Remove> = Arc::new(|path: &Path| fs::remove_dir_all(path));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(folder.path()).unwrap();
                for _ in 0..100 {
                    let scratch = store.scratch(remove.clone()).unwrap();
                    fs::write(scratch.path("file"), "").unwrap();
                    store.prune(Prune::MaxSize(u64::MAX), SystemTime::now(), &*remove).unwrap();
                }
            });
        }
    });
    assert_eq!(names(folder.path().join("scratch")), Vec::<String>::new());
}

#[test]
fn scratch_folders_go_with_their_owner_or_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let remove = std::sync::Arc::new(remove);
    let scratch = store.scratch(remove.clone()).unwrap();
    fs::write(scratch.path("file"), "").unwrap();
    // One of a killed process: nobody has locked it.
    fs::create_dir_all(folder.path().join("scratch/1-killed/upper")).unwrap();
    let other = store.scratch(remove).unwrap();
    assert!(!folder.path().join("scratch/1-killed").exists());
    assert!(scratch.path("file").exists());
    drop((scratch, other));
    assert_eq!(names(folder.path().join("scratch")), Vec::<String>::new());
}

#[test]
fn an_image_is_found_by_its_name_and_platform() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let document = |media_type, text: &str| Document {
        descriptor: Descriptor::new(media_type, Digest::of(text), text.len() as u64),
        bytes: text.as_bytes().to_vec(),
    };
    let (manifest, config) =
        (document(MediaType::Manifest, "manifest"), document(MediaType::Config, "config"));
    let reference: Reference = "team/base:latest".parse().unwrap();
    assert_eq!(store.image(&reference, Platform::LinuxAmd64).unwrap(), None);
    store.put_image(&reference, Platform::LinuxAmd64, &manifest, &config, &[]).unwrap();
    let record = store.image(&reference, Platform::LinuxAmd64).unwrap().unwrap();
    assert_eq!(
        (record.reference.as_str(), record.manifest.digest),
        ("team/base:latest", Digest::of("manifest"))
    );
    assert_eq!(store.image(&reference, Platform::LinuxArm64).unwrap(), None);
    assert!(store.blob(&Digest::of("config")).unwrap().is_some());
    assert!(store.verify().unwrap().damaged.is_empty());
    // Without its manifest it is none.
    fs::remove_file(store.blob(&Digest::of("manifest")).unwrap().unwrap()).unwrap();
    assert_eq!(store.image(&reference, Platform::LinuxAmd64).unwrap(), None);
    let damaged = store.verify().unwrap().damaged;
    assert_eq!(damaged.iter().map(|it| it.entry.kind).collect::<Vec<_>>(), [Kind::Image]);
}

#[test]
fn nothing_is_removed_or_written_behind_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let [root, victim] = ["store", "victim"].map(|name| folder.path().join(name));
    let kinds = ["archives", "blobs", "blobs/sha256", "layers-v1", "bytecode-v1", "repodata-v1"];
    let others = ["tools-v1", "unpacked-v1", "images-v1", "tmp", "leases", "locks", "scratch"];
    for name in kinds.into_iter().chain(others) {
        drop(Store::open(&root).unwrap());
        fs::create_dir_all(victim.join("sha256")).unwrap();
        fs::write(victim.join("letter"), "").unwrap();
        fs::remove_dir_all(root.join(name)).unwrap();
        std::os::unix::fs::symlink(&victim, root.join(name)).unwrap();
        let error = Store::open(&root).unwrap_err();
        assert_eq!(error.to_string(), format!("the cache's `{}` cannot be made", root.join(name).display()));
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "it is in the way: a folder of the cache is a folder, and no link to one"
        );
        assert!(victim.join("letter").exists(), "{name}");
        assert_eq!(names(victim.join("sha256")), [""; 0], "{name}");
        fs::remove_file(root.join(name)).unwrap();
    }
    // The whole of it may be elsewhere.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    let archive = add_archive(&Store::open(&link).unwrap(), "a");
    assert!(Store::open(&root).unwrap().archive(&archive).unwrap().is_some());
}

#[test]
fn what_is_nobodys_goes_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    drop(Store::open(&root).unwrap());
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("letter"), "").unwrap();
    let parents = ["tmp", "leases", "locks", "scratch", "unpacked-v1", "tools-v1", "repodata-v1"];
    for parent in parents.into_iter().chain(["repodata-v1/conda-v1", "repodata-v1/conda-v1/shards-v1"]) {
        let (pipe, link) = (root.join(parent).join("pipe"), root.join(parent).join("link"));
        // Pruning takes the folders of indexes away.
        fs::create_dir_all(root.join(parent)).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        let store = Store::open(&root).unwrap();
        // What libraries read by themselves goes before they can.
        assert!(!parent.starts_with("repodata") || fs::symlink_metadata(&pipe).is_err(), "{parent}");
        store.scratch(Arc::new(remove)).unwrap();
        store.verify().unwrap();
        store.prune(Prune::All, SystemTime::now(), &remove).unwrap();
        drop(store);
        assert!(fs::symlink_metadata(&pipe).is_err() && fs::symlink_metadata(&link).is_err(), "{parent}");
        assert!(outside.join("letter").exists(), "{parent}");
    }
    // Nobody waits for the other end of a pipe, and none is taken for the gate.
    fs::remove_file(root.join("lock")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("lock")).status().unwrap().success());
    let error = Store::open(&root).unwrap_err().to_string();
    assert_eq!(error, format!("the cache's `{}` cannot be opened", root.join("lock").display()));
}

/// A cache that fails whatever is asked.
struct Broken;

impl Blobs for Broken {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Err(BlobError::Read { digest: *digest, error: std::io::Error::other("it is down") })
    }
}

impl LayerCache for Broken {
    fn layer(&self, _: &Key) -> Result<Option<LayerRecord>, CacheError> {
        Err("it is down".into())
    }

    fn put_layer(&self, _: &Key, _: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        Err("it is full".into())
    }
}

#[test]
fn caches_are_asked_in_their_order_and_one_that_fails_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = |name: &str| Store::open(folder.path().join(name)).unwrap();
    let (own, near, far) = (store("own"), store("near"), store("far"));
    let caches = LayerCaches::new(own.clone()).with(Arc::new(Broken)).with(Arc::new(near.clone()));
    let caches = caches.with(Arc::new(far.clone()));

    let (key, record) = add_layer(&far, "far away");
    assert_eq!(caches.layer(&key).unwrap(), Some(record.clone()));
    let mut text = String::new();
    caches.open(&record.descriptor.digest).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "far away");
    // It is used from where it is.
    assert_eq!(own.layer(&key).unwrap(), None);
    assert_eq!(own.blob(&record.descriptor.digest).unwrap(), None);

    // The nearer one is believed.
    let nearer = LayerRecord { messages: "near".to_owned(), ..add_layer(&near, "far away").1 };
    near.put_layer(&key, &nearer).unwrap();
    assert_eq!(caches.layer(&key).unwrap(), Some(nearer));

    // What was made here, all of them keep.
    let (key, record) = add_layer(&own, "made here");
    caches.put_layer(&key, &record).unwrap();
    for cache in [&near, &far] {
        assert_eq!(cache.layer(&key).unwrap(), Some(record.clone()));
    }

    let nobody = Digest::of("nobody has it");
    // A cache that cannot be read may be the one that has it.
    assert!(matches!(caches.open(&nobody), Err(BlobError::Read { digest, .. }) if digest == nobody));
    let caches = LayerCaches::new(own).with(Arc::new(near));
    assert!(matches!(caches.open(&nobody), Err(BlobError::Absent(digest)) if digest == nobody));
    assert_eq!(caches.layer(&Key(nobody)).unwrap(), None);
}

#[test]
fn a_cache_keeps_no_layer_whose_blob_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let own = Store::open(folder.path().join("own")).unwrap();
    let other = Store::open(folder.path().join("other")).unwrap();
    let (key, record) = add_layer(&own, "whole");
    let blob = own.blob(&record.descriptor.digest).unwrap().unwrap();
    fs::write(&blob, "wrong").unwrap();
    assert!(LayerCache::put_layer(&other, &key, &record, &own).is_err());
    assert_eq!(other.layer(&key).unwrap(), None);
    assert_eq!(other.blob(&record.descriptor.digest).unwrap(), None);
}
