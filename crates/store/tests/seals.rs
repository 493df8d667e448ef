//! What is known without being read: files that were hashed, outputs that were written, and how much of the disk is free.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use imgbuild_oci::Digest;
use imgbuild_store::{FreeSpace, Prune, Store};

fn add_archive(store: &Store, text: &str) -> Digest {
    let digest = Digest::of(text);
    let mut writer = store.archive_writer().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.commit(&digest).unwrap();
    digest
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.exists() { fs::remove_dir_all(path) } else { Ok(()) }
}

#[test]
fn what_was_hashed_is_not_hashed_again_until_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let digest = add_archive(&store, "archive");
    let path = store.verified_archive(&digest).unwrap();
    // Nobody sees another content under the same number and time: it is not read.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "ARCHIVE").unwrap();
    let other = store.verified_archive(&digest).unwrap_err();
    assert_eq!(other.to_string(), "the cache holds something else under its hash");
    File::open(&path).unwrap().set_modified(modified).unwrap();
    store.verified_archive(&digest).unwrap();

    // Another file in its place, a copy with its times among it, is read.
    fs::rename(&path, folder.path().join("old")).unwrap();
    fs::write(&path, "archivE").unwrap();
    File::open(&path).unwrap().set_modified(modified).unwrap();
    assert!(store.verified_archive(&digest).is_err());
    fs::write(&path, "archive").unwrap();
    store.verified_archive(&digest).unwrap();
    // That it was used changes nothing of it.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    store.archive(&digest).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);

    fs::remove_file(&path).unwrap();
    assert!(store.verified_archive(&digest).is_err());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    store.prune(Prune::UnusedFor(Duration::MAX), SystemTime::now(), &remove).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("seals-v1/archives")).unwrap().count(), 0);
}

#[test]
fn what_was_written_and_not_changed_since_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let (file, layout) = (folder.path().join("x.tar"), folder.path().join("x"));
    fs::write(&file, "image").unwrap();
    fs::create_dir_all(layout.join("blobs")).unwrap();
    fs::write(layout.join("blobs/a"), "blob").unwrap();
    let (one, other) = (Digest::of("one"), Digest::of("other"));
    for path in [&file, &layout] {
        assert!(!store.is_written(path, &one).unwrap());
        store.put_output(path, &one).unwrap();
        assert!(store.is_written(path, &one).unwrap());
        assert!(!store.is_written(path, &other).unwrap());
    }
    fs::write(&file, "imagE").unwrap();
    fs::write(layout.join("blobs/b"), "blob").unwrap();
    assert!(!store.is_written(&file, &one).unwrap());
    assert!(!store.is_written(&layout, &one).unwrap());
    fs::remove_file(layout.join("blobs/b")).unwrap();
    assert!(store.is_written(&layout, &one).unwrap());
    fs::remove_dir_all(&layout).unwrap();
    assert!(!store.is_written(&layout, &one).unwrap());
}

#[test]
fn a_file_system_that_counts_nothing_is_not_full() {
    assert_eq!(FreeSpace::at(Path::new("/proc")).unwrap().bytes, u64::MAX);
    // A folder that is yet to be made is where it will be.
    let folder = tempfile::tempdir().unwrap();
    let device = |path: &Path| FreeSpace::at(path).unwrap().device;
    assert_eq!(device(&folder.path().join("a/b")), device(folder.path()));
}
