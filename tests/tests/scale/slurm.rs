//! A matrix of forty images, built by an array of Slurm's, while a node and the controller are killed.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use imgbuild_tests::{Imgbuild, Registry, capture, names, workspace_root};
use serde_json::Value;

use crate::cluster::{Cluster, files};

/// Images of eight groups, each of which has a layer of its own.
const SPEC: &str = r#"
name = "small"
tags = ["{group}-{number}"]
platforms = ["linux/amd64"]
base = "scratch"

[matrix]
group = ["a", "b", "c", "d", "e", "f", "g", "h"]
number = ["0", "1", "2", "3", "4"]

[image]
env = { NUMBER = "{number}" }

[[copy]]
from = "{group}"
to = "/data"
"#;

/// The spec, its lock, and what it copies: bytes that take some time to compress.
fn matrix() -> Imgbuild {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", SPEC);
    let lines: String = (0_u64..1_000_000).map(|number| format!("{}\n", number * 7919 % 1_000_003)).collect();
    for group in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        imgbuild.write(&format!("{group}/data"), format!("{group}\n{lines}"));
    }
    imgbuild.run(["lock", "spec.toml"]).success();
    imgbuild
}

/// The digest of each image of a report, by its tag.
fn digests(report: &Value) -> BTreeMap<String, String> {
    let images = report["images"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tag = |name: &str| name.strip_prefix("small:").unwrap().split(' ').next().unwrap().to_owned();
    images.map(|image| (tag(&text(&image["name"])), text(&image["digest"]))).collect()
}

/// The digest that a registry has for each tag.
fn pushed<'a>(repository: &str, tags: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    let digest = |tag: &String| {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["inspect", "--tls-verify=false", "--format", "{{.Digest}}"]);
        let said = capture(skopeo.arg(format!("docker://{repository}:{tag}"))).success();
        (tag.clone(), said.stdout.trim().to_owned())
    };
    tags.map(digest).collect()
}

/// How often a layer was made, in what builds said.
fn made(said: &str) -> usize {
    said.lines().filter(|line| line.starts_with("layer ")).count()
}

/// A folder with the program, which stands still in the middle of its work on the second node.
fn slow_on_the_second_node(imgbuild: &Imgbuild) -> PathBuf {
    let program = imgbuild.command(["--version"]).get_program().to_owned();
    let script = format!(
        "#!/bin/sh\nif [ \"$SLURMD_NODENAME\" = n2 ]; then (sleep 0.06; kill -STOP $$ && touch stands) & fi\nexec '{}' \"$@\"\n",
        program.to_str().unwrap()
    );
    let path = imgbuild.write("bin/imgbuild", script);
    fs_err::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    imgbuild.path("bin")
}

#[test]
fn a_node_and_the_controller_are_killed() {
    let alone = matrix();
    let report = alone.run(["build", "spec.toml", "--output", "out", "--json"]).success();
    let wanted = digests(&serde_json::from_str(&report.stdout).unwrap());
    let unique = made(&report.stderr);
    assert_eq!((wanted.len(), unique), (40, 9));

    let (imgbuild, registry) = (matrix(), Registry::new());
    let repository = format!("{}/team/images", registry.address());
    let complete = ["push", "--complete", "spec.toml", &repository];
    assert_eq!(imgbuild.run(complete).failure().stdout.matches(" is missing\n").count(), 40);
    let mut cluster = Cluster::start(4);
    let script = workspace_root().join("examples/ci/slurm/build.sbatch");
    let path = format!("{}:{}", slow_on_the_second_node(&imgbuild).display(), std::env::var("PATH").unwrap());
    let mut submit = cluster.command("sbatch", &["--parsable", "--cpus-per-task=1"]);
    submit.arg(&script).current_dir(imgbuild.folder());
    submit
        .env("PATH", path)
        .env("SPEC", "spec.toml")
        .env("PUSH", &repository)
        .env("IMGBUILD_CACHE", imgbuild.store());
    capture(&mut submit).success();

    cluster.wait("the second node is at work", |_| imgbuild.path("stands").exists());
    cluster.kill_node(2);
    cluster.kill_controller();
    cluster.start_controller();
    cluster.says("scontrol", &["update", "nodename=n2", "state=down", "reason=power"]);
    cluster.wait("all tasks are done", |cluster| {
        cluster.look_after();
        cluster.says("scontrol", &["ping"]).contains("is UP") && cluster.says("squeue", &["-h"]).is_empty()
    });

    let said = imgbuild.run(complete).success();
    assert_eq!(said.stdout.matches(" is there\n").count(), 40);
    assert_eq!(pushed(&repository, wanted.keys()), wanted);
    let said: String =
        files(imgbuild.folder(), "images-").iter().map(|log| fs_err::read_to_string(log).unwrap()).collect();
    assert!(said.matches("note: shard").count() >= 8, "{said}");
    let made = made(&said);
    // What was being made on the node that died is made once more.
    assert!((unique..=unique + 3).contains(&made), "{made} layers were made, of {unique}:\n{said}");
}

#[test]
fn what_srun_starts_are_machines_and_a_batch_script_is_none() {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", "name = \"small\"\ntags = [\"{x}\"]\nbase = \"scratch\"\n[matrix]\nx = [\"1\", \"2\", \"3\", \"4\"]\n");
    imgbuild.run(["lock", "spec.toml"]).success();
    let program = imgbuild.command(["--version"]).get_program().to_str().unwrap().to_owned();
    let build = format!("exec '{program}' build spec.toml --shard auto --output out");
    let cluster = Cluster::start(2);
    let command = |program: &str, arguments: &[&str]| {
        let mut command = cluster.command(program, arguments);
        command.current_dir(imgbuild.folder()).env("IMGBUILD_CACHE", imgbuild.store());
        capture(&mut command)
    };
    command("srun", &["--ntasks=2", "sh", "-c", &build]).success();
    assert_eq!(names(&imgbuild.path("out")).len(), 4);
    let alone =
        command("sbatch", &["--wait", "--ntasks=2", "--output=alone.log", "--wrap", &build]).failure();
    let said = imgbuild.read("alone.log");
    assert!(said.contains("no variable here says which of many machines this is"), "{alone:?} {said}");
}

#[test]
fn nothing_waits_for_what_has_failed() {
    let imgbuild = Imgbuild::with_private_store();
    // Who logs in, and builds nothing; and nodes as small as those of these tests.
    let sbatch = "exec /usr/bin/sbatch --cpus-per-task=1 \"$@\"";
    for (name, script) in [("imgbuild", "[ \"$1\" = login ]"), ("sbatch", sbatch)] {
        let path = imgbuild.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs_err::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    imgbuild.write("password", "secret");
    let cluster = Cluster::start(2);
    let path = format!("{}:{}", imgbuild.path("bin").display(), std::env::var("PATH").unwrap());
    let submit = workspace_root().join("examples/ci/slurm/submit.sh");
    let mut submit = cluster.command(submit.to_str().unwrap(), &[]);
    submit
        .current_dir(imgbuild.folder())
        .env("PATH", path)
        .env("SPEC", "spec.toml")
        .env("PUSH", "registry.example/team/images")
        .env("REGISTRY_USER", "robot")
        .env("REGISTRY_PASSWORD_FILE", imgbuild.path("password"))
        .env("IMGBUILD_CACHE", imgbuild.store());
    capture(&mut submit).success();
    cluster.wait("the queue is empty", |cluster| {
        cluster.look_after();
        cluster.says("squeue", &["-h"]).is_empty()
    });
    assert_eq!(files(imgbuild.folder(), "images-finish-"), Vec::<PathBuf>::new());
}
