//! How long it takes from a start to a Jupyter that answers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fs_err as fs;

use super::{Bench, BenchError, RUNS};

/// How long it is waited for an answer.
const MOST: Duration = Duration::from_secs(120);
/// The time between two questions: an answer is known that much late.
const BETWEEN: Duration = Duration::from_millis(10);

impl Bench {
    /// Builds the images that are started: those of the rows on wheels, with Jupyter.
    pub(super) fn write_starts(&self) -> Result<(), BenchError> {
        for (name, of) in [("start", "wheels"), ("start-bytecode", "wheels-bytecode")] {
            let spec = fs::read_to_string(self.folder.join(format!("{of}.toml")))?;
            let (head, rest) = spec.split_once("[pip]").ok_or_else(|| BenchError::Output(spec.clone()))?;
            let head = head.replace(&format!("\"{of}\""), &format!("\"{name}\""));
            fs::write(
                self.folder.join(format!("{name}.toml")),
                format!("{head}jupyter = true\n[pip]{rest}"),
            )?;
            self.program(&format!("{name}.toml"), &["lock"])?;
            // It has wheels that the others have not.
            self.program(&format!("{name}.toml"), &["build"])?;
        }
        Ok(())
    }

    /// Seconds from `imgbuild run` to an answer of Jupyter in an image, for a user who can write no bytecode.
    pub(super) fn start(&self, name: &str) -> Result<f64, BenchError> {
        self.build(name)?;
        let mut best = f64::INFINITY;
        // The first unpacks the layers.
        for run in 0..=RUNS {
            let port = free_port()?;
            let mut command = Command::new(&self.binary);
            command.args(["run", "--read-only", "--publish", &format!("{port}:8888"), name]);
            let seconds = answered(command.env("IMGBUILD_CACHE", self.store()), port)?;
            best = if run == 0 { best } else { best.min(seconds) };
        }
        Ok(best)
    }

    /// The same of what `uv pip install` put into a folder of this disk, without bytecode, as pip and uv leave it in images.
    pub(super) fn start_of_folder(&self) -> Result<f64, BenchError> {
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            let port = free_port()?;
            let mut command = Command::new(self.folder.join("venv/bin/python"));
            command.args(["-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port_retries=0"]);
            command.arg(format!("--ServerApp.port={port}")).current_dir(&self.folder);
            command.env("PYTHONDONTWRITEBYTECODE", "1").env("HOME", Path::new("/tmp"));
            best = best.min(answered(&mut command, port)?);
        }
        Ok(best)
    }
}

fn free_port() -> Result<u16, BenchError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What runs, and ends when nobody looks any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It ends by itself, or it has ended.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Seconds until Jupyter answers.
fn answered(command: &mut Command, port: u16) -> Result<f64, BenchError> {
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut running = Running(child);
    while start.elapsed() < MOST {
        if says_that_it_is_there(port) {
            return Ok(start.elapsed().as_secs_f64());
        }
        if running.0.try_wait()?.is_some() {
            break;
        }
        sleep(BETWEEN);
    }
    Err(BenchError::Failed(format!("{command:?}")))
}

fn says_that_it_is_there(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut said = String::new();
    let asked = stream.write_all(b"GET /api HTTP/1.0\r\nHost: localhost\r\n\r\n");
    asked.and_then(|()| stream.read_to_string(&mut said)).is_ok() && said.contains(" 200 ")
}
