//! Requests that are written by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

/// The answer to a request that was written by hand.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Whether as much came as was said.
    pub(crate) is_whole: bool,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.len()));
        let line =
            self.head.lines().find(|line| value(line).is_some_and(|it| it.0.eq_ignore_ascii_case(name)))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}

/// Sends a request; nothing where the connection ends without an answer.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answered> {
    send(address, method, path, headers, body.len(), body)
}

/// Sends a request that says another length than it has.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: usize,
    body: &[u8],
) -> Option<Answered> {
    let mut stream = TcpStream::connect(address).unwrap();
    let path = path.strip_prefix(&format!("http://{address}")).unwrap_or(path);
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n"
    );
    // Who is not listened to may still be answered.
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    if length > body.len() {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let mut bytes = Vec::new();
    if stream.read_to_end(&mut bytes).is_err() || bytes.is_empty() {
        return None;
    }
    sent.unwrap();
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answered = Answered { status, head, body: bytes[end + 4..].to_vec(), is_whole: true };
    let declared = answered.header("content-length").and_then(|it| it.parse::<usize>().ok());
    answered.is_whole = method == "HEAD" || declared.is_none_or(|length| length == answered.body.len());
    Some(answered)
}
