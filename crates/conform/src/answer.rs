//! Asking a server over a published port.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::limits::{ANSWER_HEAD, ANSWER_SECONDS};

/// How long a connection must stay open for somebody to be behind it, who may wait for the client to speak.
const HELD: Duration = Duration::from_millis(500);
/// Where the questions come from, as a page says it.
const ORIGIN: &str = "http://localhost";

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is as it should be.
    Good,
    /// It is not, and may be while a server starts.
    Bad(String),
    /// Nobody is there yet.
    Nobody,
    /// This machine does not even connect to itself.
    Unreachable(String),
}

fn connect(address: SocketAddr) -> Result<TcpStream, Asked> {
    let wait = Duration::from_secs(ANSWER_SECONDS);
    TcpStream::connect_timeout(&address, wait).map_err(|error| match error.kind() {
        // The listener went with what was run.
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Asked::Nobody,
        _ => Asked::Unreachable(format!("this machine does not reach its own loopback address: {error}")),
    })
}

/// Whether somebody listens: whoever takes a connection, and says something or nothing.
pub(crate) fn port(address: SocketAddr) -> Asked {
    let mut stream = match connect(address) {
        Ok(stream) => stream,
        Err(asked) => return asked,
    };
    if stream.set_read_timeout(Some(HELD)).is_err() {
        return Asked::Nobody;
    }
    match stream.read(&mut [0]) {
        Ok(_) => Asked::Good,
        // A connection that is passed on to nobody breaks at once.
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => Asked::Good,
        Err(_) => Asked::Nobody,
    }
}

/// Whether a page is there for everybody, with a header where one is named: `*` for its value is also met by the asker's own.
pub(crate) fn page(address: SocketAddr, path: &str, header: Option<(&str, &str)>) -> Asked {
    let head = match connect(address).map(|stream| head(stream, path)) {
        Err(asked) => return asked,
        Ok(None) => return Asked::Nobody,
        Ok(Some(head)) => head,
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if status != "200" {
        return Asked::Bad(format!("`{path}` answers with the status {status}"));
    }
    let Some((name, value)) = header else { return Asked::Good };
    let is_it = |line: &str| {
        line.split_once(':').is_some_and(|(known, found)| {
            known.trim().eq_ignore_ascii_case(name) && [value, ORIGIN].contains(&found.trim())
        })
    };
    if lines.any(is_it) {
        Asked::Good
    } else {
        Asked::Bad(format!("`{path}` comes without `{name}: {value}`"))
    }
}

/// The head of an answer of HTTP; nothing where nobody says anything in time.
fn head(mut stream: TcpStream, path: &str) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(ANSWER_SECONDS);
    stream.set_write_timeout(Some(Duration::from_secs(ANSWER_SECONDS))).ok()?;
    let question =
        format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nOrigin: {ORIGIN}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).ok()?;
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).ok()?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => said.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if said.windows(4).any(|end| end == b"\r\n\r\n") || said.len() >= ANSWER_HEAD {
            break;
        }
    }
    let text = String::from_utf8_lossy(&said);
    let head = text.split_once("\r\n\r\n").map_or(&*text, |(head, _)| head);
    (!head.is_empty()).then(|| head.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::spawn;

    use super::*;

    /// A server that says this to one who asks.
    fn server(said: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(said).unwrap();
            // Until the other end is gone.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        address
    }

    #[test]
    fn a_page_is_there_for_everybody_or_not() {
        let bad = |text: &str| Asked::Bad(text.to_owned());
        assert_eq!(page(server(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nmore"), "/x", None), Asked::Good);
        assert_eq!(
            page(server(b"HTTP/1.1 302 Found\r\n\r\n"), "/x", None),
            bad("`/x` answers with the status 302")
        );
        assert_eq!(page(server(b"no\r\n\r\n"), "/x", None), bad("`/x` answers with the status "));
    }

    #[test]
    fn a_header_is_named_in_any_case_and_may_name_the_asker() {
        let header = Some(("Access-Control-Allow-Origin", "*"));
        for said in [
            &b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin:http://localhost\r\n\r\n",
        ] {
            assert_eq!(page(server(said), "/", header), Asked::Good);
        }
        let other = b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: http://other\r\n\r\n";
        assert!(matches!(page(server(other), "/", header), Asked::Bad(_)));
    }

    #[test]
    fn who_listens_need_not_speak() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(port(listener.local_addr().unwrap()), Asked::Good);
        assert_eq!(port(server(b"SSH-2.0-x\r\n")), Asked::Good);
    }
}
