//! Registries that lie: what they lead to, what they send, and what they say of it. No request and no credential goes where it has no
//! business.

use std::sync::Arc;

use imgbuild_oci::Digest;
use imgbuild_tests::distribution::{
    Access, Answer, Behaviour, Distribution, Document, Kind, Profile, Request, TokenRules,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::client::{Asking, Picture, noise};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What is said of a push whose requests of a kind are answered so; the other registry is one that must not be asked.
fn push(kind: Kind, change: impl Fn(Answer) -> Answer + Send + Sync + 'static) -> String {
    let change = Arc::new(change);
    let registry = Distribution::with(move |request| match request.kind == kind {
        true => {
            let change = Arc::clone(&change);
            Behaviour::change(move |answer| change(answer))
        }
        false => Behaviour::Right,
    });
    let picture = Picture::small();
    registry.put_blob("image", picture.bytes(&picture.config()));
    match Asking::new().push(&registry, "image", &picture) {
        Ok(_) => {
            picture.is_in(&registry, "image", "1");
            "pushed".to_owned()
        }
        Err(told) => told,
    }
}

/// What is said of a pull whose requests of a kind are answered so.
fn pull(kind: Kind, change: impl Fn(&Request, Answer) -> Answer + Send + Sync + 'static) -> String {
    let change = Arc::new(change);
    let registry = Distribution::with(move |request| match request.kind == kind {
        true => {
            let (change, request) = (Arc::clone(&change), request.clone());
            Behaviour::change(move |answer| change(&request, answer))
        }
        false => Behaviour::Right,
    });
    Picture::small().seed(&registry, "image", "1");
    match Asking::new().pull(&registry, "image", "1") {
        Ok(()) => "pulled".to_owned(),
        Err(told) => told,
    }
}

#[test]
fn an_upload_goes_nowhere_but_to_its_registry() {
    let other = Distribution::setup().host("127.0.0.2").start();
    let elsewhere = format!("{}/v2/image/blobs/uploads/upload-1?_state=upload-1-0", other.url());
    let locations = [
        ("another host", Some(elsewhere.as_str())),
        ("a private address", Some("http://10.0.0.1/v2/image/blobs/uploads/upload-1")),
        ("the metadata of a cloud", Some("http://169.254.169.254/latest/meta-data/")),
        ("a name and a password in front", Some("http://user:hunter2@registry.example/")),
        ("another scheme", Some("file:///etc/passwd")),
        ("no URL", Some("http://")),
        ("none", None),
    ];
    let each = locations.map(|(name, location)| {
        let location = location.map(str::to_owned);
        let told = push(Kind::StartUpload, move |answer| match &location {
            Some(location) => answer.with("Location", location),
            None => answer.without("Location"),
        });
        format!("{name}: {told}")
    });
    assert_snapshot!(each.join("\n"), @r"
    another host: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads to another host, `127.0.0.2:PORT`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    a private address: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads to another host, `10.0.0.1`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    the metadata of a cloud: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads to another host, `169.254.169.254`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    a name and a password in front: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads to another host, `registry.example`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    another scheme: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads from http to file
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    no URL: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: where it leads is no URL
    none: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it has no `Location`
    ");
    assert_eq!(other.exchanges().len(), 0, "{}", other.conversation());
}

#[test]
fn an_upload_may_go_to_a_place_that_is_written_in_another_way() {
    for change in [
        |answer: Answer, location: String| {
            answer.with("Location", location.trim_start_matches("/v2/image/blobs/uploads/"))
        },
        |answer: Answer, location: String| {
            answer.with(
                "Location",
                format!("../uploads/../../blobs{}", location.trim_start_matches("/v2/image/blobs")),
            )
        },
    ] {
        let told = push(Kind::StartUpload, move |answer| {
            let location = answer.header("Location").unwrap().to_owned();
            change(answer, location)
        });
        assert_eq!(told, "pushed");
    }
}

#[test]
fn pieces_go_nowhere_but_to_their_registry() {
    let other = Distribution::setup().host("127.0.0.2").start();
    let elsewhere = format!("{}/v2/image/blobs/uploads/upload-1?_state=upload-1-0", other.url());
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(move |request| match request.kind {
            Kind::Chunk => {
                let elsewhere = elsewhere.clone();
                Behaviour::change(move |answer| answer.with("Location", elsewhere))
            }
            _ => Behaviour::Right,
        })
        .start();
    let told = Asking::new().push(&registry, "image", &Picture::new(&[noise(3 << 20, 1)])).unwrap_err();
    assert_snapshot!(told, @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry's answer (202 Accepted) is not followed: it leads to another host, `127.0.0.2:PORT`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    ");
    assert_eq!((other.exchanges().len(), registry.tags("image").len()), (0, 0));
}

#[test]
fn what_a_registry_says_that_it_has_stored_is_held_against_what_was_sent() {
    let another = Digest::of("another").to_string();
    let blob = another.clone();
    assert_snapshot!(push(Kind::FinishUpload, move |answer| answer.with("Docker-Content-Digest", blob.clone())), @r"`127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry says that it has stored `DIGEST`, and `DIGEST` was sent");
    let manifest = another.clone();
    assert_snapshot!(push(Kind::PutManifest, move |answer| answer.with("Docker-Content-Digest", manifest.clone())), @r"`127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry says that it has stored `DIGEST`, and `MANIFEST` was sent");
    // What says nothing, or nonsense, is believed: the digest was in the request.
    assert_eq!(push(Kind::FinishUpload, |answer| answer.without("Docker-Content-Digest")), "pushed");
    assert_eq!(push(Kind::PutManifest, |answer| answer.without("Docker-Content-Digest")), "pushed");
    assert_eq!(push(Kind::HeadManifest, |answer| answer.with("Docker-Content-Digest", "sha256:x")), "pushed");
}

#[test]
fn ranges_that_cannot_be_do_no_harm() {
    let ranges = ["0-99999999999999999999", "5-3", "bytes=0-0", "0-18446744073709551615", "x", ""];
    for range in ranges {
        let registry = Distribution::setup()
            .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
            .hook(move |request| match request.kind {
                Kind::Chunk | Kind::UploadStatus => {
                    Behaviour::change(move |answer| answer.with("Range", range))
                }
                _ => Behaviour::Right,
            })
            .start();
        let picture = Picture::new(&[noise(3 << 20, 2)]);
        Asking::new().push(&registry, "image", &picture).unwrap();
        picture.is_in(&registry, "image", "1");
    }
}

#[test]
fn an_upload_that_never_gets_further() {
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::Chunk => Behaviour::CloseAfter(0),
            _ => Behaviour::Right,
        })
        .start();
    let told = Asking::new().push(&registry, "image", &Picture::new(&[noise(3 << 20, 3)])).unwrap_err();
    // How the connection broke is chance.
    assert_snapshot!(told.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written
    `http://127.0.0.1:PORT/v2/image/blobs/uploads/UPLOAD` cannot be reached
    ");
    // Answers that always say that the range is wrong.
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::Chunk => Behaviour::Answer(Answer::error(416, "RANGE_INVALID", "invalid content range")),
            _ => Behaviour::Right,
        })
        .start();
    let told = Asking::new().push(&registry, "image", &Picture::new(&[noise(3 << 20, 3)])).unwrap_err();
    assert_snapshot!(told, @r"`127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (416): RANGE_INVALID (invalid content range)");
    assert!(registry.count(Kind::Chunk) < 20, "{}", registry.conversation());
}

#[test]
fn blobs_that_are_something_else() {
    let wrong = |told: &'static str, body: Vec<u8>, status: u16| {
        let said = pull(Kind::GetBlob, move |request, answer| match request.before {
            0 => Answer { status, ..answer }.without("content-length").body(body.clone()),
            _ => answer,
        });
        format!("{told}: {said}")
    };
    let size = Picture::small().bytes(&Picture::small().config()).len();
    let each = [
        wrong("another content", vec![b'x'; size], 200),
        wrong("longer", vec![b'x'; size + 1], 200),
        wrong("a part", vec![b'x'; size], 206),
        wrong("nothing", Vec::new(), 204),
    ];
    assert_snapshot!(each.join("\n"), @r"
    another content: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: what the registry sends is something else: its digest is `DIGEST`
    longer: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry sends more than the 78 bytes that it has
    a part: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry answers something else (206)
    nothing: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry answers something else (204)
    ");
    assert_snapshot!(pull(Kind::GetBlob, |_, answer| answer.body("short")), @r"`127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry sends more than the 78 bytes that it has");
    let stated = Digest::of("another").to_string();
    assert_snapshot!(pull(Kind::GetBlob, move |_, answer| answer.with("Docker-Content-Digest", stated.clone())), @r"pulled");
}

#[test]
fn blobs_that_are_led_astray() {
    let each = [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://registry.example/",
        "http://",
    ];
    let each = each.map(|location| {
        let told = pull(Kind::GetBlob, move |_, _| Answer::status(307).with("Location", location));
        format!("{location}: {told}")
    });
    assert_snapshot!(each.join("\n"), @r"
    http://169.254.169.254/latest/meta-data/: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: it leads into an inner network, to `169.254.169.254`
    file:///etc/passwd: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: it leads from http to file
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    gopher://registry.example/: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: it leads from http to gopher
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    http://: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: where it leads is no URL
    ");
    assert_snapshot!(pull(Kind::GetBlob, |_, _| Answer::status(302)), @r"`127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry's answer (302 Found) is not followed: it has no `Location`");
    // In a circle.
    assert_snapshot!(pull(Kind::GetBlob, |request, _| Answer::status(302).with("Location", request.path.clone())), @r"
    `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    `http://127.0.0.1:PORT/v2/image/blobs/CONFIG` is behind too many redirects
    ");
}

#[test]
fn manifests_that_are_something_else() {
    let each = [
        ("HTML", "<html></html>"),
        ("no object", "[]"),
        ("nothing", "{}"),
        ("docker's first version", r#"{"schemaVersion":1,"fsLayers":[]}"#),
    ];
    let each = each.map(|(name, body)| {
        let told = pull(Kind::GetManifest, move |_, answer| {
            answer.body(body).without("Docker-Content-Digest").with("Content-Type", MANIFEST)
        });
        format!("{name}: {told}")
    });
    assert_snapshot!(each.join("\n"), @r"
    HTML: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: expected value at line 1 column 1
    no object: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: invalid length 0, expected a manifest at line 1 column 2
    nothing: `127.0.0.1:PORT/image`: the manifest `1` is neither an image nor a list of images
    docker's first version: `127.0.0.1:PORT/image`: the manifest `1` is of docker's first version, which states no digest of a configuration
    ");
    assert_snapshot!(pull(Kind::GetManifest, |_, answer| answer.body("{}")), @r"`127.0.0.1:PORT/image`: the manifest `1` cannot be read: what the registry sends is something else: its digest is `DIGEST`");
    let deep = "[".repeat(1 << 20);
    let told =
        pull(Kind::GetManifest, move |_, answer| answer.body(deep.clone()).without("Docker-Content-Digest"));
    assert_snapshot!(told, @r"`127.0.0.1:PORT/image`: the manifest `1` cannot be read: invalid type: sequence, expected u64 at line 1 column 1");
    let large = " ".repeat(5 << 20);
    assert_snapshot!(pull(Kind::GetManifest, move |_, answer| answer.body(large.clone())), @r"
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/v2/image/manifests/1` is larger than 4194304 bytes
    ");
}

#[test]
fn what_has_no_image_for_a_platform() {
    let registry = Distribution::new();
    let asking = Asking::new();
    let descriptor = |architecture: &str, digest: Digest, media_type: &str| json!({ "mediaType": media_type, "digest": digest, "size": 1, "platform": { "os": "linux", "architecture": architecture } });
    let put = |tag: &str, manifests: Vec<serde_json::Value>| {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        let document = Document { media_type: INDEX.to_owned(), bytes: index.to_string().into_bytes() };
        registry.put_manifest("image", Some(tag), document)
    };
    let absent = Digest::of("absent");
    put("other", vec![descriptor("s390x", absent, MANIFEST), descriptor("riscv64", absent, MANIFEST)]);
    put("empty", Vec::new());
    put("absent", vec![descriptor("amd64", absent, MANIFEST)]);
    let inner = put("inner", Vec::new());
    put("nested", vec![descriptor("amd64", inner, INDEX)]);
    let each = ["other", "empty", "absent", "nested", "none"]
        .map(|tag| format!("{tag}: {}", asking.pull(&registry, "image", tag).unwrap_err()));
    assert_snapshot!(each.join("\n"), @r"
    other: `127.0.0.1:PORT/image:other` is not built for linux/amd64; it is for linux/s390x, linux/riscv64
    empty: `127.0.0.1:PORT/image:empty` is not built for linux/amd64; it is for no platform at all
    absent: there is no image `127.0.0.1:PORT/image@DIGEST`
    hint: `imgbuild tags 127.0.0.1:PORT/image` lists what is there
    nested: `127.0.0.1:PORT/image`: the manifest `MANIFEST` is a list of images within another one
    none: there is no image `127.0.0.1:PORT/image:none`
    hint: `imgbuild tags 127.0.0.1:PORT/image` lists what is there
    ");
}

#[test]
fn pages_of_tags_that_lead_elsewhere_or_nowhere() {
    let other = Distribution::setup().host("127.0.0.2").start();
    let tags = |link: String| {
        let registry = Distribution::with(move |request| match request.kind {
            Kind::Tags => {
                let link = link.clone();
                Behaviour::change(move |answer| answer.with("Link", link))
            }
            _ => Behaviour::Right,
        });
        Picture::small().seed(&registry, "image", "1");
        match Asking::new().tags(&registry, "image") {
            Ok(tags) => format!("{} tags", tags.unwrap().len()),
            Err(told) => told,
        }
    };
    let each = [
        tags(format!("<{}/v2/image/tags/list?last=1>; rel=\"next\"", other.url())),
        tags("<http://10.0.0.1/>; rel=\"next\"".to_owned()),
        tags("nonsense".to_owned()),
        // The same page for ever.
        tags("</v2/image/tags/list?last=0>; rel=\"next\"".to_owned()),
    ];
    assert_snapshot!(each.join("\n"), @r"
    `127.0.0.1:PORT/image`: its tags cannot be listed: the registry's answer (200 OK) is not followed: it leads to another host, `127.0.0.2:PORT`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    `127.0.0.1:PORT/image`: its tags cannot be listed: the registry's answer (200 OK) is not followed: it leads to another host, `10.0.0.1`
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    1 tags
    `127.0.0.1:PORT/image`: its tags cannot be listed: the registry's list has no end
    ");
    assert_eq!(other.exchanges().len(), 0);
}

#[test]
fn lists_of_tags_that_are_none() {
    let tags = |body: &'static str| {
        let registry = Distribution::with(move |request| match request.kind {
            Kind::Tags => Behaviour::change(move |answer| answer.body(body)),
            _ => Behaviour::Right,
        });
        Picture::small().seed(&registry, "image", "1");
        match Asking::new().tags(&registry, "image") {
            Ok(tags) => format!("{tags:?}"),
            Err(told) => told,
        }
    };
    let each = ["<html></html>", "[]", "{}", r#"{"tags":null}"#, r#"{"tags":[1]}"#].map(tags);
    assert_snapshot!(each.join("\n"), @r"
    `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` cannot be read
    expected value at line 1 column 1
    `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` cannot be read
    invalid length 0, expected a list of tags at line 1 column 2
    Some([])
    Some([])
    `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` cannot be read
    invalid type: integer `1`, expected a string at line 1 column 10
    ");
}

/// What is said where the registry asks for a token in this way, and whether the password went out.
fn challenged(challenge: &str) -> String {
    let challenge = challenge.to_owned();
    let registry = Distribution::with(move |request| match request.kind {
        Kind::GetManifest => {
            Behaviour::Answer(Answer::status(401).with("WWW-Authenticate", challenge.clone()))
        }
        _ => Behaviour::Right,
    });
    Picture::small().seed(&registry, "image", "1");
    Asking::signed_in().pull(&registry, "image", "1").unwrap_err()
}

#[test]
fn a_password_goes_to_no_realm_that_it_should_not() {
    // A realm elsewhere is usual: but from a registry on the loopback none is without TLS but on the loopback.
    let each = [
        "Bearer realm=\"http://auth.example/token\",service=\"x\"",
        "Bearer realm=\"http://10.0.0.1/token\",service=\"x\"",
        "Bearer realm=\"file:///etc/passwd\"",
        "Bearer realm=\"nonsense\"",
        "Bearer service=\"x\"",
        "Bearer",
        "Basic realm=\"x\"",
        "Negotiate",
        "",
    ];
    let each = each.map(|challenge| format!("{challenge}: {}", challenged(challenge)));
    assert_snapshot!(each.join("\n"), @r#"
    Bearer realm="http://auth.example/token",service="x": `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry wants a token from `http://auth.example/token`, which is asked for none: it leads without TLS to another host, `auth.example`
    hint: the registry is set up wrongly: tell whoever runs it
    Bearer realm="http://10.0.0.1/token",service="x": `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry wants a token from `http://10.0.0.1/token`, which is asked for none: it leads without TLS to another host, `10.0.0.1`
    hint: the registry is set up wrongly: tell whoever runs it
    Bearer realm="file:///etc/passwd": `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry wants a token from `file:///etc/passwd`, which is asked for none: it leads from http to file
    hint: the registry is set up wrongly: tell whoever runs it
    Bearer realm="nonsense": `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry wants a token from `nonsense`, which is asked for none: where it leads is no URL
    hint: the registry is set up wrongly: tell whoever runs it
    Bearer service="x": `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    Bearer: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    Basic realm="x": `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    Negotiate: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    : `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    "#);
}

#[test]
fn tokens_that_are_none() {
    let rules = TokenRules::default();
    let pull = |change: fn(Answer) -> Answer| {
        let registry = Distribution::setup()
            .access(Access::Token(rules.clone()))
            .hook(move |request| match request.kind {
                Kind::Token => Behaviour::change(change),
                _ => Behaviour::Right,
            })
            .start();
        Picture::small().seed(&registry, "image", "1");
        match Asking::signed_in().pull(&registry, "image", "1") {
            Ok(()) => "pulled".to_owned(),
            Err(told) => told,
        }
    };
    let each = [
        pull(|answer| answer.body("<html></html>")),
        pull(|answer| answer.body("{}")),
        pull(|answer| answer.body(r#"{"token":""}"#)),
        pull(|answer| answer.body(r#"{"token":"a\nb"}"#)),
        pull(|answer| answer.body(r#"{"token":"another"}"#)),
        pull(|answer| answer.body(" ".repeat(5 << 20))),
        pull(|_| Answer::error(403, "DENIED", "no")),
        pull(|_| Answer::page(500, "trouble")),
        pull(|_| Answer::status(302).with("Location", "http://10.0.0.1/")),
    ];
    assert_snapshot!(each.join("\n"), @r"
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/token` cannot be read
    expected value at line 1 column 1
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (200)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (200)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (200)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/token` is larger than 4194304 bytes
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (403): DENIED (no)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (500)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (302)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    ");
}
