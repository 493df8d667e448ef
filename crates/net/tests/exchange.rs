//! Requests of every method, with bodies, and their answers as they are.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use imgbuild_net::{Client, NetError, Options};
use reqwest::Request;
use url::Url;

fn client(offline: bool) -> Client {
    Client::new(Options { offline, ..Options::default() }).unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// A server that reads one request whole, and answers it.
fn upload_server(reply: Vec<u8>) -> (Url, std::thread::JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v2/x/blobs/uploads/1?state=a", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let mut body = vec![0; header(&head, "content-length").unwrap_or("0").parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(&reply).unwrap();
        (head, body)
    });
    (url.parse().unwrap(), serving)
}

#[tokio::test]
async fn every_method_and_body_is_sent_and_every_answer_comes_back_as_it_is() {
    let stream = || {
        let pieces = ["pie", "ces"].map(|piece| Ok::<_, std::io::Error>(imgbuild_net::Bytes::from(piece)));
        reqwest::Body::wrap_stream(futures::stream::iter(pieces))
    };
    for (method, status, body) in [
        ("PUT", "201 Created", Some(reqwest::Body::from("bytes"))),
        ("PATCH", "413 Payload Too Large", Some(stream())),
        ("POST", "202 Accepted", None),
        ("HEAD", "404 Not Found", None),
        ("DELETE", "503 Service Unavailable", None),
    ] {
        let (url, serving) =
            upload_server(answer(status, "Location: /v2/x/blobs/uploads/2\r\nRange: 0-5\r\n", ""));
        let mut request = Request::new(method.parse().unwrap(), url);
        if method == "PATCH" {
            request.headers_mut().insert("content-length", "6".parse().unwrap());
        }
        *request.body_mut() = body;
        let got = client(false).exchange(request).await.unwrap();
        let (head, sent) = serving.join().unwrap();
        assert!(head.starts_with(&format!("{method} /v2/x/blobs/uploads/1?state=a HTTP/1.1")), "{head}");
        assert_eq!(got.status().to_string(), status);
        assert_eq!(got.headers()["location"], "/v2/x/blobs/uploads/2");
        assert_eq!(got.headers()["range"], "0-5");
        let wanted = match method {
            "PUT" => "bytes",
            "PATCH" => "pieces",
            _ => "",
        };
        assert_eq!(String::from_utf8(sent).unwrap(), wanted, "{method}");
    }
}

#[tokio::test]
async fn a_request_has_the_secrets_of_its_url_and_its_answer_has_none() {
    let (mut url, serving) = upload_server(answer("200 OK", "", "x"));
    // A query counts as a secret of the URL's own.
    url.set_query(None);
    let mut secret = url.join("/t/tk-hush/v2/").unwrap();
    secret.set_username("user").unwrap();
    secret.set_password(Some("hush")).unwrap();
    let mut known = imgbuild_secret::KnownSecrets::default();
    known.add((&secret).into());
    let got = client(false)
        .knowing(&known)
        .exchange(Request::new(reqwest::Method::GET, url.clone()))
        .await
        .unwrap();
    let (head, _) = serving.join().unwrap();
    assert_eq!(header(&head, "authorization"), Some("Basic dXNlcjpodXNo"));
    assert!(head.starts_with("GET /t/tk-hush/v2/x/blobs/uploads/1 "), "{head}");
    assert_eq!(*got.url(), url);
}

#[tokio::test]
async fn nothing_is_sent_offline() {
    let request = Request::new(reqwest::Method::POST, "http://127.0.0.1:9/".parse().unwrap());
    assert!(matches!(client(true).exchange(request).await, Err(NetError::Offline { .. })));
}
