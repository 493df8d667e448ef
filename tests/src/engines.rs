//! Engines that run images: docker's, containerd and podman, each with everything that it keeps in a folder of a test.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Daemon, Outcome, apart, capture};

/// A machine may not let a container raise its limits, which podman and docker ask for on their own.
pub const LIMITS: [&str; 4] = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

/// Docker's engine with no network but the machine's own and none. Its containers end with it, and it ends when it is dropped, and by
/// itself after five minutes.
#[derive(Debug)]
pub struct Docker {
    daemon: Daemon,
    host: String,
}

impl Docker {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it does not serve.
    pub fn start(folder: &Path) -> Self {
        fs_err::create_dir_all(folder).unwrap();
        let of = |name: &str| format!("{}/{name}", folder.display());
        let host = format!("unix://{}", of("socket"));
        let (data, exec, pid) = (of("data"), of("exec"), of("pid"));
        let arguments = [
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
            "--host",
            &host,
            "--data-root",
            &data,
            "--exec-root",
            &exec,
            "--pidfile",
            &pid,
        ];
        let ready = || capture(Command::new("docker").args(["--host", &host, "version"])).code == Some(0);
        let daemon = Daemon::start("dockerd", &arguments, &folder.join("log"), ready);
        Self { daemon, host }
    }

    /// Where its clients find it: what `DOCKER_HOST` says.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Runs its client.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        capture(Command::new("docker").args(["--host", &self.host]).args(arguments))
    }

    /// What the engine said until now.
    pub fn said(&self) -> String {
        self.daemon.said()
    }
}

/// containerd. It ends when it is dropped, and by itself after five minutes.
#[derive(Debug)]
pub struct Containerd {
    _daemon: Daemon,
    socket: String,
}

impl Containerd {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it does not serve.
    pub fn start(folder: &Path) -> Self {
        fs_err::create_dir_all(folder).unwrap();
        let of = |name: &str| format!("{}/{name}", folder.display());
        let (socket, config) = (of("socket"), of("config.toml"));
        // The plugin of Kubernetes wants more of a machine than pulling does.
        fs_err::write(&config, "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n").unwrap();
        let (root, state) = (of("root"), of("state"));
        let arguments = ["--config", &config, "--root", &root, "--state", &state, "--address", &socket];
        let ready = || capture(Command::new("ctr").args(["--address", &socket, "version"])).code == Some(0);
        let daemon = Daemon::start("containerd", &arguments, &folder.join("log"), ready);
        Self { _daemon: daemon, socket }
    }

    /// Runs its client.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        capture(Command::new("ctr").args(["--address", &self.socket]).args(arguments))
    }
}

/// Podman, as root. Its containers end when it is dropped.
#[derive(Debug)]
pub struct Podman {
    folder: PathBuf,
    // It takes no path of more than fifty characters for its sockets, and a checkout may stand anywhere.
    sockets: TempDir,
}

impl Podman {
    /// With nothing in it.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), sockets: tempfile::tempdir().unwrap() }
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        capture(self.command().args(arguments))
    }

    /// What a shell calls it.
    pub fn line(&self) -> String {
        let command = self.command();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = apart("podman");
        command.arg("--root").arg(self.folder.join("root")).arg("--runroot").arg(self.sockets.path());
        command.args(["--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=file"]);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.run(&["rm", "--all", "--force", "--time=0"]);
    }
}
