//! The servers of images that people work in, and who calls them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Container, Image, Imgbuild, Outcome, Start, Started, capture, channel, scratch};

/// An image with both servers, and something to plot with. Its wheels come from the index that the machine's settings name.
pub const WORKBENCH: &str = "name = \"workbench\"\n\
    python = { version = \"3.13\", from = \"debian\" }\n\
    jupyter = true\nssh = true\n\
    [pip]\npackages = [\"numpy\", \"matplotlib\"]\n";

/// The image of [`WORKBENCH`].
pub fn workbench(imgbuild: &Imgbuild) -> Image {
    imgbuild.build(WORKBENCH, &[]).image()
}

/// The image of `examples/jupyterlab.toml`, from the channel of the tests.
pub fn jupyterlab(imgbuild: &Imgbuild) -> Image {
    imgbuild.build(&imgbuild.example("jupyterlab").replace("conda-forge", &channel()), &[]).image()
}

/// A port that nobody has.
pub fn port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// A connection to a port, once somebody listens there.
///
/// # Panics
///
/// When nobody does in twenty seconds.
pub fn connected(port: &str) -> TcpStream {
    for _ in 0..400 {
        if let Ok(stream) = TcpStream::connect(format!("127.0.0.1:{port}")) {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody listens on port {port}");
}

/// The status and the body of what a server answers.
pub fn get(port: &str, path: &str) -> (u16, String) {
    let mut stream = connected(port);
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The address of Jupyter that a start prints, without the server.
pub fn address(said: &str) -> String {
    let line = said.lines().find(|line| line.contains("Jupyter is at ")).unwrap();
    let url = line.split("Jupyter is at ").nth(1).unwrap();
    url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap()
}

/// The token of that address; empty where there is none.
pub fn token(said: &str) -> String {
    address(said).split("token=").nth(1).unwrap_or_default().to_owned()
}

/// Waits until Jupyter answers, and gives what was said.
pub fn jupyter_answers(started: &mut Started) -> String {
    started.wait_until(|said| said.contains("is running at"))
}

/// Jupyter of an image, started so, and its port.
pub fn jupyter(container: &Container, name: &str, start: Start<'_>) -> (Started, String) {
    let port = port();
    let mut env = vec![("JUPYTER_PORT", port.clone()), ("IMGBUILD_SERVICES", "jupyter".to_owned())];
    env.extend(start.env.clone());
    (container.spawn(name, &Start { env, ..start }), port)
}

/// A key of a person, and OpenSSH's client with it.
#[derive(Debug)]
pub struct Client {
    /// Where `key` and `key.pub` are, and `known`: the hosts that it knows.
    pub folder: TempDir,
    /// The port of the server.
    pub port: String,
}

impl Client {
    /// Makes a key.
    pub fn new(port: &str) -> Self {
        let folder = scratch("ssh");
        let key = folder.path().join("key");
        let mut keygen = Command::new("ssh-keygen");
        capture(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f"]).arg(&key)).success();
        Self { folder, port: port.to_owned() }
    }

    /// The line that lets it in.
    pub fn public_key(&self) -> String {
        fs_err::read_to_string(self.folder.path().join("key.pub")).unwrap()
    }

    /// Options of all of OpenSSH's clients.
    pub fn options(&self) -> Vec<String> {
        let key = self.folder.path().join("key");
        let known = self.folder.path().join("known");
        let mut words = vec!["-i".to_owned(), key.display().to_string()];
        for option in [
            format!("UserKnownHostsFile={}", known.display()),
            "StrictHostKeyChecking=accept-new".to_owned(),
            "BatchMode=yes".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "LogLevel=ERROR".to_owned(),
            format!("Port={}", self.port),
        ] {
            words.extend(["-o".to_owned(), option]);
        }
        words
    }

    /// Runs a command over there.
    pub fn run(&self, user: &str, words: &[&str]) -> Outcome {
        capture(Command::new("ssh").args(self.options()).arg(format!("{user}@127.0.0.1")).args(words))
    }
}

/// The SSH server of an image, started so, once it listens.
pub fn ssh(container: &Container, name: &str, start: Start<'_>) -> (Started, Client) {
    let client = Client::new(&port());
    let mut env = vec![
        ("IMGBUILD_SSH_PORT", client.port.clone()),
        ("IMGBUILD_SERVICES", "ssh".to_owned()),
        ("SSH_AUTHORIZED_KEYS", client.public_key()),
        ("FOO", "a b\"c\\d".to_owned()),
        ("JUPYTER_TOKEN", "hunter2".to_owned()),
    ];
    env.extend(start.env.clone());
    let mut started = container.spawn(name, &Start { env, ..start });
    started.wait_until(|said| said.contains("Server listening on "));
    (started, client)
}

/// `imgbuild run`, which is ended when it is dropped.
pub struct Run {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Run {
    /// Starts it, and reads until it has said something: all of that.
    ///
    /// # Panics
    ///
    /// When it ends before.
    pub fn until(imgbuild: &Imgbuild, words: &[&str], text: &str) -> (Self, String) {
        let mut command = imgbuild.command(words);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let (mut run, mut said) = (Self { child, lines }, String::new());
        while !said.contains(text) {
            assert!(run.lines.read_line(&mut said).unwrap() > 0, "{said}");
        }
        (run, said)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}
