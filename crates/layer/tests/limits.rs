//! What layers may ask for together: at what is allowed, and beyond it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use imgbuild_archive::{ImagePath, LayerReader, Owner};
use imgbuild_layer::limits::{FILE_LIMIT, MOST_FOLDER_BYTES, MOST_KEPT_BYTES};
use imgbuild_layer::{Codec, EntryHead, EntryKind, EntrySink, LayerWriter, Merged, Parents, TarWriter};

fn head(path: &str, size: u64) -> EntryHead {
    let path = ImagePath::new(path).unwrap();
    EntryHead { path, kind: EntryKind::File { size }, mode: 0o644, owner: Owner::ROOT, mtime: 0 }
}

/// Paths in folders of their own, whose names have so many bytes together.
fn deep(bytes: u64) -> Vec<String> {
    let folder = |number: u64| {
        let names = (0..15).map(|level| format!("{number:06}{level:02}{}", "n".repeat(240)));
        names.collect::<Vec<_>>().join("/")
    };
    let one = folder(0);
    let of_one: u64 = one.match_indices('/').map(|(at, _)| at as u64).sum::<u64>() + one.len() as u64;
    (0..bytes / of_one).map(|number| format!("{}/x", folder(number))).collect()
}

#[test]
fn folders_that_only_paths_name() {
    let written = |paths: &[String]| {
        let parents = Parents::default();
        let threads = std::num::NonZero::<u32>::MIN;
        let mut layer = LayerWriter::new(std::io::sink(), Codec::None, threads, &parents).unwrap();
        paths.iter().try_for_each(|path| layer.put(&head(path, 0), &mut std::io::empty()))
    };
    let read = |paths: &[String]| {
        let mut tar = TarWriter::new(Vec::new());
        paths.iter().for_each(|path| tar.append(&head(path, 0), &mut std::io::empty()).unwrap());
        let bytes = tar.finish().unwrap();
        Merged::new().add(&mut LayerReader::new(bytes.as_slice(), u64::MAX), &|_| false)
    };
    let fits = deep(MOST_FOLDER_BYTES);
    written(&fits).unwrap();
    read(&fits).unwrap();
    let beyond = deep(MOST_FOLDER_BYTES + MOST_FOLDER_BYTES / 8);
    let error = written(&beyond).unwrap_err().to_string();
    let rule = "cannot be put into a layer: the folders that its paths stand in have names of more than 67108864 bytes";
    assert!(error.ends_with(rule), "{error}");
    let rule = "the folders that the layers' paths stand in have names of more than 67108864 bytes";
    assert_eq!(read(&beyond).unwrap_err().to_string(), rule);
}

#[test]
fn files_that_are_kept() {
    let read = |files: u64, size: u64| {
        let mut tar = TarWriter::new(Vec::new());
        let body = vec![b'x'; usize::try_from(size).unwrap()];
        (0..files)
            .for_each(|number| tar.append(&head(&format!("f{number}"), size), &mut body.as_slice()).unwrap());
        let bytes = tar.finish().unwrap();
        let added = Merged::new().add(&mut LayerReader::new(bytes.as_slice(), u64::MAX), &|_| true);
        added.map_err(|error| error.to_string())
    };
    let most = MOST_KEPT_BYTES / FILE_LIMIT;
    read(most, FILE_LIMIT).unwrap();
    assert_eq!(read(1, FILE_LIMIT + 1).unwrap_err(), "`/f0` has 33554433 bytes, which is more than anyone's");
    let rule = "the files of the layers that say what is installed have more than 134217728 bytes";
    assert_eq!(read(most + 1, FILE_LIMIT).unwrap_err(), rule);
}
