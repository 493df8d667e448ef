//! Other people's programs read and run our images.
//!
//! Every one of them keeps what it makes in a folder of the test, and has a server of its own where it needs one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_tests::{
    Container, Daemon, Docker, Imgbuild, LIMITS, Outcome, Podman, apart, capture, channel, jupyterlab,
    workspace_root,
};
use serde_json::Value;

const IMPORT: [&str; 3] =
    ["python", "-c", "import numpy, ssl, sqlite3; print('imported', ssl.OPENSSL_VERSION_INFO[0])"];
const IMPORTED: &str = "imported 3\n";
const NAME: &str = "six-packages:latest";
const FULL_NAME: &str = "docker.io/library/six-packages:latest";
fn spec(more: &str) -> String {
    let path = workspace_root().join("examples/six-packages.toml");
    fs_err::read_to_string(path).unwrap().replace("conda-forge", &channel()) + more
}

/// The six-package image.
fn image(imgbuild: &Imgbuild, more: &str, arguments: &[&str]) -> PathBuf {
    imgbuild.build(&spec(more), arguments).path().to_owned()
}

fn run(mut command: Command, arguments: &[&str]) -> Outcome {
    capture(command.args(arguments))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn skopeo() {
    let imgbuild = Imgbuild::new();
    let path = image(&imgbuild, "", &[]);
    let digest = imgbuild_tests::Image::all(&path)[0].digest.to_string();
    let skopeo = |arguments: &[&str]| run(Command::new("skopeo"), arguments).success().stdout;
    for from in ["oci-archive", "docker-archive"] {
        let from = format!("{from}:{}", path.display());
        let inspected: Value = serde_json::from_str(&skopeo(&["inspect", &from])).unwrap();
        assert_eq!(inspected["Architecture"], "amd64");
        assert!(inspected["Layers"].as_array().unwrap().len() > 10);
        let to = imgbuild.path("copy");
        skopeo(&["copy", "--quiet", &from, &format!("dir:{}", to.display())]);
        assert!(to.join("manifest.json").is_file());
        if from.starts_with("oci") {
            assert_eq!(inspected["Digest"], Value::from(digest.as_str()));
        }
        fs_err::remove_dir_all(to).unwrap();
    }
}

#[test]
fn podman() {
    let imgbuild = Imgbuild::new();
    let path = image(&imgbuild, "", &[]);
    let podman = Podman::new(&imgbuild.path("podman"));
    let podman = |arguments: &[&str]| podman.run(arguments).success().stdout;
    let loaded = podman(&["load", "--quiet", "--input", text(&path)]);
    assert_eq!(loaded, format!("Loaded image: {FULL_NAME}\n"));
    let mut arguments = vec!["run", "--rm", "--network=none", "--cgroups=disabled"];
    arguments.extend(LIMITS);
    arguments.push(NAME);
    arguments.extend(IMPORT);
    assert_eq!(podman(&arguments), IMPORTED);
    podman(&["rmi", NAME]);
}

#[test]
fn docker() {
    let imgbuild = Imgbuild::new();
    let oci = image(&imgbuild, "", &[]);
    let engine = Docker::start(&imgbuild.path("docker"));
    let docker = |arguments: &[&str]| engine.run(arguments);
    let version = docker(&["version", "--format", "{{.Server.Version}}"]).success().stdout;
    // Docker knows zstd from version 23 on. What it says before is what docs/reproducibility.md says of it.
    if version.starts_with("20.") {
        let refused = docker(&["load", "--input", text(&oci)]).failure();
        assert!(refused.stderr.contains("archive/tar: invalid tar header"), "{}", refused.stderr);
    }
    let old = imgbuild.build_again(&["--format", "docker"]);
    let loaded = docker(&["load", "--quiet", "--input", text(old.path())]).success().stdout;
    assert_eq!(loaded, format!("Loaded image: {NAME}\n"));
    let mut arguments = vec!["run", "--rm", "--network=none"];
    arguments.extend(LIMITS);
    arguments.push(NAME);
    arguments.extend(IMPORT);
    let ran = docker(&arguments);
    assert_eq!((ran.stdout.as_str(), ran.code), (IMPORTED, Some(0)), "{}\n{}", ran.stderr, engine.said());
}

#[test]
fn containerd() {
    let imgbuild = Imgbuild::new();
    let path = image(&imgbuild, "", &[]);
    let folder = imgbuild.path("containerd");
    let socket = folder.join("socket");
    let config = format!(
        "version = 2\nroot = \"{0}/root\"\nstate = \"{0}/state\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{0}/socket\"\n",
        folder.display()
    );
    let config = imgbuild.write("containerd/config.toml", config);
    let ctr = |arguments: &[&str]| {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&socket);
        run(command, arguments)
    };
    let ready = || socket.exists() && ctr(&["version"]).code == Some(0);
    let daemon = Daemon::start("containerd", &["--config", text(&config)], &folder.join("log"), ready);
    ctr(&["image", "import", text(&path)]).success();
    assert_eq!(ctr(&["image", "ls", "--quiet"]).success().stdout, format!("{FULL_NAME}\n"));
    let mut arguments = vec!["run", "--rm", FULL_NAME, "trial"];
    arguments.extend(IMPORT);
    let ran = ctr(&arguments);
    assert_eq!((ran.stdout.as_str(), ran.code), (IMPORTED, Some(0)), "{}\n{}", ran.stderr, daemon.said());
}

/// Debian's umoci reads no zstd: it unpacks a layout with gzip layers.
#[test]
fn umoci_and_crun() {
    let imgbuild = Imgbuild::new();
    let layout = image(&imgbuild, "[layers]\ncompression = \"gzip\"\n", &["--format", "oci-dir"]);
    let bundle = imgbuild.path("bundle");
    let from = format!("{}:latest", layout.display());
    run(Command::new("umoci"), &["unpack", "--image", &from, text(&bundle)]).success();
    // umoci has made the configuration of the image crun's. It wants a terminal, which no test has.
    let path = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    assert_eq!(config["process"]["user"]["uid"], 1000);
    assert_eq!(config["process"]["args"][0], "/usr/bin/tini");
    config["process"]["terminal"] = Value::from(false);
    config["process"]["args"] = Value::from(IMPORT.map(Value::from).to_vec());
    // It mounts the machine's cgroups, of which there may be two versions.
    config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    config["linux"].as_object_mut().unwrap().remove("resources");
    fs_err::write(&path, config.to_string()).unwrap();
    let mut crun = apart("crun");
    crun.arg("--root").arg(imgbuild.path("state")).args(["--cgroup-manager=disabled", "run", "--bundle"]);
    crun.arg(&bundle).arg(imgbuild.folder().file_name().unwrap());
    assert_eq!(capture(&mut crun).success().stdout, IMPORTED);
}

#[test]
fn jupyterlab_starts() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&jupyterlab(&imgbuild));
    let version = container.start_with(&["jupyter", "lab", "--version"]).success().stdout;
    assert_eq!(version, "4.2.5\n");
    let modules =
        "import numpy, pandas, scipy.linalg, sklearn, matplotlib.pyplot, ssl, sqlite3; print('imported')";
    assert_eq!(container.exec(&["python", "-c", modules]).success().stdout, "imported\n");
}
