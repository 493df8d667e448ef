//! What goes wrong on every kind of request: what is said then, that nothing is half there, and what is tried again.

use imgbuild_tests::distribution::{
    Access, Answer, Behaviour, Distribution, Kind, Profile, Request, Setup, TokenRules,
};
use insta::assert_snapshot;

use crate::client::{Asking, Picture, noise};

/// The answers that say no.
fn refusals() -> Vec<Answer> {
    let error = |status, code: &str| Answer::error(status, code, "said by the registry");
    vec![
        error(401, "UNAUTHORIZED"),
        error(403, "DENIED"),
        error(404, "NAME_UNKNOWN"),
        Answer::page(413, "413 Request Entity Too Large"),
        error(416, "RANGE_INVALID"),
        error(429, "TOOMANYREQUESTS").with("Retry-After", "0"),
        Answer::status(500),
        Answer::page(502, "502 Bad Gateway"),
        error(503, "UNAVAILABLE"),
        Answer::page(504, "504 Gateway Time-out"),
        Answer::page(522, "Connection timed out"),
    ]
}

/// What is done with a registry.
#[derive(Clone, Copy)]
enum Doing {
    Push,
    Pull,
    Tags,
}

/// Does it, and gives what is said of it. What fails leaves nothing half there.
fn said(doing: Doing, kind: Kind, behave: impl Fn(&Request) -> Behaviour + Send + Sync + 'static) -> String {
    said_to(Asking::new(), doing, kind, behave)
}

/// The same of one who asks in a way of its own.
fn said_to(
    asking: Asking,
    doing: Doing,
    kind: Kind,
    behave: impl Fn(&Request) -> Behaviour + Send + Sync + 'static,
) -> String {
    let registry = Distribution::with(move |request| {
        // A loopback registry is asked by which scheme it is spoken to, before anything else.
        if request.kind == kind { behave(request) } else { Behaviour::Right }
    });
    let picture = Picture::small();
    let said = match doing {
        Doing::Push => {
            // One blob is left to be sent: several would go at the same time.
            registry.put_blob("image", picture.bytes(&picture.config()));
            asking.push(&registry, "image", &picture).map(|_| "pushed".to_owned())
        }
        Doing::Pull => {
            picture.seed(&registry, "image", "1");
            asking.pull(&registry, "image", "1").map(|()| "pulled".to_owned())
        }
        Doing::Tags => {
            picture.seed(&registry, "image", "1");
            asking.tags(&registry, "image").map(|tags| format!("{tags:?}"))
        }
    };
    if matches!(doing, Doing::Push) {
        match &said {
            Ok(_) => picture.is_in(&registry, "image", "1"),
            Err(_) => assert_eq!(registry.tags("image"), [""; 0]),
        }
    }
    // Where the answer to its beginning is lost, nobody knows of an upload.
    if kind != Kind::StartUpload {
        assert_eq!(registry.open_uploads(), 0, "{}", registry.conversation());
    }
    said.unwrap_or_else(|error| error)
}

/// What is said of each refusal.
fn refused(doing: Doing, kind: Kind) -> String {
    let each = refusals().into_iter().map(|answer| {
        let status = answer.status;
        format!("{status}: {}", said(doing, kind, move |_| Behaviour::Answer(answer.clone())))
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_tag_that_is_asked_for_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::HeadManifest), @r"
    401: pushed
    403: pushed
    404: pushed
    413: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry refuses it (416)
    429: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry takes no more requests (429)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (503)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_repository_that_is_asked_for_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::Tags), @r"
    401: pushed
    403: pushed
    404: pushed
    413: pushed
    416: pushed
    429: pushed
    500: pushed
    502: pushed
    503: pushed
    504: pushed
    522: pushed
    ");
}

#[test]
fn an_upload_that_begins_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::StartUpload), @r"
    401: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: there is no such repository (404): NAME_UNKNOWN (said by the registry)
    hint: this registry makes no repository by itself: make it first
    413: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    hint: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    416: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_blob_that_is_sent_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::FinishUpload), @r"
    401: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: there is no such repository (404): NAME_UNKNOWN (said by the registry)
    hint: this registry makes no repository by itself: make it first
    413: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    hint: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    416: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_manifest_that_is_sent_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::PutManifest), @r"
    401: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: there is no such repository (404): NAME_UNKNOWN (said by the registry)
    hint: this registry makes no repository by itself: make it first
    413: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_manifest_that_is_read_is_refused() {
    assert_snapshot!(refused(Doing::Pull, Kind::GetManifest), @r"
    401: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: there is no image `127.0.0.1:PORT/image:1`
    hint: `imgbuild tags 127.0.0.1:PORT/image` lists what is there
    413: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_blob_that_is_read_is_refused() {
    assert_snapshot!(refused(Doing::Pull, Kind::GetBlob), @r"
    401: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: there is no such repository (404): NAME_UNKNOWN (said by the registry)
    413: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_list_of_tags_is_refused() {
    assert_snapshot!(refused(Doing::Tags, Kind::Tags), @r"
    401: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry wants a credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    403: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry does not allow it (403): DENIED (said by the registry)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    404: None
    413: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_blob_that_is_asked_for_is_refused() {
    assert_snapshot!(refused(Doing::Push, Kind::HeadBlob), @r"
    401: pushed
    403: pushed
    404: pushed
    413: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry refuses it (413)
    416: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry refuses it (416)
    429: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry takes no more requests (429)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry fails (503)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

/// What is said of each refusal by a registry that is set up so.
fn refused_by(
    setup: fn() -> Setup,
    kind: Kind,
    ask: impl Fn(&Asking, &Distribution) -> Result<(), String>,
) -> String {
    let each = refusals().into_iter().map(|answer| {
        let status = answer.status;
        let registry = setup()
            .hook(move |request| match request.kind == kind {
                true => Behaviour::Answer(answer.clone()),
                false => Behaviour::Right,
            })
            .start();
        let said = ask(&Asking::signed_in(), &registry).map_or_else(|told| told, |()| "done".to_owned());
        assert_eq!(registry.open_uploads(), 0, "{status}: {}", registry.conversation());
        format!("{status}: {said}")
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_piece_of_a_blob_is_refused() {
    let limited = || {
        Distribution::setup().profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
    };
    let told = refused_by(limited, Kind::Chunk, |asking, registry| {
        let picture = Picture::new(&[noise(3 << 20, 1)]);
        registry.put_blob("image", picture.bytes(&picture.config()));
        asking.push(registry, "image", &picture).map(drop)
    });
    assert_snapshot!(told, @r"
    401: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (said by the registry)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    403: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not allow it (403): DENIED (said by the registry)
    hint: who is signed in at `127.0.0.1:PORT` must be allowed to push to `image`
    404: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: there is no such repository (404): NAME_UNKNOWN (said by the registry)
    hint: this registry makes no repository by itself: make it first
    413: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    hint: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    416: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry refuses it (416): RANGE_INVALID (said by the registry)
    429: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry takes no more requests (429): TOOMANYREQUESTS (said by the registry)
    hint: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    500: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (500)
    hint: the registry has a trouble of its own: try again later
    502: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (502)
    hint: the registry has a trouble of its own: try again later
    503: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (503): UNAVAILABLE (said by the registry)
    hint: the registry has a trouble of its own: try again later
    504: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    522: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (522)
    hint: the registry has a trouble of its own: try again later
    ");
}

#[test]
fn a_mount_that_is_refused_is_an_upload() {
    let told = refused_by(Distribution::setup, Kind::Mount, |asking, registry| {
        let picture = Picture::small();
        picture.seed(registry, "base", "1");
        let image = picture.at_home(registry, "base", &["1"]);
        asking.push_with(registry, "image", &image, Default::default())?;
        picture.is_in(registry, "image", "1");
        Ok(())
    });
    assert!(told.lines().all(|line| line.ends_with(": done")), "{told}");
}

#[test]
fn a_token_is_refused() {
    let with_tokens = || Distribution::setup().access(Access::Token(TokenRules::default()));
    let told = refused_by(with_tokens, Kind::Token, |asking, registry| {
        Picture::small().seed(registry, "image", "1");
        asking.pull(registry, "image", "1")
    });
    assert_snapshot!(told, @r"
    401: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (401): UNAUTHORIZED (said by the registry)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    403: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (403): DENIED (said by the registry)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    404: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (404)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    413: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (413)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    416: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (416)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    429: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (429)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    500: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (500)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    502: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (502)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    503: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (503)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    504: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (504)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    522: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/token` gives no token (522)
    hint: the registry's server of tokens does not work as it should: try again later, or tell whoever runs it
    ");
}

#[test]
fn a_blob_is_refused_where_the_registry_has_led_to() {
    let told = refused_by(
        || Distribution::setup().profile(Profile::docker_hub()),
        Kind::Elsewhere,
        |asking, registry| {
            Picture::small().seed(registry, "image", "1");
            asking.pull(registry, "image", "1")
        },
    );
    assert_snapshot!(told, @r"
    401: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `401 Unauthorized` for `http://127.0.0.1:PORT/CONFIG`
    403: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `403 Forbidden` for `http://127.0.0.1:PORT/CONFIG`
    404: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `404 Not Found` for `http://127.0.0.1:PORT/CONFIG`
    413: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `413 Payload Too Large` for `http://127.0.0.1:PORT/CONFIG`
    416: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `416 Range Not Satisfiable` for `http://127.0.0.1:PORT/CONFIG`
    429: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `429 Too Many Requests` for `http://127.0.0.1:PORT/CONFIG`
    500: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `500 Internal Server Error` for `http://127.0.0.1:PORT/CONFIG`
    502: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `502 Bad Gateway` for `http://127.0.0.1:PORT/CONFIG`
    503: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `503 Service Unavailable` for `http://127.0.0.1:PORT/CONFIG`
    504: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `504 Gateway Timeout` for `http://127.0.0.1:PORT/CONFIG`
    522: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server answered `522 <unknown status code>` for `http://127.0.0.1:PORT/CONFIG`
    ");
}

/// All that the program asks for, with what it is doing.
const ASKED: [(Doing, Kind); 9] = [
    (Doing::Push, Kind::HeadManifest),
    (Doing::Push, Kind::Tags),
    (Doing::Push, Kind::StartUpload),
    (Doing::Push, Kind::FinishUpload),
    (Doing::Push, Kind::PutManifest),
    (Doing::Pull, Kind::GetManifest),
    (Doing::Pull, Kind::GetBlob),
    (Doing::Tags, Kind::Tags),
    (Doing::Push, Kind::HeadBlob),
];

/// How connections break: at once, in the middle of a request, and before the answer.
const BREAKS: [fn() -> Behaviour; 3] =
    [|| Behaviour::Close, || Behaviour::CloseAfter(1), || Behaviour::CloseWhenDone];

#[test]
fn what_may_pass_is_tried_again() {
    for (doing, kind) in ASKED {
        for answer in refusals().into_iter().filter(|answer| answer.status >= 429) {
            let status = answer.status;
            let told = said(doing, kind, move |request| match request.before {
                0 | 1 => Behaviour::Answer(answer.clone()),
                _ => Behaviour::Right,
            });
            let is_done = ["pushed", "pulled", "Some([\"1\"])"].contains(&told.as_str());
            assert!(is_done, "{kind:?} {status}: {told}");
        }
        for (number, break_off) in BREAKS.into_iter().enumerate() {
            let told = said(doing, kind, move |request| match request.before {
                0 => break_off(),
                _ => Behaviour::Right,
            });
            let is_done = ["pushed", "pulled", "Some([\"1\"])"].contains(&told.as_str());
            assert!(is_done, "{kind:?} {number}: {told}");
        }
    }
}

#[test]
fn connections_that_always_break() {
    let each = ASKED.into_iter().map(|(doing, kind)| {
        let closed = said(doing, kind, |_| Behaviour::Close);
        format!("{kind:?}: {closed}")
    });
    assert_snapshot!(each.collect::<Vec<_>>().join("\n"), @r"
    HeadManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/v2/image/manifests/1` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    `http://127.0.0.1:PORT/v2/image/tags/list` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    StartUpload: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written
    `http://127.0.0.1:PORT/v2/image/blobs/uploads/` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    FinishUpload: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written
    `http://127.0.0.1:PORT/v2/image/blobs/uploads/UPLOAD` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    PutManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be written
    `http://127.0.0.1:PORT/v2/image/manifests/1` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/v2/image/manifests/1` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    GetBlob: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    `http://127.0.0.1:PORT/v2/image/blobs/CONFIG` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    `http://127.0.0.1:PORT/v2/image/tags/list` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    HeadBlob: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read
    `http://127.0.0.1:PORT/v2/image/blobs/DIGEST` cannot be reached
    error sending request
    client error (SendRequest)
    connection closed before message completed
    ");
}

#[test]
fn answers_that_are_cut() {
    let each = [(Doing::Pull, Kind::GetManifest), (Doing::Pull, Kind::GetBlob), (Doing::Tags, Kind::Tags)];
    // The first time only.
    for (doing, kind) in each {
        let told = said(doing, kind, |request| match request.before {
            0 => Behaviour::CutAnswer(1),
            _ => Behaviour::Right,
        });
        assert!(["pulled", "Some([\"1\"])"].contains(&told.as_str()), "{kind:?}: {told}");
    }
    let each =
        each.map(|(doing, kind)| format!("{kind:?}: {}", said(doing, kind, |_| Behaviour::CutAnswer(1))));
    assert_snapshot!(each.join("\n"), @r"
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/v2/image/manifests/1` is cut off after 1 bytes
    error decoding response body
    error reading a body from connection
    end of file before message length reached
    GetBlob: pulled
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` is cut off after 1 bytes
    error decoding response body
    error reading a body from connection
    end of file before message length reached
    ");
}

#[test]
fn answers_that_never_end() {
    let each = [(Doing::Pull, Kind::GetManifest), (Doing::Pull, Kind::GetBlob), (Doing::Tags, Kind::Tags)];
    let each = each.map(|(doing, kind)| format!("{kind:?}: {}", said(doing, kind, |_| Behaviour::Endless)));
    assert_snapshot!(each.join("\n"), @r"
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/v2/image/manifests/1` is larger than 4194304 bytes
    GetBlob: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read: the registry sends more than the 78 bytes that it has
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` is larger than 4194304 bytes
    ");
    // What nobody reads of an answer may be endless as well.
    for kind in [Kind::FinishUpload, Kind::PutManifest] {
        assert_eq!(said(Doing::Push, kind, |_| Behaviour::Endless), "pushed", "{kind:?}");
    }
}

#[test]
fn registries_that_fall_silent() {
    let silent = |doing, kind, behave: fn() -> Behaviour| {
        format!("{kind:?}: {}", said_to(Asking::impatient(), doing, kind, move |_| behave()))
    };
    // All at the same time: each takes as long as its patience.
    let each = |behave: fn() -> Behaviour, all: &[(Doing, Kind)]| {
        std::thread::scope(|scope| {
            let one = |&(doing, kind)| scope.spawn(move || silent(doing, kind, behave));
            let running: Vec<_> = all.iter().map(one).collect();
            let told: Vec<String> = running.into_iter().map(|it| it.join().unwrap()).collect();
            told.join("\n")
        })
    };
    assert_snapshot!(each(|| Behaviour::Silence, &ASKED), @r"
    HeadManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the server sends `http://127.0.0.1:PORT/v2/image/manifests/1` too slowly
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    the server sends `http://127.0.0.1:PORT/v2/image/tags/list` too slowly
    StartUpload: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written
    the server sends `http://127.0.0.1:PORT/v2/image/blobs/uploads/` too slowly
    FinishUpload: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written
    the server sends `http://127.0.0.1:PORT/v2/image/blobs/uploads/UPLOAD` too slowly
    PutManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be written
    the server sends `http://127.0.0.1:PORT/v2/image/manifests/1` too slowly
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the server sends `http://127.0.0.1:PORT/v2/image/manifests/1` too slowly
    GetBlob: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server sends `http://127.0.0.1:PORT/v2/image/blobs/CONFIG` too slowly
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    the server sends `http://127.0.0.1:PORT/v2/image/tags/list` too slowly
    HeadBlob: `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be read
    the server sends `http://127.0.0.1:PORT/v2/image/blobs/DIGEST` too slowly
    ");
    // In the middle of an answer.
    let answers = [(Doing::Pull, Kind::GetManifest), (Doing::Tags, Kind::Tags)];
    assert_snapshot!(each(|| Behaviour::SilentAfter(1), &answers), @r"
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry's answer for `http://127.0.0.1:PORT/v2/image/manifests/1` is cut off after 1 bytes
    Tags: `127.0.0.1:PORT/image`: its tags cannot be listed
    the registry's answer for `http://127.0.0.1:PORT/v2/image/tags/list` is cut off after 1 bytes
    ");
    // A blob goes on where it stopped.
    let once = |request: &Request| match request.before {
        0 => Behaviour::SilentAfter(5),
        _ => Behaviour::Right,
    };
    assert_eq!(said_to(Asking::impatient(), Doing::Pull, Kind::GetBlob, once), "pulled");
}

#[test]
fn a_manifest_whose_blob_was_lost_meanwhile_is_sent_again_with_its_blobs() {
    let picture = Picture::small();
    let registry = std::sync::Arc::new(std::sync::OnceLock::<Distribution>::new());
    let (inner, lost) = (std::sync::Arc::clone(&registry), picture.config());
    let new = Distribution::with(move |request| {
        if request.kind == Kind::PutManifest && request.before == 0 {
            inner.get().unwrap().remove_blob("image", &lost);
        }
        Behaviour::Right
    });
    let registry = registry.get_or_init(|| new);
    Asking::new().push(registry, "image", &picture).unwrap();
    picture.is_in(registry, "image", "1");
    assert_snapshot!(registry.conversation(), @r"
    HEAD /v2/image/manifests/1 -> 404
    GET /v2/image/tags/list?n=1 -> 404
    POST /v2/image/blobs/uploads/ -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    POST /v2/image/blobs/uploads/ -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=LAYER BYTES -> 201
    PUT /v2/image/manifests/1 DOCUMENT -> 400
    HEAD /v2/image/blobs/CONFIG -> 404
    POST /v2/image/blobs/uploads/ -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=CONFIG BYTES -> 201
    HEAD /v2/image/blobs/LAYER -> 200
    PUT /v2/image/manifests/1 DOCUMENT -> 201
    ");
}

#[test]
fn a_manifest_whose_blob_is_always_lost() {
    let told = said(Doing::Push, Kind::PutManifest, |_| {
        Behaviour::Answer(Answer::error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"))
    });
    assert_snapshot!(told, @r"`127.0.0.1:PORT/image`: the manifest `1` cannot be written: the registry refuses it (400): MANIFEST_BLOB_UNKNOWN (blob unknown to registry)");
}
