//! A server of buckets in this process, by the XML that S3 and Google's storage have in common, as far as caches use it. It
//! misbehaves on demand.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::distribution::{Answer, Certificates, Connection, Head};

/// A server of buckets, until it is dropped.
pub struct Buckets {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// What the server does with a request instead of answering it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It answers this.
    Answer(Answer),
    /// It closes the connection.
    Close,
    /// It reads everything, and says nothing.
    Silence,
    /// It sends half of the answer, and closes the connection.
    Cut,
    /// It does what is asked, and says that it failed.
    Lie(Answer),
}

type Hook = Box<dyn Fn(&Head) -> Option<Trouble> + Send + Sync>;

struct Shared {
    hook: Hook,
    tls: Option<Arc<ServerConfig>>,
    objects: Mutex<Objects>,
    requests: Mutex<Vec<String>>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Objects {
    /// By their paths, with the bucket in front: the generation, and the content.
    whole: BTreeMap<String, (u64, Vec<u8>)>,
    /// The parts of what is not whole yet, by the upload and their number.
    parts: BTreeMap<(String, u32), Vec<u8>>,
    count: u64,
}

impl Buckets {
    /// One that does what it is asked for.
    pub fn new() -> Self {
        Self::with(|_| None)
    }

    /// One that asks for each request whether to misbehave.
    pub fn with(hook: impl Fn(&Head) -> Option<Trouble> + Send + Sync + 'static) -> Self {
        Self::start(Box::new(hook), None)
    }

    /// One that speaks TLS.
    pub fn with_tls(certificates: &Certificates) -> Self {
        Self::start(Box::new(|_| None), Some(certificates.server(false)))
    }

    fn start(hook: Hook, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (objects, requests) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { hook, tls, objects, requests, stop: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    break;
                }
                let serving = Arc::clone(&serving);
                // A client may go whenever it wants.
                std::thread::spawn(move || stream.and_then(|stream| serving.serve(stream)));
            }
        });
        Self { shared, address, thread: Some(thread) }
    }

    /// Its host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The paths of its objects, with their buckets in front.
    pub fn names(&self) -> Vec<String> {
        self.shared.objects.lock().unwrap().whole.keys().cloned().collect()
    }

    /// How many uploads were neither ended nor given up.
    pub fn open_uploads(&self) -> usize {
        let objects = self.shared.objects.lock().unwrap();
        let uploads: std::collections::BTreeSet<_> = objects.parts.keys().map(|(upload, _)| upload).collect();
        uploads.len()
    }

    /// What was asked for, as `METHOD /path`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Buckets {
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
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut connection = match &self.tls {
            None => Connection::plain(stream),
            Some(config) => {
                let server = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                Connection::tls(StreamOwned::new(server, stream))
            }
        };
        while let Some(head) = connection.head()? {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            self.requests.lock().unwrap().push(format!("{} {}", head.method, head.path));
            let trouble = (self.hook)(&head);
            if trouble == Some(Trouble::Close) {
                break;
            }
            let body = connection.body(&head, None)?.bytes;
            let half = |answer: &Answer| (trouble == Some(Trouble::Cut)).then_some(answer.body.len() / 2);
            let answer = match trouble.clone() {
                Some(Trouble::Silence) => return connection.wait(),
                Some(Trouble::Answer(answer)) => answer,
                Some(Trouble::Lie(answer)) => {
                    self.objects.lock().unwrap().act(&head, body);
                    answer
                }
                _ => self.objects.lock().unwrap().act(&head, body),
            };
            let limit = half(&answer);
            connection.answer(&head, &answer, false, limit)?;
            if limit.is_some() {
                break;
            }
        }
        Ok(())
    }
}

/// A refusal as S3 writes it.
pub fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let text =
        format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Answer::status(status).with("content-type", "application/xml").body(text)
}

impl Objects {
    fn act(&mut self, head: &Head, body: Vec<u8>) -> Answer {
        // Who takes it for a proxy says the host as well.
        let path = head
            .path
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map_or(&*head.path, |it| it.1);
        let path = path.trim_start_matches('/').replace("%2F", "/").replace("%2E", ".");
        let query = |name: &str| head.query.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
        match (head.method.as_str(), query("uploadId")) {
            ("POST", None) if query("uploads").is_some() => {
                self.count += 1;
                let id = self.count;
                Answer::status(200).body(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            ("PUT", Some(upload)) => {
                let number = query("partNumber").unwrap().parse().unwrap();
                self.parts.insert((upload, number), body);
                Answer::status(200).with("etag", format!("\"part-{number}\""))
            }
            ("POST", Some(upload)) => {
                let parts: Vec<u8> = self.taken(&upload).concat();
                let answer = self.put(path, parts);
                let etag = answer.header("etag").unwrap_or_default().replace('"', "");
                answer.body(format!(
                    "<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
                ))
            }
            ("DELETE", Some(upload)) => {
                self.taken(&upload);
                Answer::status(204)
            }
            ("PUT", None) if self.refuses(head, &path) => {
                refusal(412, "PreconditionFailed", "It is another one")
            }
            ("PUT", None) => self.put(path, body),
            ("DELETE", None) => {
                self.whole.remove(&path);
                Answer::status(204)
            }
            _ => match self.whole.get(&path) {
                Some((generation, content)) => stated(*generation)
                    .with("content-length", content.len().to_string())
                    .body(content.clone()),
                None => refusal(404, "NoSuchKey", "There is none"),
            },
        }
    }

    fn put(&mut self, path: String, content: Vec<u8>) -> Answer {
        self.count += 1;
        self.whole.insert(path, (self.count, content));
        stated(self.count)
    }

    /// The parts of an upload, which is no more after that.
    fn taken(&mut self, upload: &str) -> Vec<Vec<u8>> {
        let (own, others) =
            std::mem::take(&mut self.parts).into_iter().partition(|((it, _), _)| it == upload);
        self.parts = others;
        let own: BTreeMap<(String, u32), Vec<u8>> = own;
        own.into_values().collect()
    }

    /// Whether a condition of the request does not hold.
    fn refuses(&self, head: &Head, path: &str) -> bool {
        let generation = self.whole.get(path).map_or(0, |(generation, _)| *generation);
        let header = |name: &str| head.headers.get(name).map(String::as_str);
        header("if-none-match") == Some("*") && generation != 0
            || header("if-match").is_some_and(|it| it != format!("\"{generation}\""))
            || header("x-goog-if-generation-match").is_some_and(|it| it != generation.to_string())
    }
}

/// An answer that says which generation of an object it is about.
fn stated(generation: u64) -> Answer {
    Answer::status(200)
        .with("etag", format!("\"{generation}\""))
        .with("x-goog-generation", generation.to_string())
        .with("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")
}
