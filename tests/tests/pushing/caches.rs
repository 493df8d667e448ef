//! Caches that builds share: they save work, and whatever is wrong with one costs time alone.

use std::process::Command;

use imgbuild_tests::distribution::{Answer, Behaviour, Distribution};
use imgbuild_tests::{Imgbuild, Registry, capture, named};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{imgbuild, json, plain, push, small};

pub(crate) fn build(imgbuild: &Imgbuild, more: &[&str]) -> Value {
    let mut words = vec!["build", "spec.toml", "--json", "--output", "out"];
    words.extend(more);
    json(imgbuild.run(words))
}

/// Whether each layer was there.
pub(crate) fn reused(report: &Value) -> Vec<bool> {
    report["images"][0]["layers"].as_array().unwrap().iter().map(|it| it["reused"] == true).collect()
}

pub(crate) fn notes(report: &Value) -> Vec<String> {
    report["notes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn builder() -> Imgbuild {
    let imgbuild = imgbuild();
    small(&imgbuild, "platforms = [\"linux/amd64\"]", "");
    imgbuild
}

#[test]
fn another_machine_makes_nothing_again() {
    let registry = Registry::new();
    let folder = imgbuild_tests::scratch("cache");
    for place in [format!("{}/cache", registry.address()), format!("file://{}", folder.path().display())] {
        let (one, other, stranger) = (builder(), builder(), builder());
        let first = build(&one, &["--cache-to", &place]);
        assert!(reused(&first).iter().all(|it| !it), "{first:#}");
        let second = build(&other, &["--cache-to", &place]);
        assert!(reused(&second).iter().all(|it| *it), "{place}: {second:#}");
        assert_eq!(first["images"][0]["digest"], second["images"][0]["digest"]);
        assert_eq!((notes(&first), notes(&second)), (Vec::new(), Vec::new()));
        // What was read is what is made.
        build(&stranger, &["--cache-to", &place, "--verify-cache"]);
    }
}

#[test]
fn a_cache_is_not_believed_blindly() {
    let folder = imgbuild_tests::scratch("cache");
    let place = format!("file://{}", folder.path().display());
    let key = |name: &str| {
        let path = folder.path().join(name);
        let words = ["genpkey", "-algorithm", "ed25519", "-out", path.to_str().unwrap()];
        capture(Command::new("openssl").args(words)).success();
        path.to_str().unwrap().to_owned()
    };
    let (own, other) = (key("own.key"), key("other.key"));
    let good = build(&builder(), &["--cache-to", &place, "--cache-key", &own]);
    // Signed by us, or by somebody else.
    assert!(reused(&build(&builder(), &["--cache-to", &place, "--cache-key", &own])).iter().all(|it| *it));
    let read_only = ["--cache-to", &place, "--cache-read-only", "--cache-key", &other];
    let refused = build(&builder(), &read_only);
    assert!(reused(&refused).iter().all(|it| !it));
    assert_eq!(refused["images"][0]["digest"], good["images"][0]["digest"]);

    // A blob that is another one than its entry says: the layer is made.
    for blob in fs_err::read_dir(folder.path().join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let size = fs_err::metadata(&path).unwrap().len();
        fs_err::write(&path, vec![0; usize::try_from(size).unwrap()]).unwrap();
    }
    let damaged = build(&builder(), &["--cache-to", &place, "--cache-read-only"]);
    assert!(reused(&damaged).iter().all(|it| !it));
    assert_eq!(damaged["images"][0]["digest"], good["images"][0]["digest"]);
    // One that is gone as well.
    fs_err::remove_dir_all(folder.path().join("blobs")).unwrap();
    let gone = build(&builder(), &["--cache-to", &place]);
    assert!(reused(&gone).iter().all(|it| !it));
    // It is whole again.
    assert!(reused(&build(&builder(), &["--cache-to", &place])).iter().all(|it| *it));
}

#[test]
fn a_lie_is_found_by_who_looks_for_it() {
    let folder = imgbuild_tests::scratch("cache");
    let place = format!("file://{}", folder.path().display());
    build(&builder(), &["--cache-to", &place]);
    // Each key gets the layer of the next one, which is whole and right for another key.
    let layers = folder.path().join("layers");
    let mut entries: Vec<_> = fs_err::read_dir(&layers).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    let texts: Vec<Value> =
        entries.iter().map(|it| serde_json::from_slice(&fs_err::read(it).unwrap()).unwrap()).collect();
    for (at, path) in entries.iter().enumerate() {
        let (mut entry, next) = (texts[at].clone(), &texts[(at + 1) % texts.len()]);
        let key = entry["layers"][0]["annotations"]["dev.imgbuild.layer.key"].clone();
        entry["layers"] = next["layers"].clone();
        entry["annotations"] = next["annotations"].clone();
        entry["layers"][0]["annotations"]["dev.imgbuild.layer.key"] = key;
        fs_err::write(path, entry.to_string()).unwrap();
    }
    let words = ["--quiet", "build", "spec.toml", "--output", "out", "--cache-to", &place, "--verify-cache"];
    let stderr = builder().run(words).failure().stderr;
    let stderr = plain(&stderr, &place);
    let from = stderr.find("the key `").unwrap() + "the key `".len();
    assert_snapshot!(stderr.replace(&stderr[from..from + 64], "KEY"), @r"
      × the cache has another layer for the key `KEY` than what is made of it: `sha256:…` instead of `sha256:…`
      help: whoever wrote it there lies, or imgbuild has a fault; keys of one machine can be signed: docs/registry.md, `--cache-key`
    ");
}

#[test]
fn hundreds_of_layers_are_verified() {
    let folder = imgbuild_tests::scratch("cache");
    let place = format!("file://{}", folder.path().display());
    let imgbuild = imgbuild();
    let numbers: Vec<String> = (0..150).map(|number| format!("\"{number}\"")).collect();
    let head = "tags = [\"{n}\"]\nplatforms = [\"linux/amd64\"]";
    let more = format!("[[copy]]\nfrom = \"one\"\nto = \"/{{n}}\"\n[matrix]\nn = [{}]\n", numbers.join(", "));
    small(&imgbuild, head, &more);
    build(&imgbuild, &["--cache-to", &place]);
    // All are in the store, so that each is asked for by itself.
    let report = build(&imgbuild, &["--cache-to", &place, "--verify-cache"]);
    assert_eq!(report["images"].as_array().unwrap().len(), 150);
}

#[test]
fn a_cache_that_is_down_costs_a_note() {
    let registry = Registry::new();
    let place = format!("{}/cache", registry.address());
    let address = registry.address().to_owned();
    drop(registry);
    let imgbuild = builder().variable("IMGBUILD_HTTP_RETRIES", "0");
    let report = build(&imgbuild, &["--cache-to", &place, "--cache-from", &format!("{address}/x:1")]);
    let notes: Vec<String> = notes(&report).iter().map(|note| plain(note, &address)).collect();
    assert_snapshot!(notes.join("\n"), @r"
    no layers are taken from `REGISTRY/x:1`: `REGISTRY`: the registry cannot be reached
    the cache `REGISTRY/cache` is not used: `REGISTRY`: the registry cannot be reached
    ");
    // A folder that is none.
    imgbuild.write("file", "x");
    let report = build(&imgbuild, &["--cache-to", &format!("file://{}/file", imgbuild.folder().display())]);
    let notes: Vec<String> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| plain(it.as_str().unwrap(), &imgbuild.folder().display().to_string()))
        .collect();
    assert_snapshot!(notes.join("\n"), @r"the cache `file://REGISTRY/file` is not used: File exists (os error 17)");
}

#[test]
fn layers_that_are_pushed_beside_their_cache_are_sent_once() {
    let registry = Distribution::new();
    let (target, place) =
        (format!("{}/team/app", registry.address()), format!("{}/cache", registry.address()));
    let first = push(&builder(), &target, &["--cache-to", &place]);
    let keys = registry.tags("cache").len();
    assert_eq!(keys, first["images"][0]["layers"].as_array().unwrap().len());
    // What the cache itself was sent is the empty configuration of its entries: each layer was mounted.
    let exchanges = registry.exchanges();
    let to_cache = exchanges.iter().filter(|it| it.request.path.starts_with("/v2/cache/blobs/"));
    assert!(to_cache.map(|it| it.received).all(|bytes| bytes <= 2), "{}", registry.conversation());
    assert!(reused(&build(&builder(), &["--cache-to", &place])).iter().all(|it| *it));
}

#[test]
fn a_registry_that_is_busy_is_not_asked_for_each_layer() {
    let registry = Distribution::with(|request| {
        let is_entry = request.path.starts_with("/v2/cache/manifests/");
        if is_entry { Behaviour::Answer(Answer::page(503, "busy")) } else { Behaviour::Right }
    });
    let imgbuild = builder().variable("IMGBUILD_HTTP_RETRIES", "0");
    let report = build(&imgbuild, &["--cache-to", &format!("{}/cache", registry.address())]);
    assert!(reused(&report).iter().all(|it| !it));
    assert_snapshot!(named(&plain(&notes(&report).join("\n"), &registry.address())), @r"the cache `REGISTRY/cache` is not used any more: `REGISTRY/cache`: the manifest `layer-SHA256` cannot be read: the registry fails (503)");
}

#[test]
fn what_names_no_cache_is_refused() {
    let imgbuild = builder();
    imgbuild.write("no.key", "x");
    let refused = |words: &[&str]| {
        let mut all = vec!["build", "spec.toml"];
        all.extend(words);
        imgbuild.run(all).failure().stderr
    };
    assert_snapshot!(refused(&["--cache-to", "r.example/cache:1"]), @r"
    error: invalid value 'r.example/cache:1' for '--cache-to <PLACE>': `r.example/cache:1` names one image, and a cache is a repository

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&["--cache-to", "ftp://r.example/cache"]), @r"
    error: invalid value 'ftp://r.example/cache' for '--cache-to <PLACE>': `ftp://r.example/cache` is a URL of no kind that is known for caches

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&["--cache-to", "r.example/cache", "--cache-key", "no.key"]), @r"
    × `no.key` holds no key of Ed25519 in PEM
    help: `openssl genpkey -algorithm ed25519 -out cache.key` makes one, and `openssl pkey -in cache.key -pubout` its public half, with which entries are checked and none are signed
    ");
}
