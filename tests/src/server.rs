//! A file server on the loopback that counts, and misbehaves as it is told to.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Serves the files of a folder over HTTP on a port of its own, until it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

type Hook = Box<dyn Fn(&Request) -> Answer + Send + Sync>;

struct Shared {
    root: PathBuf,
    hook: Hook,
    requests: Mutex<Vec<Request>>,
    stop: AtomicBool,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path, with a slash in front and without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: Option<String>,
    /// The bytes that were asked for, as in the `Range` header: `0-99`, `100-`, `-100`.
    pub range: Option<String>,
    /// The server's own address, as in the `Host` header.
    pub host: String,
    /// The credentials, as in the `Authorization` header.
    pub authorization: Option<String>,
    /// The credentials for the server as a proxy, as in the `Proxy-Authorization` header.
    pub proxy_authorization: Option<String>,
    /// How often the path was asked for before.
    pub before: usize,
}

/// What the server does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It serves the file, or 404.
    File,
    /// It serves these bytes instead.
    Bytes(Vec<u8>),
    /// It serves this page of HTML.
    Page(String),
    /// It serves this page of an index in JSON (PEP 691).
    Json(String),
    /// It answers with a status and no body.
    Status(u16),
    /// It says that it is at this URL.
    Redirect(String),
    /// It answers 401 with this `WWW-Authenticate` header.
    Challenge(String),
    /// It declares the whole file, sends so many bytes of it, and closes.
    Truncated(usize),
    /// It sends so many bytes of the file, and then nothing more until the client goes.
    Stalled(usize),
    /// It closes without an answer.
    Closed,
}

impl Server {
    /// Serves a folder as it is.
    pub fn new(root: &Path) -> Self {
        Self::with(root, |_| Answer::File)
    }

    /// Serves a folder, asking for each request what to do.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn with(root: &Path, hook: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            hook: Box::new(hook),
            requests: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    break;
                }
                let serving = Arc::clone(&serving);
                // A client may go whenever it wants.
                std::thread::spawn(move || stream.and_then(|stream| serving.answer(stream)));
            }
        });
        Self { shared, address, thread: Some(thread) }
    }

    /// The URL of the folder, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// What was asked for until now, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests were for a path that ends so.
    pub fn count(&self, end: &str) -> usize {
        self.requests().iter().filter(|request| request.path.ends_with(end)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that it should stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(request) = self.request(&stream)? else { return Ok(()) };
        let path = self.root.join(decoded(request.path.trim_start_matches('/')));
        match (self.hook)(&request) {
            Answer::Closed => Ok(()),
            Answer::Status(status) => {
                write!(stream, "HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            }
            Answer::Page(page) => write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            ),
            Answer::Json(page) => write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.pypi.simple.v1+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            ),
            Answer::Redirect(url) => write!(
                stream,
                "HTTP/1.1 302 -\r\nlocation: {url}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            Answer::Challenge(header) => write!(
                stream,
                "HTTP/1.1 401 -\r\nwww-authenticate: {header}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            Answer::Bytes(bytes) => send(&mut stream, &request, bytes.len() as u64, &mut bytes.as_slice()),
            whole => {
                let Some(mut file) = path.is_file().then(|| fs_err::File::open(&path)).transpose()? else {
                    return write!(
                        stream,
                        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    );
                };
                let size = file.metadata()?.len();
                let Some((start, length)) = range(request.range.as_deref(), size) else {
                    return write!(
                        stream,
                        "HTTP/1.1 416 -\r\ncontent-length: 0\r\ncontent-range: bytes */{size}\r\nconnection: close\r\n\r\n"
                    );
                };
                file.seek(SeekFrom::Start(start))?;
                let partial = (request.range.is_some()).then_some((start, size));
                head(&mut stream, length, partial)?;
                if request.method == "HEAD" {
                    return Ok(());
                }
                let limit = match whole {
                    Answer::Truncated(limit) | Answer::Stalled(limit) => limit as u64,
                    _ => length,
                };
                std::io::copy(&mut file.take(limit.min(length)), &mut stream)?;
                if matches!(whole, Answer::Stalled(_)) {
                    stream.flush()?;
                    stream.read_exact(&mut [0])?;
                }
                Ok(())
            }
        }
    }

    fn request(&self, stream: &TcpStream) -> std::io::Result<Option<Request>> {
        let mut text = String::new();
        let mut reader = BufReader::new(stream);
        while !text.ends_with("\r\n\r\n") {
            if reader.read_line(&mut text)? == 0 {
                return Ok(None);
            }
        }
        let mut words = text.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let header = |wanted: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
            })
        };
        let range = header("range").map(|value| value.trim_start_matches("bytes=").to_owned());
        let (authorization, proxy_authorization) = (header("authorization"), header("proxy-authorization"));
        let host = header("host").unwrap_or_default();
        let mut requests = self.requests.lock().unwrap();
        let before = requests.iter().filter(|request| request.path == path).count();
        let query = target.split_once('?').map(|(_, query)| query.to_owned());
        let method = method.to_owned();
        let request =
            Request { method, path, query, range, host, authorization, proxy_authorization, before };
        requests.push(request.clone());
        Ok(Some(request))
    }
}

/// The first byte and the number of bytes of a `Range` header; nothing when the file has none of them.
fn range(header: Option<&str>, size: u64) -> Option<(u64, u64)> {
    let Some((first, last)) = header.and_then(|header| header.split_once('-')) else {
        return Some((0, size));
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, size.min(last + 1)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(length)) => (size.saturating_sub(length), size),
        (Err(_), Err(_)) => (0, size),
    };
    (start < end).then(|| (start, end - start))
}

fn send(stream: &mut TcpStream, request: &Request, size: u64, body: &mut impl Read) -> std::io::Result<()> {
    head(stream, size, None)?;
    if request.method != "HEAD" {
        std::io::copy(body, stream)?;
    }
    Ok(())
}

fn head(stream: &mut TcpStream, length: u64, partial: Option<(u64, u64)>) -> std::io::Result<()> {
    let (status, range) = match partial {
        None => ("200 OK", String::new()),
        Some((start, size)) => {
            ("206 Partial Content", format!("content-range: bytes {start}-{}/{size}\r\n", start + length - 1))
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\naccept-ranges: bytes\r\ncontent-length: {length}\r\n{range}connection: close\r\n\r\n"
    )
}

/// A path of a URL with its percent-encoding undone.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
