//! Registries that have what is read elsewhere: manifests and lists of tags at another registry, as registry.k8s.io has them.

use imgbuild_tests::distribution::{Access, Answer, Behaviour, Distribution, Kind, Profile, TokenRules};
use insta::assert_snapshot;

use crate::client::{Asking, Picture};
use crate::program::Bench;

#[test]
fn manifests_and_tags_are_read_where_the_registry_leads() {
    let access = Access::Token(TokenRules::default());
    let registry = Distribution::setup().profile(Profile::kubernetes()).access(access).start();
    let (picture, asking) = (Picture::small(), Asking::signed_in());
    picture.seed(&registry, "image", "1");
    asking.pull(&registry, "image", "1").unwrap();
    asking.pull(&registry, "image", &picture.manifest.digest.to_string()).unwrap();
    assert_eq!(asking.tags(&registry, "image").unwrap().unwrap(), ["1"]);
    let remote = asking.open(&registry, "image");
    let head = |tag: &str| asking.runtime.block_on(remote.head_manifest(tag)).unwrap().map(|it| it.digest);
    assert_eq!((head("1"), head("2")), (Some(picture.manifest.digest), None));
    assert_snapshot!(asking.pull(&registry, "image", "2").unwrap_err(), @r"
    there is no image `127.0.0.1:PORT/image:2`
    hint: `imgbuild tags 127.0.0.1:PORT/image` lists what is there
    ");
    // No credential goes there.
    for exchange in registry.exchanges().into_iter().filter(|it| it.request.kind == Kind::Elsewhere) {
        assert!(!exchange.request.headers.contains_key("authorization"), "{exchange:?}");
    }
}

#[test]
fn the_program_reads_what_is_elsewhere() {
    let registry = Distribution::setup().profile(Profile::kubernetes()).start();
    let picture = Picture::small();
    picture.seed(&registry, "team/image", "1");
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.pull(&registry, &[]).success();
    let tags =
        bench.imgbuild.run(["tags", &format!("{}/team/image", registry.address()), "--digests"]).success();
    assert_eq!(tags.stdout, format!("1 {}\n", picture.manifest.digest));
}

#[test]
fn manifests_and_tags_are_not_led_astray() {
    let said = |kind: Kind, location: &'static str| {
        let registry = Distribution::with(move |request| match request.kind == kind {
            true => Behaviour::Answer(Answer::status(307).with("Location", location)),
            false => Behaviour::Right,
        });
        Picture::small().seed(&registry, "image", "1");
        let asking = Asking::new();
        let told = match kind {
            Kind::Tags => asking.tags(&registry, "image").map(|_| ()),
            Kind::HeadManifest => asking.push(&registry, "image", &Picture::small()).map(|_| ()),
            _ => asking.pull(&registry, "image", "1"),
        };
        format!("{kind:?} {location}: {}", told.unwrap_err())
    };
    let each = [
        said(Kind::GetManifest, "http://169.254.169.254/latest/meta-data/"),
        said(Kind::GetManifest, "file:///etc/passwd"),
        said(Kind::GetManifest, "/v2/image/manifests/1"),
        said(Kind::HeadManifest, "/v2/image/manifests/1"),
        said(Kind::Tags, "http://169.254.169.254/latest/meta-data/"),
        said(Kind::Tags, "/v2/image/tags/list"),
    ];
    assert_snapshot!(each.join("\n"), @r"
    GetManifest http://169.254.169.254/latest/meta-data/: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: it leads into an inner network, to `169.254.169.254`
    GetManifest file:///etc/passwd: `127.0.0.1:PORT/image`: the manifest `1` cannot be read: the registry's answer (307 Temporary Redirect) is not followed: it leads from http to file
    hint: the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)
    GetManifest /v2/image/manifests/1: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/v2/image/manifests/1` is behind too many redirects
    HeadManifest /v2/image/manifests/1: `127.0.0.1:PORT/image`: the manifest `1` cannot be read
    `http://127.0.0.1:PORT/v2/image/manifests/1` is behind too many redirects
    Tags http://169.254.169.254/latest/meta-data/: `127.0.0.1:PORT/image`: its tags cannot be listed: the registry's answer (307 Temporary Redirect) is not followed: it leads into an inner network, to `169.254.169.254`
    Tags /v2/image/tags/list: `127.0.0.1:PORT/image`: its tags cannot be listed
    `http://127.0.0.1:PORT/v2/image/tags/list` is behind too many redirects
    ");
}
