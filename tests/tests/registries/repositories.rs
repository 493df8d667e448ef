//! Repositories that are not there yet, that may not be read, and that blobs are mounted from.

use imgbuild_tests::distribution::{
    Access, Answer, Behaviour, Distribution, Kind, Profile, Setup, TokenRules,
};
use insta::assert_snapshot;

use crate::client::{Asking, Picture};
use crate::program::Bench;

fn with_tokens(rules: TokenRules) -> Setup {
    Distribution::setup().access(Access::Token(rules))
}

/// Docker Hub, where nobody has pushed to a repository yet: who asks to read it is told 401.
fn hub() -> Distribution {
    let rules = TokenRules { hides_missing: true, ..TokenRules::default() };
    with_tokens(rules).profile(Profile::docker_hub()).start()
}

#[test]
fn the_first_push_makes_a_repository_that_may_not_be_read_before() {
    let registry = hub();
    let picture = Picture::small();
    Asking::signed_in().push(&registry, "image", &picture).unwrap();
    picture.is_in(&registry, "image", "1");
    // Everything is asked for with one token.
    assert_eq!(registry.count(Kind::Token), 1, "{}", registry.conversation());
    // The same by the program, whose build has looked for layers there before.
    let registry = hub();
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.log_in(&registry);
    bench.push(&registry, &[]).success();
    bench.has_arrived(&registry);
    bench.imgbuild.write("spec.toml", "name = \"small\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[layers]\ncompression = \"gzip\"\n[[copy]]\nfrom = \"spec.toml\"\nto = \"/spec\"\n");
    let target = format!("{}/built/image:1", registry.address());
    let built = bench.imgbuild.run(["build", "spec.toml", "--push", &target]).success();
    assert!(!built.stderr.contains("no layers are taken"), "{}", built.stderr);
    let target = format!("{}/completed/image:1", registry.address());
    let lacking = bench.imgbuild.run(["push", "--complete", "spec.toml", &target]).failure();
    assert_eq!(lacking.stdout, format!("{target} is missing\n"), "{}", lacking.stderr);
}

#[test]
fn what_may_not_be_asked_for_is_written_and_the_write_says_the_truth() {
    for status in [401, 403] {
        for kind in [Kind::HeadManifest, Kind::HeadBlob, Kind::Tags] {
            let registry = Distribution::with(move |request| match request.kind == kind {
                true => Behaviour::Answer(Answer::error(status, "DENIED", "no")),
                false => Behaviour::Right,
            });
            let picture = Picture::small();
            registry.put_blob("image", picture.bytes(&picture.config()));
            Asking::new().push(&registry, "image", &picture).unwrap();
            picture.is_in(&registry, "image", "1");
        }
    }
}

#[test]
fn what_writes_nothing_is_told_what_may_not_be_asked_for() {
    let registry = Distribution::with(|request| match request.kind {
        Kind::HeadManifest => Behaviour::Answer(Answer::error(403, "DENIED", "no")),
        _ => Behaviour::Right,
    });
    let bench = Bench::new(&["linux/amd64"], 100);
    let each = ["--dry-run", "--immutable-tags"].map(|rule| {
        let said = bench.message(&registry, bench.push(&registry, &[rule]));
        format!("{rule}\n{said}")
    });
    assert_snapshot!(each.join("\n"), @r"
    --dry-run
      × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be read: the registry does not allow it (403)
      help: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    --immutable-tags
      × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be read: the registry does not allow it (403)
      help: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    ");
}

/// The mounts of what is done, and how many blobs were sent.
fn mounts(registry: &Distribution) -> (usize, usize) {
    let mounted = registry
        .exchanges()
        .iter()
        .filter(|it| it.request.kind == Kind::Mount && it.status == Some(201))
        .count();
    (mounted, registry.count(Kind::FinishUpload))
}

#[test]
fn the_repositories_that_blobs_are_mounted_from_are_asked_for_whatever_is_done() {
    // One repository has the image; nobody may read what no token was asked for.
    let registry = with_tokens(TokenRules::default()).start();
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.log_in(&registry);
    bench.push(&registry, &[]).success();
    let at = |name: &str| format!("{}/{name}", registry.address());
    let source = at("team/image:1");
    for words in [
        vec!["copy", &source, &at("copied/image:1")],
        vec!["push", &source, &at("pushed/image:1")],
        vec!["index", "create", &at("joined/image:1"), &source],
    ] {
        registry.forget();
        bench.imgbuild.run(&words).success();
        assert_eq!(mounts(&registry), (3, 0), "{words:?}\n{}", registry.conversation());
    }
    // All blobs go to one repository first, and this one is mounted from as well.
    registry.forget();
    let staged = ["copy", &source, &at("staged/image:1"), "--blob-repository", &at("blobs")];
    bench.imgbuild.run(staged).success();
    assert_eq!(mounts(&registry), (6, 0), "{}", registry.conversation());
}

#[test]
fn a_layout_without_layers_is_mounted_where_tokens_are_wanted() {
    let registry = with_tokens(TokenRules::default()).start();
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.log_in(&registry);
    bench.imgbuild.write("spec.toml", "name = \"small\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[layers]\ncompression = \"gzip\"\n[[copy]]\nfrom = \"spec.toml\"\nto = \"/spec\"\n");
    let target = format!("{}/staging:1", registry.address());
    bench
        .imgbuild
        .run(["build", "spec.toml", "--push", &target, "--format", "sparse", "--output", "out"])
        .success();
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    registry.forget();
    let target = format!("{}/final:1", registry.address());
    bench.imgbuild.run(["push", "out/small-latest", &target, "--mount-only"]).success();
    assert!(mounts(&registry).0 > 0, "{}", registry.conversation());
}

#[test]
fn a_source_that_may_not_be_read_spoils_no_push() {
    // A server of tokens that gives none at all where one of several repositories is not for who asks.
    let rules = TokenRules { closed: vec!["base".to_owned()], is_strict: true, ..TokenRules::default() };
    let registry = with_tokens(rules).start();
    let picture = Picture::small();
    picture.seed(&registry, "base", "1");
    let image = picture.at_home(&registry, "base", &["1"]);
    Asking::signed_in().push_with(&registry, "image", &image, Default::default()).unwrap();
    picture.is_in(&registry, "image", "1");
    // Whether it may be mounted from is asked for once more where a mount is refused, and then no more. Its two blobs may be on their way at
    // once, and then each asks.
    let refused = registry
        .exchanges()
        .iter()
        .filter(|it| it.request.kind == Kind::Token && it.status == Some(403))
        .count();
    assert!([2, 3].contains(&refused), "{}", registry.conversation());
}

#[test]
fn a_copy_to_another_registry_says_nothing_of_where_it_is_from() {
    let from = Distribution::new();
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.push(&from, &[]).success();
    let source = format!("{}/team/image:1", from.address());
    for rule in ["--dry-run", "--mount-only", "--immutable-tags"] {
        // Whoever asks this one for that name is refused.
        let to = Distribution::with(|request| match request.name == "team/image" {
            true => Behaviour::Answer(Answer::error(403, "DENIED", "no")),
            false => Behaviour::Right,
        });
        bench.imgbuild.run(["copy", &source, &format!("{}/other/image:1", to.address()), rule]);
        let asked: Vec<_> = to
            .exchanges()
            .into_iter()
            .filter(|it| {
                it.request.name == "team/image"
                    || it.request.query.iter().any(|(_, value)| value == "team/image")
            })
            .collect();
        assert!(asked.is_empty(), "{rule}: {asked:?}");
    }
}

#[test]
fn a_rehearsal_passes_over_a_repository_that_may_not_be_read() {
    let registry = Distribution::with(|request| match request.name == "base" {
        true => Behaviour::Answer(Answer::error(403, "DENIED", "no")),
        false => Behaviour::Right,
    });
    let picture = Picture::small();
    picture.seed(&registry, "base", "1");
    let image = picture.at_home(&registry, "base", &["1"]);
    let options = imgbuild_registry::PushOptions { dry_run: true, ..Default::default() };
    let pushed = Asking::new().push_with(&registry, "image", &image, options).unwrap();
    assert_eq!(pushed.counts.sent.blobs, 2);
}

#[test]
fn tags_are_listed_where_the_repository_has_moved() {
    let registry = Distribution::new();
    Picture::small().seed(&registry, "new/image", "1");
    let bench = Bench::new(&["linux/amd64"], 100);
    let moved = format!(
        "[[registry]]\nprefix = \"moved.example/old\"\nlocation = \"{}/new\"\n[[registry.mirror]]\nlocation = \"mirror.example\"\n",
        registry.address()
    );
    let file = bench.imgbuild.write("registries.conf", moved);
    let imgbuild = bench.imgbuild.variable("CONTAINERS_REGISTRIES_CONF", file);
    assert_eq!(imgbuild.run(["tags", "moved.example/old/image"]).success().stdout, "1\n");
}

#[test]
fn a_blob_of_several_images_is_counted_as_sent_once() {
    let registry = Distribution::new();
    let asking = Asking::new();
    let shared = b"a layer of both".to_vec();
    let pictures =
        [Picture::new(&[shared.clone(), b"one".to_vec()]), Picture::new(&[shared, b"two".to_vec()])];
    let remote = asking.open(&registry, "image");
    let pusher = imgbuild_registry::Pusher::new(
        remote,
        None,
        Default::default(),
        Default::default(),
        std::sync::Arc::new(|_, _, _| {}),
    );
    let pushed = pictures.each_ref().map(|picture| {
        let tag = picture.manifest.digest.hex()[..8].to_owned();
        asking.runtime.block_on(pusher.push(&picture.pushable(&[&tag]))).unwrap().counts
    });
    assert_eq!(pushed.map(|it| (it.sent.blobs, it.there.blobs)), [(3, 0), (1, 2)]);
    assert_eq!(registry.count(Kind::FinishUpload), 4);
}
