//! Registries by their names: what is known of `ghcr.io`, ECR, Google's and others. A proxy leads their names to the registry of the
//! tests, which behaves as they do.

use std::sync::Arc;

use imgbuild_tests::distribution::{
    Answer, Behaviour, Certificates, Distribution, Kind, Profile, Proxy, Request,
};
use insta::assert_snapshot;

use crate::program::Bench;

/// 1 MiB.
const MIB: usize = 1 << 20;

/// Pushes an image with a layer of so many bytes to a host that behaves so: the requests that its upload took.
fn pushed_to(host: &str, profile: Profile, size: usize) -> String {
    pushed_with(host, profile, size, |_| Behaviour::Right)
}

/// The same to one that misbehaves.
fn pushed_with(
    host: &str,
    profile: Profile,
    size: usize,
    hook: impl Fn(&Request) -> Behaviour + Send + Sync + 'static,
) -> String {
    let certificates = Arc::new(Certificates::new(&[host]));
    let setup = Distribution::setup().profile(profile).tls(Arc::clone(&certificates));
    let registry = setup.hook(hook).start();
    registry.make_repository("team/image");
    let proxy = Proxy::to(&registry.address());
    let mut bench = Bench::new(&["linux/amd64"], size);
    bench.imgbuild = bench
        .imgbuild
        .variable("HTTPS_PROXY", proxy.url())
        .variable("SSL_CERT_FILE", certificates.authority());
    let outcome = bench.imgbuild.run(["push", "image", &format!("{host}/team/image:1")]);
    let said = if outcome.code == Some(0) {
        bench.has_arrived(&registry);
        assert_eq!(registry.open_uploads(), 0);
        String::new()
    } else {
        bench.message(&registry, outcome)
    };
    assert!(proxy.asked().iter().all(|asked| *asked == format!("{host}:443")), "{:?}", proxy.asked());
    let conversation = registry.conversation();
    let uploads = conversation.lines().filter(|line| line.contains("/uploads/UPLOAD"));
    // The largest blob is the second layer: the others go whole.
    let large: Vec<&str> = uploads
        .filter(|line| {
            line.contains("content-range")
                || line.contains("413")
                || line.contains("416")
                || line.contains("-> 50")
        })
        .collect();
    format!("{}\n{said}", large.join("\n")).trim().to_owned()
}

#[test]
fn blobs_go_whole_wherever_that_is_allowed() {
    for (host, profile) in [
        ("ghcr.io", Profile::ghcr()),
        ("europe-docker.pkg.dev", Profile::google()),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", Profile::ecr()),
        ("team.azurecr.io", Profile::azure()),
        ("registry-1.docker.io", Profile::docker_hub()),
    ] {
        assert_eq!(pushed_to(host, profile, 20 * MIB), "", "{host}");
    }
}

#[test]
fn behind_a_proxy_that_takes_no_large_requests_each_gets_its_pieces() {
    let limited = |profile: Profile| Profile { request_limit: Some(18 << 20), ..profile };
    let size = 34 * MIB;
    assert_snapshot!(pushed_to("ghcr.io", limited(Profile::ghcr()), size), @r"
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 -> 413
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-4194303] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 4194304-8388607] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 8388608-12582911] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 12582912-16777215] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 16777216-20971519] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 20971520-25165823] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 25165824-29360127] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 29360128-33554431] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 33554432-35653119] BYTES -> 202
    ");
    assert_snapshot!(pushed_to("123456789012.dkr.ecr.eu-central-1.amazonaws.com", limited(Profile::ecr()), size), @r"
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 -> 413
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-16777215] BYTES -> 201
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 16777216-33554431] BYTES -> 201
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 [content-range: 33554432-35653119] BYTES -> 201
    ");
    assert_snapshot!(pushed_to("registry.eu-west-1.aliyuncs.com", limited(Profile::aliyun()), size), @r"
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 -> 413
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-16777215] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 16777216-33554431] BYTES -> 202
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 33554432-35653119] BYTES -> 202
    ");
    assert_snapshot!(pushed_to("europe-docker.pkg.dev", limited(Profile::google()), size), @r"
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=DIGEST -> 413
      × `europe-docker.pkg.dev/team/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
      help: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    ");
}

#[test]
fn a_last_piece_that_a_proxy_gave_up_on_is_sent_again() {
    let profile = Profile { request_limit: Some(18 << 20), ..Profile::ecr() };
    let gives_up = |request: &Request| {
        let is_last = request.headers.contains_key("content-range") && request.kind == Kind::FinishUpload;
        match is_last && request.before < 4 {
            true => Behaviour::Answer(Answer::page(504, "gave up").with("Retry-After", "0")),
            false => Behaviour::Right,
        }
    };
    assert_snapshot!(pushed_with("1.dkr.ecr.eu-central-1.amazonaws.com", profile, 34 * MIB, gives_up), @r"
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 -> 413
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-16777215] BYTES -> 201
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 16777216-33554431] BYTES -> 201
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 [content-range: 33554432-35653119] BYTES -> 504
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 0-16777215] BYTES -> 201
    PATCH /v2/team/image/blobs/uploads/UPLOAD [content-range: 16777216-33554431] BYTES -> 201
    PUT /v2/team/image/blobs/uploads/UPLOAD?digest=LAYER2 [content-range: 33554432-35653119] BYTES -> 201
    ");
}

#[test]
fn what_ecr_can_do_is_measured_as_far_as_it_can_be() {
    let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let certificates = Arc::new(Certificates::new(&[host]));
    let registry = Distribution::setup().profile(Profile::ecr()).tls(Arc::clone(&certificates)).start();
    registry.make_repository("team/image");
    let proxy = Proxy::to(&registry.address());
    let bench = Bench::new(&["linux/amd64"], 100);
    let imgbuild = bench
        .imgbuild
        .variable("HTTPS_PROXY", proxy.url())
        .variable("SSL_CERT_FILE", certificates.authority());
    let probe = ["registry", "probe", &format!("{host}/team/image")];
    assert_snapshot!(imgbuild.run(probe).success().stdout, @r"
    123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/image
      a blob in one request                       yes
      mounting from another repository   not measured
      a blob in pieces                            yes
      layers compressed with zstd                 yes
      several tags in one request                  no
      artifacts that refer to an image            yes
      a list of what refers to an image           yes
    mounting from another repository: there is no `123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/image-probe`, and no repository is made by itself
    ");
    registry.make_repository("team/image-probe");
    assert!(imgbuild.run(probe).success().stdout.contains("mounting from another repository   yes"));
}

#[test]
fn the_repository_that_ecr_does_not_make() {
    let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let certificates = Arc::new(Certificates::new(&[host]));
    let registry = Distribution::setup().profile(Profile::ecr()).tls(Arc::clone(&certificates)).start();
    let proxy = Proxy::to(&registry.address());
    let mut bench = Bench::new(&["linux/amd64"], 100);
    bench.imgbuild = bench
        .imgbuild
        .variable("HTTPS_PROXY", proxy.url())
        .variable("SSL_CERT_FILE", certificates.authority());
    let outcome = bench.imgbuild.run(["push", "image", &format!("{host}/team/image:1")]);
    assert_snapshot!(bench.message(&registry, outcome), @r"
    × `123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/image`: the blob `DIGEST` cannot be written: there is no such repository (404): NAME_UNKNOWN (The repository with name 'team/image' does not exist in the registry with id '123456789012')
    help: this registry makes no repository by itself: run `aws ecr create-repository --region eu-central-1 --repository-name team/image`
    ");
}
