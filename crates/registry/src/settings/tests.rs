//! Where images are read from and written to.

use std::fs;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::*;

const CONF: &str = r#"
[[registry]]
location = "r.example"
[[registry.mirror]]
location = "all.example/r"
[[registry.mirror]]
location = "digests.example:5000"
insecure = true
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "localhost:5000/tags"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "r.example/team"
location = "moved.example/r-team"
insecure = true

[[registry]]
prefix = "r.example/team/secret"
blocked = true

[[registry]]
prefix = "*.wild.example"
insecure = true

[[registry]]
prefix = "r.example/exact"
location = "only.example"
"#;

fn settings(folder: &Path) -> RegistrySettings {
    let conf = folder.join("etc/containers/registries.conf");
    fs::create_dir_all(conf.parent().unwrap()).unwrap();
    fs::write(conf, CONF).unwrap();
    RegistrySettings::of_machine(&Variables::new(), folder).unwrap()
}

fn shown(endpoint: &Endpoint) -> String {
    let Endpoint { host, repository, tls, transport } = endpoint;
    format!("{host}/{repository} {tls:?} {:?}", transport.trust)
}

fn pull(image: &str, asked: Asked, plain: bool) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let (host, repository) = image.split_once('/').unwrap();
    let (host, repository): (RegistryHost, _) = (host.parse().unwrap(), repository.parse().unwrap());
    let mut settings = settings(folder.path());
    if plain {
        settings = settings.without_tls(host.clone());
    }
    match settings.pull(&host, &repository, asked) {
        Ok(Endpoints { mirrors, own }) => Ok(mirrors.iter().chain([&own]).map(shown).collect()),
        Err(error) => Err(told(&error).replace(folder.path().to_str().unwrap(), "ROOT")),
    }
}

fn push(image: &str, plain: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (host, repository) = image.split_once('/').unwrap();
    let (host, repository): (RegistryHost, _) = (host.parse().unwrap(), repository.parse().unwrap());
    let mut settings = settings(folder.path());
    if plain {
        settings = settings.without_tls(host.clone());
    }
    shown(&settings.push(&host, &repository).unwrap())
}

#[test]
fn mirrors_come_first_each_for_what_it_serves() {
    assert_eq!(
        pull("r.example/a/b", Asked::Tag, false).unwrap(),
        [
            "all.example/r/a/b Required the system's",
            "localhost:5000/tags/a/b Optional the system's",
            "r.example/a/b Required the system's",
        ]
    );
    assert_eq!(
        pull("r.example/a/b", Asked::Digest, false).unwrap(),
        [
            "all.example/r/a/b Required the system's",
            "digests.example:5000/a/b Preferred anybody's",
            "r.example/a/b Required the system's",
        ]
    );
}

#[test]
fn the_longest_prefix_says_where_an_image_is() {
    let of = |image: &str| pull(image, Asked::Tag, false).unwrap();
    assert_eq!(of("r.example/team/image"), ["moved.example/r-team/image Preferred anybody's"]);
    assert_eq!(of("a.wild.example/x"), ["a.wild.example/x Preferred anybody's"]);
    assert_eq!(of("other.example/x"), ["other.example/x Required the system's"]);
    // What is written is written where it was said.
    assert_eq!(push("r.example/team/image", false), "r.example/team/image Preferred anybody's");
    assert_eq!(push("r.example/a/b", false), "r.example/a/b Required the system's");
}

#[test]
fn only_the_loopback_and_what_was_asked_for_is_without_tls() {
    let of = |image: &str, plain| pull(image, Asked::Tag, plain).unwrap();
    for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "localhost"] {
        assert_eq!(of(&format!("{host}/x"), false), [format!("{host}/x Optional the system's")]);
    }
    assert_eq!(of("10.0.0.1:5000/x", false), ["10.0.0.1:5000/x Required the system's"]);
    assert_eq!(of("10.0.0.1:5000/x", true), ["10.0.0.1:5000/x Off the system's"]);
    assert_eq!(push("10.0.0.1:5000/x", true), "10.0.0.1:5000/x Off the system's");
    // Mirrors were not meant.
    assert_eq!(of("r.example/a/b", true)[0], "all.example/r/a/b Required the system's");
}

#[test]
fn whoever_has_certificates_on_the_loopback_has_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().join("etc/docker/certs.d/localhost:5000");
    fs::create_dir_all(&certificates).unwrap();
    let settings = settings(folder.path());
    let of = |host: &str| shown(&settings.push(&host.parse().unwrap(), &"x".parse().unwrap()).unwrap());
    assert_eq!(of("localhost:5000"), "localhost:5000/x Required the system's");
    assert_eq!(of("localhost:5001"), "localhost:5001/x Optional the system's");
}

#[test]
fn what_must_not_be_or_cannot_be_read() {
    let all = [
        pull("r.example/team/secret", Asked::Tag, false).unwrap_err(),
        pull("r.example/exact", Asked::Tag, false).unwrap_err(),
    ];
    assert_snapshot!(all.join("\n\n"), @r"
    `r.example/team/secret` is blocked on this machine: `ROOT/etc/containers/registries.conf` has `blocked = true` for `r.example/team/secret`
    hint: whoever keeps that file decides; name another registry

    `ROOT/etc/containers/registries.conf` has `r.example/exact` read from `only.example`, which names no repository
    hint: correct the `location` of `r.example/exact` there
    ");
}
