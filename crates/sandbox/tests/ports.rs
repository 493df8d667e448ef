//! Ports that are published: who is reached behind them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};

use support::{Who, World};

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Whether a server answers behind a port of this machine. Whoever is reached by nobody breaks connections at once, so that it is waited for
/// the first answer, or for what `stops` says.
fn answers(port: &str, stops: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let mut said = String::new();
        let asked = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
        match asked.and_then(|()| stream.read_to_string(&mut said)) {
            Ok(_) if said.starts_with("HTTP/1.") => return true,
            Ok(_) => {}
            Err(error) => assert!(
                [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()),
                "{error}"
            ),
        }
        if stops() {
            return false;
        }
        assert!(Instant::now() < deadline, "nobody says anything on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server that listens on an address and port as an ordinary user; and this machine's port before it.
fn server(world: &World, options: &[&str], address: &str) -> (Child, BufReader<ChildStdout>, String) {
    let port = options.last().unwrap();
    // The second line comes when the server listens: it goes into the background then.
    let script = format!("busybox httpd -p {address}:{port} -h / && echo listens && exec sleep 4470");
    let mut child = world.spawn(&[&["--uid", "1000", "--until-input"], options].concat(), &script);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let published = line(&mut output);
    assert_eq!(line(&mut output), "listens", "{:?}", child.try_wait());
    (child, output, published)
}

#[test]
fn a_server_on_the_loopback_address_is_reached_by_people_and_not_from_outside() {
    for (options, address, reached) in [
        (&["--publish", "8080"][..], "127.0.0.1", true),
        (&["--served", "--publish", "8080"], "0.0.0.0", true),
        (&["--served", "--publish", "8080"], "127.0.0.1", false),
    ] {
        let world = World::new(Who::Ranges);
        let (mut child, _output, port) = server(&world, options, address);
        assert_eq!(answers(&port, || !reached), reached, "{options:?} {address}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

#[test]
fn every_user_listens_below_1024_where_an_engine_would_let_it() {
    let world = World::new(Who::Ranges);
    let (mut child, _output, port) = server(&world, &["--served", "--publish", "80"], "0.0.0.0");
    assert!(answers(&port, || false));
    drop(child.stdin.take());
    child.wait().unwrap();
}
