//! A cluster of Slurm on this machine: Debian's, with several nodes, each of which can lose its power.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imgbuild_tests::{capture, port, scratch};
use tempfile::TempDir;

/// A controller and nodes. All of it ends when it is dropped.
pub(crate) struct Cluster {
    folder: TempDir,
    controller: Child,
    nodes: Vec<Child>,
}

impl Cluster {
    pub(crate) fn start(nodes: usize) -> Self {
        let folder = scratch("slurm");
        fs_err::create_dir(folder.path().join("state")).unwrap();
        let root = folder.path().display();
        let mut config = format!(
            "ClusterName=test\nSlurmctldHost=localhost\nSlurmctldPort={}\nAuthType=auth/none\nCredType=cred/none\n\
             MpiDefault=none\nProctrackType=proctrack/pgid\nTaskPlugin=task/none\nSlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={root}/state\nSlurmdSpoolDir={root}/spool.%n\nSlurmctldPidFile={root}/controller.pid\n\
             SlurmdPidFile={root}/%n.pid\nSlurmctldLogFile={root}/controller.log\nSlurmdLogFile={root}/%n.log\n\
             ReturnToService=2\nSlurmdTimeout=10\nKillWait=2\nSchedulerType=sched/builtin\nSchedulerParameters=sched_interval=1,sched_min_interval=100000\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\nJobRequeue=1\nPartitionName=all Nodes=ALL Default=YES State=UP\n",
            port()
        );
        for node in 1..=nodes {
            config += &format!("NodeName=n{node} NodeAddr=localhost Port={} CPUs=1\n", port());
        }
        fs_err::write(folder.path().join("slurm.conf"), config).unwrap();
        let controller = controller(folder.path(), &["-c"]);
        let nodes = (1..=nodes).map(|number| node(folder.path(), number)).collect();
        let cluster = Self { folder, controller, nodes };
        cluster.wait("all nodes are there", |cluster| {
            cluster.says("sinfo", &["-h", "-t", "idle", "-o", "%D"]) == format!("{}", cluster.nodes.len())
        });
        cluster
    }

    /// A command of Slurm's, as it is to be run.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command
    }

    /// What a command of Slurm's prints. It is asked again where the controller does not answer.
    pub(crate) fn says(&self, program: &str, arguments: &[&str]) -> String {
        capture(&mut self.command(program, arguments)).stdout.trim().to_owned()
    }

    /// Waits until something holds.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "it never holds that {what}:\n{}",
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A node loses its power: everything that runs there is gone at once, and the controller finds out.
    pub(crate) fn kill_node(&mut self, number: usize) {
        let node = &mut self.nodes[number - 1];
        node.kill().unwrap();
        node.wait().unwrap();
    }

    /// The controller is gone, with what it had not written.
    pub(crate) fn kill_controller(&mut self) {
        self.controller.kill().unwrap();
        self.controller.wait().unwrap();
    }

    pub(crate) fn start_controller(&mut self) {
        self.controller = controller(self.folder.path(), &[]);
        self.wait("the controller answers", |cluster| cluster.says("scontrol", &["ping"]).contains("is UP"));
    }

    /// What a person does who looks after it: nodes that it has put aside come back, and tasks that it holds or puts off start now.
    pub(crate) fn look_after(&self) {
        for node in self.says("sinfo", &["-h", "-N", "-t", "drain", "-o", "%N"]).lines() {
            self.says("scontrol", &["update", &format!("nodename={node}"), "state=resume"]);
        }
        for waiting in self.says("squeue", &["-h", "-t", "pending", "-r", "-o", "%i %r"]).lines() {
            let Some((task, reason)) = waiting.split_once(' ') else { continue };
            if reason.contains("held") || reason.contains("Held") {
                self.says("scontrol", &["release", task]);
            }
            if reason == "BeginTime" {
                self.says("scontrol", &["update", &format!("jobid={task}"), "starttime=now"]);
            }
        }
    }

    fn logs(&self) -> String {
        let names = std::iter::once("controller".to_owned())
            .chain((1..=self.nodes.len()).map(|number| format!("n{number}")));
        let log = |name: String| {
            fs_err::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
        };
        names.map(log).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().chain([&mut self.controller]) {
            // Those that a test has killed are gone.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn controller(folder: &Path, arguments: &[&str]) -> Child {
    started(folder, "slurmctld", Command::new("slurmctld").arg("-D").args(arguments))
}

/// A node has processes of its own, which go with it.
fn node(folder: &Path, number: usize) -> Child {
    let name = format!("n{number}");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--mount-proc", "--fork", "--kill-child", "slurmd", "-D", "-N", &name]);
    started(folder, &name, &mut command)
}

fn started(folder: &Path, name: &str, command: &mut Command) -> Child {
    let said = fs_err::File::create(folder.join(format!("{name}.out"))).unwrap().into_file();
    command.env("SLURM_CONF", folder.join("slurm.conf")).stdin(Stdio::null());
    command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap()
}

/// Files of a folder whose name begins so.
pub(crate) fn files(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix));
    files.sort();
    files
}
