//! An index of packages on loopback, as those that there are behave: with pages of HTML or JSON, with separate metadata and
//! without, with ranges and without, with a password, and with every fault.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use imgbuild_oci::Digest;

/// How an index behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    /// Pages of JSON (PEP 691) where they are asked for, with the sizes of files; else HTML only.
    pub(crate) json: bool,
    /// Files of metadata beside the wheels (PEP 658).
    pub(crate) metadata: bool,
    /// Parts of files.
    pub(crate) ranges: bool,
    /// Whether it wants the user `user` and the password `secret`.
    pub(crate) password: bool,
    /// What is wrong with all pages.
    pub(crate) page: Option<(&'static str, &'static str)>,
    /// What is wrong with all files.
    pub(crate) file: Option<&'static str>,
}

/// A running index. It ends with the process of the test.
pub(crate) struct Index {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

struct Request {
    method: String,
    path: String,
    range: Option<String>,
    json: bool,
    authorized: bool,
}

impl Index {
    /// Serves the wheels and source distributions of a folder.
    pub(crate) fn serve(folder: &Path, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (folder, log) = (folder.to_owned(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (folder, log) = (folder.clone(), log.clone());
                std::thread::spawn(move || answer(stream.unwrap(), &folder, behaviour, &log));
            }
        });
        Self { address, requests }
    }

    /// Its URL, with this user and password: `user:secret@`.
    pub(crate) fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}/simple/", self.address)
    }

    /// What was asked for since the last time: method, path, range.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, folder: &Path, behaviour: Behaviour, log: &Mutex<Vec<String>>) {
    let Some(request) = read(&stream) else { return };
    let range = request.range.as_deref().unwrap_or_default();
    log.lock().unwrap().push(format!("{} {} {range}", request.method, request.path).trim_end().to_owned());
    let (status, headers, body) = respond(&request, folder, behaviour);
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let body = if request.method == "HEAD" { &[] } else { body.as_slice() };
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn read(stream: &TcpStream) -> Option<Request> {
    let lines = BufReader::new(stream.try_clone().ok()?).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut words = head.first()?.split(' ');
    let header = |name: &str| {
        let mut lines = head.iter().filter_map(|line| line.split_once(": "));
        lines.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    Some(Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        range: header("range").and_then(|it| Some(it.strip_prefix("bytes=")?.to_owned())),
        json: header("accept").is_some_and(|it| it.contains("application/vnd.pypi.simple.v1+json")),
        authorized: header("authorization").is_some_and(|it| it == "Basic dXNlcjpzZWNyZXQ="),
    })
}

type Response = (String, String, Vec<u8>);

fn plain(status: &str, body: impl Into<Vec<u8>>) -> Response {
    (status.to_owned(), "Content-Type: text/html\r\n".to_owned(), body.into())
}

fn respond(request: &Request, folder: &Path, behaviour: Behaviour) -> Response {
    if behaviour.password && !request.authorized {
        return plain("401 Unauthorized", "");
    }
    // A mirror of PyTorch's indexes has these below one folder.
    let of_pytorch = request.path.strip_prefix("/whl/cu129/").filter(|path| path.starts_with("torch"));
    if let Some(project) = request.path.strip_prefix("/simple/").or(of_pytorch) {
        if let Some((status, body)) = behaviour.page {
            return plain(status, body);
        }
        return page(project.trim_end_matches('/'), folder, behaviour, request.json);
    }
    if let Some(status) = behaviour.file {
        return plain(status, "");
    }
    let name = request.path.trim_start_matches("/files/");
    if let Some(wheel) = name.strip_suffix(".metadata") {
        return match fs::File::open(folder.join(wheel)) {
            Ok(_) if behaviour.metadata => plain("200 OK", metadata(&folder.join(wheel))),
            _ => plain("404 Not Found", ""),
        };
    }
    let Ok(bytes) = fs::read(folder.join(name)) else { return plain("404 Not Found", "") };
    let total = bytes.len();
    let ranges = if behaviour.ranges { "Accept-Ranges: bytes\r\n" } else { "" };
    let headers = format!("Content-Type: application/octet-stream\r\n{ranges}");
    let Some((first, last)) =
        request.range.as_deref().filter(|_| behaviour.ranges).and_then(|it| it.split_once('-'))
    else {
        return ("200 OK".to_owned(), headers, bytes);
    };
    let (start, end) = match first.parse::<usize>() {
        Ok(start) => (start, last.parse::<usize>().map_or(total, |last| last + 1).min(total)),
        Err(_) => (total.saturating_sub(last.parse().unwrap()), total),
    };
    let headers = format!("{headers}Content-Range: bytes {start}-{}/{total}\r\n", end - 1);
    ("206 Partial Content".to_owned(), headers, bytes[start..end].to_vec())
}

/// The page of a project.
fn page(project: &str, folder: &Path, behaviour: Behaviour, json: bool) -> Response {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        imgbuild_pypi::normalized(name.split('-').next().unwrap()) == project
    };
    files.retain(named);
    if files.is_empty() {
        return plain("404 Not Found", "");
    }
    let mut items = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        let (hash, size) = (Digest::of(&bytes).hex(), bytes.len());
        let metadata =
            (behaviour.metadata && name.ends_with(".whl")).then(|| Digest::of(metadata(&path)).hex());
        items.push(match (behaviour.json && json, metadata) {
            (true, metadata) => format!(
                r#"{{"filename":"{name}","url":"/files/{name}","size":{size},"hashes":{{"sha256":"{hash}"}},"core-metadata":{}}}"#,
                metadata.map_or("false".to_owned(), |hash| format!(r#"{{"sha256":"{hash}"}}"#))
            ),
            (false, metadata) => format!(
                "<a href='/files/{name}#sha256={hash}'{}>{name}</a>",
                metadata.map_or(String::new(), |hash| format!(" data-core-metadata='sha256={hash}'"))
            ),
        });
    }
    if behaviour.json && json {
        let body = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"{project}","versions":[],"files":[{}]}}"#,
            items.join(",")
        );
        let kind = "Content-Type: application/vnd.pypi.simple.v1+json\r\n";
        return ("200 OK".to_owned(), kind.to_owned(), body.into_bytes());
    }
    plain("200 OK", format!("<!DOCTYPE html><html><body>{}</body></html>", items.concat()))
}

/// The text of a wheel's `METADATA`.
fn metadata(wheel: &Path) -> Vec<u8> {
    let limits = imgbuild_archive::ZipLimits { members: 1000, content: 1 << 30 };
    let archive = imgbuild_archive::ZipArchive::open(wheel, limits).unwrap();
    let number = archive.members().iter().position(|it| it.name().ends_with(".dist-info/METADATA")).unwrap();
    let mut text = Vec::new();
    archive.body(number).unwrap().read_to_end(&mut text).unwrap();
    text
}
