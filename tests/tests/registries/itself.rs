//! The registry of the tests, when it does not misbehave, is one: it answers as Debian's does, and skopeo copies to it and from it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use imgbuild_oci::{ContainerConfig, Digest};
use imgbuild_tests::distribution::{
    Access, Account, Answer, Behaviour, Certificates, Distribution, Kind, Profile, TokenRules,
};
use imgbuild_tests::{HandmadeLayer, Outcome, Registry, capture, scratch, write_layout};
use insta::assert_snapshot;
use serde_json::json;

use crate::asking::{Answered, ask, send};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What of an answer the specification speaks of, without what differs between registries that are both right.
fn told(answered: &Option<Answered>) -> String {
    let Some(answered) = answered else { return "closed".to_owned() };
    let mut text = answered.status.to_string();
    for name in ["Range", "Docker-Content-Digest", "Content-Range", "Link", "OCI-Subject", "Content-Type"] {
        let Some(value) = answered.header(name) else { continue };
        // Both give JSON, and one says in which character set.
        let value = value.split(';').next().unwrap();
        if name != "Content-Type" || answered.status == 200 {
            text.push_str(&format!(" {name}: {value}"));
        }
    }
    if answered.header("Location").is_some() {
        text.push_str(" Location");
    }
    let document = serde_json::from_slice::<serde_json::Value>(&answered.body).unwrap_or_default();
    if let Some(code) = document["errors"][0]["code"].as_str() {
        text.push_str(&format!(" {code}"));
    }
    text
}

/// Everything that the specification has requests for, by hand: what is answered.
fn workflows(address: &str) -> String {
    let mut lines = Vec::new();
    let mut step = |method: &str, shown: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let answered = ask(address, method, path, headers, body);
        lines.push(format!("{method} {shown} -> {}", told(&answered)));
        let answered = answered.unwrap();
        answered.header("Location").unwrap_or_default().to_owned()
    };
    let blob = b"a blob of some bytes".as_slice();
    let digest = Digest::of(blob);
    let config = b"{}".as_slice();
    let uploads = "/v2/a/b/blobs/uploads/";
    step("GET", "version", "/v2/", &[], b"");
    step("HEAD", "absent blob", &format!("/v2/a/b/blobs/{digest}"), &[], b"");
    step("GET", "absent blob", &format!("/v2/a/b/blobs/{digest}"), &[], b"");
    step("GET", "absent manifest", "/v2/a/b/manifests/1", &[], b"");
    step("GET", "tags of nothing", "/v2/a/b/tags/list", &[], b"");
    // In one piece.
    let at = step("POST", "upload", uploads, &[], b"");
    step("PUT", "in one piece", &format!("{at}&digest={}", Digest::of(config)), &[], config);
    // In pieces.
    let at = step("POST", "upload", uploads, &[], b"");
    let at = step("PATCH", "first chunk", &at, &[("Content-Range", "0-9")], &blob[..10]);
    let at = step("GET", "upload", &at, &[], b"");
    let at = step("PATCH", "second chunk", &at, &[("Content-Range", "10-14")], &blob[10..15]);
    step("PUT", "last chunk", &format!("{at}&digest={digest}"), &[("Content-Range", "15-19")], &blob[15..]);
    let at = step("POST", "upload", uploads, &[], b"");
    step("PATCH", "out of order", &at, &[("Content-Range", "5-9")], &blob[5..10]);
    step("GET", "upload by its former location", &at, &[], b"");
    // As docker does: all of it in one PATCH.
    let at = step("POST", "upload", uploads, &[], b"");
    let at = step("PATCH", "all", &at, &[], blob);
    step("PUT", "end", &format!("{at}&digest={digest}"), &[], b"");
    let at = step("POST", "upload", uploads, &[], b"");
    step("PUT", "another digest", &format!("{at}&digest={digest}"), &[], b"other bytes");
    let at = step("POST", "upload", uploads, &[], b"");
    step("DELETE", "upload", &at, &[], b"");
    step("GET", "upload that is gone", &at, &[], b"");
    // What is there.
    step("HEAD", "blob", &format!("/v2/a/b/blobs/{digest}"), &[], b"");
    step("GET", "blob", &format!("/v2/a/b/blobs/{digest}"), &[], b"");
    step("GET", "part of a blob", &format!("/v2/a/b/blobs/{digest}"), &[("Range", "bytes=2-5")], b"");
    step("POST", "mount", &format!("/v2/c/blobs/uploads/?mount={digest}&from=a/b"), &[], b"");
    step("HEAD", "mounted blob", &format!("/v2/c/blobs/{digest}"), &[], b"");
    step("POST", "mount of nothing", &format!("/v2/c/blobs/uploads/?mount={digest}&from=d"), &[], b"");
    // Manifests.
    let descriptor = |bytes: &[u8]| json!({ "mediaType": "application/octet-stream", "digest": Digest::of(bytes), "size": bytes.len() });
    let manifest = |layer: &[u8]| {
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config), "layers": [descriptor(layer)] }).to_string()
    };
    let (good, bad) = (manifest(blob), manifest(b"not there"));
    let typed = [("Content-Type", MANIFEST)];
    step("PUT", "manifest of absent blobs", "/v2/a/b/manifests/1", &typed, bad.as_bytes());
    step("PUT", "no manifest", "/v2/a/b/manifests/1", &typed, b"no JSON");
    for tag in ["3", "1", "2"] {
        step("PUT", "manifest", &format!("/v2/a/b/manifests/{tag}"), &typed, good.as_bytes());
    }
    step(
        "PUT",
        "by its digest",
        &format!("/v2/a/b/manifests/{}", Digest::of(&good)),
        &typed,
        good.as_bytes(),
    );
    step("PUT", "by another", &format!("/v2/a/b/manifests/{digest}"), &typed, good.as_bytes());
    step("HEAD", "manifest", "/v2/a/b/manifests/1", &[("Accept", MANIFEST)], b"");
    step(
        "GET",
        "manifest",
        &format!("/v2/a/b/manifests/{}", Digest::of(&good)),
        &[("Accept", MANIFEST)],
        b"",
    );
    step("GET", "referrers", &format!("/v2/a/b/referrers/{digest}"), &[], b"");
    step("DELETE", "manifest", &format!("/v2/a/b/manifests/{}", Digest::of(&good)), &[], b"");
    let tags = ask(address, "GET", "/v2/a/b/tags/list", &[], b"").unwrap();
    let mut tags: serde_json::Value = serde_json::from_slice(&tags.body).unwrap();
    // Debian's has them in no order.
    tags["tags"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    lines.push(tags.to_string());
    lines.join("\n").replace(&Digest::of(&good).to_string(), "MANIFEST").replace(&digest.to_string(), "BLOB")
}

#[test]
fn it_answers_as_debians_registry_does() {
    let own = Distribution::setup().profile(Profile::docker_registry()).start();
    let (debian, own) = (workflows(Registry::new().address()), workflows(&own.address()));
    assert_eq!(own, debian);
    assert_snapshot!(own, @r#"
    GET version -> 200 Content-Type: application/json
    HEAD absent blob -> 404
    GET absent blob -> 404 BLOB_UNKNOWN
    GET absent manifest -> 404 MANIFEST_UNKNOWN
    GET tags of nothing -> 404 NAME_UNKNOWN
    POST upload -> 202 Range: 0-0 Location
    PUT in one piece -> 201 Docker-Content-Digest: sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a Location
    POST upload -> 202 Range: 0-0 Location
    PATCH first chunk -> 202 Range: 0-9 Location
    GET upload -> 204 Range: 0-9 Location
    PATCH second chunk -> 202 Range: 0-14 Location
    PUT last chunk -> 201 Docker-Content-Digest: BLOB Location
    POST upload -> 202 Range: 0-0 Location
    PATCH out of order -> 202 Range: 0-4 Location
    GET upload by its former location -> 404 BLOB_UPLOAD_INVALID
    POST upload -> 202 Range: 0-0 Location
    PATCH all -> 202 Range: 0-19 Location
    PUT end -> 201 Docker-Content-Digest: BLOB Location
    POST upload -> 202 Range: 0-0 Location
    PUT another digest -> 400 DIGEST_INVALID
    POST upload -> 202 Range: 0-0 Location
    DELETE upload -> 204
    GET upload that is gone -> 404 BLOB_UPLOAD_UNKNOWN
    HEAD blob -> 200 Docker-Content-Digest: BLOB Content-Type: application/octet-stream
    GET blob -> 200 Docker-Content-Digest: BLOB Content-Type: application/octet-stream
    GET part of a blob -> 206 Docker-Content-Digest: BLOB Content-Range: bytes 2-5/20
    POST mount -> 201 Docker-Content-Digest: BLOB Location
    HEAD mounted blob -> 200 Docker-Content-Digest: BLOB Content-Type: application/octet-stream
    POST mount of nothing -> 202 Range: 0-0 Location
    PUT manifest of absent blobs -> 400 MANIFEST_BLOB_UNKNOWN
    PUT no manifest -> 400 MANIFEST_INVALID
    PUT manifest -> 201 Docker-Content-Digest: MANIFEST Location
    PUT manifest -> 201 Docker-Content-Digest: MANIFEST Location
    PUT manifest -> 201 Docker-Content-Digest: MANIFEST Location
    PUT by its digest -> 201 Docker-Content-Digest: MANIFEST Location
    PUT by another -> 400 DIGEST_INVALID
    HEAD manifest -> 200 Docker-Content-Digest: MANIFEST Content-Type: application/vnd.oci.image.manifest.v1+json
    GET manifest -> 200 Docker-Content-Digest: MANIFEST Content-Type: application/vnd.oci.image.manifest.v1+json
    GET referrers -> 404
    DELETE manifest -> 405 UNSUPPORTED
    {"name":"a/b","tags":["1","2","3"]}
    "#);
}

/// A layout of one image of two layers, the second of `size` bytes that do not compress.
fn layout(folder: &Path, size: usize) {
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let layers = vec![
        HandmadeLayer::new().file("first", b"of two").tar(),
        HandmadeLayer::new().file("second", noise.take(size).collect::<Vec<u8>>()).tar(),
    ];
    write_layout(folder, &["linux/amd64".parse().unwrap()], layers, &ContainerConfig::default());
}

fn skopeo(arguments: &[&str]) -> Outcome {
    capture(Command::new("skopeo").arg("--insecure-policy").args(arguments))
}

#[test]
fn skopeo_copies_to_every_registry_and_back() {
    let folder = scratch("skopeo");
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    layout(&there, 100_000);
    for profile in Profile::all() {
        let name = profile.name;
        let registry = Distribution::setup().profile(profile).start();
        registry.make_repository("team/image");
        let (reference, from) =
            (format!("docker://{}/team/image:1", registry.address()), format!("oci:{}", there.display()));
        let plain = "--dest-tls-verify=false";
        let outcome = skopeo(&["copy", "--quiet", "--preserve-digests", plain, &from, &reference]);
        // It knows chunks alone, ends uploads with an empty request, and wants to hear 201 then.
        if ["google", "ecr", "no-content"].contains(&name) {
            let failed = outcome.failure().stderr;
            assert!(
                failed.contains("writing blob") || failed.contains("uploading layer"),
                "{name}: {failed}"
            );
            continue;
        }
        outcome.success();
        let to = format!("oci:{}:1", back.display());
        skopeo(&["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", &reference, &to])
            .success();
        let validated = imgbuild_oci::validate(&back).unwrap();
        let (digest, _) = registry.manifest("team/image", "1").unwrap();
        assert_eq!(validated.images.iter().map(|it| it.0).collect::<Vec<_>>(), [digest], "{name}");
        let listed =
            skopeo(&["list-tags", "--tls-verify=false", &reference[..reference.len() - 2]]).success();
        assert!(listed.stdout.contains("\"1\""), "{name}: {}", listed.stdout);
        fs_err::remove_dir_all(&back).unwrap();
    }
}

#[test]
fn who_has_no_password_or_token_is_kept_out() {
    let folder = scratch("skopeo");
    layout(folder.path(), 10);
    let from = format!("oci:{}", folder.path().display());
    let copy = |registry: &Distribution, more: &[&str]| {
        let to = format!("docker://{}/image:1", registry.address());
        let arguments = ["copy", "--quiet", "--dest-tls-verify=false", &from, &to];
        skopeo(&[&arguments[..], more].concat())
    };
    let rules = [
        TokenRules::default(),
        TokenRules { is_access_token: true, ..TokenRules::default() },
        // Each request has a token of its own.
        TokenRules { requests: Some(1), ..TokenRules::default() },
    ];
    let all = rules.map(Access::Token).into_iter().chain([Access::Basic(Account::user())]);
    for access in all {
        let registry = Distribution::setup().access(access.clone()).start();
        let refused = copy(&registry, &[]).failure();
        assert!(
            refused.stderr.contains("authentication required") || refused.stderr.contains("unauthorized"),
            "{}",
            refused.stderr
        );
        let outcome = copy(&registry, &["--dest-creds", "user:wrong"]).failure();
        assert!(
            outcome.stderr.contains("password") || outcome.stderr.contains("authentication required"),
            "{}",
            outcome.stderr
        );
        assert!(registry.tags("image").is_empty());
        let outcome = copy(&registry, &["--dest-creds", "user:hunter2"]);
        // skopeo asks again only for some requests.
        if matches!(&access, Access::Token(rules) if rules.requests.is_some()) {
            outcome.failure();
        } else {
            outcome.success();
            assert_eq!(registry.tags("image"), ["1"]);
        }
    }
}

#[test]
fn tokens_are_for_what_was_asked_for() {
    let rules = TokenRules {
        identity: Some("identity-token".to_owned()),
        is_public: true,
        requests: Some(2),
        closed: vec!["closed".to_owned()],
        ..TokenRules::default()
    };
    let registry = Distribution::setup().access(Access::Token(rules)).start();
    registry.put_blob("open", "a blob");
    registry.put_blob("closed", "a blob");
    let realm = registry.realm();
    let (host, path) = realm.trim_start_matches("http://").split_once('/').unwrap();
    let token = |query: &str, headers: &[(&str, &str)]| {
        let answered = ask(host, "GET", &format!("/{path}?{query}"), headers, b"").unwrap();
        assert_eq!(answered.status, 200, "{query}");
        let value: serde_json::Value = serde_json::from_slice(&answered.body).unwrap();
        format!("Bearer {}", value["token"].as_str().unwrap())
    };
    let blob = Digest::of("a blob");
    let asked = |method: &str, path: &str, token: &str| {
        let answered = ask(&registry.address(), method, path, &[("Authorization", token)], b"").unwrap();
        format!("{} {}", answered.status, answered.header("WWW-Authenticate").unwrap_or_default())
            .replace(&realm, "REALM")
            .trim_end()
            .to_owned()
    };
    let anonymous = token("scope=repository:open:pull,push", &[]);
    let mut lines = vec![
        asked("HEAD", &format!("/v2/open/blobs/{blob}"), &anonymous),
        asked("POST", "/v2/open/blobs/uploads/", &anonymous),
        asked("HEAD", &format!("/v2/open/blobs/{blob}"), &anonymous),
    ];
    let account = Account::user().header();
    let own =
        token("scope=repository:open:pull,push&scope=repository:closed:pull", &[("Authorization", &account)]);
    lines.push(asked("POST", &format!("/v2/open/blobs/uploads/?mount={blob}&from=closed"), &own));
    lines.push(asked("POST", "/v2/open/blobs/uploads/", &own));
    let form =
        "grant_type=refresh_token&refresh_token=identity-token&service=test&scope=repository:open:pull,push";
    let answered = ask(
        host,
        "POST",
        "/token",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        form.as_bytes(),
    );
    lines.push(answered.unwrap().status.to_string());
    let form = form.replace("identity-token", "another");
    lines.push(ask(host, "POST", "/token", &[], form.as_bytes()).unwrap().status.to_string());
    assert_snapshot!(lines.join("\n"), @r#"
        200
        401 Bearer realm="REALM",service="test",scope="repository:open:pull,push",error="insufficient_scope"
        401 Bearer realm="REALM",service="test",scope="repository:open:pull",error="invalid_token"
        401 Bearer realm="REALM",service="test",scope="repository:open:pull,push repository:closed:pull",error="insufficient_scope"
        202
        200
        401
        "#);
}

#[test]
fn it_speaks_tls() {
    let folder = scratch("skopeo");
    layout(folder.path(), 10);
    let certificates = Arc::new(Certificates::new(&["registry.example"]));
    fs_err::create_dir(folder.path().join("trust")).unwrap();
    fs_err::copy(certificates.authority(), folder.path().join("trust/ca.crt")).unwrap();
    let trust = format!("--dest-cert-dir={}", folder.path().join("trust").display());
    let from = format!("oci:{}", folder.path().display());
    let copy = |registry: &Distribution, more: &str| {
        let to = format!("docker://{}/image:1", registry.address());
        skopeo(&["copy", "--quiet", &from, &to, more])
    };
    let registry = Distribution::setup().tls(Arc::clone(&certificates)).start();
    let refused = copy(&registry, "--dest-tls-verify=true").failure();
    assert!(refused.stderr.contains("certificate signed by unknown authority"), "{}", refused.stderr);
    copy(&registry, &trust).success();
    // Who has to show a certificate, and shows it.
    let registry = Distribution::setup().tls_of_both(Arc::clone(&certificates)).start();
    let refused = copy(&registry, &trust).failure();
    assert!(
        refused.stderr.contains("certificate required") || refused.stderr.contains("bad certificate"),
        "{}",
        refused.stderr
    );
    for name in ["client.cert", "client.key"] {
        fs_err::copy(certificates.identity(), folder.path().join("trust").join(name)).unwrap();
    }
    copy(&registry, &trust).success();
}

/// What becomes of a `GET` and of a `PUT` when the registry misbehaves so.
fn misbehaving(make: impl Fn() -> Behaviour + Send + Sync + 'static) -> String {
    let registry = Distribution::with(move |request| match request.kind {
        Kind::GetBlob | Kind::FinishUpload => make(),
        _ => Behaviour::Right,
    });
    let digest = registry.put_blob("image", "a blob");
    let address = registry.address();
    let got = ask(&address, "GET", &format!("/v2/image/blobs/{digest}"), &[], b"");
    let shown = |answered: Option<Answered>| match answered {
        None => "closed".to_owned(),
        Some(it) => format!(
            "{} {:?} {}",
            it.status,
            String::from_utf8_lossy(&it.body),
            if it.is_whole { "whole" } else { "cut" }
        ),
    };
    let upload = ask(&address, "POST", "/v2/image/blobs/uploads/", &[], b"").unwrap();
    let digest = Digest::of("another blob");
    let path = format!("{}&digest={digest}", upload.header("Location").unwrap());
    let put = ask(&address, "PUT", &path, &[], b"another blob");
    let stored = registry.blob("image", &digest).is_some();
    let status = ask(&address, "GET", upload.header("Location").unwrap(), &[], b"").unwrap();
    let range = status.header("Range").unwrap_or("no upload").to_owned();
    format!("{}; {}, stored: {stored}, upload: {range}", shown(got), shown(put))
}

#[test]
fn it_misbehaves_as_it_is_told_to() {
    let lines = [
        ("right", misbehaving(|| Behaviour::Right)),
        ("answer", misbehaving(|| Behaviour::Answer(Answer::status(429).with("Retry-After", "1")))),
        ("at once", misbehaving(|| Behaviour::AnswerAtOnce(Answer::page(413, "too large")))),
        ("change", misbehaving(|| Behaviour::change(|answer| answer.body("something else")))),
        ("length", misbehaving(|| Behaviour::change(|answer| answer.with("content-length", "100")))),
        ("close", misbehaving(|| Behaviour::Close)),
        ("close after", misbehaving(|| Behaviour::CloseAfter(5))),
        ("close when done", misbehaving(|| Behaviour::CloseWhenDone)),
        ("cut", misbehaving(|| Behaviour::CutAnswer(3))),
    ];
    let lines: Vec<String> = lines.into_iter().map(|(name, told)| format!("{name}: {told}")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
        right: 200 "a blob" whole; 201 "" whole, stored: true, upload: no upload
        answer: 429 "" whole; 429 "" whole, stored: false, upload: 0-0
        at once: 413 "<html>\r\n<head><title>too large</title></head>\r\n<body>too large</body>\r\n</html>\r\n" whole; 413 "<html>\r\n<head><title>too large</title></head>\r\n<body>too large</body>\r\n</html>\r\n" whole, stored: false, upload: 0-0
        change: 200 "something else" whole; 201 "something else" whole, stored: true, upload: no upload
        length: 200 "a blob" cut; 201 "" cut, stored: true, upload: no upload
        close: closed; closed, stored: false, upload: 0-0
        close after: closed; closed, stored: false, upload: 0-4
        close when done: closed; closed, stored: true, upload: no upload
        cut: 200 "a b" cut; 201 "" whole, stored: true, upload: no upload
        "#);
}

#[test]
fn a_request_that_breaks_leaves_what_had_come() {
    for (profile, then) in [(Profile::specification(), "204 0-4"), (Profile::docker_registry(), "404 ")] {
        let registry = Distribution::setup().profile(profile).start();
        assert_eq!(broken(&registry.address()), then);
    }
    // Debian's own has lost the upload as well.
    assert_eq!(broken(Registry::new().address()), "404 ");
}

/// What a registry says of an upload of which five bytes of ten came.
fn broken(address: &str) -> String {
    let upload = ask(address, "POST", "/v2/image/blobs/uploads/", &[], b"").unwrap();
    let location = upload.header("Location").unwrap();
    assert!(
        send(address, "PATCH", location, &[], 10, b"12345").is_none_or(|answered| answered.status >= 400)
    );
    let answered = ask(address, "GET", location, &[], b"").unwrap();
    format!("{} {}", answered.status, answered.header("Range").unwrap_or_default())
}

#[test]
fn the_conversation_is_a_text_that_is_always_the_same() {
    let folder = scratch("skopeo");
    layout(folder.path(), 10);
    let registry = Distribution::new();
    let to = format!("docker://{}/image:1", registry.address());
    let from = format!("oci:{}", folder.path().display());
    skopeo(&["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", &from, &to]).success();
    assert_snapshot!(registry.conversation(), @r"
    GET /v2/ -> 200
    HEAD /v2/image/blobs/CONFIG -> 404
    POST /v2/image/blobs/uploads/ -> 202
    PATCH /v2/image/blobs/uploads/UPLOAD BYTES -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=CONFIG -> 201
    HEAD /v2/image/blobs/LAYER1 -> 404
    HEAD /v2/image/blobs/LAYER1 -> 404
    POST /v2/image/blobs/uploads/ -> 202
    PATCH /v2/image/blobs/uploads/UPLOAD BYTES -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=LAYER1 -> 201
    HEAD /v2/image/blobs/LAYER2 -> 404
    HEAD /v2/image/blobs/LAYER2 -> 404
    POST /v2/image/blobs/uploads/ -> 202
    PATCH /v2/image/blobs/uploads/UPLOAD BYTES -> 202
    PUT /v2/image/blobs/uploads/UPLOAD?digest=LAYER2 -> 201
    PUT /v2/image/manifests/1 DOCUMENT -> 201
    ");
}

#[test]
fn tags_come_in_pages_and_referrers_by_their_type() {
    let registry = Distribution::setup().profile(Profile { page: 2, ..Profile::specification() }).start();
    let config = registry.put_blob("image", "{}");
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2 });
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [] }).to_string();
    let typed = [("Content-Type", MANIFEST)];
    let digest = Digest::of(&manifest);
    // Main of 2026-07: several tags at once.
    let path = format!("/v2/image/manifests/{digest}?tag=a&tag=b&tag=c");
    let address = registry.address();
    let put = |path: &str, body: &str| ask(&address, "PUT", path, &typed, body.as_bytes()).unwrap();
    assert_eq!(put(&path, &manifest).header("OCI-Tag"), Some("a"));
    let page = ask(&registry.address(), "GET", "/v2/image/tags/list", &[], b"").unwrap();
    assert_eq!(String::from_utf8_lossy(&page.body), r#"{"name":"image","tags":["a","b"]}"#);
    assert_eq!(page.header("Link"), Some("</v2/image/tags/list?n=2&last=b>; rel=\"next\""));
    let page = ask(&registry.address(), "GET", "/v2/image/tags/list?n=2&last=b", &[], b"").unwrap();
    assert_eq!(
        (String::from_utf8_lossy(&page.body).as_ref(), page.header("Link")),
        (r#"{"name":"image","tags":["c"]}"#, None)
    );
    let subject = json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.len() });
    let artifact = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "text/x", "config": empty, "layers": [], "subject": subject }).to_string();
    let answered = put(&format!("/v2/image/manifests/{}", Digest::of(&artifact)), &artifact);
    assert_eq!(answered.header("OCI-Subject"), Some(digest.to_string().as_str()));
    let count = |query: &str| {
        let path = format!("/v2/image/referrers/{digest}{query}");
        let answered = ask(&address, "GET", &path, &[], b"").unwrap();
        let index: serde_json::Value = serde_json::from_slice(&answered.body).unwrap();
        (
            index["manifests"].as_array().unwrap().len(),
            answered.header("OCI-Filters-Applied").map(str::to_owned),
        )
    };
    assert_eq!(count(""), (1, None));
    assert_eq!(count("?artifactType=text/x"), (1, Some("artifactType".to_owned())));
    assert_eq!(count("?artifactType=text/y").0, 0);
}
