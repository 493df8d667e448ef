//! The program itself against registries: exit codes, whole messages, what is left behind, and that no secret is seen.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::{ContainerConfig, Digest};
use imgbuild_tests::distribution::{
    Access, Account, Answer, Behaviour, Certificates, Distribution, Exchange, Kind, Profile, Request,
    TokenRules,
};
use imgbuild_tests::{HandmadeLayer, Imgbuild, Outcome, named, names, write_layout};
use insta::assert_snapshot;
use serde_json::json;

use crate::client::noise;

/// The program with a store and a home of its own, an image in the layout `image`, and nobody's proxies.
pub(crate) struct Bench {
    pub(crate) imgbuild: Imgbuild,
}

impl Bench {
    /// An image for these platforms, with a small layer and one of `size` bytes.
    pub(crate) fn new(platforms: &[&str], size: usize) -> Self {
        let mut imgbuild = Imgbuild::with_private_store();
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            imgbuild = imgbuild.without(name);
        }
        for name in
            ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"]
        {
            imgbuild = imgbuild.without(name);
        }
        let home = imgbuild.folder().to_owned();
        let imgbuild = imgbuild.variable("HOME", &home).variable("DOCKER_CONFIG", home.join("docker"));
        let layers = vec![
            HandmadeLayer::new().file("first", b"of two").tar(),
            HandmadeLayer::new().file("second", noise(size, 1)).tar(),
        ];
        let platforms: Vec<_> = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
        write_layout(&imgbuild.path("image"), &platforms, layers, &ContainerConfig::default());
        Self { imgbuild }
    }

    /// Somebody is logged in: `user`, with the password `hunter2`.
    pub(crate) fn log_in(&self, registry: &Distribution) {
        let auth = STANDARD.encode("user:hunter2");
        let config = json!({ "auths": { registry.address(): { "auth": auth } } });
        let path = self.imgbuild.write("docker/config.json", config.to_string());
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn push(&self, registry: &Distribution, more: &[&str]) -> Outcome {
        let to = format!("{}/team/image:1", registry.address());
        self.imgbuild.run([&["push", "image", &to], more].concat())
    }

    pub(crate) fn pull(&self, registry: &Distribution, more: &[&str]) -> Outcome {
        let from = format!("{}/team/image:1", registry.address());
        self.imgbuild.run([&["pull", &from, "--output", "pulled"], more].concat())
    }

    /// The digest of the image in the layout `image`: that of its index's only entry.
    pub(crate) fn digest(&self) -> Digest {
        let index: serde_json::Value = serde_json::from_str(&self.imgbuild.read("image/index.json")).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap()
    }

    /// The image is in the registry, whole, and nothing else bears its tag.
    #[track_caller]
    pub(crate) fn has_arrived(&self, registry: &Distribution) {
        let (digest, document) = registry.manifest("team/image", "1").expect("the tag is there");
        assert_eq!(digest, self.digest());
        let value: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
        for blob in value["layers"].as_array().unwrap().iter().chain([&value["config"]]) {
            let digest: Digest = blob["digest"].as_str().unwrap().parse().unwrap();
            let own = fs_err::read(self.imgbuild.path("image/blobs/sha256").join(digest.hex())).unwrap();
            assert!(registry.blob("team/image", &digest) == Some(own), "{digest}");
        }
    }

    /// It failed as it should: with exit code 1 and nothing on its output. The message, with names for what differs.
    #[track_caller]
    pub(crate) fn message(&self, registry: &Distribution, outcome: Outcome) -> String {
        let outcome = outcome.failure();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{}", outcome.stderr);
        let start = outcome.stderr.find("  × ").unwrap_or(0);
        let text = outcome.stderr[start..].replace(&self.imgbuild.folder().display().to_string(), "FOLDER");
        let text = named(&registry.named(&text));
        // Its own name for an upload is the registry's.
        let mut parts = text.split("upload-");
        let first = parts.next().unwrap_or_default().to_owned();
        let text = parts.fold(first, |text, part| {
            text + "UPLOAD" + part.trim_start_matches(|it: char| it.is_ascii_digit())
        });
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// What the program says of a push whose requests of a kind are answered so.
fn push_said(kind: Kind, answer: Answer) -> String {
    let registry = Distribution::with(move |request| match request.kind == kind {
        true => Behaviour::Answer(answer.clone()),
        false => Behaviour::Right,
    });
    let bench = Bench::new(&["linux/amd64"], 100);
    let said = bench.message(&registry, bench.push(&registry, &[]));
    assert!(registry.tags("team/image").is_empty());
    said
}

#[test]
fn a_push_that_is_refused() {
    let denied = || Answer::error(403, "DENIED", "requested access to the resource is denied");
    assert_snapshot!(push_said(Kind::StartUpload, Answer::error(401, "UNAUTHORIZED", "authentication required")), @r"
    × `127.0.0.1:PORT/team/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (authentication required)
    help: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    ");
    assert_snapshot!(push_said(Kind::FinishUpload, Answer::page(413, "413 Request Entity Too Large")), @r"
    × `127.0.0.1:PORT/team/image`: the blob `DIGEST` cannot be written: the registry refuses it (413)
    help: a proxy before the registry takes no request of that size, not even in pieces: raise its limit
    ");
    assert_snapshot!(push_said(Kind::FinishUpload, Answer::page(503, "busy").with("Retry-After", "0")), @r"
    × `127.0.0.1:PORT/team/image`: the blob `DIGEST` cannot be written: the registry fails (503)
    help: the registry has a trouble of its own: try again later
    ");
    assert_snapshot!(push_said(Kind::PutManifest, denied()), @r"
    × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be written: the registry does not allow it (403): DENIED (requested access to the resource is denied)
    help: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    ");
    assert_snapshot!(push_said(Kind::PutManifest, Answer::error(429, "TOOMANYREQUESTS", "slow down").with("Retry-After", "0")), @r"
    × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be written: the registry takes no more requests (429): TOOMANYREQUESTS (slow down)
    help: `127.0.0.1:PORT` takes no more requests for now: try again later, or sign in for a higher limit
    ");
}

/// What the program says of a pull that the registry spoils so. Nothing of it is left: neither under its name nor in the store.
fn pull_said(behave: impl Fn(&Request) -> Behaviour + Send + Sync + 'static) -> String {
    let registry = Distribution::with(move |request| match request.kind {
        Kind::GetManifest | Kind::GetBlob => behave(request),
        _ => Behaviour::Right,
    });
    let bench = Bench::new(&["linux/amd64"], 100_000);
    bench.push(&registry, &[]).success();
    let before = names(bench.imgbuild.folder());
    let said = bench.message(&registry, bench.pull(&registry, &[]));
    let after: Vec<_> = names(bench.imgbuild.folder()).into_iter().filter(|it| it != "store").collect();
    assert_eq!(after, before.into_iter().filter(|it| it != "store").collect::<Vec<_>>());
    let blobs = bench.imgbuild.path("store/blobs/sha256");
    for name in if blobs.exists() { names(&blobs) } else { Vec::new() } {
        assert_eq!(Digest::of(fs_err::read(blobs.join(&name)).unwrap()).hex(), name);
    }
    said
}

#[test]
fn a_pull_that_is_spoilt() {
    let blob = |behave: fn() -> Behaviour| {
        pull_said(move |request| match request.kind {
            Kind::GetBlob => behave(),
            _ => Behaviour::Right,
        })
    };
    assert_snapshot!(blob(|| Behaviour::Answer(Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"))), @r"
    × the image cannot be written
    ├─▶ a layer cannot be read
    ├─▶ the blob `CONFIG` cannot be read
    ╰─▶ `127.0.0.1:PORT/team/image`: the blob `CONFIG` cannot be read: it is not there (404): BLOB_UNKNOWN (blob unknown to registry)
    ");
    assert_snapshot!(blob(|| Behaviour::change(|answer| {
        let size = answer.body.len();
        answer.body(vec![b'x'; size])
    })), @r"
    × the image cannot be written
    ├─▶ a layer cannot be read
    ├─▶ the blob `CONFIG` cannot be read
    ╰─▶ `127.0.0.1:PORT/team/image`: the blob `CONFIG` cannot be read: what the registry sends is something else: its digest is `DIGEST`
    ");
    assert_snapshot!(blob(|| Behaviour::Endless), @r"
    × the image cannot be written
    ├─▶ a layer cannot be read
    ├─▶ the blob `CONFIG` cannot be read
    ╰─▶ `127.0.0.1:PORT/team/image`: the blob `CONFIG` cannot be read: the registry sends more than the 332 bytes that it has
    ");
    let manifest = |behave: fn() -> Behaviour| {
        pull_said(move |request| match request.kind {
            Kind::GetManifest => behave(),
            _ => Behaviour::Right,
        })
    };
    assert_snapshot!(manifest(|| Behaviour::change(|answer| answer.body("{}"))), @r"  × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be read: what the registry sends is something else: its digest is `DIGEST`");
    assert_snapshot!(manifest(|| Behaviour::Answer(Answer::error(401, "UNAUTHORIZED", "authentication required"))), @r"
    × `127.0.0.1:PORT/team/image`: the manifest `1` cannot be read: the registry wants a credential (401): UNAUTHORIZED (authentication required)
    help: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    ");
}

#[test]
fn a_list_without_our_platform() {
    let registry = Distribution::new();
    let bench = Bench::new(&["linux/amd64"], 100);
    bench.push(&registry, &[]).success();
    assert_snapshot!(bench.message(&registry, bench.pull(&registry, &["--platform", "linux/arm64"])), @r"  × `127.0.0.1:PORT/team/image:1` is not built for linux/arm64; it is for linux/amd64");
    let bench = Bench::new(&["linux/amd64"], 100);
    assert_snapshot!(bench.message(&registry, bench.imgbuild.run(["pull", &format!("{}/team/image:2", registry.address())])), @r"
    × there is no image `127.0.0.1:PORT/team/image:2`
    help: `imgbuild tags 127.0.0.1:PORT/team/image` lists what is there
    ");
}

#[test]
fn a_reference_that_cannot_be_read() {
    let bench = Bench::new(&["linux/amd64"], 100);
    let said = |arguments: &[&str]| {
        let outcome = bench.imgbuild.run(arguments).failure();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
        outcome.stderr.lines().next().unwrap_or_default().to_owned()
    };
    let each = [
        said(&["push", "image", "registry.example/Team/image"]),
        said(&["push", "image", "registry.example/team/image:a b"]),
        said(&["push", "image", "https://registry.example/team/image"]),
        said(&["pull", "registry.example/team/image@sha256:1234"]),
        said(&["pull", "registry.example/../image:1"]),
        said(&["tags", "registry.example:port/image"]),
    ];
    assert_snapshot!(each.join("\n"), @r"
    error: invalid value 'registry.example/Team/image' for '<REF>...': `Team/image` is not a valid image name: each part between slashes is lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`
    error: invalid value 'registry.example/team/image:a b' for '<REF>...': `a b` is not a valid tag: it may hold letters, digits, `_`, `.` and `-` only
    error: invalid value 'https://registry.example/team/image' for '<REF>...': `https://registry.example/team/image` is not a valid reference of an image: it is HOST/NAME:TAG, without what stands before a URL's host
    error: invalid value 'registry.example/team/image@sha256:1234' for '<IMAGE>': `registry.example/team/image@sha256:1234` is not a valid reference of an image: what follows `@` is `sha256:` and 64 digits
    error: invalid value 'registry.example/../image:1' for '<IMAGE>': `../image` is not a valid image name: each part between slashes is lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`
    error: invalid value 'registry.example:port/image' for '<REPOSITORY>': `registry.example:port` is not a valid host of a registry: the port is a number from 1 to 65535
    ");
}

#[test]
fn a_certificate_that_nobody_has_signed() {
    let certificates = Arc::new(Certificates::new(&[]));
    let registry = Distribution::setup().tls(Arc::clone(&certificates)).start();
    let bench = Bench::new(&["linux/amd64"], 100);
    assert_snapshot!(bench.message(&registry, bench.push(&registry, &[])), @r"
    × `127.0.0.1:PORT`: the registry cannot be reached
    ├─▶ `https://127.0.0.1:PORT/v2/` cannot be reached
    ├─▶ error sending request
    ├─▶ client error (Connect)
    ╰─▶ invalid peer certificate: UnknownIssuer
    help: `SSL_CERT_FILE` names a file of the authorities that are trusted, in place of the system's; for one registry, `certs.d` has further ones (docs/registry-credentials.md)
    ");
    let trusted = bench.imgbuild.path(&format!("docker/certs.d/{}/ca.crt", registry.address()));
    let trusted = bench.imgbuild.path(&format!(
        ".docker/certs.d/{}",
        trusted.parent().unwrap().file_name().unwrap().to_str().unwrap()
    ));
    fs_err::create_dir_all(&trusted).unwrap();
    fs_err::copy(certificates.authority(), trusted.join("ca.crt")).unwrap();
    bench.push(&registry, &[]).success();
    bench.has_arrived(&registry);
}

#[test]
fn a_proxy_that_refuses() {
    // It refuses whatever it is asked to lead to.
    let proxy = Distribution::with(|_| Behaviour::Answer(Answer::status(403)));
    let mut bench = Bench::new(&["linux/amd64"], 100);
    bench.imgbuild = bench.imgbuild.variable("HTTPS_PROXY", proxy.url());
    let outcome = bench.imgbuild.run(["pull", "registry.example/team/image:1"]);
    assert_snapshot!(bench.message(&proxy, outcome), @r"
    × `registry.example/team/image`: the manifest `1` cannot be read
    ├─▶ `https://registry.example/v2/team/image/manifests/1` cannot be reached
    ├─▶ error sending request
    ├─▶ client error (Connect)
    ╰─▶ tunnel error: unsuccessful
    help: the proxy does not lead there: `HTTPS_PROXY` and `NO_PROXY` say which one is asked, and for what none is
    ");
}

#[test]
fn a_disk_that_is_full() {
    let registry = Distribution::new();
    let mut bench = Bench::new(&["linux/amd64"], 3 << 20);
    bench.push(&registry, &[]).success();
    let out = bench.imgbuild.path("out");
    fs_err::create_dir(&out).unwrap();
    let script =
        "mount -t tmpfs -o size=1m tmpfs out; code=0; \"$@\" || code=$?; ls -A out >left; exit $code";
    bench.imgbuild = bench.imgbuild.through(["unshare", "--mount", "sh", "-c", script, "sh"]);
    let from = format!("{}/team/image:1", registry.address());
    for format in ["oci", "oci-dir"] {
        let outcome = bench.imgbuild.run(["pull", &from, "--output", "out/image", "--format", format]);
        let said = bench.message(&registry, outcome);
        assert_eq!(bench.imgbuild.read("left"), "", "{said}");
        match format {
            "oci" => assert_snapshot!(said, @r"
            × the image cannot be written
            ├─▶ `out/image` cannot be written
            ╰─▶ No space left on device (os error 28)
            "),
            _ => assert_snapshot!(said, @r"
            × the image cannot be written
            ├─▶ `out/image` cannot be written
            ╰─▶ No space left on device (os error 28)
            "),
        }
    }
}

/// Every text that must be seen nowhere: the password, and what stands for it.
fn secrets(registry: &Distribution) -> Vec<String> {
    let tokens =
        registry.exchanges().into_iter().filter_map(|it| it.request.headers.get("authorization").cloned());
    let mut all: Vec<String> =
        tokens.filter_map(|header| header.split_once(' ').map(|(_, secret)| secret.to_owned())).collect();
    all.extend(["hunter2".to_owned(), STANDARD.encode("user:hunter2"), "of-a-moment".to_owned()]);
    all.sort();
    all.dedup();
    all
}

/// The arguments of all processes that have a folder as their home, as they are now.
fn arguments(home: &Path) -> String {
    let home = format!("HOME={}\0", home.display());
    let mut all = String::new();
    for process in names(Path::new("/proc")) {
        // It may have ended.
        let read = |name: &str| {
            let bytes = fs_err::read(format!("/proc/{process}/{name}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        if process.bytes().all(|byte| byte.is_ascii_digit()) && read("environ").contains(&home) {
            all.push_str(&read("cmdline"));
        }
    }
    all
}

#[test]
fn no_secret_is_seen() {
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    for (access, spoilt) in [
        (Access::Basic(Account::user()), None),
        (Access::Token(TokenRules::default()), None),
        (Access::Token(TokenRules::default()), Some(Kind::FinishUpload)),
        (Access::Token(TokenRules::default()), Some(Kind::Token)),
        (Access::Token(TokenRules::default()), Some(Kind::Elsewhere)),
        (Access::Token(TokenRules { requests: Some(20), ..TokenRules::default() }), None),
    ] {
        let bench = Bench::new(&["linux/amd64"], 100);
        let (noted, home) = (Arc::clone(&seen), bench.imgbuild.folder().to_owned());
        let registry = Distribution::setup()
            .profile(Profile::docker_hub())
            .access(access)
            .hook(move |request| {
                noted.lock().unwrap().push_str(&arguments(&home));
                match Some(request.kind) == spoilt {
                    true => Behaviour::Answer(Answer::status(503).with("Retry-After", "0")),
                    false => Behaviour::Right,
                }
            })
            .start();
        bench.log_in(&registry);
        let outcomes = [
            bench.push(&registry, &["-vv"]),
            bench.pull(&registry, &["-vv"]),
            bench.imgbuild.run(["-vv", "tags", &format!("{}/team/image", registry.address())]),
        ];
        let secrets = secrets(&registry);
        let shown = |it: &Exchange| it.request.headers.contains_key("authorization");
        assert!(registry.exchanges().iter().any(shown), "nobody was shown anything");
        for outcome in outcomes {
            assert_eq!(
                outcome.code == Some(0),
                spoilt.is_none() || outcome.code == Some(0),
                "{}",
                outcome.stderr
            );
            for secret in &secrets {
                assert!(!outcome.stderr.contains(secret), "`{secret}` in {}", outcome.stderr);
                assert!(!outcome.stdout.contains(secret), "`{secret}` in {}", outcome.stdout);
                assert!(!seen.lock().unwrap().contains(secret), "`{secret}` is an argument");
            }
        }
        assert!(seen.lock().unwrap().contains("team/image"), "the arguments of nothing");
        // Nor in what it leaves behind.
        for secret in &secrets {
            let store = bench.imgbuild.store();
            let mut grep = std::process::Command::new("grep");
            let found = imgbuild_tests::capture(grep.args(["-r", "-l", "-F", secret]).arg(store));
            assert_eq!(found.stdout, "", "{secret}");
        }
    }
}

#[test]
fn images_go_from_one_registry_to_another() {
    let (from, to) = (Distribution::new(), Distribution::setup().profile(Profile::artifactory()).start());
    let bench = Bench::new(&["linux/amd64", "linux/arm64"], 1000);
    bench.push(&from, &[]).success();
    let (source, target) =
        (format!("{}/team/image:1", from.address()), format!("{}/other/image:2", to.address()));
    bench.imgbuild.run(["copy", &source, &target]).success();
    assert_eq!(from.manifest("team/image", "1"), to.manifest("other/image", "2"));
    let tags = bench.imgbuild.run(["tags", &format!("{}/other/image", to.address())]).success();
    assert_eq!(tags.stdout, "2\n");
    // Within one registry nothing is moved.
    from.forget();
    bench.imgbuild.run(["copy", &source, &format!("{}/copied/image:1", from.address())]).success();
    assert_eq!(
        (from.count(Kind::FinishUpload), from.count(Kind::GetBlob)),
        (0, 0),
        "{}",
        from.conversation()
    );
    assert_eq!(from.manifest("team/image", "1"), from.manifest("copied/image", "1"));
}
