//! Registries, and proxies before them, that take their time: uploads that a proxy gives up on, answers that never come, and what comes
//! byte by byte.

use std::time::Duration;

use imgbuild_tests::distribution::{Answer, Behaviour, Distribution, Kind, Profile};
use insta::assert_snapshot;

use crate::client::{Asking, Picture, noise};

/// 1 MiB.
const MIB: usize = 1 << 20;

/// What a proxy says that gave up waiting.
const GAVE_UP: [u16; 5] = [408, 499, 504, 522, 524];

#[test]
fn a_piece_that_a_proxy_gave_up_on_is_sent_in_smaller_ones() {
    for status in GAVE_UP {
        let registry = Distribution::setup()
            .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
            .hook(move |request| match request.kind {
                Kind::Chunk if request.before == 0 => Behaviour::Answer(Answer::page(status, "gave up")),
                _ => Behaviour::Right,
            })
            .start();
        let picture = Picture::new(&[noise(3 * MIB, 1)]);
        Asking::new().push(&registry, "image", &picture).unwrap();
        picture.is_in(&registry, "image", "1");
    }
}

#[test]
fn the_smallest_piece_is_tried_again() {
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::Chunk if request.before < 3 => Behaviour::Answer(Answer::page(504, "gave up")),
            _ => Behaviour::Right,
        })
        .start();
    let picture = Picture::new(&[noise(3 * MIB, 1)]);
    Asking::new().push(&registry, "image", &picture).unwrap();
    picture.is_in(&registry, "image", "1");
}

#[test]
fn pieces_that_a_proxy_always_gives_up_on() {
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::Chunk => Behaviour::Answer(Answer::page(504, "gave up")),
            _ => Behaviour::Right,
        })
        .start();
    let told = Asking::new().push(&registry, "image", &Picture::new(&[noise(3 * MIB, 1)])).unwrap_err();
    assert_snapshot!(told, @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    ");
    assert_eq!((registry.open_uploads(), registry.tags("image").len()), (0, 0));
}

#[test]
fn a_blob_that_the_registry_took_while_its_proxy_gave_up_is_not_sent_again() {
    for status in GAVE_UP {
        let registry = Distribution::with(move |request| match request.kind {
            Kind::FinishUpload if request.before == 0 => {
                Behaviour::change(move |_| Answer::page(status, "gave up"))
            }
            _ => Behaviour::Right,
        });
        let picture = Picture::new(&[noise(3 * MIB, 1)]);
        registry.put_blob("image", picture.bytes(&picture.config()));
        Asking::new().push(&registry, "image", &picture).unwrap();
        picture.is_in(&registry, "image", "1");
        let sent: usize = registry.exchanges().iter().map(|it| it.received).sum();
        assert!(sent < 3 * MIB + 10_000, "{status}: {sent} bytes were sent\n{}", registry.conversation());
    }
}

#[test]
fn an_end_of_an_upload_that_always_fails_is_told() {
    // The pieces are taken; what ends the upload is not.
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::FinishUpload if request.headers.get("content-length").is_some_and(|it| it == "0") => {
                Behaviour::Answer(Answer::page(504, "gave up"))
            }
            _ => Behaviour::Right,
        })
        .start();
    let picture = Picture::new(&[noise(3 * MIB, 1)]);
    registry.put_blob("image", picture.bytes(&picture.config()));
    let told = Asking::new().push(&registry, "image", &picture).unwrap_err();
    assert_snapshot!(told, @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry fails (504)
    hint: the registry has a trouble of its own: try again later
    ");
    assert_eq!(registry.open_uploads(), 0);
}

#[test]
fn a_registry_that_takes_a_blob_and_never_answers() {
    for kind in [Kind::FinishUpload, Kind::Chunk] {
        let registry = Distribution::setup()
            .profile(Profile {
                request_limit: (kind == Kind::Chunk).then_some(2 << 20),
                ..Profile::specification()
            })
            .hook(move |request| match request.kind == kind {
                true => Behaviour::Silence,
                false => Behaviour::Right,
            })
            .start();
        let picture = Picture::new(&[noise(3 * MIB, 1)]);
        registry.put_blob("image", picture.bytes(&picture.config()));
        let told = Asking::impatient().push(&registry, "image", &picture).unwrap_err();
        assert!(told.contains("too slowly"), "{told}");
    }
}

#[test]
fn what_comes_byte_by_byte_is_not_waited_for_for_ever() {
    let said = |kind: Kind| {
        let registry = Distribution::with(move |request| match request.kind == kind {
            true => Behaviour::Trickle(Duration::from_millis(100)),
            false => Behaviour::Right,
        });
        Picture::small().seed(&registry, "image", "1");
        let asking = Asking::impatient();
        match kind {
            Kind::Tags => asking.tags(&registry, "image").map(|_| ()),
            _ => asking.pull(&registry, "image", "1"),
        }
        .unwrap_err()
    };
    let each = [Kind::GetBlob, Kind::GetManifest].map(|kind| format!("{kind:?}: {}", said(kind)));
    assert_snapshot!(each.join("\n"), @r"
    GetBlob: `127.0.0.1:PORT/image`: the blob `CONFIG` cannot be read
    the server sends `http://127.0.0.1:PORT/v2/image/blobs/CONFIG` too slowly
    GetManifest: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    the registry sends its answer for `http://127.0.0.1:PORT/v2/image/manifests/1` too slowly
    ");
}
