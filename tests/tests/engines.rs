//! Images that people work in, as docker's engine and podman start, ask, and stop them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use imgbuild_tests::{
    Docker, Imgbuild, LIMITS, Outcome, Podman, WORKBENCH, capture, get, node_modules, port, token,
};
use serde_json::{Value, json};

/// Whom an image is started as, the number of that user, and where notebooks then are.
const USERS: [(&str, &str, &str); 4] = [
    ("1000", "1000", "/home/user"),
    ("12345:0", "12345", "/home/user"),
    ("12345:12345", "12345", "/tmp/home-12345"),
    ("0:0", "0", "/home/user"),
];

const NAME: &str = "workbench:latest";

/// An engine, and what it wants to be told when it starts something.
struct Engine<'a> {
    run: &'a dyn Fn(&[&str]) -> Outcome,
    options: Vec<&'a str>,
}

impl Engine<'_> {
    fn run(&self, words: &[&str]) -> String {
        let outcome = (self.run)(words).success();
        outcome.stdout + &outcome.stderr
    }

    /// `run` in the machine's network.
    fn start(&self, options: &[&str], command: &[&str]) -> Outcome {
        let own = ["run", "--network=host"].into_iter().chain(self.options.iter().copied()).chain(LIMITS);
        let words = own.chain(options.iter().copied()).chain([NAME]).chain(command.iter().copied());
        (self.run)(&words.collect::<Vec<_>>())
    }

    /// Waits until something holds of the container `name`, or it ends.
    fn wait_until(&self, name: &str, holds: impl Fn() -> bool) {
        while !holds() {
            let running = self.run(&["inspect", "--format", "{{.State.Running}}", name]);
            assert_eq!(running.trim(), "true", "{}", self.run(&["logs", name]));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops a container within the time that the engine gives it, and tells how its main process has ended.
    fn stop(&self, name: &str) -> String {
        self.run(&["stop", name]);
        let code = self.run(&["inspect", "--format", "{{.State.ExitCode}}", name]);
        self.run(&["rm", name]);
        code.trim().to_owned()
    }
}

/// What holds of an image in every engine: for each user Jupyter serves, once `is_healthy` says so of the container.
fn serves(engine: &Engine<'_>, health: &[&str], is_healthy: &dyn Fn(&str) -> bool) {
    for (user, uid, folder) in USERS {
        let port = port();
        let listens = format!("JUPYTER_PORT={port}");
        let own =
            ["-d", "--name=jupyter", "--user", user, "-e", "IMGBUILD_SERVICES=jupyter", "-e", "FOO=a b"];
        let address = ["-e", &listens, "-e", "NOTEBOOK_ARGS=--ServerApp.ip=127.0.0.1"];
        engine.start(&[&own[..], &address, health].concat(), &[]).success();
        engine.wait_until("jupyter", || is_healthy("jupyter"));
        let said = engine.run(&["logs", "jupyter"]);
        assert_eq!(get(&port, "/api").0, 200, "{user}: {said}");
        assert_eq!(get(&port, "/api/contents").0, 403, "{user}");
        assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200, "{user}");
        assert!(!said.contains("Traceback") && !said.contains("Permission"), "{user}: {said}");
        assert!(
            said.contains(&format!("Serving notebooks from local directory: {folder}\n")),
            "{user}: {said}"
        );
        let script = "echo $FOO; command -v python; id -u";
        let found = engine.run(&["exec", "jupyter", "sh", "-c", script]);
        assert_eq!(found, format!("a b\n/opt/venv/bin/python\n{uid}\n"), "{user}");
        assert_eq!(engine.stop("jupyter"), "0", "{user}");
    }
    // With a command, it is what runs, alone, and how it ends is how the container does.
    let said = engine.start(&["--rm"], &["python", "-c", "import sys; print('ran'); sys.exit(3)"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(3), "ran\n", ""));
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    engine.start(&["-d", "--name=command"], &["bash", "-c", script]).success();
    engine.wait_until("command", || engine.run(&["logs", "command"]).contains("ready"));
    assert_eq!(engine.stop("command"), "5");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn docker_starts_asks_and_stops_it() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(WORKBENCH, &["--format", "docker"]);
    let docker = Docker::start(&imgbuild.path("docker"));
    docker.run(&["load", "--quiet", "--input", text(image.path())]).success();
    let engine = Engine { run: &|words| docker.run(words), options: vec![] };
    let healthy = |name: &str| {
        let status = engine.run(&["inspect", "--format", "{{.State.Health.Status}}", name]);
        assert_ne!(status.trim(), "unhealthy", "{}", engine.run(&["inspect", name]));
        status.trim() == "healthy"
    };
    // What asks is the image's; only how often is ours.
    serves(&engine, &["--health-interval=1s"], &healthy);
}

#[test]
fn podman_starts_asks_and_stops_it() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(WORKBENCH, &[]);
    let podman = Podman::new(&imgbuild.path("podman"));
    podman.run(&["load", "--quiet", "--input", text(image.path())]).success();
    // A container that nobody stops ends by itself.
    let options = vec!["--cgroups=disabled", "--timeout=120"];
    let engine = Engine { run: &|words| podman.run(words), options };
    // OCI's configuration has no health check, which podman would read: it is asked by hand.
    // Before there is a server nothing is wrong.
    let healthy = |name: &str| {
        (engine.run)(&["exec", name, "imgbuild-health"]).code == Some(0)
            && engine.run(&["logs", name]).contains("is running at")
    };
    serves(&engine, &[], &healthy);
}

/// A person of this machine with a project, who may ask docker for containers, and the dev containers' command line.
struct Developer<'a> {
    docker: &'a Docker,
    folder: tempfile::TempDir,
}

/// No user of an image has it.
const NUMBER: &str = "4711";

impl Developer<'_> {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The command line looks up who calls it: this machine's list of users, as it sees it, has one more.
    fn devcontainer(&self, verb: &str, words: &[&str]) -> Outcome {
        let script = "mount --bind \"$0\" /etc/passwd && exec \"$@\"";
        let mut command = Command::new("timeout");
        command.args([
            "--kill-after=10",
            "120",
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            &self.path("passwd"),
        ]);
        command.args(["setpriv", "--reuid", NUMBER, "--regid", NUMBER, "--clear-groups"]);
        // A checkout may stand where only root looks.
        command.args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]);
        command.arg(node_modules().join(".bin/devcontainer")).arg(verb);
        command.args(["--workspace-folder", &self.path("project")]).args(words);
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("home"));
        command.env("DOCKER_HOST", self.docker.host());
        capture(&mut command)
    }
}

/// It builds an image in which the user has this person's number, so that files of the project belong to both.
#[test]
fn a_dev_container_is_started_as_whoever_opens_it() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(WORKBENCH, &["--format", "docker"]);
    let docker = Docker::start(&imgbuild.path("docker"));
    docker.run(&["load", "--quiet", "--input", text(image.path())]).success();
    let developer = Developer { docker: &docker, folder: tempfile::tempdir().unwrap() };
    let (port, folder) = (port(), developer.folder.path());
    let list = fs_err::read_to_string("/etc/passwd").unwrap();
    fs_err::write(folder.join("passwd"), format!("{list}ada:x:{NUMBER}:{NUMBER}::/:/bin/sh\n")).unwrap();
    let limits = [&["--network=host"][..], &LIMITS].concat();
    let env = json!({ "JUPYTER_PORT": port, "FOO": "a b", "NOTEBOOK_ARGS": "--ServerApp.ip=127.0.0.1" });
    let settings = json!({ "image": NAME, "runArgs": limits, "containerEnv": env });
    fs_err::create_dir_all(folder.join("home")).unwrap();
    fs_err::create_dir_all(folder.join("project/.devcontainer")).unwrap();
    fs_err::write(folder.join("project/.devcontainer/devcontainer.json"), settings.to_string()).unwrap();
    let socket = docker.host().trim_start_matches("unix://");
    capture(Command::new("chown").args(["-R", &format!("{NUMBER}:{NUMBER}"), text(folder), socket]))
        .success();

    let up = developer.devcontainer("up", &[]).success();
    let up: Value = serde_json::from_str(&up.stdout).unwrap();
    assert_eq!((&up["outcome"], &up["remoteUser"]), (&json!("success"), &json!("user")), "{up}");
    let script =
        "id -un; id -u; echo ~; echo $FOO; command -v python; python -c 'import numpy'; touch from-within";
    let said = developer.devcontainer("exec", &["sh", "-c", script]).success().stdout.replace('\r', "");
    assert_eq!(said, format!("user\n{NUMBER}\n/home/user\na b\n/opt/venv/bin/python\n"));
    let written = fs_err::metadata(folder.join("project/from-within")).unwrap();
    assert_eq!(written.uid().to_string(), NUMBER);
    // What the image serves runs beside it, as the same user.
    let container = up["containerId"].as_str().unwrap();
    let engine = Engine { run: &|words| docker.run(words), options: vec![] };
    engine.wait_until(container, || engine.run(&["logs", container]).contains("is running at"));
    let said = engine.run(&["logs", container]);
    assert!(said.contains("Serving notebooks from local directory: /home/user\n"), "{said}");
    assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200, "{said}");
    assert_eq!(engine.stop(container), "0");
}
