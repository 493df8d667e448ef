//! Caches in buckets: against servers of S3 and of Azure that others wrote, and against one of the tests, which speaks as S3 and
//! Google do and misbehaves on demand.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imgbuild_tests::distribution::{Answer, Certificates, Proxy};
use imgbuild_tests::{
    Buckets, Daemon, Imgbuild, Trouble, capture, named, node_tools, port, python_tools, refusal, scratch,
};
use insta::assert_snapshot;
use serde_json::Value;

use crate::caches::{build, builder, notes, reused};
use crate::leases::is_made_once;
use crate::small;

/// Azurite's account and its key, which are public.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// What stands in no message.
const SECRET: &str = "s3cr3tAccessKey";

/// A builder with what is larger than one part.
fn large(variables: &[(&str, String)]) -> Imgbuild {
    let mut imgbuild = builder();
    small(&imgbuild, "platforms = [\"linux/amd64\"]", "[[copy]]\nfrom = \"large\"\nto = \"/large\"\n");
    imgbuild.write("large", noise(20 << 20));
    for (name, value) in variables {
        imgbuild = imgbuild.variable(name, value);
    }
    imgbuild
}

/// Bytes that no compressor makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn s3(address: &str) -> Vec<(&'static str, String)> {
    let (name, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    vec![(name, "key".into()), (secret, SECRET.into()), ("AWS_ENDPOINT_URL", format!("http://{address}"))]
}

fn azure(address: &str, key: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.into()),
        ("AZURE_STORAGE_ACCOUNT_KEY", key.into()),
        ("AZURE_STORAGE_ENDPOINT", format!("http://{address}/{ACCOUNT}")),
    ]
}

fn google(address: &str) -> Vec<(&'static str, String)> {
    let account = format!(
        "{{\"gcs_base_url\":\"http://{address}\",\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"\",\"private_key_id\":\"\"}}"
    );
    vec![("GOOGLE_SERVICE_ACCOUNT_KEY", account)]
}

/// A server that ends when it is dropped, and its address.
fn served(program: &Path, arguments: &[&str], folder: &Path) -> (Daemon, String) {
    let port = port();
    let arguments: Vec<String> = arguments.iter().map(|it| it.replace("PORT", &port)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = format!("127.0.0.1:{port}");
    let ready = || TcpStream::connect(&address).is_ok();
    let daemon = Daemon::start(program.to_str().unwrap(), &arguments, &folder.join("log"), ready);
    (daemon, address)
}

/// One builder gives everything, and another one makes nothing again.
#[track_caller]
fn is_shared(place: &str, variables: &[(&str, String)]) -> Value {
    let (one, other) = (large(variables), large(variables));
    let first = build(&one, &["--cache-to", place]);
    assert!(reused(&first).iter().all(|it| !it), "{first:#}");
    let second = build(&other, &["--cache-to", place]);
    assert!(reused(&second).iter().all(|it| *it), "{place}: {second:#}");
    assert_eq!(first["images"][0]["digest"], second["images"][0]["digest"]);
    assert_eq!((notes(&first), notes(&second)), (Vec::new(), Vec::new()));
    first
}

/// What a build says of a cache that does nothing for it, with names for what differs. The image is right.
#[track_caller]
fn told(place: &str, variables: &[(&str, String)], more: &[&str]) -> String {
    let right = build(&large(&[]), &[]);
    let imgbuild = large(variables);
    let mut words = vec!["build", "spec.toml", "--json", "--output", "out", "-vv", "--cache-to", place];
    words.extend(more);
    let outcome = imgbuild.run(words).success();
    for secret in [SECRET, ACCOUNT_KEY, "d3Jvbmc="] {
        assert!(!outcome.stderr.contains(secret) && !outcome.stdout.contains(secret), "{}", outcome.stderr);
    }
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["images"][0]["digest"], right["images"][0]["digest"]);
    assert!(reused(&report).iter().all(|it| !it), "{report:#}");
    named(&notes(&report).join("\n"))
}

#[test]
fn s3_keeps_a_cache() {
    let folder = scratch("moto");
    let tools = python_tools("buckets", "tests/tests/pushing/tools.txt");
    let (_server, address) =
        served(&tools.join("bin/moto_server"), &["-H", "127.0.0.1", "-p", "PORT"], folder.path());
    let client = "import boto3, sys\nboto3.client('s3', endpoint_url=sys.argv[1], aws_access_key_id='key', \
                  aws_secret_access_key='x', region_name='us-east-1').create_bucket(Bucket='cache')";
    let mut python = Command::new(tools.join("bin/python"));
    capture(python.args(["-c", client, &format!("http://{address}")])).success();
    let variables = s3(&address);
    is_shared("s3://cache/team", &variables);
    is_made_once(2, "s3://cache/together", &variables);
    // Variables that are not the provider's, and those that are empty, say nothing.
    let mut more = variables.clone();
    more.extend(["TOKEN", "BUCKET", "REGION", "ENDPOINT", "AWS_SESSION_TOKEN"].map(|it| (it, String::new())));
    more.extend([
        ("TOKEN", "x".into()),
        ("BUCKET", "other".into()),
        ("ENDPOINT", "http://127.0.0.1:1".into()),
    ]);
    is_shared("s3://cache/other", &more);
    assert_snapshot!(told("s3://nowhere", &variables, &[]), @r"the cache `s3://nowhere` is not used any more: the server answered `404 Not Found: NoSuchBucket: The specified bucket does not exist`");
}

#[test]
fn azure_keeps_a_cache() {
    let folder = scratch("azurite");
    let tools = node_tools("buckets-node", "tests/tests/pushing/node/package-lock.json");
    let words = ["--blobHost", "127.0.0.1", "--blobPort", "PORT", "--inMemoryPersistence"];
    let more = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"];
    let (_server, address) =
        served(&tools.join(".bin/azurite-blob"), &[&words[..], &more[..]].concat(), folder.path());
    let make = "const crypto = require('crypto'), http = require('http');\n\
        const [address, account, key] = process.argv.slice(1);\n\
        const date = new Date().toUTCString(), version = '2021-08-06';\n\
        const text = 'PUT\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\nx-ms-date:' + date + '\\nx-ms-version:' + version +\n\
          '\\n/' + account + '/' + account + '/cache\\nrestype:container';\n\
        const mac = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');\n\
        const [host, port] = address.split(':');\n\
        const headers = { 'x-ms-date': date, 'x-ms-version': version, Authorization: 'SharedKey ' + account + ':' + mac, 'Content-Length': 0 };\n\
        http.request({ host, port, method: 'PUT', path: '/' + account + '/cache?restype=container', headers },\n\
          (it) => process.exit(it.statusCode == 201 ? 0 : 1)).end();";
    capture(Command::new("node").args(["-e", make, &address, ACCOUNT, ACCOUNT_KEY])).success();
    let variables = azure(&address, ACCOUNT_KEY);
    is_shared("az://cache/team", &variables);
    is_made_once(2, "az://cache/together", &variables);
    assert_snapshot!(told("az://nowhere", &variables, &[]), @r"the cache `az://nowhere` is not used any more: the server answered `404 Not Found: ContainerNotFound: The specified container does not exist.`");
    // `wrong` in base64.
    assert_snapshot!(told("az://cache/wrong", &azure(&address, "d3Jvbmc="), &[]), @r"
    the cache `az://cache/wrong` did not take 2 of 2 layers: the server answered `403 Forbidden: AuthorizationFailure: Server failed to authenticate the request. Make sure the value of the Authorization header is formed correctly including the signature.`
    the cache `az://cache/wrong` could not be asked 4 times; `-v` says why
    ");
}

#[test]
fn what_speaks_as_google_keeps_a_cache() {
    let server = Buckets::new();
    is_shared("gs://cache/team", &google(&server.address()));
    is_made_once(2, "gs://cache/together", &google(&server.address()));
    is_shared("s3://cache/other", &s3(&server.address()));
    // Leases are no more, and no upload is open.
    let names = server.names();
    assert!(names.iter().all(|it| it.contains("/layers/") || it.contains("/blobs/sha256/")), "{names:#?}");
    assert_eq!(server.open_uploads(), 0);
}

#[test]
fn what_another_builder_has_put_at_the_same_time_is_success() {
    for (status, code) in [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")] {
        let server = Buckets::with(move |head| {
            let is_entry = head.method == "PUT" && head.path.ends_with(".json");
            is_entry.then(|| Trouble::Lie(refusal(status, code, "At the same time")))
        });
        for (place, variables) in
            [("s3://cache", s3(&server.address())), ("gs://google", google(&server.address()))]
        {
            is_shared(place, &variables);
        }
    }
}

#[test]
fn a_server_that_knows_no_conditions_keeps_a_cache() {
    let server = Buckets::with(|head| {
        let unknown = || Trouble::Answer(refusal(501, "NotImplemented", "A header is not implemented"));
        head.headers.contains_key("if-none-match").then(unknown)
    });
    let mut variables = s3(&server.address());
    variables.push(("IMGBUILD_HTTP_RETRIES", "0".into()));
    is_shared("s3://cache", &variables);
    // Where that is known, it is not tried.
    variables.push(("AWS_CONDITIONAL_PUT", "disabled".into()));
    is_shared("s3://other", &variables);
}

#[test]
fn what_a_bucket_does_wrong_costs_a_note() {
    let outcome = |trouble: fn(&imgbuild_tests::distribution::Head) -> Option<Trouble>| {
        let server = Buckets::with(trouble);
        let mut variables = s3(&server.address());
        variables.push(("IMGBUILD_HTTP_RETRIES", "1".into()));
        let told = told("s3://cache", &variables, &[]);
        assert_eq!(server.open_uploads(), 0);
        (told, server.requests().len())
    };
    // Wrong credentials.
    let forbidden = |_: &_| Some(Trouble::Answer(refusal(403, "SignatureDoesNotMatch", "It is another one")));
    assert_snapshot!(outcome(forbidden).0, @r"
    the cache `s3://cache` did not take 2 of 2 layers: the server answered `403 Forbidden: SignatureDoesNotMatch: It is another one`
    the cache `s3://cache` could not be asked 4 times; `-v` says why
    ");
    // It may be read, and not written.
    let read_only = outcome(|head| {
        let refused = || Trouble::Answer(refusal(403, "AccessDenied", "Access Denied"));
        (head.method == "PUT" || head.method == "POST").then(refused)
    });
    assert_snapshot!(read_only.0, @r"the cache `s3://cache` did not take 2 of 2 layers: the server answered `403 Forbidden: AccessDenied: Access Denied`");
    // It is always busy: that is learned once, and not for each of the layers.
    let (told, requests) =
        outcome(|_| Some(Trouble::Answer(refusal(503, "SlowDown", "Reduce your request rate"))));
    assert_snapshot!(told, @r"the cache `s3://cache` is not used any more: the server answered `503 Service Unavailable: SlowDown: Reduce your request rate`");
    assert!(requests <= 2 * 4, "{requests} requests");
    // A proxy's page.
    assert_snapshot!(outcome(|_| Some(Trouble::Answer(Answer::page(502, "Bad Gateway")))).0, @r"the cache `s3://cache` is not used any more: the server answered `502 Bad Gateway`");
    // It closes each connection, or goes away in the middle of an upload. How that looks from here is a matter of luck.
    let begin = |told: &str| told.split(" cannot be reached: ").next().unwrap().to_owned();
    assert_snapshot!(begin(&outcome(|_| Some(Trouble::Close)).0), @"the cache `s3://cache` is not used any more: `http://127.0.0.1:PORT/cache/layers/SHA256.json`");
    let gone = outcome(|head| {
        head.query.iter().any(|(name, value)| name == "partNumber" && value == "2").then_some(Trouble::Close)
    });
    assert_snapshot!(begin(&gone.0), @"the cache `s3://cache` is not used any more: `http://127.0.0.1:PORT/cache/blobs/sha256/SHA256`");
    // It says nothing.
    assert_snapshot!(outcome(|_| Some(Trouble::Silence)).0, @r"the cache `s3://cache` is not used any more: `http://127.0.0.1:PORT` is too slow");
}

#[test]
fn no_secret_is_told() {
    // A signature that stands in URLs.
    let signed = |server: &Buckets| {
        vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_SAS_KEY", format!("sv=2021-08-06&sig={SECRET}")),
            ("AZURE_STORAGE_ENDPOINT", format!("http://{}/{ACCOUNT}", server.address())),
            ("IMGBUILD_HTTP_RETRIES", "1".into()),
        ]
    };
    let closing = Buckets::with(|_| Some(Trouble::Close));
    let closed = told("az://cache", &signed(&closing), &[]);
    let (closed, _) = closed.split_once(" cannot be reached: ").unwrap();
    assert_snapshot!(closed, @r"the cache `az://cache` is not used any more: `http://127.0.0.1:PORT/devstoreaccount1/cache/layers/SHA256.json`");
    let busy = Buckets::with(|_| Some(Trouble::Answer(refusal(503, "ServerBusy", "It is busy"))));
    assert_snapshot!(told("az://cache", &signed(&busy), &[]), @r"the cache `az://cache` is not used any more: the server answered `503 Service Unavailable: ServerBusy: It is busy`");
    assert!(busy.requests().iter().all(|it| !it.contains("leases")), "{:?}", busy.requests());
    // What is no account.
    let accounts = [SECRET.to_owned(), format!("{{\"private_key\": \"{SECRET}\"}}"), google_account(SECRET)];
    let told = accounts.map(|account| told("gs://cache", &[("GOOGLE_SERVICE_ACCOUNT_KEY", account)], &[]));
    assert_snapshot!(told.join("\n"), @r"
    the cache `gs://cache` is not used: GCP credential error: Unable to decode service account file: expected value at line 1 column 1
    the cache `gs://cache` is not used: GCP credential error: Unable to decode service account file: missing field `private_key_id` at line 1 column 34
    the cache `gs://cache` is not used: Error reading pem file: no items found
    ");
}

/// What Google gives, with something in place of its key.
fn google_account(key: &str) -> String {
    format!("{{\"private_key\":\"{key}\",\"private_key_id\":\"1\",\"client_email\":\"me@example\"}}")
}

#[test]
fn what_breaks_off_is_made() {
    let breaks = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&breaks);
    let server = Buckets::with(move |head| {
        let is_blob = head.method == "GET" && head.path.contains("/blobs/");
        (is_blob && broken.load(Ordering::SeqCst)).then_some(Trouble::Cut)
    });
    let mut variables = s3(&server.address());
    is_shared("s3://cache", &variables);
    breaks.store(true, Ordering::SeqCst);
    variables.push(("IMGBUILD_HTTP_RETRIES", "1".into()));
    assert_snapshot!(told("s3://cache", &variables, &[]), @r"the cache `s3://cache` could not be asked 4 times; `-v` says why");
}

#[test]
fn a_bucket_is_reached_as_everything_else_is() {
    let host = "s3.us-east-1.amazonaws.com";
    let certificates = Certificates::new(&[host]);
    let server = Buckets::with_tls(&certificates);
    let proxy = Proxy::to(&server.address());
    let mut variables: Vec<(&str, String)> = s3("").into_iter().take(2).collect();
    variables.push(("HTTPS_PROXY", proxy.url()));
    variables.push(("IMGBUILD_HTTP_RETRIES", "0".into()));
    // Nobody knows the authority.
    assert_snapshot!(told("s3://cache", &variables, &[]), @r"the cache `s3://cache` is not used any more: `https://s3.us-east-1.amazonaws.com/cache/layers/SHA256.json` cannot be reached: error sending request: client error (Connect): invalid peer certificate: UnknownIssuer");
    variables.push(("SSL_CERT_FILE", certificates.authority().to_str().unwrap().to_owned()));
    is_shared("s3://cache", &variables);
    assert!(proxy.asked().iter().all(|asked| *asked == format!("{host}:443")), "{:?}", proxy.asked());
    // Without the network nothing is asked.
    let asked = server.requests().len();
    assert_snapshot!(told("s3://cache", &variables, &["--offline"]), @r"the cache `s3://cache` is not used: `s3://cache` is needed from the network, which `--offline` forbids");
    assert_eq!(server.requests().len(), asked);
    // What is not on the loopback is not spoken to without TLS unprompted.
    let plain = [("AWS_ENDPOINT_URL", "http://192.0.2.1:9000".into()), ("IMGBUILD_HTTP_RETRIES", "0".into())];
    let plain: Vec<(&str, String)> = s3("").into_iter().take(2).chain(plain).collect();
    assert_snapshot!(told("s3://cache", &plain, &[]), @r"the cache `s3://cache` is not used any more: `http://192.0.2.1:9000` would be spoken to without TLS, which `AWS_ALLOW_HTTP`, `AZURE_ALLOW_HTTP` or `GOOGLE_ALLOW_HTTP` allows");
    // Where that is allowed, it goes through the proxy for it.
    let server = Buckets::new();
    let mut plain = plain;
    plain[2].1 = "http://storage.example:9000".into();
    plain.push(("AWS_ALLOW_HTTP", "true".into()));
    plain.push(("HTTP_PROXY", format!("http://{}", server.address())));
    is_shared("s3://cache", &plain);
}
