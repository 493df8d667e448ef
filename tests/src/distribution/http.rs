//! HTTP/1.1 as servers speak it: requests that are read, answers that are written, over TCP or TLS.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use url::form_urlencoded;

/// How long a client may take to read an answer that comes before its body is through.
const LINGER: Duration = Duration::from_secs(5);

/// One request, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// The path, as it is written, with a slash in front and without the query.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, by their names in lower case. Those that come several times are joined by commas.
    pub headers: BTreeMap<String, String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in order. Where none of them says how long the body is, its own length is said.
    pub headers: Vec<(String, String)>,
    /// The body; of a `HEAD`, what a `GET` would have brought.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status without more.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A page of HTML, as proxies write them.
    pub fn page(status: u16, text: &str) -> Self {
        let body =
            format!("<html>\r\n<head><title>{text}</title></head>\r\n<body>{text}</body>\r\n</html>\r\n");
        Self::status(status).with("content-type", "text/html").body(body)
    }

    /// The specification's error document.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let document = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        Self::json(status, &document)
    }

    /// A JSON document.
    pub fn json(status: u16, document: &serde_json::Value) -> Self {
        Self::status(status).with("content-type", "application/json").body(document.to_string())
    }

    /// With a header, in place of those of the same name.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        let mut new = self.without(name);
        new.headers.push((name.to_owned(), value.into()));
        new
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The lines before the body.
    fn head(&self, closes: bool) -> String {
        let mut text = format!("HTTP/1.1 {} -\r\n", self.status);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_none = matches!(self.status, 204 | 304);
        let says = |name: &str| self.header(name).is_some();
        if !says("content-length") && !says("transfer-encoding") && !has_none {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        if closes {
            text.push_str("connection: close\r\n");
        }
        text + "\r\n"
    }
}

/// The part of a body that came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// Whether it is all that the client meant to send.
    pub(crate) is_whole: bool,
}

/// A client, from the server's side.
pub(crate) struct Connection {
    stream: BufReader<Stream>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Connection {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self { stream: BufReader::new(Stream::Plain(stream)) }
    }

    pub(crate) fn tls(stream: StreamOwned<ServerConnection, TcpStream>) -> Self {
        Self { stream: BufReader::new(Stream::Tls(Box::new(stream))) }
    }

    /// The next request; nothing where the client has gone.
    pub(crate) fn head(&mut self) -> std::io::Result<Option<Head>> {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut text)? == 0 {
                return Ok(None);
            }
        }
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = BTreeMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let all: &mut String = headers.entry(name.to_ascii_lowercase()).or_default();
            all.push_str(if all.is_empty() { "" } else { ", " });
            all.push_str(value.trim());
        }
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Some(Head { method: method.to_owned(), path: path.to_owned(), query, headers }))
    }

    /// The body of a request, or its first `limit` bytes. A client that goes in the middle is no error.
    pub(crate) fn body(&mut self, head: &Head, limit: Option<usize>) -> std::io::Result<Received> {
        if head.headers.get("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue")) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let limit = limit.unwrap_or(usize::MAX);
        let mut received = Received::default();
        if head.headers.get("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            received.is_whole = self.chunks(&mut received.bytes, limit)?;
            return Ok(received);
        }
        let declared = head.headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        received.is_whole = self.part(declared, &mut received.bytes, limit)?;
        Ok(received)
    }

    /// A part of a body: whether all of it came.
    fn part(&mut self, length: usize, into: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
        let wanted = length.min(limit.saturating_sub(into.len()));
        let before = into.len();
        match (&mut self.stream).take(wanted as u64).read_to_end(into) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => {}
            Err(error) => return Err(error),
        }
        Ok(into.len() - before == length)
    }

    fn chunks(&mut self, into: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Ok(length) = usize::from_str_radix(line.trim(), 16) else { return Ok(false) };
            if !self.part(length, into, limit)? {
                return Ok(false);
            }
            // Each chunk ends a line, and the last one is empty.
            self.stream.read_line(&mut line)?;
            if length == 0 {
                return Ok(true);
            }
        }
    }

    /// Writes an answer, or its first `limit` bytes of body.
    pub(crate) fn answer(
        &mut self,
        to: &Head,
        answer: &Answer,
        closes: bool,
        limit: Option<usize>,
    ) -> std::io::Result<()> {
        let mut bytes = answer.head(closes).into_bytes();
        if to.method != "HEAD" {
            bytes.extend_from_slice(&answer.body[..limit.unwrap_or(usize::MAX).min(answer.body.len())]);
        }
        self.write(&bytes)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Ends the connection so that the client still reads what was written, while it may be sending.
    pub(super) fn linger(mut self) -> std::io::Result<()> {
        if let Stream::Tls(stream) = self.stream.get_mut() {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        let socket = self.stream.get_ref().socket();
        socket.shutdown(Shutdown::Write)?;
        socket.set_read_timeout(Some(LINGER))?;
        let mut socket = socket.try_clone()?;
        std::io::copy(&mut socket, &mut std::io::sink())?;
        Ok(())
    }

    /// Waits until the client goes.
    pub(crate) fn wait(&mut self) -> std::io::Result<()> {
        std::io::copy(&mut self.stream, &mut std::io::sink())?;
        Ok(())
    }
}
