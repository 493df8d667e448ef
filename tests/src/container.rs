//! Running what is in an image.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::{Image, Outcome, Tree, capture, scratch};

/// An unpacked image whose programs run by `crun`, as its configuration says and off the network.
#[derive(Debug)]
pub struct Container {
    bundle: TempDir,
    image: imgbuild_oci::ImageConfig,
}

/// A server of somebody else. It is ended when it is dropped, and by itself after five minutes.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

/// crun 1.8 refuses a machine that has both versions of cgroups mounted. It runs with a view of the file systems in which
/// there is but one.
const ONE_CGROUP_VERSION: &str = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"";

/// A command with a view of the file systems of its own, in which every container engine finds itself at home.
pub fn apart(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ONE_CGROUP_VERSION, "sh", program]);
    command
}

impl Container {
    /// Unpacks an image.
    ///
    /// # Panics
    ///
    /// When it cannot, or when we are not root.
    pub fn new(image: &Image) -> Self {
        let bundle = scratch("container");
        image.unpack(&bundle.path().join("root"));
        Self { bundle, image: image.config.clone() }
    }

    /// Unpacks an image as an engine shows it: what whiteouts name is gone.
    ///
    /// # Panics
    ///
    /// When it cannot, or when we are not root.
    pub fn without_hidden(image: &Image) -> Self {
        let container = Self::new(image);
        for path in Tree::read(&container.root()).0.keys() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if let Some(hidden) = name.strip_prefix(".wh.") {
                for name in [hidden, name] {
                    let path = container.root().join(folder).join(name);
                    capture(Command::new("rm").arg("-rf").arg(path)).success();
                }
            }
        }
        container
    }

    /// The unpacked image.
    pub fn root(&self) -> PathBuf {
        self.bundle.path().join("root")
    }

    /// Runs what the image starts when nothing else is asked of it.
    pub fn start(&self) -> Outcome {
        self.start_with(&self.image.config.cmd.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs the image's entrypoint with a command.
    pub fn start_with(&self, command: &[&str]) -> Outcome {
        let entrypoint = self.image.config.entrypoint.iter().map(String::as_str);
        self.run_as(&self.image.config.user, entrypoint.chain(command.iter().copied()).collect())
    }

    /// Runs a command as the image's user, without the entrypoint: what `docker exec` does.
    pub fn exec(&self, command: &[&str]) -> Outcome {
        self.run_as(&self.image.config.user, command.to_vec())
    }

    /// Runs a command as root, without the entrypoint.
    pub fn exec_as_root(&self, command: &[&str]) -> Outcome {
        self.run_as("0:0", command.to_vec())
    }

    fn run_as(&self, user: &str, words: Vec<&str>) -> Outcome {
        let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
        let number = |text: &str| text.parse::<u32>().unwrap_or_default();
        let config = &self.image.config;
        let folder = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
        let tmpfs = |path: &str| json!({ "destination": path, "type": "tmpfs", "source": "tmpfs" });
        let namespaces =
            ["pid", "mount", "ipc", "uts", "network"].map(|kind| json!({ "type": kind })).to_vec();
        let runtime = json!({
            "ociVersion": "1.0.2",
            "root": { "path": "root" },
            "process": {
                "user": { "uid": number(uid), "gid": number(gid) },
                "args": words,
                "env": config.env,
                "cwd": folder,
                "noNewPrivileges": true,
            },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" }, tmpfs("/dev"), tmpfs("/dev/shm"),
            ],
            "linux": { "namespaces": namespaces },
        });
        let bundle = self.bundle.path();
        fs_err::write(bundle.join("config.json"), runtime.to_string()).unwrap();
        let name = bundle.file_name().unwrap();
        let state = bundle.join("state");
        let mut crun = apart("crun");
        crun.arg("--root").arg(state).args(["--cgroup-manager=disabled", "run", "--bundle"]).arg(bundle);
        capture(crun.arg(name))
    }
}

impl Daemon {
    /// Starts a server, and waits until `ready` holds.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or is not ready in half a minute; with what it said.
    pub fn start(program: &str, arguments: &[&str], log: &Path, ready: impl Fn() -> bool) -> Self {
        let output = fs_err::File::create(log).unwrap();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", "300"]);
        let apart = apart(program);
        command.arg(apart.get_program()).args(apart.get_args()).args(arguments);
        command.stdin(Stdio::null()).stdout(output.file().try_clone().unwrap()).stderr(output.into_file());
        let child = command.spawn().unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let mut daemon = Self { child, log: log.to_owned() };
        let start = Instant::now();
        while !ready() {
            let ended = daemon.child.try_wait().unwrap().is_some();
            assert!(
                !ended && start.elapsed() < Duration::from_secs(30),
                "{program} does not serve:\n{}",
                daemon.said()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        daemon
    }

    /// What it said until now.
    pub fn said(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `timeout` passes it on.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}
