//! Several environments in one image.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Container, Docker, Image, Imgbuild, LIMITS, Outcome, Podman, channel};

/// A base with a manager alone, and three environments: two of one Python, and an older one.
fn spec(more: &str) -> String {
    format!(
        r#"name = "several"
platforms = ["linux/amd64"]
base = {{ debian = "bookworm", packages = ["zsh"] }}
python = "3.11"
{more}
[conda]
channels = ["{channel}"]
manager = "micromamba"
environment = "training"
packages = ["numpy", "jupyterlab"]
pip = false

[envs.legacy]
python = "3.9"
packages = ["numpy", "odd-activate-dynamic"]

[envs.twin]
python = "3.11"
packages = ["numpy", "ipykernel", "odd-activate-dynamic"]
"#,
        channel = channel()
    )
}

/// The titles of the layers that hold packages of some name.
fn layers_with(image: &Image, name: &str) -> Vec<String> {
    let comments = image.config.history.iter().map(|item| item.comment.clone());
    comments.filter(|title| title.starts_with(&format!("{name} "))).collect()
}

#[test]
fn each_environment_is_whole_and_what_they_share_is_there_once() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&spec(""), &[]).image();
    let path = image.variable("PATH").unwrap();
    assert!(path.starts_with("/opt/conda/envs/training/bin:/opt/conda/condabin:/usr/local/sbin:"), "{path}");
    assert_eq!(image.variable("CONDA_PREFIX"), Some("/opt/conda/envs/training"));
    assert_eq!(image.variable("CONDA_DEFAULT_ENV"), Some("training"));
    assert_eq!(image.variable("MAMBA_ROOT_PREFIX"), Some("/opt/conda"));
    assert_eq!(
        layers_with(&image, "numpy"),
        ["numpy 2.0.2 py39_0 in legacy", "numpy 2.0.2 py311_0 in training and twin"]
    );
    let container = Container::new(&image);
    let program = "import numpy, sys; print(numpy.__version__, sys.prefix, sys.version_info[:2])";
    for (name, python) in [("training", "(3, 11)"), ("twin", "(3, 11)"), ("legacy", "(3, 9)")] {
        let interpreter = format!("/opt/conda/envs/{name}/bin/python");
        let found = container.exec(&[&interpreter, "-c", program]).success().stdout;
        assert_eq!(found, format!("2.0.2 /opt/conda/envs/{name} {python}\n"));
    }
    // The prefix itself has the manager, and nothing else.
    let meta = container.exec(&["sh", "-c", "cd /opt/conda && ls -d * conda-meta/*.json envs/*"]);
    insta::assert_snapshot!(meta.success().stdout, @r"
    bin
    conda-meta
    conda-meta/micromamba-0.1-stand_in_0.json
    condabin
    envs
    envs/legacy
    envs/training
    envs/twin
    ");
    for (shell, kind) in [
        (["bash", "-c"], "bash"),
        (["bash", "-lc"], "bash"),
        (["sh", "-lc"], "posix"),
        (["zsh", "-c"], "zsh"),
    ] {
        let said = container.exec(&[&shell[..], &["micromamba activate twin"]].concat()).success().stdout;
        assert_eq!(said, format!("stand-in micromamba of {kind}: activate twin\n"), "{shell:?}");
    }
    let program = container.exec(&["env", "-i", "/opt/conda/condabin/micromamba", "info"]).success().stdout;
    assert_eq!(program, "stand-in micromamba: info\n");
}

/// Counts the files that two folders have alike, and those among them that are one file.
const ALIKE: &str = r#"
import os, sys
alike = linked = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        one = os.path.join(folder, name)
        other = one.replace(sys.argv[1], sys.argv[2])
        if os.path.exists(other) and open(one, "rb").read() == open(other, "rb").read():
            alike += 1
            linked += os.path.samefile(one, other)
print(alike > 300, alike == linked)
"#;

#[test]
fn a_file_that_two_environments_have_alike_is_one_file() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&imgbuild.build(&spec(""), &[]).image());
    let folder = |name: &str| format!("/opt/conda/envs/{name}/lib/python3.11/site-packages/numpy");
    let said = container.exec(&["python", "-c", ALIKE, &folder("training"), &folder("twin")]).success();
    assert_eq!(said.stdout, "True True\n");
}

/// Runs an engine.
type Engine<'a> = &'a dyn Fn(&[&str]) -> Outcome;

#[test]
fn engines_keep_it_one_file() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&spec(""), &[]);
    let path = imgbuild.build_again(&["--format", "docker"]).path().to_str().unwrap().to_owned();
    let folder = |name: &str| format!("/opt/conda/envs/{name}/lib/python3.11/site-packages/numpy");
    let (training, twin) = (folder("training"), folder("twin"));
    let podman = Podman::new(&imgbuild.path("podman"));
    let engine = Docker::start(&imgbuild.path("docker"));
    let with_podman = |words: &[&str]| podman.run(words);
    let with_docker = |words: &[&str]| engine.run(words);
    let engines: [(Engine<'_>, &[&str]); 2] = [(&with_podman, &["--cgroups=disabled"]), (&with_docker, &[])];
    for (run, own) in engines {
        run(&["load", "--quiet", "--input", &path]).success();
        let words = [&["run", "--rm", "--network=none"], own, &LIMITS[..]].concat();
        let words = [&words[..], &["several:latest", "python", "-c", ALIKE, &training, &twin]].concat();
        assert_eq!(run(&words).success().stdout, "True True\n");
        run(&["rmi", "several:latest"]).success();
    }
}

#[test]
fn kernels_of_other_environments_are_started_activated() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&imgbuild.build(&spec(""), &[]).image());
    let listed = container.exec(&["jupyter", "kernelspec", "list"]).success().stdout;
    assert!(listed.contains("/opt/conda/envs/training/share/jupyter/kernels/python3"), "{listed}");
    assert!(
        listed.contains("/usr/local/share/jupyter/kernels/twin") && !listed.contains("legacy"),
        "{listed}"
    );
    let program = r#"
from jupyter_client.manager import start_new_kernel
import sys
manager, client = start_new_kernel(kernel_name="twin")
code = "import os, shutil, sys, numpy; print(sys.prefix, os.environ['CONDA_DEFAULT_ENV'], os.environ['ODD_IF'], shutil.which('python'))"
client.execute_interactive(code, timeout=60)
manager.shutdown_kernel(now=True)
"#;
    let said = container.exec(&["python", "-c", program]).success().stdout;
    insta::assert_snapshot!(said, @r"/opt/conda/envs/twin twin 1 /opt/conda/envs/twin/bin/python");
}

#[test]
fn another_environment_can_be_the_default() {
    let imgbuild = Imgbuild::new();
    let text = format!(
        "name = \"other\"\nplatforms = [\"linux/amd64\"]\nbase = \"bookworm\"\ndefault-env = \"twin\"\n[conda]\nchannels = [\"{}\"]\nmanager = \"mamba\"\npip = false\n[envs.twin]\npython = \"3.11\"\n",
        channel()
    );
    let image = imgbuild.build(&text, &[]).image();
    let container = Container::new(&image);
    let said = container.exec(&[
        "bash",
        "-c",
        "command -v python mamba; echo $CONDA_DEFAULT_ENV; mamba activate base",
    ]);
    insta::assert_snapshot!(said.success().stdout, @r"
    /opt/conda/envs/twin/bin/python
    mamba
    twin
    stand-in mamba of bash: activate base
    ");
    let login = container.exec(&["env", "-i", "bash", "-lc", "command -v python; echo $CONDA_PREFIX"]);
    assert_eq!(login.success().stdout, "/opt/conda/envs/twin/bin/python\n/opt/conda/envs/twin\n");
}
