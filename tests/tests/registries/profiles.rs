//! What registries do differently: an image arrives whole at each, and is had from there, and the conversation is as it should be.

use imgbuild_tests::distribution::{
    Access, Behaviour, ClosedSource, Distribution, Kind, Mounts, Profile, TokenRules,
};
use insta::assert_snapshot;

use crate::client::{Asking, Picture, noise};

/// 1 MiB.
const MIB: usize = 1 << 20;

/// Pushes an image to a registry, which has it then, whole, and gives it back: the conversation of the push.
#[track_caller]
fn arrives(profile: Profile, picture: &Picture) -> String {
    let registry = Distribution::setup().profile(profile).start();
    registry.make_repository("team/image");
    let asking = Asking::new();
    asking.push(&registry, "team/image", picture).unwrap();
    let conversation = registry.conversation();
    picture.is_in(&registry, "team/image", "1");
    assert_eq!(registry.open_uploads(), 0, "{conversation}");
    asking.pull(&registry, "team/image", "1").unwrap();
    // What is there already costs one request.
    let pushed = asking.push(&registry, "team/image", picture).unwrap();
    assert_eq!(pushed.counts.there.blobs as usize, picture.manifest.blobs().len());
    assert_eq!(registry.conversation(), "HEAD /v2/team/image/manifests/1 -> 200");
    conversation
}

#[test]
fn an_image_arrives_at_every_registry() {
    let picture = Picture::new(&[b"one".to_vec(), noise(100_000, 1)]);
    for profile in Profile::all() {
        let name = profile.name;
        let conversation = arrives(profile, &picture);
        // In one piece each, wherever that is allowed.
        assert!(!conversation.contains("PATCH"), "{name}: {conversation}");
    }
    assert_snapshot!(arrives(Profile::specification(), &picture), @r"
    HEAD /v2/team/image/manifests/1 -> 404
    GET /v2/team/image/tags/list?n=1 -> 200
    HEAD /v2/team/image/manifests/MANIFEST -> 404
    HEAD /v2/team/image/blobs/CONFIG -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    HEAD /v2/team/image/blobs/LAYER1 -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER1 BYTES -> 201
    HEAD /v2/team/image/blobs/LAYER2 -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 BYTES -> 201
    PUT /v2/team/image/manifests/1 DOCUMENT -> 201
    ");
}

#[test]
fn a_proxy_that_takes_only_small_requests_gets_pieces() {
    let picture = Picture::new(&[noise(3 * MIB, 2)]);
    assert_snapshot!(arrives(Profile::behind_cloudflare(2 << 20), &picture), @r"
    HEAD /v2/team/image/manifests/1 -> 404
    GET /v2/team/image/tags/list?n=1 -> 200
    HEAD /v2/team/image/manifests/MANIFEST -> 404
    HEAD /v2/team/image/blobs/CONFIG -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    HEAD /v2/team/image/blobs/LAYER -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 413
    DELETE /v2/team/image/blobs/uploads/UPLOAD -> 204
    POST /v2/team/image/blobs/uploads/ -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-1048575] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 1048576-2097151] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 2097152-3145727] BYTES -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 201
    PUT /v2/team/image/manifests/1 DOCUMENT -> 201
    ");
    // The next large blob goes in pieces at once.
    let registry = Distribution::setup().profile(Profile::behind_cloudflare(2 << 20)).start();
    let asking = Asking::new();
    asking.push(&registry, "image", &picture).unwrap();
    let other = Picture::new(&[noise(3 * MIB, 3)]);
    asking.push(&registry, "other", &other).unwrap();
    other.is_in(&registry, "other", "1");
    assert!(!registry.conversation().contains("413"), "{}", registry.conversation());
}

#[test]
fn pieces_arrive_whatever_a_registry_says_of_them() {
    let picture = Picture::new(&[noise(3 * MIB, 4)]);
    let limit = Some(2 << 20);
    for profile in [
        Profile { request_limit: limit, ..Profile::specification() },
        Profile { request_limit: limit, ..Profile::docker_registry() },
        Profile { request_limit: limit, ..Profile::azure() },
        Profile { request_limit: limit, ..Profile::aliyun() },
        Profile { request_limit: limit, ..Profile::ends_with_no_content() },
        Profile { request_limit: limit, chunk_status: 201, ..Profile::specification() },
    ] {
        let name = profile.name;
        let conversation = arrives(profile, &picture);
        assert!(conversation.contains("PATCH"), "{name}: {conversation}");
    }
}

#[test]
fn pieces_have_the_size_that_a_registry_asks_for() {
    let picture = Picture::new(&[noise(5 * MIB, 5)]);
    let profile = Profile { request_limit: Some(5 << 19), ..Profile::with_least_chunk(2 << 20) };
    assert_snapshot!(arrives(profile, &picture), @r"
    HEAD /v2/team/image/manifests/1 -> 404
    GET /v2/team/image/tags/list?n=1 -> 200
    HEAD /v2/team/image/manifests/MANIFEST -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-4194303] -> 413
    DELETE /v2/team/image/blobs/uploads/UPLOAD -> 204
    HEAD /v2/team/image/blobs/CONFIG -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    HEAD /v2/team/image/blobs/LAYER -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 413
    DELETE /v2/team/image/blobs/uploads/UPLOAD -> 204
    POST /v2/team/image/blobs/uploads/ -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-2097151] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 2097152-4194303] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 4194304-5242879] BYTES -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 201
    PUT /v2/team/image/manifests/1 DOCUMENT -> 201
    ");
}

#[test]
fn a_registry_whose_range_stands_still_gets_every_piece_once_it_is_found_out() {
    let picture = Picture::new(&[noise(3 * MIB, 6)]);
    let profile =
        Profile { least_chunk: None, request_limit: Some(2 << 20), takes_empty_end: true, ..Profile::ecr() };
    assert_snapshot!(arrives(profile, &picture), @r"
    HEAD /v2/team/image/manifests/1 -> 404
    GET /v2/team/image/tags/list?n=1 -> 200
    HEAD /v2/team/image/manifests/MANIFEST -> 404
    HEAD /v2/team/image/blobs/CONFIG -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    HEAD /v2/team/image/blobs/LAYER -> 404
    POST /v2/team/image/blobs/uploads/ -> 202
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 413
    DELETE /v2/team/image/blobs/uploads/UPLOAD -> 204
    POST /v2/team/image/blobs/uploads/ -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-1048575] BYTES -> 201
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 1048576-2097151] BYTES -> 201
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 1048576-2097151] BYTES -> 416
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 2097152-3145727] BYTES -> 201
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER -> 201
    PUT /v2/team/image/manifests/1 DOCUMENT -> 201
    ");
}

#[test]
fn blobs_come_from_where_the_registry_leads_and_no_credential_goes_there() {
    let picture = Picture::new(&[noise(100, 7)]);
    let access = Access::Token(TokenRules::default());
    let registry = Distribution::setup().profile(Profile::docker_hub()).access(access).start();
    let asking = Asking::signed_in();
    picture.seed(&registry, "image", "1");
    asking.pull(&registry, "image", "1").unwrap();
    let elsewhere: Vec<_> =
        registry.exchanges().into_iter().filter(|it| it.request.kind == Kind::Elsewhere).collect();
    // The configuration twice: it says for which platform the image is.
    assert_eq!(elsewhere.len(), 3);
    for exchange in elsewhere {
        assert!(!exchange.request.headers.contains_key("authorization"), "{exchange:?}");
        assert!(!exchange.request.headers.contains_key("cookie"), "{exchange:?}");
        assert!(!exchange.request.headers.contains_key("referer"), "{exchange:?}");
    }
}

/// Pushes an image whose blobs are in another repository, `base`: the conversation.
fn mounting(profile: Profile, rules: TokenRules) -> String {
    let registry = Distribution::setup().profile(profile).access(Access::Token(rules)).start();
    let picture = Picture::small();
    picture.seed(&registry, "base", "1");
    let image = picture.at_home(&registry, "base", &["1"]);
    Asking::signed_in().push_with(&registry, "image", &image, Default::default()).unwrap();
    picture.is_in(&registry, "image", "1");
    let kinds = [Kind::Mount, Kind::StartUpload, Kind::FinishUpload, Kind::CancelUpload];
    let lines: Vec<String> = registry.conversation().lines().map(str::to_owned).collect();
    let shown = lines.iter().filter(|line| line.contains("/blobs/uploads/"));
    assert!(registry.exchanges().iter().any(|it| kinds.contains(&it.request.kind)));
    shown.cloned().collect::<Vec<_>>().join("\n")
}

#[test]
fn blobs_are_mounted_where_that_is_allowed_and_else_sent() {
    let rules = TokenRules::default;
    assert_snapshot!(mounting(Profile::specification(), rules()), @r"
    POST /v2/image/blobs/uploads/?mount=CONFIG&from=base -> 201
    POST /v2/image/blobs/uploads/?mount=LAYER&from=base -> 201
    ");
    assert_snapshot!(mounting(Profile::quay(), rules()), @r"
    POST /v2/image/blobs/uploads/?mount=CONFIG&from=base -> 201
    POST /v2/image/blobs/uploads/?mount=LAYER&from=base -> 201
    ");
    assert_snapshot!(mounting(Profile::artifactory(), rules()), @r"
    POST /v2/image/blobs/uploads/?mount=CONFIG&from=base -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    POST /v2/image/blobs/uploads/?mount=LAYER&from=base -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=LAYER BYTES -> 201
    ");
    // The source may not be read: 401, 403, or an upload in its place.
    for closed_source in [ClosedSource::Unauthorized, ClosedSource::Forbidden, ClosedSource::Upload] {
        let rules = TokenRules { closed: vec!["base".to_owned()], closed_source, ..TokenRules::default() };
        let conversation = mounting(Profile::specification(), rules);
        assert_eq!(conversation.matches("PUT").count(), 2, "{conversation}");
    }
    let profile = Profile { mounts: Mounts::Never, ..Profile::ecr() };
    let profile = Profile { makes_repositories: true, ..profile };
    assert_eq!(mounting(profile, rules()).matches("PUT").count(), 2);
}

#[test]
fn a_source_that_may_not_be_read_is_asked_for_no_more() {
    let rules = TokenRules { closed: vec!["base".to_owned()], ..TokenRules::default() };
    let registry = Distribution::setup().access(Access::Token(rules)).start();
    let asking = Asking::signed_in();
    for (number, layer) in [b"one".to_vec(), b"two".to_vec()].into_iter().enumerate() {
        let picture = Picture::new(&[layer]);
        picture.seed(&registry, "base", "1");
        let image = picture.at_home(&registry, "base", &["1"]);
        asking.push_with(&registry, "image", &image, Default::default()).unwrap();
        picture.is_in(&registry, "image", "1");
        assert_eq!(registry.count(Kind::Mount) == 0, number == 1, "{}", registry.conversation());
    }
}

#[test]
fn sources_of_mounts_are_asked_for_with_the_first_token() {
    let registry = Distribution::setup().access(Access::Token(TokenRules::default())).start();
    let picture = Picture::small();
    picture.seed(&registry, "base", "1");
    let image = picture.at_home(&registry, "base", &["1"]);
    Asking::signed_in().push_with(&registry, "image", &image, Default::default()).unwrap();
    let tokens: Vec<_> =
        registry.exchanges().into_iter().filter(|it| it.request.kind == Kind::Token).collect();
    let asked: Vec<String> = tokens
        .iter()
        .map(|it| {
            it.request.query.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
        })
        .collect();
    assert_snapshot!(asked.join("\n"), @r"service=test&scope=repository:image:pull,push&scope=repository:base:pull");
}

#[test]
fn a_repository_that_nobody_made() {
    let registry = Distribution::setup().profile(Profile::ecr()).start();
    let said = Asking::new().push(&registry, "team/image", &Picture::small()).unwrap_err();
    assert_snapshot!(said, @r"
    `127.0.0.1:PORT/team/image`: the blob `DIGEST` cannot be written: there is no such repository (404): NAME_UNKNOWN (The repository with name 'team/image' does not exist in the registry with id '123456789012')
    hint: this registry makes no repository by itself: make it first
    ");
}

#[test]
fn a_registry_that_takes_no_pieces_and_no_large_requests() {
    let profile = Profile { request_limit: Some(2 << 20), ..Profile::google() };
    let registry = Distribution::setup().profile(profile).start();
    let picture = Picture::new(&[noise(3 * MIB, 8)]);
    // One blob is left to be sent: what goes at the same time may be on its way when the other one fails.
    registry.put_blob("image", picture.bytes(&picture.config()));
    let said = Asking::new().push(&registry, "image", &picture).unwrap_err();
    assert_snapshot!(said, @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    hint: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    ");
    assert_eq!((registry.open_uploads(), registry.tags("image").len()), (0, 0));
    assert_eq!(registry.count(Kind::Chunk), 1, "{}", registry.conversation());
}

#[test]
fn a_registry_that_wants_larger_pieces_than_its_proxy_lets_through() {
    let profile = Profile { request_limit: Some(2 << 20), ..Profile::with_least_chunk(3 << 20) };
    let registry = Distribution::setup().profile(profile).start();
    let picture = Picture::new(&[noise(7 * MIB, 9)]);
    // One blob is left to be sent: what goes at the same time may be on its way when the other one fails.
    registry.put_blob("image", picture.bytes(&picture.config()));
    let said = Asking::new().push(&registry, "image", &picture).unwrap_err();
    assert_snapshot!(said, @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    hint: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    ");
    assert_eq!((registry.open_uploads(), registry.tags("image").len()), (0, 0));
}

#[test]
fn several_tags_go_in_one_request_where_the_registry_knows_that() {
    let picture = Picture::small();
    let pushed = |profile: Profile| {
        let registry = Distribution::setup().profile(profile).start();
        picture.seed(&registry, "image", "first");
        let image = picture.pushable(&["first", "second", "third"]);
        Asking::new().push_with(&registry, "image", &image, Default::default()).unwrap();
        assert_eq!(registry.tags("image"), ["first", "second", "third"]);
        registry.conversation()
    };
    assert_snapshot!(pushed(Profile::specification()), @r"
    HEAD /v2/image/manifests/first -> 200
    HEAD /v2/image/manifests/second -> 404
    HEAD /v2/image/manifests/third -> 404
    PUT /v2/image/manifests/MANIFEST?tag=second&tag=third DOCUMENT -> 201
    ");
    assert_snapshot!(pushed(Profile { tag_parameter: false, ..Profile::specification() }), @r"
    HEAD /v2/image/manifests/first -> 200
    HEAD /v2/image/manifests/second -> 404
    HEAD /v2/image/manifests/third -> 404
    PUT /v2/image/manifests/MANIFEST?tag=second&tag=third DOCUMENT -> 201
    PUT /v2/image/manifests/second DOCUMENT -> 201
    PUT /v2/image/manifests/third DOCUMENT -> 201
    ");
}

#[test]
fn tags_are_listed_over_all_pages() {
    let registry = Distribution::setup().profile(Profile { page: 2, ..Profile::specification() }).start();
    for tag in ["a", "b", "c", "d", "e"] {
        Picture::small().seed(&registry, "image", tag);
    }
    let asking = Asking::new();
    assert_eq!(asking.tags(&registry, "image").unwrap().unwrap(), ["a", "b", "c", "d", "e"]);
    assert_snapshot!(registry.conversation(), @r"
    GET /v2/image/tags/list -> 200
    GET /v2/image/tags/list?n=2&last=b -> 200
    GET /v2/image/tags/list?n=2&last=d -> 200
    ");
    assert_eq!(asking.tags(&registry, "nothing").unwrap(), None);
}

#[test]
fn referrers_are_found_with_and_without_a_list_of_them() {
    let picture = Picture::small();
    for profile in [Profile::specification(), Profile::docker_registry()] {
        let has_list = profile.referrers;
        let registry = Distribution::setup().profile(profile).start();
        picture.seed(&registry, "image", "1");
        let subject = picture.manifest.digest;
        let artifact = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.example",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": picture.config(), "size": 2 },
            "layers": [],
            "subject": { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1 },
        });
        let document = |media_type: &str, value: &serde_json::Value| imgbuild_tests::distribution::Document {
            media_type: media_type.to_owned(),
            bytes: value.to_string().into_bytes(),
        };
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        let artifact = registry.put_manifest("image", None, document(manifest, &artifact));
        if !has_list {
            let index = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [{ "mediaType": manifest, "digest": artifact, "size": 1 }],
            });
            let tag = subject.to_string().replace(':', "-");
            registry.put_manifest(
                "image",
                Some(&tag),
                document("application/vnd.oci.image.index.v1+json", &index),
            );
        }
        let asking = Asking::new();
        let remote = asking.open(&registry, "image");
        let found = asking.runtime.block_on(remote.referrers(&subject)).unwrap();
        assert_eq!(found.iter().map(|it| it.digest).collect::<Vec<_>>(), [artifact]);
        let none = asking.runtime.block_on(remote.referrers(&picture.config())).unwrap();
        assert!(none.is_empty(), "{none:?}");
    }
}

#[test]
fn a_blob_goes_on_where_the_connection_broke() {
    let picture = Picture::new(&[noise(3 * MIB, 10)]);
    // On the way to the registry.
    let registry = Distribution::with(|request| match request.kind {
        Kind::FinishUpload if request.before == 0 => Behaviour::CloseAfter(MIB),
        _ => Behaviour::Right,
    });
    let asking = Asking::new();
    let layer_only = Picture::new(&[noise(3 * MIB, 10)]);
    asking.push(&registry, "image", &layer_only).unwrap();
    layer_only.is_in(&registry, "image", "1");
    assert_eq!(registry.open_uploads(), 0, "{}", registry.conversation());
    let sent: usize = registry.exchanges().iter().map(|it| it.received).sum();
    assert!(sent < 3 * MIB + 10_000, "{sent} bytes were sent\n{}", registry.conversation());
    // On the way back.
    let registry = Distribution::with(|request| match request.kind {
        Kind::GetBlob if request.before == 2 => Behaviour::CutAnswer(MIB),
        _ => Behaviour::Right,
    });
    picture.seed(&registry, "image", "1");
    asking.pull(&registry, "image", "1").unwrap();
    assert_snapshot!(registry.conversation(), @r"
    GET /v2/image/manifests/1 -> 200
    GET /v2/image/blobs/CONFIG -> 200
    GET /v2/image/blobs/CONFIG -> 200
    GET /v2/image/blobs/LAYER -> 200
    GET /v2/image/blobs/LAYER [range: bytes=1048576-] -> 206
    ");
}
