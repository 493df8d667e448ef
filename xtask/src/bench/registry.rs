//! Pushing and pulling, beside skopeo and buildah: against Debian's registry on the loopback, as it is and behind a proxy that
//! delays what goes through it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::Value;

use super::{Bench, BenchError};
use crate::programs;

/// What has to be there.
const PROGRAMS: [programs::Program; 3] =
    [("docker-registry", "docker-registry"), ("skopeo", "skopeo"), ("buildah", "buildah")];

/// The times of a round trip that are added, in milliseconds.
const ROUND_TRIPS: [u64; 2] = [0, 50];

/// How often each row is measured. buildah, which unpacks and compresses everything, is measured once.
const TURNS: usize = 2;

/// How long the registry may take to start.
const MOST: Duration = Duration::from_secs(10);

/// Prints how long images take to a registry and from there.
pub(super) fn print(bench: &Bench) -> Result<(), BenchError> {
    programs::ensure(&PROGRAMS)?;
    bench.write_changed()?;
    println!();
    println!("{:<58} {:>10} {:>10} {:>10}", "to and from a registry", "imgbuild", "skopeo", "buildah");
    for round_trip in ROUND_TRIPS {
        let mut best: BTreeMap<(usize, &str), [f64; 3]> = BTreeMap::new();
        for turn in 0..TURNS {
            // Each has one of its own: some mount what others have pushed.
            let mut registries = Vec::new();
            let mut places = [String::new(), String::new(), String::new()];
            for place in &mut places {
                let registry = Registry::start(bench, registries.len())?;
                let delay = Duration::from_millis(round_trip / 2);
                *place = Proxy::start(registry.address, delay)?.address.to_string();
                registries.push(registry);
            }
            for (row, seconds) in bench.registry_rows(&places, turn == 0)? {
                let known = best.entry(row).or_insert([f64::INFINITY; 3]);
                for (known, seconds) in known.iter_mut().zip(seconds) {
                    *known = known.min(seconds);
                }
            }
        }
        for ((_, name), [own, skopeo, buildah]) in best {
            let name = format!("  {name}, {round_trip} ms added");
            println!("{name:<58} {own:>8.2} s {skopeo:>8.2} s {buildah:>8.2} s");
        }
    }
    let (sent, changed) = bench.changed_bytes()?;
    println!(
        "{:<58} {:>8.2} x",
        "  bytes sent after a change ÷ bytes of the changed layers",
        sent as f64 / changed as f64
    );
    Ok(())
}

/// What is measured, and the seconds of ours, of skopeo and of buildah.
type Row = ((usize, &'static str), [f64; 3]);

impl Bench {
    /// The environment with one package more.
    fn write_changed(&self) -> Result<(), BenchError> {
        let spec = fs::read_to_string(self.folder.join("plain.toml"))?;
        let spec = spec
            .replace("name = \"plain\"", "name = \"changed\"")
            .replace("\"numpy\", ", "\"numpy\", \"tqdm\", ");
        fs::write(self.folder.join("changed.toml"), spec)?;
        for spec in ["plain.toml", "changed.toml"] {
            self.program(spec, &["build"])?;
        }
        Ok(())
    }

    /// The seconds of each row: ours, skopeo's and buildah's.
    fn registry_rows(&self, at: &[String; 3], with_buildah: bool) -> Result<Vec<Row>, BenchError> {
        let program = self.binary.display().to_string();
        let own = |image: &str| {
            let target = format!("{}/own:1", at[0]);
            let file = format!("{image}-latest.tar");
            Ok::<_, BenchError>(self.measure(&[program.as_str(), "push", "--quiet", &file, &target])?.seconds)
        };
        let skopeo = |image: &str| {
            let (file, target) =
                (format!("oci-archive:{image}-latest.tar"), format!("docker://{}/skopeo:1", at[1]));
            let words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", &file, &target];
            Ok::<_, BenchError>(self.measure(&words)?.seconds)
        };
        let buildah = |image: &str| {
            let (name, target) =
                (format!("docker.io/library/{image}:latest"), format!("docker://{}/buildah:1", at[2]));
            self.buildah(with_buildah, &["push", "--quiet", "--tls-verify=false", &name, &target])
        };
        if with_buildah {
            for image in ["plain", "changed"] {
                let archive = format!("oci-archive:{image}-latest.tar");
                self.measure(&["buildah", "--storage-driver=vfs", "pull", "--quiet", &archive])?;
            }
        }
        let mut rows = Vec::new();
        for (number, (name, image)) in
            [("first push", "plain"), ("push again", "plain"), ("push with one package more", "changed")]
                .into_iter()
                .enumerate()
        {
            rows.push(((number, name), [own(image)?, skopeo(image)?, buildah(image)?]));
        }
        rows.push(((3, "pull"), self.pulls(&format!("{}/own:1", at[0]), with_buildah)?));
        Ok(rows)
    }

    /// The seconds of pulling an image: ours, skopeo's and buildah's.
    fn pulls(&self, from: &str, with_buildah: bool) -> Result<[f64; 3], BenchError> {
        let (program, source) = (self.binary.display().to_string(), format!("docker://{from}"));
        for file in ["pulled.tar", "pulled-skopeo.tar"] {
            drop(fs::remove_file(self.folder.join(file)));
        }
        let own = self.measure(&[program.as_str(), "pull", "--quiet", from, "-o", "pulled.tar"])?;
        let target = "oci-archive:pulled-skopeo.tar";
        let skopeo =
            self.measure(&["skopeo", "copy", "--quiet", "--src-tls-verify=false", &source, target])?;
        // Layers that it has are not pulled. It keeps some beyond its images: its row is the least that it takes.
        self.buildah(with_buildah, &["rmi", "--all", "--force"])?;
        let words = ["pull", "--quiet", "--policy=always", "--tls-verify=false", &source];
        Ok([own.seconds, skopeo.seconds, self.buildah(with_buildah, &words)?])
    }

    /// The seconds of a command of buildah's; no time at all where it is not asked.
    fn buildah(&self, is_asked: bool, words: &[&str]) -> Result<f64, BenchError> {
        if !is_asked {
            return Ok(f64::INFINITY);
        }
        let all: Vec<&str> = ["buildah", "--storage-driver=vfs"].iter().chain(words).copied().collect();
        Ok(self.measure(&all)?.seconds)
    }

    /// The bytes that are sent of the changed image to a repository that has the other one, and the bytes of its layers that are
    /// new.
    fn changed_bytes(&self) -> Result<(u64, u64), BenchError> {
        let registry = Registry::start(self, 0)?;
        let target = format!("{}/own:1", registry.address);
        let push = |image: &str| {
            let mut command = Command::new(&self.binary);
            command.args(["push", "--quiet", "--json", &format!("{image}-latest.tar"), &target]);
            let output = command.current_dir(&self.folder).env("IMGBUILD_CACHE", self.store()).output()?;
            Ok::<Value, BenchError>(serde_json::from_slice(&output.stdout)?)
        };
        push("plain")?;
        let sent = push("changed")?["pushed"][0]["sent"]["bytes"].as_u64().unwrap_or(0);
        let before = self.layers("plain")?;
        let new = self.layers("changed")?.into_iter().filter(|(digest, _)| !before.contains_key(digest));
        Ok((sent, new.map(|(_, size)| size).sum()))
    }

    /// The sizes of an image's layers by their digests.
    fn layers(&self, image: &str) -> Result<BTreeMap<String, u64>, BenchError> {
        let mut command = Command::new("skopeo");
        command.args(["inspect", "--raw", &format!("oci-archive:{image}-latest.tar")]);
        let output = command.current_dir(&self.folder).output()?;
        let manifest: Value = serde_json::from_slice(&output.stdout)?;
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        let layer = |it: &Value| Some((it["digest"].as_str()?.to_owned(), it["size"].as_u64()?));
        Ok(layers.iter().filter_map(layer).collect())
    }
}

/// A registry with nothing in it, which ends with this.
pub(super) struct Registry {
    child: Child,
    address: SocketAddr,
}

impl Registry {
    pub(super) fn start(bench: &Bench, number: usize) -> Result<Self, BenchError> {
        let folder = bench.folder.join(format!("registry-{number}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = serde_json::json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.join("store") } },
            "http": { "addr": address.to_string() },
        });
        // JSON is YAML.
        fs::write(folder.join("config.yml"), config.to_string())?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { child: command.spawn()?, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > MOST {
                return Err(BenchError::Failed("docker-registry".to_owned()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// Its host and port.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It ends now, or it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What delays all that goes through it, in each direction.
struct Proxy {
    address: SocketAddr,
}

impl Proxy {
    /// It ends with the process.
    fn start(to: SocketAddr, delay: Duration) -> Result<Self, BenchError> {
        if delay.is_zero() {
            return Ok(Self { address: to });
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(to) else { continue };
                for stream in [&client, &server] {
                    let _ = stream.set_nodelay(true);
                }
                if let (Ok(from), Ok(back)) = (client.try_clone(), server.try_clone()) {
                    delayed(from, server, delay);
                    delayed(back, client, delay);
                }
            }
        });
        Ok(Self { address })
    }
}

/// What is on its way: when it is to arrive; nothing at the end.
type Way = (Mutex<VecDeque<(Instant, Option<Vec<u8>>)>>, Condvar);

/// Passes on what comes, each piece as much later as all others.
fn delayed(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let way: Arc<Way> = Arc::default();
    let sender = Arc::clone(&way);
    spawn(move || {
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            let piece = (read > 0).then(|| buffer[..read].to_vec());
            let (queue, arrived) = &*sender;
            queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((Instant::now() + delay, piece));
            arrived.notify_one();
            if read == 0 {
                break;
            }
        }
    });
    spawn(move || {
        let (queue, arrived) = &*way;
        loop {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let (at, piece) = loop {
                match queue.pop_front() {
                    Some(next) => break next,
                    None => queue = arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(queue);
            sleep(at.saturating_duration_since(Instant::now()));
            let is_passed = piece.is_some_and(|piece| to.write_all(&piece).is_ok());
            if !is_passed {
                let _ = to.shutdown(Shutdown::Write);
                break;
            }
        }
    });
}
