//! What is read of registries: blobs from servers that know no ranges, and lists of lists.

use imgbuild_oci::Digest;
use imgbuild_tests::distribution::{Behaviour, Distribution, Document, Kind, Profile};
use insta::assert_snapshot;
use serde_json::json;

use crate::client::{Asking, Picture, noise};
use crate::program::Bench;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[test]
fn a_blob_goes_on_at_a_server_that_knows_no_ranges() {
    // It sends the whole blob each time, and the connection breaks twice.
    let picture = Picture::new(&[noise(3 << 20, 10)]);
    let registry = Distribution::setup()
        .profile(Profile { ranges: false, ..Profile::specification() })
        .hook(|request| match (request.kind, request.before) {
            // The configuration is read twice before.
            (Kind::GetBlob, 2) => Behaviour::CutAnswer(1_000_003),
            (Kind::GetBlob, 3) => Behaviour::CutAnswer(2_000_003),
            (Kind::GetBlob, 4) => Behaviour::CutAnswer(1_500_000),
            _ => Behaviour::Right,
        })
        .start();
    picture.seed(&registry, "image", "1");
    Asking::new().pull(&registry, "image", "1").unwrap();
    assert_eq!(registry.count(Kind::GetBlob), 6, "{}", registry.conversation());
}

#[test]
fn a_part_of_a_blob_from_another_place_is_refused() {
    let picture = Picture::new(&[noise(3 << 20, 10)]);
    let registry = Distribution::with(|request| match request.kind {
        Kind::GetBlob if request.before == 2 => Behaviour::CutAnswer(1 << 20),
        Kind::GetBlob if request.before > 2 => {
            Behaviour::change(|answer| answer.with("Content-Range", "bytes 7-3145727/3145728"))
        }
        _ => Behaviour::Right,
    });
    picture.seed(&registry, "image", "1");
    assert_snapshot!(Asking::new().pull(&registry, "image", "1").unwrap_err(), @r"
    `127.0.0.1:PORT/image`: the blob `LAYER` cannot be read
    the server sent another part of `http://127.0.0.1:PORT/v2/image/blobs/LAYER` than was asked for
    ");
}

/// Puts a list of manifests into a registry.
fn list(registry: &Distribution, name: &str, tag: Option<&str>, digests: &[Digest]) -> Digest {
    let descriptor = |digest: &Digest| json!({ "mediaType": INDEX, "digest": digest, "size": 1 });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": digests.iter().map(descriptor).collect::<Vec<_>>() });
    let document = Document { media_type: INDEX.to_owned(), bytes: index.to_string().into_bytes() };
    registry.put_manifest(name, tag, document)
}

#[test]
fn a_list_comes_behind_all_that_it_lists() {
    let (from, to) = (Distribution::new(), Distribution::new());
    let picture = Picture::small();
    picture.seed(&from, "image", "of-both");
    let inner = list(&from, "image", None, &[picture.manifest.digest]);
    list(&from, "image", Some("1"), &[inner, picture.manifest.digest]);
    let bench = Bench::new(&["linux/amd64"], 100);
    let words = ["copy", &format!("{}/image:1", from.address()), &format!("{}/image:1", to.address())];
    bench.imgbuild.run(words).success();
    assert_eq!(from.manifest("image", "1"), to.manifest("image", "1"));
}

#[test]
fn lists_that_are_too_deep_or_have_too_much() {
    let registry = Distribution::new();
    let picture = Picture::small();
    picture.seed(&registry, "image", "of-all");
    let mut deep = picture.manifest.digest;
    for _ in 0..20 {
        deep = list(&registry, "image", None, &[deep]);
    }
    let deep = list(&registry, "image", Some("deep"), &[deep]);
    let empty = |number: usize| {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": { "number": number.to_string() } });
        let document = Document { media_type: INDEX.to_owned(), bytes: index.to_string().into_bytes() };
        registry.put_manifest("image", None, document)
    };
    let many: Vec<Digest> = (0..2000).map(empty).collect();
    let many = list(&registry, "image", Some("many"), &many);
    let bench = Bench::new(&["linux/amd64"], 100);
    for (tag, digest) in [("deep", deep), ("many", many)] {
        let source = format!("{}/image:{tag}", registry.address());
        let words = ["copy", &source, &format!("{}/other:1", registry.address())];
        let said = bench.message(&registry, bench.imgbuild.run(words));
        let said = said.replace(&registry.named(&digest.to_string()), "LIST");
        match tag {
            "deep" => {
                assert_snapshot!(said, @r"  × `127.0.0.1:PORT/image`: the manifest `LIST` has lists of images that are nested too deeply")
            }
            _ => {
                assert_snapshot!(said, @r"  × `127.0.0.1:PORT/image`: the manifest `LIST` lists more than 1000 manifests")
            }
        }
        assert!(registry.count(Kind::GetManifest) < 1200);
        registry.forget();
    }
    // What a tag was is looked into as far as it helps.
    let newer = Picture::new(&[b"newer".to_vec()]);
    for tag in ["deep", "many"] {
        Asking::new().push_with(&registry, "image", &newer.pushable(&[tag]), Default::default()).unwrap();
        assert!(registry.count(Kind::GetManifest) < 200, "{}", registry.count(Kind::GetManifest));
    }
}
