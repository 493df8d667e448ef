//! Running what is in an image.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
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

/// How a container is started, where it differs from what the image's configuration says.
#[derive(Debug, Clone, Default)]
pub struct Start<'a> {
    /// The user and the group; the image's own user where nothing is said.
    pub user: Option<&'a str>,
    /// More variables.
    pub env: Vec<(&'a str, String)>,
    /// The command instead of the image's.
    pub command: Option<Vec<&'a str>>,
    /// Whether what the image says is passed over: neither its entrypoint nor its variables are there.
    pub is_bare: bool,
    /// Whether nothing of the image can be written, but `/tmp`.
    pub read_only: bool,
    /// A folder that has an empty volume over it, which anybody may write.
    pub volume: Option<&'a str>,
    /// A folder of this machine, and where it is mounted.
    pub mount: Option<(PathBuf, &'a str)>,
    /// A network namespace instead of this machine's own.
    pub network: Option<PathBuf>,
    /// Whether it sees this machine's processes, as enroot starts images: then its first process is not process 1.
    pub shares_processes: bool,
    /// Whether terminals have the group of whoever opens them, and not `tty`: where an engine has no number for that.
    pub has_no_tty_group: bool,
}

/// A container that runs in the network of this machine. It is ended when it is dropped, and by itself after five minutes.
#[derive(Debug)]
pub struct Started {
    daemon: Option<Child>,
    crun: Vec<String>,
    user: String,
    shares_processes: bool,
    log: PathBuf,
    _volume: Option<TempDir>,
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

    /// A user as engines find it: where no group is named, with its own and with those that it is a member of.
    fn user(&self, text: &str) -> (u32, u32, Vec<u32>) {
        let number = |text: &str| text.parse::<u32>().unwrap_or_default();
        if let Some((uid, gid)) = text.split_once(':') {
            return (number(uid), number(gid), Vec::new());
        }
        let lines = |path: &str| fs_err::read_to_string(self.root().join(path)).unwrap_or_default();
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let users: Vec<_> = lines("etc/passwd").lines().map(fields).collect();
        let Some(user) = users.iter().find(|user| user[0] == text || user[2] == text) else {
            return (number(text), 0, Vec::new());
        };
        let groups: Vec<_> = lines("etc/group").lines().map(fields).collect();
        let member = groups.iter().filter(|group| group[3].split(',').any(|name| name == user[0]));
        (number(&user[2]), number(&user[3]), member.map(|group| number(&group[2])).collect())
    }

    /// Starts what the image starts, and goes on. `name` is the container's.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn spawn(&self, name: &str, start: &Start<'_>) -> Started {
        let volume = start.volume.map(|_| scratch("volume"));
        let words = self.prepare(name, start, volume.as_ref().map(TempDir::path));
        let log = self.bundle.path().join(format!("{name}.log"));
        let output = fs_err::File::create(&log).unwrap();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        command.stdout(output.file().try_clone().unwrap()).stderr(output.into_file());
        let daemon = Some(command.spawn().unwrap());
        let (uid, gid, _) = self.user(start.user.unwrap_or(&self.image.config.user));
        let crun = [self.crun(), words.last().cloned().into_iter().collect()].concat();
        let shares_processes = start.shares_processes;
        Started { daemon, crun, user: format!("{uid}:{gid}"), shares_processes, log, _volume: volume }
    }

    /// The words by which somebody else starts it, who may change the configuration that the last but one names, and the last, which
    /// is the container's name.
    pub fn words(&self, name: &str, start: &Start<'_>) -> Vec<String> {
        self.prepare(name, start, None)
    }

    /// How crun is called for all containers.
    fn crun(&self) -> Vec<String> {
        let state = self.bundle.path().join("state").to_str().unwrap().to_owned();
        vec!["--root".to_owned(), state, "--cgroup-manager=disabled".to_owned()]
    }

    /// Writes the configuration of a container, and gives the words that start it.
    fn prepare(&self, name: &str, start: &Start<'_>, volume: Option<&Path>) -> Vec<String> {
        let config = &self.image.config;
        let cmd = || config.cmd.iter().map(String::as_str).collect();
        let command: Vec<&str> = start.command.clone().unwrap_or_else(cmd);
        let entrypoint = config.entrypoint.iter().filter(|_| !start.is_bare).map(String::as_str);
        let words = entrypoint.chain(command).collect();
        let mut runtime = self.runtime(start.user.unwrap_or(&config.user), words);
        let own = ["pid", "mount", "ipc", "uts"].into_iter().skip(usize::from(start.shares_processes));
        let network = start.network.iter().map(|path| json!({ "type": "network", "path": path }));
        let namespaces: Vec<_> = own.map(|kind| json!({ "type": kind })).chain(network).collect();
        runtime["linux"]["namespaces"] = json!(namespaces);
        runtime["root"]["readonly"] = json!(start.read_only);
        // What docker leaves to root.
        let capabilities = json!([
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FSETID",
            "CAP_FOWNER",
            "CAP_SETGID",
            "CAP_SETUID",
            "CAP_SETPCAP",
            "CAP_NET_BIND_SERVICE",
            "CAP_SYS_CHROOT",
            "CAP_KILL",
            "CAP_AUDIT_WRITE",
        ]);
        runtime["process"]["capabilities"] =
            json!({ "bounding": capabilities, "permitted": capabilities, "effective": capabilities });
        // As engines do it: of two values the later holds.
        let of_image = config.env.iter().filter(|_| !start.is_bare).filter_map(|it| it.split_once('='));
        let given = start.env.iter().map(|(name, value)| (*name, value.as_str()));
        let env: BTreeMap<&str, &str> = of_image.chain(given).collect();
        let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        runtime["process"]["env"] = json!(env);
        let mut mounts = runtime["mounts"].as_array().unwrap().clone();
        let group = if start.has_no_tty_group { vec![] } else { vec!["gid=5"] };
        let options = [vec!["newinstance", "ptmxmode=0666", "mode=0620"], group].concat();
        mounts.push(
            json!({ "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": options }),
        );
        if start.read_only {
            mounts.push(json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" }));
        }
        if let (Some(to), Some(from)) = (start.volume, volume) {
            fs_err::set_permissions(from, std::fs::Permissions::from_mode(0o777)).unwrap();
            mounts.push(json!({ "destination": to, "type": "bind", "source": from, "options": ["rbind"] }));
        }
        let bind = |(from, to): &(PathBuf, &str)| json!({ "destination": to, "type": "bind", "source": from, "options": ["rbind"] });
        mounts.extend(start.mount.iter().map(bind));
        runtime["mounts"] = json!(mounts);
        let bundle = self.bundle.path();
        // A new container has nothing of what another one left.
        let temporary = fs_err::read_dir(self.root().join("tmp")).into_iter().flatten().flatten();
        temporary.for_each(|entry| drop(capture(Command::new("rm").arg("-rf").arg(entry.path()))));
        let file = bundle.join(format!("{name}.json"));
        fs_err::write(&file, runtime.to_string()).unwrap();
        let id = format!("{}-{name}", bundle.file_name().unwrap().to_str().unwrap());
        let mut command = apart("timeout");
        command
            .args(["--kill-after=10", "300", "crun"])
            .args(self.crun())
            .args(["run", "--bundle"])
            .arg(bundle);
        command.arg("--config").arg(&file).arg(&id);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    fn run_as(&self, user: &str, words: Vec<&str>) -> Outcome {
        let runtime = self.runtime(user, words);
        let bundle = self.bundle.path();
        fs_err::write(bundle.join("config.json"), runtime.to_string()).unwrap();
        let name = bundle.file_name().unwrap();
        let state = bundle.join("state");
        let mut crun = apart("crun");
        crun.arg("--root").arg(state).args(["--cgroup-manager=disabled", "run", "--bundle"]).arg(bundle);
        capture(crun.arg(name))
    }

    /// What an engine makes of the image's configuration.
    fn runtime(&self, user: &str, words: Vec<&str>) -> serde_json::Value {
        let (uid, gid, groups) = self.user(user);
        let config = &self.image.config;
        let folder = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
        let tmpfs = |path: &str| json!({ "destination": path, "type": "tmpfs", "source": "tmpfs" });
        let namespaces =
            ["pid", "mount", "ipc", "uts", "network"].map(|kind| json!({ "type": kind })).to_vec();
        json!({
            "ociVersion": "1.0.2",
            "root": { "path": "root" },
            "process": {
                "user": { "uid": uid, "gid": gid, "additionalGids": groups },
                "args": words,
                "env": config.env,
                "cwd": folder,
                "noNewPrivileges": true,
            },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" }, tmpfs("/dev"), tmpfs("/dev/shm"),
            ],
            "linux": { "namespaces": namespaces },
        })
    }
}

impl Started {
    /// What it said until now.
    pub fn said(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until something holds of what it said, or it ends.
    ///
    /// # Panics
    ///
    /// When that takes more than four minutes; with what it said.
    pub fn wait_until(&mut self, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let said = self.said();
            if holds(&said) {
                return said;
            }
            let ended = self.daemon.as_mut().unwrap().try_wait().unwrap().is_some();
            assert!(
                !ended && start.elapsed() < Duration::from_secs(240),
                "it is not ready:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command in it, as its user: what `docker exec` does.
    pub fn exec(&self, words: &[&str]) -> Outcome {
        let (id, options) = self.crun.split_last().unwrap();
        let mut crun = apart("crun");
        capture(crun.args(options).args(["exec", "--user", &self.user]).arg(id).args(words))
    }

    /// Sends its process 1 a signal.
    pub fn signal(&self, signal: &str) {
        let (id, options) = self.crun.split_last().unwrap();
        let mut crun = apart("crun");
        capture(crun.args(options).args(["kill", id, signal])).success();
    }

    /// Waits for its end: its exit code, and what it said.
    ///
    /// # Panics
    ///
    /// When it has no exit code.
    pub fn end(&mut self) -> (i32, String) {
        let status = self.daemon.take().unwrap().wait().unwrap();
        (status.code().unwrap(), self.said())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let (id, options) = self.crun.split_last().unwrap();
        // Where it has no processes of its own, its first one must end the others.
        let signal = if self.shares_processes { "TERM" } else { "KILL" };
        let mut crun = apart("crun");
        drop(crun.args(options).args(["kill", id, signal]).stderr(Stdio::null()).status());
        drop(daemon.wait());
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
