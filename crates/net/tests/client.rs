//! The client against a server in this process that misbehaves as it is told to.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Extensions;
use imgbuild_net::{Client, Download, Locations, MirrorList, NetError, Options, Schedule, Size};
use imgbuild_oci::Digest;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};
use url::Url;

/// A server that answers each connection as a function of the request says.
struct Server {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `answer` gets the number of the request and its head; what it gives is sent, and the connection is closed.
    fn start(answer: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = read_head(&stream);
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(head.clone());
                    seen.len() - 1
                };
                // A client that has what it wants may have gone.
                let _closed = stream.write_all(&answer(number, &head));
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}/{path}", self.address).parse().unwrap()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    fn ranges(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|head| header(head, "range").unwrap_or_default().to_owned()).collect()
    }
}

fn read_head(stream: &TcpStream) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    head
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}").into_bytes()
}

fn whole(body: &str) -> Vec<u8> {
    answer("200 OK", &format!("content-length: {}\r\n", body.len()), body)
}

/// Serves ranges, as most servers do.
fn ranged(head: &str, body: &str) -> Vec<u8> {
    let Some(range) = header(head, "range") else { return whole(body) };
    let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    if start >= body.len() {
        return answer("416 Range Not Satisfiable", "content-length: 0\r\n", "");
    }
    let end = end.parse().map_or(body.len(), |last: usize| body.len().min(last + 1));
    let headers = format!(
        "content-length: {}\r\ncontent-range: bytes {start}-{}/{}\r\n",
        end - start,
        end - 1,
        body.len()
    );
    answer("206 Partial Content", &headers, &body[start..end])
}

fn options() -> Options {
    let moment = Duration::from_millis(1);
    Options { schedule: Schedule { retries: 3, first: moment, most: moment }, ..Options::default() }
}

fn client() -> Client {
    Client::new(options()).unwrap()
}

fn offline() -> Client {
    Client::new(Options { offline: true, ..options() }).unwrap()
}

async fn download(from: impl Into<Locations>, size: Size, wanted: &str) -> Result<String, NetError> {
    let mut bytes = Vec::new();
    let what = Download { from: from.into(), size, sha256: Digest::of(wanted) };
    let told = Mutex::new(Vec::new());
    let size = client().download(&what, &mut bytes, &|size| told.lock().unwrap().push(size)).await?;
    assert_eq!(size, bytes.len() as u64);
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted());
    assert_eq!(told.last().copied().unwrap_or_default(), size);
    Ok(String::from_utf8(bytes).unwrap())
}

/// An error without the port, which differs from run to run.
fn shown(server: &Server, error: &NetError) -> String {
    imgbuild_diagnostic::told(error).replace(&server.address.to_string(), "server.example")
}

#[tokio::test]
async fn troubles_of_the_moment_are_tried_again() {
    for trouble in [
        answer("503 Service Unavailable", "retry-after: 0\r\n", ""),
        answer("429 Too Many Requests", "", ""),
        answer("200 OK", "content-length: 10\r\n", "half"),
        Vec::new(),
    ] {
        let server =
            Server::start(move |number, _| if number < 3 { trouble.clone() } else { whole("content") });
        assert_eq!(client().get_bytes(&server.url("x"), 100).await.unwrap(), "content");
        assert_eq!(server.count(), 4);
    }
}

#[tokio::test]
async fn lasting_troubles_are_told() {
    let server = Server::start(|_, _| answer("500 Internal Server Error", "", ""));
    let error = client().get_bytes(&server.url("x"), 100).await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"the server answered `500 Internal Server Error` for `http://server.example/x`");
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn missing_and_forbidden_things_are_told_at_once() {
    let server = Server::start(|_, head| {
        if head.starts_with("GET /missing ") {
            answer("404 Not Found", "", "")
        } else {
            answer("401 Unauthorized", "", "")
        }
    });
    let error = client().get_bytes(&server.url("missing"), 100).await.unwrap_err();
    assert!(matches!(error, NetError::NotFound { .. }));
    insta::assert_snapshot!(shown(&server, &error), @"`http://server.example/missing` does not exist");
    let url = server.url("t/secret/x?token=secret");
    let error = client().get_bytes(&url, 100).await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @r#"
    `http://server.example/x` may not be read (401 Unauthorized)
    hint: check the credentials that are stored for this host
    "#);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    // Nobody listens at the port of a server that is gone.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url: Url = format!("http://me:secret@{address}/t/secret/x?sign=secret").parse().unwrap();
    let mut error: &dyn std::error::Error = &client().get_bytes(&url, 100).await.unwrap_err();
    loop {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        let Some(source) = error.source() else { break };
        error = source;
    }
}

#[tokio::test]
async fn more_than_the_limit_is_refused() {
    let endless = answer("200 OK", "", &"x".repeat(100));
    for answered in [whole(&"x".repeat(100)), endless] {
        let server = Server::start(move |_, _| answered.clone());
        let error = client().get_bytes(&server.url("x"), 99).await.unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&server, &error), @"`http://server.example/x` is larger than 99 bytes");
        }
        let error = download(&server.url("x"), Size::AtMost(99), "").await.unwrap_err();
        assert!(matches!(error, NetError::TooLarge { limit: 99, .. }));
        let error = download(&server.url("x"), Size::Exactly(99), "").await.unwrap_err();
        assert!(matches!(error, NetError::Size { expected: 99, .. }), "{error}");
        assert_eq!(client().get_bytes(&server.url("x"), 100).await.unwrap().len(), 100);
    }
}

#[tokio::test]
async fn a_part_is_a_part_from_any_server() {
    let knows = Server::start(|_, head| ranged(head, "0123456789"));
    let ignores = Server::start(|_, _| whole("0123456789"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "0123456789").unwrap();
    for url in [knows.url("x"), ignores.url("x"), Url::from_file_path(&path).unwrap()] {
        for (range, wanted) in [(0..4, "0123"), (3..6, "345"), (8..20, "89"), (10..20, ""), (4..4, "")] {
            assert_eq!(client().get_range(&url, range).await.unwrap(), wanted, "{url}");
        }
    }
}

#[tokio::test]
async fn another_part_than_asked_for_is_refused() {
    let server = Server::start(|_, _| {
        answer("206 Partial Content", "content-length: 2\r\ncontent-range: bytes 0-1/9\r\n", "ab")
    });
    let error = client().get_range(&server.url("x"), 4..6).await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"the server sent another part of `http://server.example/x` than was asked for");
}

#[tokio::test]
async fn a_download_goes_on_where_it_stopped() {
    let body = "0123456789".repeat(1000);
    let cut = |answer: Vec<u8>| answer[..answer.len() * 2 / 3].to_vec();
    let content = body.clone();
    let server = Server::start(move |number, head| {
        let answer = ranged(head, &content);
        if number < 6 { cut(answer) } else { answer }
    });
    assert_eq!(download(&server.url("x"), Size::Exactly(10_000), &body).await.unwrap(), body);
    let ranges = server.ranges();
    assert_eq!(ranges[0], "");
    assert!(
        ranges[1..].iter().all(|range| range.starts_with("bytes=") && range.ends_with('-')),
        "{ranges:?}"
    );
    // A server that knows no ranges begins anew, and what is there already is skipped.
    let content = body.clone();
    let server =
        Server::start(move |number, _| if number < 2 { cut(whole(&content)) } else { whole(&content) });
    assert_eq!(download(&server.url("x"), Size::AtMost(10_000), &body).await.unwrap(), body);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn another_content_is_refused() {
    let server = Server::start(|_, _| whole("tampered"));
    let error = download(&server.url("x"), Size::Exactly(8), "original").await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"`http://server.example/x` has the sha256 `d121be3103007b41edf96f8262925f8c7d61894afe9a041843b631f69445bc57`, and `0682c5f2076f099c34cfdd15a9e063849ed437a49677e6fcc5b4198c76575be5` was expected");
    let error = download(&server.url("x"), Size::Exactly(9), "original").await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"`http://server.example/x` has 8 bytes, and 9 were expected");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_download() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let server = Server::start(|_, _| whole("content"));
    let from = (&server.url("x")).into();
    let what = Download { from, size: Size::Exactly(7), sha256: Digest::of("content") };
    let error = client().download(&what, &mut Full, &|_| {}).await.unwrap_err();
    assert!(matches!(error, NetError::Sink { .. }));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn offline_nothing_leaves_the_machine() {
    let server = Server::start(|_, _| whole("content"));
    let error = offline().get_bytes(&server.url("x"), 100).await.unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @r#"
    `http://server.example/x` is needed from the network, which `--offline` forbids
    hint: run once without `--offline`
    "#);
    assert!(offline().get_range(&server.url("x"), 0..1).await.is_err());
    let error = offline().middleware([], [], vec![]).get(server.url("x")).send().await.unwrap_err();
    assert!(error.to_string().contains("which `--offline` forbids"), "{error}");
    let error = imgbuild_diagnostic::plain(error);
    assert_eq!(imgbuild_diagnostic::hints(error.as_ref()), ["run once without `--offline`"]);
    assert_eq!(server.count(), 0);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "content").unwrap();
    assert_eq!(offline().get_bytes(&Url::from_file_path(&path).unwrap(), 7).await.unwrap(), "content");
}

#[tokio::test]
async fn files_are_served_with_the_same_checks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "content").unwrap();
    let url = Url::from_file_path(&path).unwrap();
    assert_eq!(download(&url, Size::Exactly(7), "content").await.unwrap(), "content");
    assert!(matches!(download(&url, Size::Exactly(8), "content").await, Err(NetError::Size { .. })));
    assert!(matches!(download(&url, Size::AtMost(6), "content").await, Err(NetError::TooLarge { .. })));
    assert!(matches!(download(&url, Size::Exactly(7), "Content").await, Err(NetError::Hash { .. })));
    assert!(matches!(client().get_bytes(&url, 6).await, Err(NetError::TooLarge { .. })));
    let missing = Url::from_file_path(folder.path().join("missing")).unwrap();
    assert!(matches!(client().get_bytes(&missing, 6).await, Err(NetError::NotFound { .. })));
    let whole_folder = Url::from_file_path(folder.path()).unwrap();
    assert!(matches!(client().get_bytes(&whole_folder, 6).await, Err(NetError::File { .. })));
    let other = "ftp://host.example/x".parse::<Url>().unwrap();
    assert!(matches!(client().get_bytes(&other, 6).await, Err(NetError::Scheme { .. })));
}

#[tokio::test]
async fn the_next_mirror_has_what_one_lacks() {
    let lacks = Server::start(|_, _| answer("404 Not Found", "", ""));
    let breaks = Server::start(|_, head| {
        let answer = ranged(head, "0123456789");
        answer[..answer.len() - 4].to_vec()
    });
    let has = Server::start(|_, head| ranged(head, "0123456789"));
    let mirrors = MirrorList::new(lacks.url("a").into(), [breaks.url("b").into(), has.url("c").into()]);
    let from = mirrors.locations("x").unwrap();
    assert_eq!(download(&from, Size::Exactly(10), "0123456789").await.unwrap(), "0123456789");
    assert_eq!(has.ranges(), ["bytes=6-"]);
    assert_eq!((lacks.count(), breaks.count()), (1, 1));

    let mirrors = MirrorList::new(lacks.url("a").into(), [lacks.url("b").into()]);
    let error = client().get_bytes(&mirrors.locations("x").unwrap(), 9).await.unwrap_err();
    insta::assert_snapshot!(shown(&lacks, &error), @"`http://server.example/a/x` does not exist");
}

#[tokio::test]
async fn rattlers_requests_are_tried_again_too() {
    let server = Server::start(|number, _| match number {
        0 => answer("503 Service Unavailable", "", ""),
        1 => Vec::new(),
        _ => whole("content"),
    });
    let response = client().middleware([], [], vec![]).get(server.url("x")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "content");
    assert_eq!(server.count(), 3);
}

/// What a server was told, and what the one was to which it leads.
#[tokio::test]
async fn secrets_go_to_their_server_alone() {
    let other = Server::start(|_, _| whole("content"));
    let elsewhere = other.url("x").to_string().replace("127.0.0.1", "localhost");
    let leads = Server::start(move |_, _| {
        answer("302 Found", &format!("location: {elsewhere}\r\ncontent-length: 0\r\n"), "")
    });
    let mut known = imgbuild_secret::KnownSecrets::default();
    let plain = leads.url("");
    for whole in [
        plain.as_str().replace("//", "//me:p%40ss@") + "login",
        format!("{plain}t/TOKEN/channel"),
        format!("{plain}query?key=TOKEN"),
    ] {
        known.add(whole.parse().unwrap());
    }
    let client = client().knowing(&known);
    for path in ["login/x", "channel/x", "query/x"] {
        assert_eq!(client.get_bytes(&leads.url(path), 100).await.unwrap(), "content");
        let response = client.middleware([], [], vec![]).get(leads.url(path)).send().await.unwrap();
        assert_eq!(
            response.url(),
            &other.url("x").to_string().replace("127.0.0.1", "localhost").parse().unwrap()
        );
    }
    let asked = leads.requests.lock().unwrap().clone();
    let login = Some("Basic bWU6cEBzcw==");
    let lines: Vec<_> =
        asked.iter().map(|head| (head.lines().next().unwrap(), header(head, "authorization"))).collect();
    assert_eq!(lines[0], ("GET /login/x HTTP/1.1", login));
    assert_eq!(lines[2], ("GET /t/TOKEN/channel/x HTTP/1.1", None));
    assert_eq!(lines[4], ("GET /query/x?key=TOKEN HTTP/1.1", None));
    for pair in lines.chunks(2) {
        assert_eq!(pair[0], pair[1], "rattler's client asks as ours does");
    }
    for head in other.requests.lock().unwrap().iter() {
        assert_eq!((header(head, "authorization"), header(head, "referer")), (None, None), "{head}");
    }
}

#[tokio::test]
async fn no_answer_and_no_error_shows_what_it_was_asked_with() {
    let server = Server::start(|number, _| match number {
        0 => whole("content"),
        _ => answer("401 Unauthorized", "content-length: 0\r\n", ""),
    });
    let mut known = imgbuild_secret::KnownSecrets::default();
    known.add(format!("{}t/CANARY/channel?key=CANARY", server.url("")).parse().unwrap());
    let client = client().knowing(&known);
    let response = client.middleware([], [], vec![]).get(server.url("channel/x")).send().await.unwrap();
    assert_eq!(response.url(), &server.url("channel/x"));
    assert_eq!(response.text().await.unwrap(), "content");
    let error = client.get_bytes(&server.url("channel/x"), 100).await.unwrap_err();
    assert!(!format!("{error} {error:?} {client:?}").contains("CANARY"), "{error:?}");
    drop(server);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut known = imgbuild_secret::KnownSecrets::default();
    known.add(format!("http://u:CANARY@{closed}/t/CANARY/channel?key=CANARY").parse().unwrap());
    let client = client.knowing(&known);
    let gone: Url = format!("http://{closed}/channel").parse().unwrap();
    let error = client.middleware([], [], vec![]).get(gone.clone()).send().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    let error = client.get_bytes(&gone, 100).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
}

/// Not a test of its own: the process that [`proxies_of_the_environment_are_used`] starts.
#[tokio::test]
async fn child_with_a_proxy() {
    let Ok(url) = std::env::var("IMGBUILD_TEST_URL") else { return };
    let bytes = client().get_bytes(&url.parse::<Url>().unwrap(), 100).await.unwrap();
    assert_eq!(bytes, "by proxy");
}

#[test]
fn proxies_of_the_environment_are_used() {
    let proxy = Server::start(|_, _| whole("by proxy"));
    let child = |exempt: &str| {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_with_a_proxy"])
            .env("IMGBUILD_TEST_URL", "http://channel.invalid/x")
            .env("HTTP_PROXY", proxy.url("").as_str())
            .env("NO_PROXY", exempt)
            .env_remove("http_proxy")
            .env_remove("no_proxy")
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(child(""));
    let request = proxy.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("GET http://channel.invalid/x "), "{request}");
    assert!(header(&request, "user-agent").unwrap().starts_with("imgbuild/"), "{request}");
    assert!(!child("channel.invalid"));
    assert_eq!(proxy.count(), 1);
}

/// Serves what is asked for from the end, as `bytes=-4`.
fn from_the_end(head: &str, body: &str) -> Vec<u8> {
    let length: usize = header(head, "range").unwrap().strip_prefix("bytes=-").unwrap().parse().unwrap();
    let start = body.len().saturating_sub(length);
    let range = format!("content-range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
    let headers = format!("content-length: {}\r\n{range}", body.len() - start);
    answer("206 Partial Content", &headers, &body[start..])
}

#[tokio::test]
async fn the_end_of_a_content_tells_its_size() {
    let tail = async |server: &Server, length: u64| {
        let tail = client().get_tail(&server.url("x"), length).await.unwrap();
        tail.map(|tail| (String::from_utf8(tail.bytes.to_vec()).unwrap(), tail.total))
    };
    let good = Server::start(|_, head| from_the_end(head, "0123456789"));
    assert_eq!(tail(&good, 4).await, Some(("6789".to_owned(), 10)));
    assert_eq!(tail(&good, 40).await, Some(("0123456789".to_owned(), 10)));
    // Who knows no ranges sends everything: that serves only where it is short.
    let plain = Server::start(|_, _| whole("0123456789"));
    assert_eq!(tail(&plain, 10).await, Some(("0123456789".to_owned(), 10)));
    assert_eq!(tail(&plain, 9).await, None);
    for strange in [
        answer("200 OK", "", "0123456789"),
        answer("416 Range Not Satisfiable", "content-length: 0\r\n", ""),
        answer("501 Not Implemented", "content-length: 0\r\n", ""),
        answer("206 Partial Content", "content-length: 4\r\n", "6789"),
        answer("206 Partial Content", "content-length: 4\r\ncontent-range: bytes 0-3/10\r\n", "0123"),
    ] {
        let server = Server::start(move |_, _| strange.clone());
        assert_eq!(tail(&server, 4).await, None);
        assert_eq!(server.count(), 1);
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "0123456789").unwrap();
    let url = Url::from_file_path(folder.path().join("x")).unwrap();
    let tail = offline().get_tail(&url, 4).await.unwrap().unwrap();
    assert_eq!((&tail.bytes[..], tail.total), (b"6789".as_slice(), 10));
}

/// A server that sends one byte after the other for as long as somebody reads, of the head or of what comes after it.
fn trickling(head: &'static str) -> (Url, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            read_head(&stream);
            *seen.lock().unwrap() += 1;
            std::thread::spawn(move || {
                let sent = stream.write_all(head.as_bytes());
                while sent.is_ok() && stream.write_all(b"x").is_ok() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    (url, asked)
}

/// A connection may be given up before the server's thread has had its turn.
fn asked_four_times(asked: &Mutex<usize>) {
    for _ in 0..1000 {
        if *asked.lock().unwrap() >= 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(*asked.lock().unwrap(), 4);
}

#[tokio::test]
async fn a_server_that_trickles_is_left() {
    let options = Options { patience: Duration::from_millis(300), ..options() };
    let options = Options { connect_timeout: Duration::from_millis(300), ..options };
    let client = Client::new(options).unwrap();
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", "HTTP/1.1 200 OK\r\nx-"] {
        let (url, asked) = trickling(head);
        let error = client.get_bytes(&url, 1 << 20).await.unwrap_err();
        assert!(matches!(error, NetError::Slow { .. }), "{error}");
        asked_four_times(&asked);

        // What came before is kept, and is no reason to try for ever.
        let (url, asked) = trickling(head);
        let what = Download { from: url.into(), size: Size::AtMost(1 << 20), sha256: Digest::of("x") };
        let error = client.download(&what, &mut Vec::new(), &|_| ()).await.unwrap_err();
        assert!(matches!(error, NetError::Slow { .. }), "{error}");
        asked_four_times(&asked);

        let (url, _) = trickling(head);
        let answer = client.middleware([], [], vec![]).get(url.clone()).send().await;
        let error = match answer {
            Ok(response) => innermost(&response.bytes().await.unwrap_err()),
            Err(error) => innermost(&error),
        };
        assert_eq!(error, format!("the server sends `{url}` too slowly"));
    }
}

/// The innermost cause of an error.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[tokio::test]
async fn what_a_library_reads_is_limited_as_it_comes_and_as_it_unpacks() {
    let read = async |path: &str, body: Vec<u8>| {
        let server = Server::start(move |_, _| {
            let mut whole = answer("200 OK", &format!("content-length: {}\r\n", body.len()), "");
            whole.extend_from_slice(&body);
            whole
        });
        let response = client().middleware([], [], vec![]).get(server.url(path)).send().await.unwrap();
        assert_eq!(response.url().path(), format!("/{path}"));
        let read = response.bytes().await;
        read.map(|bytes| bytes.to_vec())
            .map_err(|error| innermost(&error).replace(&server.address.to_string(), "server.example"))
    };
    let zeros = |size: usize| zstd::encode_all(std::io::repeat(0).take(size as u64), 1).unwrap();
    let (small, large) = (zeros(1 << 20), zeros((128 << 20) + 1));
    assert_eq!(read("repodata_shards.msgpack.zst", small.clone()).await, Ok(small));
    assert_eq!(
        read("repodata_shards.msgpack.zst", large.clone()).await.unwrap_err(),
        "`http://server.example/repodata_shards.msgpack.zst` unpacks to more than 134217728 bytes"
    );
    // An index is written to the disk, and may be larger.
    assert_eq!(read("repodata.json.zst", large.clone()).await, Ok(large));
    assert_eq!(
        read("repodata_shards.msgpack.zst", vec![0; (128 << 20) + 1]).await.unwrap_err(),
        "`http://server.example/repodata_shards.msgpack.zst` is larger than 134217728 bytes"
    );
    // What is damaged is for its reader to tell.
    let damaged = [&zeros(1000)[..8], b"damaged"].concat();
    assert_eq!(read("repodata.json.zst", damaged.clone()).await, Ok(damaged));
}

/// Asks a folder for what a channel is asked for, as layers of mirrors do.
struct Elsewhere(Url);

#[async_trait::async_trait]
impl Middleware for Elsewhere {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, reqwest_middleware::Error> {
        let path = request.url().path().trim_start_matches('/').replace("up/", "../");
        *request.url_mut() = self.0.join(&path).unwrap();
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn a_library_reads_of_this_machine_what_mirrors_are_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir(path("mirror")).unwrap();
    fs::write(path("mirror/repodata.json"), "{}").unwrap();
    fs::write(path("mirrored"), "secret").unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path("mirror/pipe")).status().unwrap().success());
    let mirror = Url::from_directory_path(path("mirror")).unwrap();
    let layer: Arc<dyn Middleware> = Arc::new(Elsewhere(mirror.clone()));
    // Nobody has to be asked for it.
    let client = offline().middleware([layer], [], vec![path("mirror")]);
    let url = |name: &str| format!("https://channel.example/{name}");
    let response = client.get(url("repodata.json")).send().await.unwrap();
    assert_eq!(response.url(), &mirror.join("repodata.json").unwrap());
    assert_eq!(response.text().await.unwrap(), "{}");
    let head = client.head(url("repodata.json")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0));
    assert_eq!(client.get(url("gone")).send().await.unwrap().status().as_u16(), 404);
    let elsewhere = "it is in no folder that serves a channel";
    for (name, rule) in
        [("up/mirrored", elsewhere), ("..%2Fmirrored", elsewhere), ("pipe", "it is not a file")]
    {
        let error = client.get(url(name)).send().await.unwrap_err();
        assert!(format!("{error:?}").contains(rule), "{error:?}");
    }
}
