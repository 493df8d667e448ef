//! Pushes that are killed, at every stage, and started again: the image is whole then, and what was up is not sent again.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imgbuild_tests::capture;
use imgbuild_tests::distribution::{Behaviour, Distribution, Kind, Profile};

use crate::program::Bench;

/// 1 MiB.
const MIB: usize = 1 << 20;

/// Pushes an image and kills the program when it asks for something of a kind for the time `number`, counted from nothing. Pushes it
/// again, and gives how many bytes of layers were sent the second time.
fn killed_at(kind: Kind, number: usize) -> usize {
    let (reached, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (noted, ended) = (Arc::clone(&reached), Arc::clone(&over));
    let registry = Distribution::setup()
        .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(move |request| {
            if !ended.load(Ordering::SeqCst) && request.kind == kind && request.before >= number {
                noted.store(true, Ordering::SeqCst);
                return Behaviour::Silence;
            }
            Behaviour::Right
        })
        .start();
    let bench = Bench::new(&["linux/amd64"], 3 * MIB);
    let to = format!("{}/team/image:1", registry.address());
    let mut command = bench.imgbuild.command(["push", "image", &to]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    while !reached.load(Ordering::SeqCst) {
        assert!(child.try_wait().unwrap().is_none(), "{kind:?}: it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    // `SIGKILL`.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(registry.tags("team/image").is_empty(), "{kind:?}: a tag without its image");
    over.store(true, Ordering::SeqCst);
    let there = registry.blobs("team/image");
    registry.forget();
    bench.push(&registry, &[]).success();
    bench.has_arrived(&registry);
    for exchange in registry.exchanges() {
        let digest = exchange.request.query.iter().find(|(key, _)| key == "digest").map(|(_, digest)| digest);
        let is_there = digest.is_some_and(|digest| there.iter().any(|it| it.to_string() == *digest));
        assert!(!is_there, "{kind:?}: a blob was sent again: {exchange:?}");
    }
    registry
        .exchanges()
        .iter()
        .filter(|it| matches!(it.request.kind, Kind::Chunk | Kind::FinishUpload))
        .map(|it| it.received)
        .sum()
}

#[test]
fn a_push_that_is_killed_at_any_stage_ends_when_it_is_started_again() {
    for (kind, number) in [
        (Kind::HeadManifest, 0),
        (Kind::Tags, 0),
        (Kind::StartUpload, 0),
        (Kind::StartUpload, 2),
        (Kind::FinishUpload, 0),
        (Kind::FinishUpload, 2),
        (Kind::Chunk, 0),
        (Kind::Chunk, 1),
        (Kind::PutManifest, 0),
    ] {
        let sent = killed_at(kind, number);
        match kind {
            // All blobs were up.
            Kind::PutManifest => assert_eq!(sent, 0),
            _ => assert!(sent < 4 * MIB, "{kind:?}: {sent} bytes"),
        }
    }
}

/// Stops a push by a signal while a blob is on its way.
#[test]
fn a_push_that_is_stopped_tells_the_registry() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let reached = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&reached);
        let registry = Distribution::setup()
            .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
            .hook(move |request| match (request.kind, request.before) {
                (Kind::Chunk, 1) => {
                    noted.store(true, Ordering::SeqCst);
                    Behaviour::Silence
                }
                _ => Behaviour::Right,
            })
            .start();
        let bench = Bench::new(&["linux/amd64"], 3 * MIB);
        let to = format!("{}/team/image:1", registry.address());
        let mut command = bench.imgbuild.command(["push", "image", &to]);
        let mut child =
            command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        while !reached.load(Ordering::SeqCst) {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(registry.open_uploads() > 0);
        capture(Command::new("kill").args(["-s", signal, &child.id().to_string()])).success();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap().lines().last(),
            Some("interrupted: nothing was written under its final name, and the next run goes on from here")
        );
        assert_eq!(registry.open_uploads(), 0);
    }
}

#[test]
fn a_pull_that_is_killed_leaves_nothing_that_looks_whole() {
    let (reached, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (noted, ended) = (Arc::clone(&reached), Arc::clone(&over));
    let registry = Distribution::with(move |request| {
        if !ended.load(Ordering::SeqCst) && request.kind == Kind::GetBlob && request.before == 2 {
            noted.store(true, Ordering::SeqCst);
            return Behaviour::Silence;
        }
        Behaviour::Right
    });
    let bench = Bench::new(&["linux/amd64"], 3 * MIB);
    bench.push(&registry, &[]).success();
    let from = format!("{}/team/image:1", registry.address());
    let mut command = bench.imgbuild.command(["pull", &from, "--output", "pulled.tar"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    while !reached.load(Ordering::SeqCst) {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bench.imgbuild.path("pulled.tar").exists());
    over.store(true, Ordering::SeqCst);
    bench.imgbuild.run(["pull", &from, "--output", "pulled.tar"]).success();
    let validated = imgbuild_oci::validate(&bench.imgbuild.path("pulled.tar")).unwrap();
    assert_eq!(validated.images.iter().map(|it| it.0).collect::<Vec<_>>(), [bench.digest()]);
}
