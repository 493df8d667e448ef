//! Channels in OCI registries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Answer, Bench, Registry, Server, channel_folder, scratch};
use insta::assert_snapshot;
use serde_json::json;

/// Of every kind: both forms of archives, noarch or not, and a name that no repository may have.
const FILES: [&str; 6] = [
    "linux-64/repodata.json.zst",
    "noarch/repodata.json",
    "linux-64/_libgcc_mutex-0.1-main.tar.bz2",
    "linux-64/libzlib-1.2.13-bookworm_0.conda",
    "linux-64/libgcc-ng-12.2.0-bookworm_0.conda",
    "noarch/tzdata-2026b-0.tar.bz2",
];
const PACKAGES: &str = "packages = [\"libzlib\", \"tzdata\", \"libgcc-ng\"]";

fn spec(bench: &Bench, conda: &str) {
    bench.spec("platforms = [\"linux/amd64\"]", &format!("[conda]\n{conda}"));
}

#[test]
fn a_mirror_in_a_registry_serves_a_channel() {
    let registry = Registry::new();
    registry.push_channel(&channel_folder(), "mirrors/forge", &FILES);
    let web = Server::new(&channel_folder());
    let bench = Bench::new();
    let from = |mirror: &str| {
        let channel = "https://conda.example/forge";
        let mirrors = format!("[conda.mirrors]\n\"{channel}\" = [\"{mirror}\"]");
        spec(&bench, &format!("channels = [\"{channel}\"]\n{PACKAGES}\n{mirrors}"));
        let image = bench.build(&[]);
        fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
        let lock = bench.imgbuild.read("spec.lock");
        fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
        (image, lock)
    };
    // It makes no difference to the image, nor to the lock.
    let (image, lock) = from(&web.url());
    assert_eq!(from(&format!("oci://{}/mirrors/forge", registry.address())), (image, lock.clone()));
    assert!(lock.contains("https://conda.example/forge/linux-64/_libgcc_mutex-0.1-main.tar.bz2"), "{lock}");
    assert!(!lock.contains("oci://"), "{lock}");
}

#[test]
fn a_channel_in_a_registry() {
    let registry = Registry::new();
    registry.push_channel(&channel_folder(), "forge", &FILES);
    let bench = Bench::new();
    spec(&bench, &format!("channels = [\"oci://{}/forge\"]\n{PACKAGES}", registry.address()));
    let first = bench.build(&[]);
    let lock = bench.imgbuild.read("spec.lock");
    let url = format!("oci://{}/forge/linux-64/libzlib-1.2.13-bookworm_0.conda", registry.address());
    assert!(lock.contains(&url), "{lock}");
    // What is locked builds the same image, from the registry and without it.
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    assert_eq!(bench.build(&["--locked"]), first);
    drop(registry);
    assert_eq!(bench.build(&["--locked", "--offline"]), first);
}

#[test]
fn a_registry_with_a_password() {
    let registry = Registry::with_password();
    registry.push_channel(&channel_folder(), "forge", &FILES);
    let mut bench = Bench::new();
    spec(&bench, &format!("channels = [\"oci://{}/forge\"]\n{PACKAGES}", registry.address()));
    let without = bench.fails(&[]);
    assert_snapshot!(without, @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot reach the channel `oci://127.0.0.1:PORT/forge`
      ╰─▶ `oci://127.0.0.1:PORT/forge/linux-64/repodata.json.zst` may not be read (401 Unauthorized)
      help: check the credentials that are stored for this host

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["oci://127.0.0.1:PORT/forge"]
        ·             ──────────────┬──────────────
        ·                           ╰── this channel
     10 │ packages = ["libzlib", "tzdata", "libgcc-ng"]
        ╰────
    "#);
    let host = registry.address().split(':').next().unwrap();
    let credentials = json!({ host: { "BasicHTTP": { "username": "user", "password": "hunter2" } } });
    let file = bench.imgbuild.write("credentials.json", credentials.to_string());
    bench.imgbuild = bench.imgbuild.variable("RATTLER_AUTH_FILE", file);
    bench.build(&[]);
    assert!(!bench.imgbuild.read("spec.lock").contains("hunter2"));
}

/// A registry that hands out tokens: those of docker do, but need keys and certificates for it.
#[test]
fn a_registry_that_wants_a_token_for_each_repository() {
    let folder = scratch("token");
    let server = Server::with(folder.path(), |request| {
        let channel = channel_folder();
        let authorization = request.authorization.as_deref();
        if request.path == "/token" {
            // The password is for this place; it becomes a token.
            return match authorization {
                Some("Basic dXNlcjpodW50ZXIy") => Answer::Bytes(br#"{"access_token":"T0KEN"}"#.to_vec()),
                _ => Answer::Status(401),
            };
        }
        if authorization != Some("Bearer T0KEN") {
            let realm = format!("http://{}/token", request.host);
            return Answer::Challenge(format!("Bearer realm=\"{realm}\",service=\"test\""));
        }
        let files =
            ["linux-64/repodata.json", "noarch/repodata.json", "linux-64/libzlib-1.2.13-bookworm_0.conda"];
        let content = |file: &str| fs_err::read(channel.join(file)).unwrap();
        match request.path.strip_prefix("/v2/forge/").and_then(|path| path.split_once("/manifests/")) {
            Some((repository, _)) => {
                let kind =
                    if repository.ends_with("repodata.json") { "repodata.v1+json" } else { "package.v2" };
                let file = files.iter().find(|file| file.starts_with(repository)).unwrap();
                let layer = json!({ "mediaType": format!("application/vnd.conda.{kind}"), "digest": imgbuild_oci::Digest::of(content(file)), "size": 1 });
                Answer::Bytes(json!({ "schemaVersion": 2, "layers": [layer] }).to_string().into_bytes())
            }
            None => {
                let digest = request.path.rsplit('/').next().unwrap();
                let file =
                    files.iter().find(|file| imgbuild_oci::Digest::of(content(file)).to_string() == digest);
                file.map_or(Answer::Status(404), |file| Answer::Bytes(content(file)))
            }
        }
    });
    let mut bench = Bench::new();
    let address = server.url().replace("http://", "");
    spec(&bench, &format!("channels = [\"oci://{address}/forge\"]\npackages = [\"libzlib\"]"));
    let credentials = json!({ "127.0.0.1": { "BasicHTTP": { "username": "user", "password": "hunter2" } } });
    let file = bench.imgbuild.write("credentials.json", credentials.to_string());
    bench.imgbuild = bench.imgbuild.variable("RATTLER_AUTH_FILE", file);
    bench.build(&[]);
    // One token serves much of what is asked of a repository.
    let requests = server.requests();
    let with_token = requests.iter().filter(|it| it.authorization.as_deref() == Some("Bearer T0KEN"));
    assert!(server.count("/token") < with_token.count());
}

#[test]
fn a_channel_that_the_registry_has_not() {
    let registry = Registry::new();
    let bench = Bench::new();
    let url = format!("oci://{}/forge", registry.address());
    spec(&bench, &format!("channels = [\"{url}\"]\n{PACKAGES}"));
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the channel `oci://127.0.0.1:PORT/forge` has no index for `linux-64`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["oci://127.0.0.1:PORT/forge"]
        ·             ──────────────┬──────────────
        ·                           ╰── this channel
     10 │ packages = ["libzlib", "tzdata", "libgcc-ng"]
        ╰────
    "#);
    // A package that the index has and the registry lacks.
    registry.push_channel(&channel_folder(), "forge", &FILES[..5]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot get `tzdata-2026b-0.tar.bz2`
      ╰─▶ `oci://127.0.0.1:PORT/forge/noarch/tzdata-2026b-0.tar.bz2` does not exist

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:24]
      9 │ channels = ["oci://127.0.0.1:PORT/forge"]
     10 │ packages = ["libzlib", "tzdata", "libgcc-ng"]
        ·                        ────┬───
        ·                            ╰── this requirement
        ╰────
    "#);
    drop(registry);
}
