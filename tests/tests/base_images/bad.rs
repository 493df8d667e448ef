//! Images of registries that nothing can be built on: the whole message.

use imgbuild_oci::{ContainerConfig, Digest, Platform};
use imgbuild_tests::{Answer, HandmadeLayer, Registry, Server};
use insta::assert_snapshot;

use crate::{Site, conda, config, system};

/// What locking on an image says.
fn refused(site: &Site, image: &str) -> String {
    site.spec(image, &conda());
    site.fails(&["lock", "spec.toml"])
}

#[test]
fn what_is_not_there() {
    let site = Site::new();
    site.put_base("team/base:1");
    assert_snapshot!(refused(&site, "team/base:2"), @r#"
      × cannot build on `127.0.0.1:50000/team/base:2`
      ╰─▶ there is no image `127.0.0.1:50000/team/base:2`
      help: `imgbuild tags 127.0.0.1:50000/team/base` lists what is there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:2" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
    assert_snapshot!(refused(&site, "team/other:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/other:1`
      ╰─▶ there is no image `127.0.0.1:50000/team/other:1`
      help: `imgbuild tags 127.0.0.1:50000/team/other` lists what is there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/other:1" }
       ·                  ───────────────┬──────────────
       ·                                 ╰── this base
     4 │ [conda]
       ╰────
    "#);
    let digest = Digest::of("nothing");
    assert_snapshot!(refused(&site, &format!("team/base@{digest}")), @r#"
      × cannot build on `127.0.0.1:50000/team/base@sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a`
      ╰─▶ there is no image `127.0.0.1:50000/team/base@sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a`
      help: `imgbuild tags 127.0.0.1:50000/team/base` lists what is there

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base@sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a" }
       ·                  ─────────────────────────────────────────────────┬─────────────────────────────────────────────────
       ·                                                                   ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn who_must_sign_in() {
    let site = Site { registry: Registry::with_password(), ..Site::new() };
    assert_snapshot!(refused(&site, "team/base:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ╰─▶ `127.0.0.1:50000/team/base`: the manifest `1` cannot be read: the registry wants a credential (401): UNAUTHORIZED (authentication required)
      help: sign in with `imgbuild login 127.0.0.1:50000`, or see docs/registry-credentials.md for CI

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn another_platform() {
    let site = Site::new();
    let arm64 = [Platform::LinuxArm64];
    site.put("team/one:1", &arm64, vec![system()], &config());
    assert_snapshot!(refused(&site, "team/one:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/one:1`
      ╰─▶ `127.0.0.1:50000/team/one:1` holds no image for linux/amd64; there are: `linux/arm64`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/one:1" }
       ·                  ──────────────┬─────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
    let list = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","size":1,"platform":{"os":"linux","architecture":"s390x"}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:2222222222222222222222222222222222222222222222222222222222222222","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}}]}"#;
    assert_snapshot!(refused_of_server(list, "x:1"), @r#"
      × cannot build on `127.0.0.1:50000/x:1`
      ╰─▶ `127.0.0.1:50000/x@sha256:c7a7a971b93e4074dbd316c5c7ac0150aad68fa37643eec91866ea9ea579835c` is not built for linux/amd64; it is for linux/s390x, linux/arm/v7

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/x:1" }
       ·                  ──────────┬──────────
       ·                            ╰── this base
       ╰────
    "#);
}

#[test]
fn no_glibc() {
    let site = Site::new();
    let musl = HandmadeLayer::new().folder("lib/", 0o755).file("lib/ld-musl-x86_64.so.1", "");
    site.put("team/alpine:1", &[Platform::LinuxAmd64], vec![musl], &ContainerConfig::default());
    assert_snapshot!(refused(&site, "team/alpine:1"), @r#"
      × no conda environment can stand on `127.0.0.1:50000/team/alpine:1`
      ╰─▶ its C library is musl, and conda's packages need glibc: the image could not start
      help: build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = "trixie"`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/alpine:1" }
       ·                  ───────────────┬───────────────
       ·                                 ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn a_damaged_layer() {
    let site = Site::new();
    let layer = system().tar();
    let digest = Digest::of(&layer);
    site.put_base("team/base:1");
    let blob = site.registry.blob_file(&digest);
    let mut bytes = fs_err::read(&blob).unwrap();
    bytes[5000] ^= 1;
    fs_err::write(&blob, bytes).unwrap();
    assert_snapshot!(refused(&site, "team/base:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ├─▶ layer 1 of `127.0.0.1:50000/team/base:1` (`sha256:437816a32f19548d146d8215eaa5891b6e34e3e8812a1cf957f72c0963bc3239`) cannot be used
      ╰─▶ the blob `sha256:437816a32f19548d146d8215eaa5891b6e34e3e8812a1cf957f72c0963bc3239` holds something else: its digest is `sha256:06223d575b709aa47b57b11d3e3971e9a5fcca32e0fc576192c65e1dab860ae8`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
    assert!(!crate::has_blob(&site.imgbuild, &digest));
}

#[test]
fn without_the_network() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    assert_snapshot!(site.fails(&["lock", "spec.toml", "--offline"]), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ├─▶ `127.0.0.1:50000`: the registry cannot be reached
      ╰─▶ `http://127.0.0.1:50000/v2/` is needed from the network, which `--offline` forbids
      help: run once without `--offline`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let mut other = Site::new();
    other.imgbuild = site.elsewhere();
    other.imgbuild.run(["build", "spec.toml", "--locked", "--push", &site.name("team/app:1")]).success();
    let said = other.fails(&["build", "spec.toml", "--offline", "--output", "out"]);
    assert_snapshot!(site.shown(&said), @"
    all 2 layers are in the cache
      × the image cannot be written
      ├─▶ a layer cannot be read
      ├─▶ the blob `sha256:437816a32f19548d146d8215eaa5891b6e34e3e8812a1cf957f72c0963bc3239` cannot be read
      ├─▶ `127.0.0.1:50000`: the registry cannot be reached
      ╰─▶ `http://127.0.0.1:50000/v2/` is needed from the network, which `--offline` forbids
      help: run once without `--offline`
    ");
}

#[test]
fn a_lock_that_somebody_has_changed() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let text = site.imgbuild.read("spec.lock");
    let content = text.lines().find(|line| line.starts_with("content = ")).unwrap();
    let build = |content_now: &str| {
        site.imgbuild.write("spec.lock", text.replace(content, content_now));
        site.fails(&["build", "spec.toml", "--locked", "--output", "out"])
    };
    assert_snapshot!(build("content = \"\""), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ├─▶ what the lock holds of it cannot be read
      ╰─▶ incomplete frame
      help: remove the lock and run `imgbuild lock` to make it anew

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
    // That of another image.
    let other = Site::new();
    let config = ContainerConfig::default();
    other.put("team/base:1", &[Platform::LinuxAmd64], vec![system()], &config);
    other.spec("team/base:1", &conda());
    other.imgbuild.run(["lock", "spec.toml"]).success();
    let theirs = other.imgbuild.read("spec.lock");
    let theirs = theirs.lines().find(|line| line.starts_with("content = ")).unwrap();
    assert_snapshot!(build(theirs), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ├─▶ what the lock holds of it cannot be read
      ╰─▶ the blob `sha256:aa3d1c5401d52088d064ac4312c96f1a9a45b78b4eb8e0ccff181fcf451f7cb2` holds something else: its digest is `sha256:81bb590a2f6d942dd5d0692fbe85e353655e857dd18e2d10ea88af0ac4f5da55`
      help: remove the lock and run `imgbuild lock` to make it anew

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

/// A registry that serves what nobody should.
fn odd(manifest: &'static str) -> (Site, Server) {
    let site = Site::new();
    let server = Server::with(site.imgbuild.folder(), move |request| match request.path.as_str() {
        "/v2/" => Answer::Bytes(b"{}".to_vec()),
        path if path.contains("/manifests/") => Answer::Bytes(manifest.as_bytes().to_vec()),
        _ => Answer::Status(404),
    });
    (site, server)
}

fn refused_of_server(manifest: &'static str, image: &str) -> String {
    let (site, server) = odd(manifest);
    let host = server.url().replace("http://", "");
    let text =
        format!("name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = {{ image = \"{host}/{image}\" }}\n");
    site.imgbuild.write("spec.toml", text);
    site.fails(&["lock", "spec.toml"]).replace(&host, "127.0.0.1:50000")
}

#[test]
fn what_a_registry_should_not_serve() {
    let first = r#"{"schemaVersion":1,"name":"x","tag":"1","fsLayers":[]}"#;
    assert_snapshot!(refused_of_server(first, "x:1"), @r#"
      × cannot build on `127.0.0.1:50000/x:1`
      ╰─▶ `127.0.0.1:50000/x`: the manifest `1` is of docker's first version, which states no digest of a configuration

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/x:1" }
       ·                  ──────────┬──────────
       ·                            ╰── this base
       ╰────
    "#);
    let digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    assert_snapshot!(refused_of_server("{}", &format!("x:1@{digest}")), @r#"
      × cannot build on `127.0.0.1:50000/x:1@sha256:1111111111111111111111111111111111111111111111111111111111111111`
      ╰─▶ `127.0.0.1:50000/x`: the manifest `sha256:1111111111111111111111111111111111111111111111111111111111111111` cannot be read: what the registry sends is something else: its digest is `sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/x:1@sha256:1111111111111111111111111111111111111111111111111111111111111111" }
       ·                  ──────────────────────────────────────────────┬──────────────────────────────────────────────
       ·                                                                ╰── this base
       ╰────
    "#);
}

#[test]
fn layers_that_no_registry_has() {
    let site = Site::new();
    site.put_base("team/base:1");
    let kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    site.registry.push_image("team/windows", "1", kind, b"layer");
    assert_snapshot!(refused(&site, "team/windows:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/windows:1`
      ╰─▶ layer 1 of `127.0.0.1:50000/team/windows:1` is a foreign layer (`application/vnd.oci.image.layer.nondistributable.v1.tar+gzip`), which may not be handed on and is not stored with its image

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/windows:1" }
       ·                  ────────────────┬───────────────
       ·                                  ╰── this base
     4 │ [conda]
       ╰────
    "#);
    // What is in the repository is no image.
    site.registry.push("team/chart", "1", "application/vnd.example.chart", b"chart");
    assert_snapshot!(refused(&site, "team/chart:1"), @r#"
      × cannot build on `127.0.0.1:50000/team/chart:1`
      ╰─▶ `127.0.0.1:50000/team/chart:1` holds no image

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/chart:1" }
       ·                  ───────────────┬──────────────
       ·                                 ╰── this base
     4 │ [conda]
       ╰────
    "#);
}
