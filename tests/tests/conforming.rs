//! Images held against what platforms demand: those of our examples, which conform to what the table says of them, and others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use imgbuild_conform::terms;
use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_spec::Contract;
use imgbuild_tests::{HandmadeLayer, Imgbuild, channel, write_layout};
use insta::assert_snapshot;
use serde_json::Value;

/// The demands of platforms that an image does not meet, or of which it cannot be told: each with what was found.
fn unmet(imgbuild: &Imgbuild, image: &str, contracts: &BTreeSet<Contract>) -> Vec<(String, String, String)> {
    let mut words = vec!["conform".to_owned(), image.to_owned(), "--json".to_owned()];
    words.extend(contracts.iter().flat_map(|contract| ["--for".to_owned(), contract.to_string()]));
    let said = imgbuild.run(words).stdout;
    let report: Value = serde_json::from_str(&said).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = report["demands"].as_array().unwrap().iter();
    let unmet = lines.filter(|line| ["fails", "unknown"].contains(&line["verdict"].as_str().unwrap()));
    unmet.map(|line| (text(&line["platform"]), text(&line["demand"]), text(&line["found"]))).collect()
}

/// The platforms that an example conforms to, by the table.
fn claimed(example: &str) -> BTreeSet<Contract> {
    Contract::ALL.into_iter().filter(|contract| terms(*contract).examples.contains(&example)).collect()
}

fn example(name: &str) {
    let imgbuild = Imgbuild::new();
    let spec = imgbuild.example(name);
    imgbuild.write("spec.toml", spec.replace("conda-forge", &channel()));
    let output = imgbuild.build_again(&["--no-check"]);
    let contracts = claimed(name);
    assert!(!contracts.is_empty(), "{name}");
    let mut unmet = unmet(&imgbuild, output.path().to_str().unwrap(), &contracts);
    // Which version a hub has, only the hub knows.
    unmet.retain(|(_, demand, _)| !demand.starts_with("its JupyterHub is of the hub's major version"));
    assert_eq!(unmet, [], "{name}");
}

#[test]
fn jupyter_conforms_to_what_the_table_says() {
    example("jupyter");
}

#[test]
fn ssh_conforms_to_what_the_table_says() {
    example("ssh");
}

#[test]
fn the_workbench_conforms_to_what_the_table_says() {
    example("workbench");
}

#[test]
fn a_dev_container_conforms() {
    example("devcontainer");
}

#[test]
fn images_for_hubs_conform() {
    example("platforms/hub");
    example("platforms/openshift");
}

#[test]
fn images_for_kubeflow_and_sagemaker_conform() {
    example("platforms/kubeflow");
    example("platforms/sagemaker");
}

#[test]
fn images_for_runpod_conform() {
    example("platforms/runpod");
}

#[test]
fn every_example_that_the_table_names_is_one() {
    let imgbuild = Imgbuild::new();
    for name in Contract::ALL.into_iter().flat_map(|contract| terms(contract).examples) {
        assert!(imgbuild.example(name).contains("name"), "{name}");
    }
}

/// An image as many are: of root, without an init, with a server on port 80 that is not there.
fn foreign(imgbuild: &Imgbuild) -> String {
    let layer = HandmadeLayer::new().program("bin/true").file("root/tool/pyvenv.cfg", "").tar();
    let mut config = ContainerConfig { cmd: vec!["serve".to_owned()], ..ContainerConfig::default() };
    config.env = vec!["PATH=/bin".to_owned(), "PS1=$USER".to_owned()];
    config.exposed_ports = [("80/tcp".to_owned(), imgbuild_oci::Empty {})].into();
    let folder = imgbuild.path("foreign");
    write_layout(&folder, &[Platform::host().unwrap()], vec![layer], &config);
    folder.to_str().unwrap().to_owned()
}

#[test]
fn an_image_that_does_not_conform_is_told_what_to_do() {
    let imgbuild = Imgbuild::new();
    let image = foreign(&imgbuild);
    let outcome = imgbuild.run(["conform", &image, "--for", "kubernetes", "--for", "apptainer"]).failure();
    assert_snapshot!(outcome.stdout.replace(&image, "foreign"), @r#"
    kubernetes: 1 of 6 demands hold, 2 advised
      not      its user is a number, and not that of root: `runAsNonRoot` sees no other (it names none, which is root)
               → write `user = "1000"` in `[image]`, or leave it out
      holds    its user is named without a group, so that the user's further groups count (it names none, which is root)
      not      it listens on no port below 1024 (80)
               → take another `port` in `[jupyter]` or `[ssh]`, such as 8888 and 2222
      advised  nothing that works lies in a home, over which a volume is mounted (there is `/root/tool/pyvenv.cfg`)
               → copy it elsewhere, for example to `/opt` or `/usr/local` (`to` in `[[copy]]`)
      advised  a command that is given runs with a read-only root (the image has no program `/bin/sh`)
               → let the program in `entrypoint` write to `/tmp` and the home alone, and end in `exec "$@"`
      not      it answers on each port with a read-only root and an empty volume over its home (the image has no program `serve`)
               → let what it starts write to `/tmp` and the home alone, as `jupyter = true` and `ssh = true` do

    apptainer: 0 of 4 demands hold
      not      a shell that evaluates the values of its environment changes none (that of `PS1` does not)
               → write values without `$`, backticks, quotes, backslashes and line breaks in `[image.env]`
      not      nothing that works lies in a home, over which a volume is mounted (there is `/root/tool/pyvenv.cfg`)
               → copy it elsewhere, for example to `/opt` or `/usr/local` (`to` in `[[copy]]`)
      not      the cache of its dynamic loader is whole (there is no `/etc/ld.so.cache`)
               → build on Debian: `base = "trixie"`
      not      a shell runs as any user, without the entrypoint, with a read-only root (the image has no program `/bin/sh`)
               → build on a base that has a shell: `base = "trixie"`
    "#);
    assert_snapshot!(outcome.stderr.replace(&image, "foreign"), @r"  × `foreign` does not conform to `kubernetes`, `apptainer`: 7 demands do not hold");
    // All platforms are told without one being asked for, and that some will not run it is no failure.
    let all = imgbuild.run(["conform", &image]).success().stdout;
    let platforms: Vec<&str> =
        all.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    assert_eq!(platforms.len(), Contract::ALL.len(), "{all}");
}

#[test]
fn a_platform_that_nobody_knows_is_refused() {
    let imgbuild = Imgbuild::new();
    assert_snapshot!(imgbuild.run(["conform", "x", "--for", "colab"]).failure().stderr, @r"
    error: invalid value 'colab' for '--for <NAME>': it is none of docker, kubernetes, openshift, hub, kubeflow, sagemaker, runpod, devcontainer, enroot, apptainer, nextflow

    For more information, try '--help'.
    ");
}

#[test]
fn a_build_that_does_not_conform_delivers_nothing() {
    let imgbuild = Imgbuild::new();
    imgbuild.write("spec.toml", "name = \"x\"\nconform = [\"docker\", \"runpod\"]\n");
    let outcome = imgbuild.run(["build", "spec.toml"]).failure();
    let error = outcome.stderr.split_once('×').unwrap().1.to_owned();
    assert_snapshot!(error, @r#"
     `x:latest (linux/amd64)` does not conform to what `runpod` demands:
      │ - it runs as root
      │   it is `1000`
      │   write `profile = "runpod"` in `[jupyter]`, or `user = "root"` in `[image]`
      │ - it has `/start.sh`, by which pods are started
      │   it is not there
      │   write `profile = "runpod"` in `[jupyter]`
      │ - it has bash, and an SSH server
      │   there is no sshd or /usr/sbin/sshd
      │   write `ssh = true`
      │ - it serves SSH on port 22 and Jupyter on port 8888
      │   it ends with the exit code 0
      │   it printed nothing
      │   write `profile = "runpod"` in `[jupyter]`, and `ssh = true`
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:2:22]
     1 │ name = "x"
     2 │ conform = ["docker", "runpod"]
       ·                      ────┬───
       ·                          ╰── this platform
       ╰────
    "#);
    assert!(!imgbuild.path("x-latest.tar").exists());
    imgbuild.run(["build", "spec.toml", "--no-check"]).success();
    assert!(imgbuild.path("x-latest.tar").exists());
}
