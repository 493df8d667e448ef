//! Images of others: documents that engines take for different things are refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild_oci::{Choice, Digest, Platform, StoredContents, StoredImage};
use miette::Diagnostic;
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

/// Images of one platform, in an index of an index: a name does not tell them apart, and their digests do.
#[test]
fn each_of_several_images_has_a_name_by_which_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    let image = |user: &str| {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "User": user },
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let config = put(path, CONFIG, &config.to_string());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] });
        put(path, MANIFEST, &manifest.to_string())
    };
    let (one, other, third) = (image("one"), image("other"), image("third"));
    let digest = |item: &Value| item["digest"].as_str().unwrap().to_owned();
    let within = put(path, INDEX, &json!({ "schemaVersion": 2, "manifests": [one, other] }).to_string());
    let items = |name: Option<&str>| {
        let mut outer = put(path, INDEX, &index_of(&within).to_string());
        let mut third = third.clone();
        for item in [&mut outer, &mut third] {
            if let Some(name) = name {
                item["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
            }
        }
        let index = json!({ "schemaVersion": 2, "manifests": [outer, third] });
        fs::write(path.join("index.json"), index.to_string()).unwrap();
        digest(&outer)
    };
    let open = |reference: Option<&str>| {
        StoredImage::open(path, &Choice { platform: Platform::LinuxAmd64, reference })
    };
    let handed_on = |reference: Option<&str>| {
        StoredContents::open(path, &Choice { platform: Platform::LinuxAmd64, reference })
    };
    let listed = |mut all: Vec<String>| {
        all.sort();
        format!("`{}` holds several images: `{}`", path.display(), all.join("`, `"))
    };
    for (name, reference) in [(None, None), (Some("latest"), None), (Some("latest"), Some("latest"))] {
        let outer = items(name);
        let error = open(reference).err().unwrap();
        assert_eq!(error.to_string(), listed(vec![digest(&one), digest(&other), digest(&third)]));
        let help = error.help().unwrap().to_string();
        let first = help.split(['`', '@']).nth(2).unwrap();
        assert!(help.starts_with(&format!("name one: `{}@sha256:", path.display())), "{help}");
        assert_eq!(open(Some(first)).unwrap().digest.to_string(), first);
        for item in [&one, &other, &third] {
            assert_eq!(open(Some(&digest(item))).unwrap().digest.to_string(), digest(item));
            assert_eq!(handed_on(Some(&digest(item))).unwrap().item.digest.to_string(), digest(item));
        }
        for index in [&digest(&within), &outer] {
            let error = open(Some(index)).err().unwrap();
            assert_eq!(error.to_string(), listed(vec![digest(&one), digest(&other)]));
        }
        // Who hands images on hands on an index as a whole.
        let error = handed_on(reference).err().unwrap();
        assert_eq!(error.to_string(), listed(vec![outer.clone(), digest(&third)]));
        for index in [&digest(&within), &outer] {
            assert_eq!(handed_on(Some(index)).unwrap().item.digest.to_string(), *index);
        }
        let absent = Digest::of("absent").to_string();
        let there = listed(vec![outer, digest(&third)]);
        let there = there.split_once(": ").unwrap().1;
        let told = format!("`{}` holds no image `{absent}`; there are: {there}", path.display());
        assert_eq!(open(Some(&absent)).err().unwrap().to_string(), told);
        assert_eq!(handed_on(Some(&absent)).err().unwrap().to_string(), told);
    }
}

/// What is beside an image may be damaged, or gone: a partial copy of a layout holds what it holds.
#[test]
fn a_digest_is_found_beside_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    let config =
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = put(path, CONFIG, &config.to_string());
    let image =
        put(path, MANIFEST, &json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string());
    let whole = put(path, INDEX, &index_of(&image).to_string());
    let absent = |media_type: &str| {
        let item = put(path, media_type, &format!("{{\"schemaVersion\":2,\"x\":\"{media_type}\"}}"));
        fs::remove_file(path.join("blobs/sha256").join(&item["digest"].as_str().unwrap()[7..])).unwrap();
        item
    };
    let around = json!({ "schemaVersion": 2, "manifests": [absent(INDEX), absent(MANIFEST), whole] });
    let items = [absent(INDEX), absent(""), put(path, INDEX, &around.to_string())];
    fs::write(path.join("index.json"), json!({ "schemaVersion": 2, "manifests": items }).to_string())
        .unwrap();
    let choice = |reference| Choice { platform: Platform::LinuxAmd64, reference: Some(reference) };
    for item in [&image, &whole] {
        let wanted = item["digest"].as_str().unwrap();
        assert_eq!(
            StoredImage::open(path, &choice(wanted)).unwrap().digest.to_string(),
            image["digest"].as_str().unwrap()
        );
        assert_eq!(StoredContents::open(path, &choice(wanted)).unwrap().item.digest.to_string(), wanted);
    }
    // What has a digest, and is no image.
    let attestation =
        put(path, MANIFEST, &json!({ "schemaVersion": 2, "config": absent("x"), "layers": [] }).to_string());
    let beside = json!({ "schemaVersion": 2, "manifests": [image, attestation] });
    let beside = put(path, INDEX, &beside.to_string());
    fs::write(path.join("index.json"), index_of(&beside).to_string()).unwrap();
    let wanted = attestation["digest"].as_str().unwrap();
    let told = format!(
        "`{}` holds no image `{wanted}`; there are: `{}`",
        path.display(),
        beside["digest"].as_str().unwrap()
    );
    assert_eq!(StoredImage::open(path, &choice(wanted)).err().unwrap().to_string(), told);
    assert_eq!(StoredContents::open(path, &choice(wanted)).unwrap().item.digest.to_string(), wanted);
    fs::write(path.join("index.json"), json!({ "schemaVersion": 2, "manifests": items }).to_string())
        .unwrap();
    // What is nowhere may be in what cannot be read.
    let error = StoredImage::open(path, &choice(&Digest::of("nowhere").to_string())).err().unwrap();
    let gone = items[0]["digest"].as_str().unwrap();
    assert!(error.to_string().contains(&gone[7..]) || format!("{error:?}").contains(&gone[7..]), "{error:?}");
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
