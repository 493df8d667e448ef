//! Images of others: documents that engines take for different things are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild_oci::{Choice, Digest, Platform, StoredImage};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Puts a document into a layout, and gives its descriptor.
fn put(folder: &Path, media_type: &str, text: &str) -> Value {
    let digest = Digest::of(text);
    fs::write(folder.join("blobs/sha256").join(digest.hex()), text).unwrap();
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": text.len() })
}

/// What is said of a layout whose documents these make: of a configuration, an empty list of layers and a folder.
fn told(make: &dyn Fn(&Path, Value) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
    let config =
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = put(folder.path(), CONFIG, &config.to_string());
    fs::write(folder.path().join("index.json"), make(folder.path(), config)).unwrap();
    let choice = Choice { platform: Platform::LinuxAmd64, reference: None };
    let Err(error) = StoredImage::open(folder.path(), &choice) else { return "read".to_owned() };
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let text = text.replace(&folder.path().display().to_string(), "LAYOUT");
    match text.split_once("blobs/sha256/") {
        Some((before, rest)) => format!("{before}blobs/sha256/DIGEST{}", &rest[64..]),
        None => text,
    }
}

fn index_of(item: &Value) -> Value {
    json!({ "schemaVersion": 2, "manifests": [item] })
}

/// The same of one manifest, and of the media type that the index says of it.
fn manifest(media_type: &str, change: &dyn Fn(&mut Value)) -> String {
    told(&|folder, config| {
        let mut manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
        change(&mut manifest);
        index_of(&put(folder, media_type, &manifest.to_string())).to_string()
    })
}

#[test]
fn a_document_is_a_manifest_or_an_index() {
    assert_eq!(manifest(MANIFEST, &|_| {}), "read");
    let without = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("mediaType"));
    assert_eq!(manifest(MANIFEST, &without), "read");
    assert_eq!(manifest("", &without), "read");
    let refused = |rule: &str| {
        format!("`blobs/sha256/DIGEST` of `LAYOUT` {rule}: engines would not agree on what it is")
    };
    for both in [json!([]), json!(null)] {
        let both = |it: &mut Value| it["manifests"] = both.clone();
        assert_eq!(manifest(MANIFEST, &both), refused("is a manifest and an index at once"));
    }
    assert_eq!(manifest(INDEX, &|_| {}), refused("has another media type than what points to it says"));
    assert_eq!(manifest(INDEX, &without), refused("is said to be an index, and is a manifest"));
    assert_eq!(
        manifest(MANIFEST, &|it| it["mediaType"] = json!(INDEX)),
        refused("has another media type than what points to it says")
    );
    assert_eq!(manifest("application/vnd.example", &without), "`LAYOUT` holds no image");
    assert!(manifest(MANIFEST, &|it| it["fsLayers"] = json!([])).contains("docker's schema 1"));
    let top = |change: &dyn Fn(&mut Value)| {
        told(&|folder, config| {
            let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] });
            let mut index = index_of(&put(folder, MANIFEST, &manifest.to_string()));
            change(&mut index);
            index.to_string()
        })
    };
    assert_eq!(top(&|_| {}), "read");
    assert_eq!(top(&|it| it["mediaType"] = json!(INDEX)), "read");
    assert_eq!(
        top(&|it| it["mediaType"] = json!(MANIFEST)),
        "`index.json` of `LAYOUT` has another media type than what points to it says: engines would not agree on what it is"
    );
    assert_eq!(
        top(&|it| it["layers"] = json!([])),
        "`index.json` of `LAYOUT` is a manifest and an index at once: engines would not agree on what it is"
    );
    assert_eq!(
        top(&|it| it["Manifests"] = json!([])),
        "`index.json` of `LAYOUT` cannot be read: `Manifests` is `manifests` for some readers, and means nothing to others at line 1 column 197"
    );
}

#[test]
fn what_is_read_to_find_an_image_has_a_limit() {
    let large = told(&|_, _| format!("{{\"manifests\":[]{}}}", " ".repeat(4 << 20)));
    assert_eq!(large, "`index.json` of `LAYOUT` is larger than 4 MiB");
    // Each index leads to the next many times.
    let many = told(&|folder, config| {
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] });
        let first = put(folder, MANIFEST, &manifest.to_string());
        let second = format!("{}{}", index_of(&first), " ".repeat(3 << 20));
        let second = put(folder, INDEX, &second);
        json!({ "schemaVersion": 2, "manifests": vec![second; 50] }).to_string()
    });
    assert_eq!(many, "the indexes and manifests of `LAYOUT` have more than 64 MiB together");
}

#[test]
fn nothing_of_a_layout_is_waited_for_and_none_of_it_is_elsewhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    // A named pipe in place of a file, and a link that leads out: of the index, a manifest, a configuration.
    let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let link = |path: &Path| {
        let to = elsewhere.path().join(path.file_name().unwrap());
        fs::rename(path, &to).or_else(|_| fs::write(&to, "{}")).unwrap();
        std::os::unix::fs::symlink(to, path).unwrap();
    };
    let within = |path: &Path| {
        fs::rename(path, path.with_extension("real")).unwrap();
        std::os::unix::fs::symlink(path.with_extension("real").file_name().unwrap(), path).unwrap();
    };
    let changed = |place: usize, change: &dyn Fn(&Path)| {
        let told = told(&|folder, config| {
            let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] });
            let first = put(folder, MANIFEST, &manifest.to_string());
            let path = |item: &Value| {
                let digest = item["digest"].as_str().unwrap().trim_start_matches("sha256:");
                folder.join("blobs/sha256").join(digest)
            };
            match place {
                0 => change(&path(&first)),
                _ => change(&path(&manifest["config"])),
            }
            index_of(&first).to_string()
        });
        told.replace(&elsewhere.path().display().to_string(), "ELSEWHERE")
    };
    for place in [0, 1] {
        assert_eq!(changed(place, &within), "read");
        let told = changed(place, &|path| {
            fs::remove_file(path).unwrap();
            pipe(path);
        });
        assert!(told.ends_with("it is not a file"), "{told}");
        let told = changed(place, &link);
        assert!(told.contains(" leads out of the layout, to `ELSEWHERE/"), "{told}");
    }
    let whole = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        change(&folder.path().join("index.json"));
        let choice = Choice { platform: Platform::LinuxAmd64, reference: None };
        let error = StoredImage::open(folder.path(), &choice).err().unwrap();
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert_eq!(whole(&pipe), "it is not a file");
    assert!(whole(&link).starts_with("`index.json` leads out of the layout, to "));
    let tarball = elsewhere.path().join("image.tar");
    pipe(&tarball);
    let choice = Choice { platform: Platform::LinuxAmd64, reference: None };
    let error = StoredImage::open(&tarball, &choice).err().unwrap();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it is not a file");
}
