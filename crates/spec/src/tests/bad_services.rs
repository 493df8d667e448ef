//! What is wrong with what an image serves and whom it runs as.

use insta::assert_snapshot;

use super::{message, variants};

/// A spec with Debian's Python and one more line or table.
fn with(more: &str) -> String {
    format!("name = \"a\"\npython = {{ version = \"3.11\", from = \"debian\" }}\n{more}\n")
}

fn said(more: &str) -> String {
    message(&with(more))
}

#[test]
fn jupyter_and_ssh_need_a_base() {
    assert_snapshot!(message("name = \"a\"\nbase = \"scratch\"\nssh = true\n"), @r#"
     × the base is `scratch`, but an SSH server needs a base with glibc: the image could not start
      ╭─[spec.toml:3:7]
    2 │ base = "scratch"
    3 │ ssh = true
      ·       ──┬─
      ·         ╰── asked for here
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
    assert_snapshot!(message("name = \"a\"\nbase = \"scratch\"\n[user]\nname = \"ada\"\n"), @r#"
     × the base is `scratch`, which has no users
      ╭─[spec.toml:3:1]
    2 │ base = "scratch"
    3 │ [user]
      · ───┬──
      ·    ╰── asked for here
    4 │ name = "ada"
      ╰────
     help: a number needs no user: `user = "1000"` in `[image]`
    "#);
}

#[test]
fn jupyter_needs_python() {
    assert_snapshot!(message("name = \"a\"\njupyter = true\n"), @r#"
     × Jupyter is asked for, but no Python that it could run in
      ╭─[spec.toml:2:11]
    1 │ name = "a"
    2 │ jupyter = true
      ·           ──┬─
      ·             ╰── asked for here
      ╰────
     help: add it to the spec, for example `python = "3.11"`
    "#);
}

#[test]
fn two_servers_on_one_port() {
    assert_snapshot!(said("jupyter = true\nssh = { port = 8888 }"), @r#"
     × Jupyter and SSH are both to listen on port 8888
      ╭─[spec.toml:3:11]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ jupyter = true
      ·           ──┬─
      ·             ╰── and this one
    4 │ ssh = { port = 8888 }
      ·       ───────┬───────
      ·              ╰── this one
      ╰────
     help: set another `port` in one of the two
    "#);
}

#[test]
fn a_port_that_only_root_may_have() {
    assert_snapshot!(said("[ssh]\nport = 22"), @r#"
     × port 22 is below 1024, and the image does not run as root
      ╭─[spec.toml:3:1]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ [ssh]
      · ──┬──
      ·   ╰── asked for here
    4 │ port = 22
      ╰────
     help: take one above, which engines and Kubernetes can publish as any other; or let the image
           run as root: `user = "root"` in `[image]`
    "#);
    let root = with("[ssh]\nport = 22\n[image]\nuser = \"root\"");
    assert_eq!(variants(&root).len(), 1);
    let runpod = with("[jupyter]\nport = 80\nprofile = \"runpod\"");
    assert_eq!(variants(&runpod)[0].image.user.as_ref().map(ToString::to_string).as_deref(), Some("0"));
    assert_snapshot!(said("[ssh]\nport = 70000"), @r"
     × `70000` is not a port
      ╭─[spec.toml:4:8]
    3 │ [ssh]
    4 │ port = 70000
      ·        ──┬──
      ·          ╰── here
      ╰────
     help: write a number from 1 to 65535
    ");
}

#[test]
fn users_that_cannot_be() {
    assert_snapshot!(said("[user]\nname = \"a:b\""), @r#"
     × `a:b` is not the name of a user
      ╭─[spec.toml:4:8]
    3 │ [user]
    4 │ name = "a:b"
      ·        ──┬──
      ·          ╰── here
      ╰────
     help: a name has up to 32 lower-case letters, digits, `_` and `-`, and begins with a letter or
           `_`
    "#);
    assert_snapshot!(said("[user]\nuid = 0"), @r#"
     × 0 is not the number of a user
      ╭─[spec.toml:4:7]
    3 │ [user]
    4 │ uid = 0
      ·       ┬
      ·       ╰── here
      ╰────
     help: root is there already: `user = "root"` in `[image]` makes the image run as root
    "#);
    assert_snapshot!(said("[user]\nuid = 4294967295"), @r"
     × 4294967295 is not the number of a user
      ╭─[spec.toml:4:7]
    3 │ [user]
    4 │ uid = 4294967295
      ·       ─────┬────
      ·            ╰── here
      ╰────
     help: write a number from 1 to 4294967294; most machines give 1000 to their first user
    ");
    assert_snapshot!(said("[user]\nhome = \"/usr\""), @r#"
     × `/usr` cannot be the home of the image's user: it is a folder of the system
      ╭─[spec.toml:4:8]
    3 │ [user]
    4 │ home = "/usr"
      ·        ───┬──
      ·           ╰── here
      ╰────
     help: the default is `/home` with the user's name, for example `/home/jovyan`
    "#);
    assert_snapshot!(said("[user]\nhome = \"/home/a b\""), @r#"
     × `/home/a b` cannot be the home of the image's user: it holds characters that scripts and
     │ `PATH` cannot carry
      ╭─[spec.toml:4:8]
    3 │ [user]
    4 │ home = "/home/a b"
      ·        ─────┬─────
      ·             ╰── here
      ╰────
     help: the default is `/home` with the user's name, for example `/home/jovyan`
    "#);
    assert_snapshot!(said("[user]\nshell = \"bash\""), @r#"
     × `bash` is not a path in the image: it does not begin with `/`
      ╭─[spec.toml:4:9]
    3 │ [user]
    4 │ shell = "bash"
      ·         ───┬──
      ·            ╰── here
      ╰────
     help: write it from the image's root, like `/workspace`
    "#);
    assert_snapshot!(said("[user]\ngroups = [\"video\", \"video\"]"), @r#"
     × `user.groups` has `video` twice
      ╭─[spec.toml:4:20]
    3 │ [user]
    4 │ groups = ["video", "video"]
      ·                    ───┬───
      ·                       ╰── again
      ╰────
    "#);
}

#[test]
fn a_key_that_is_none() {
    assert_snapshot!(said("[ssh]\nauthorized-keys = [\"ssh-ed25519 AAAA ada\"]"), @r#"
     × `ssh-ed25519 AAAA ada` is not a public key of SSH: Base64 encoding error: invalid Base64
     │ encoding
      ╭─[spec.toml:4:20]
    3 │ [ssh]
    4 │ authorized-keys = ["ssh-ed25519 AAAA ada"]
      ·                    ───────────┬──────────
      ·                               ╰── here
      ╰────
     help: write one line of a file that ends in `.pub`, such as `ssh-ed25519 AAAA… ada@example`
    "#);
    assert_snapshot!(said("[ssh]\nauthorized-keys = [\"~/.ssh/id_ed25519.pub\"]"), @r#"
     × `~/.ssh/id_ed25519.pub` is not a public key of SSH: character encoding invalid
      ╭─[spec.toml:4:20]
    3 │ [ssh]
    4 │ authorized-keys = ["~/.ssh/id_ed25519.pub"]
      ·                    ───────────┬───────────
      ·                               ╰── here
      ╰────
     help: write one line of a file that ends in `.pub`, such as `ssh-ed25519 AAAA… ada@example`
    "#);
}

#[test]
fn a_private_key_is_not_shown() {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----";
    let message = said(&format!("[ssh]\nauthorized-keys = [\"\"\"\n{key}\n\"\"\"]"));
    assert!(!message.contains("b3Blbn") && !message.contains("AAAEbm"), "{message}");
    assert_snapshot!(message, @r#"
     × this is a private key, which nobody but its owner may have
      ╭─[spec.toml:4:20]
    3 │ [ssh]
    4 │ authorized-keys = ["""
      ·                    ─┬─
      ·                     ╰── here
    5 │ -----BEGIN OPENSSH PRIVATE KEY-----
      ╰────
     help: write the public one, which `ssh-keygen` puts beside it in a file that ends in `.pub`; and
           make a new pair if this file was given to anybody
    "#);
    let message = said(&format!("[ssh]\nauthorized-keys = [\"{}\"]", key.replace('\n', "\\n")));
    assert!(!message.contains("b3Blbn") && !message.contains("AAAEbm"), "{message}");
}

#[test]
fn a_password_in_the_spec() {
    assert_snapshot!(said("[jupyter]\npassword = \"x\""), @r#"
     × unknown key `jupyter.password`
      ╭─[spec.toml:4:1]
    3 │ [jupyter]
    4 │ password = "x"
      · ────┬───
      ·     ╰── here
      ╰────
     help: no password is ever in an image: Jupyter is given `JUPYTER_TOKEN` or a hashed
           `JUPYTER_PASSWORD` when it starts, and makes a token else; SSH takes keys alone
    "#);
    assert_snapshot!(said("[ssh]\npassword = \"x\""), @r#"
     × unknown key `ssh.password`
      ╭─[spec.toml:4:1]
    3 │ [ssh]
    4 │ password = "x"
      · ────┬───
      ·     ╰── here
      ╰────
     help: no password is ever in an image: Jupyter is given `JUPYTER_TOKEN` or a hashed
           `JUPYTER_PASSWORD` when it starts, and makes a token else; SSH takes keys alone
    "#);
}

#[test]
fn a_value_that_a_shell_would_read_otherwise() {
    assert_snapshot!(said("[image]\nenv.CACHE = \"$HOME/.cache\""), @r#"
     × `$HOME/.cache` cannot be a variable of an image: it holds a `$`, which some platforms give to
     │ a shell
      ╭─[spec.toml:4:13]
    3 │ [image]
    4 │ env.CACHE = "$HOME/.cache"
      ·             ───────┬──────
      ·                    ╰── here
      ╰────
     help: write the value itself, such as `/home/user/cache`; what a shell has to work out belongs
           into a script that the image starts
    "#);
    assert_snapshot!(said("[image]\nenv.A = \"it's\""), @r#"
     × `it\'s` cannot be a variable of an image: it holds a quote, which some platforms give to a
     │ shell
      ╭─[spec.toml:4:9]
    3 │ [image]
    4 │ env.A = "it's"
      ·         ───┬──
      ·            ╰── here
      ╰────
     help: write the value itself, such as `/home/user/cache`; what a shell has to work out belongs
           into a script that the image starts
    "#);
}

#[test]
fn a_variable_of_the_environment_file_is_one_of_the_image() {
    let environment = "name: e\nchannels: [c]\ndependencies: [a]\nvariables:\n  A: $HOME/x\n";
    let files = [("spec.toml", "name = \"x\"\nenv = \"e.yml\"\n"), ("e.yml", environment)];
    assert_snapshot!(super::message_of(&files), @r#"
     × the variable `A` of the environment: `$HOME/x` cannot be a variable of an image: it holds a
     │ `$`, which some platforms give to a shell
      ╭─[spec.toml:2:7]
    1 │ name = "x"
    2 │ env = "e.yml"
      ·       ───┬───
      ·          ╰── this environment
      ╰────
     help: write the value itself, such as `/home/user/cache`; what a shell has to work out belongs
           into a script that the image starts
    "#);
}

#[test]
fn a_platform_that_nobody_knows() {
    assert_snapshot!(said("[jupyter]\nprofile = \"colab\""), @r#"
     × `jupyter.profile` cannot be `colab`
      ╭─[spec.toml:4:11]
    3 │ [jupyter]
    4 │ profile = "colab"
      ·           ───┬───
      ·              ╰── here
      ╰────
     help: it can be `plain`, `hub`, `kubeflow`, `sagemaker`, `openshift`, `runpod`
    "#);
}

#[test]
fn a_hub_that_does_not_fit() {
    assert_snapshot!(said("[jupyter]\nhub-version = \"5\""), @r#"
     × `hub-version` says which JupyterHub spawns the image, and the profile is for none
      ╭─[spec.toml:4:15]
    3 │ [jupyter]
    4 │ hub-version = "5"
      ·               ─┬─
      ·                ╰── this version
      ╰────
     help: write `profile = "hub"`, or remove the version
    "#);
    assert_snapshot!(said("[jupyter]\nprofile = \"hub\"\nhub-version = \">=5\""), @r#"
     × `>=5` is not a version of JupyterHub
      ╭─[spec.toml:5:15]
    4 │ profile = "hub"
    5 │ hub-version = ">=5"
      ·               ──┬──
      ·                 ╰── here
      ╰────
     help: write its major version, like `5`: a hub and what it spawns must be of one major version
    "#);
}

#[test]
fn half_a_certificate() {
    assert_snapshot!(said("[jupyter]\ncertfile = \"/etc/tls/tls.crt\""), @r#"
     × `certfile` is there, and `keyfile` is not: a certificate and its key belong together
      ╭─[spec.toml:4:12]
    3 │ [jupyter]
    4 │ certfile = "/etc/tls/tls.crt"
      ·            ─────────┬────────
      ·                     ╰── this one
      ╰────
     help: add `keyfile`: a path in the container, where it is mounted
    "#);
}

#[test]
fn platforms_name_the_user() {
    let name = |profile: &str| {
        let variants = variants(&with(&format!("[jupyter]\nprofile = \"{profile}\"")));
        format!(
            "{} {} {}",
            variants[0].account.name,
            variants[0].account.home,
            variants[0].jupyter.as_ref().unwrap().port
        )
    };
    assert_eq!(name("plain"), "user /home/user 8888");
    assert_eq!(name("kubeflow"), "jovyan /home/jovyan 8888");
    assert_eq!(name("openshift"), "jovyan /home/jovyan 8080");
    assert_eq!(name("sagemaker"), "sagemaker-user /home/sagemaker-user 8888");
    let variants = variants(&with("[jupyter]\nprofile = \"hub\"\n[user]\nname = \"ada\""));
    assert_eq!(variants[0].account.home.as_str(), "/home/ada");
}

#[test]
fn what_is_served_brings_its_packages() {
    let packages = |spec: &str| {
        let variants = variants(spec);
        let crate::Base::Debian(debian) = &variants[0].base else { panic!("no Debian") };
        let debian = debian.packages.iter().map(|it| it.text.public());
        let conda = variants[0].conda.iter().flat_map(|conda| match &conda.packages {
            crate::CondaPackages::Requirements(all) => all.iter().map(|it| it.text.public()).collect(),
            crate::CondaPackages::Locked(_) => Vec::new(),
        });
        let pip = variants[0].pip.iter().flat_map(|pip| match &pip.packages {
            crate::PipPackages::Requirements(all) => all.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        });
        let of = |all: Vec<String>| all.join(" ");
        format!("{} | {} | {}", of(debian.collect()), of(conda.collect()), of(pip.collect()))
    };
    let basics = "procps netbase libstdc++6 curl";
    assert_eq!(packages(&with("jupyter = true")), format!("{basics} |  | jupyterlab pip"));
    assert_eq!(
        packages("name = \"a\"\npython = \"3.11\"\njupyter = true\n"),
        format!("{basics} | jupyterlab | ")
    );
    let named = with("jupyter = true\n[pip]\npackages = [\"JupyterLab==4.4.3\"]");
    assert_eq!(packages(&named), format!("{basics} |  | JupyterLab==4.4.3 pip"));
    let conda = "name = \"a\"\npython = \"3.11\"\njupyter = true\n[conda]\npackages = [\"jupyterlab 4.*\"]\n";
    assert_eq!(packages(conda), format!("{basics} | jupyterlab 4.* | "));
    let pip = "name = \"a\"\npython = \"3.11\"\njupyter = true\n[pip]\npackages = [\"jupyterlab\"]\n";
    assert_eq!(packages(pip), format!("{basics} |  | jupyterlab"));
    let hub = with(
        "[jupyter]\ninterface = \"server\"\nprofile = \"hub\"\nhub-version = 5\nextensions = [\"jupyterlab-git\"]",
    );
    assert_eq!(
        packages(&hub),
        format!("{basics} |  | jupyter-server ipykernel jupyterhub==5.* jupyterlab-git pip")
    );
    assert_eq!(
        packages(&with("ssh = true\nbase = \"trixie\"\n[user]\nsudo = true")),
        format!("{basics} openssh-server libnss-wrapper rsync systemd-standalone-sysusers sudo |  | ")
    );
    assert_eq!(packages(&with("devcontainer = true")), format!("{basics} |  | "));
    assert_eq!(packages(&with("jupyter = false\nssh = false\ndevcontainer = false")), " |  | ");
}

#[test]
fn platforms_that_an_image_cannot_be_held_against() {
    assert_snapshot!(said("conform = [\"colab\"]"), @r#"
     × `conform[0]` cannot be `colab`
      ╭─[spec.toml:3:12]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ conform = ["colab"]
      ·            ───┬───
      ·               ╰── here
      ╰────
     help: it can be `docker`, `kubernetes`, `openshift`, `hub`, `kubeflow`, `sagemaker`, `runpod`,
           `devcontainer`, `enroot`, `apptainer`, `nextflow`
    "#);
    assert_snapshot!(said("conform = [\"docker\", \"docker\"]"), @r#"
     × `conform` has `docker` twice
      ╭─[spec.toml:3:22]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ conform = ["docker", "docker"]
      ·                      ────┬───
      ·                          ╰── again
      ╰────
    "#);
}

#[test]
fn dev_containers_that_cannot_be() {
    assert_snapshot!(message("name = \"a\"\nbase = \"scratch\"\ndevcontainer = true\n"), @r#"
     × the base is `scratch`, but a dev container needs a base with glibc: the image could not start
      ╭─[spec.toml:3:16]
    2 │ base = "scratch"
    3 │ devcontainer = true
      ·                ──┬─
      ·                  ╰── asked for here
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
    assert_snapshot!(said("[devcontainer]\nextensions = [\"python\"]\nforward-ports = [0]"), @r#"
      × `spec.toml` has 2 mistakes

    Error:
      × `python` is not an extension of VS Code
       ╭─[spec.toml:4:15]
     3 │ [devcontainer]
     4 │ extensions = ["python"]
       ·               ────┬───
       ·                   ╰── here
     5 │ forward-ports = [0]
       ╰────
      help: write its publisher and its name, like `ms-python.python`

    Error:
      × `0` is not a port
       ╭─[spec.toml:5:18]
     4 │ extensions = ["python"]
     5 │ forward-ports = [0]
       ·                  ┬
       ·                  ╰── here
       ╰────
      help: write a number from 1 to 65535
    "#);
    assert_snapshot!(said("[devcontainer]\nforward-ports = [8000, 8000]"), @r"
     × `devcontainer.forward-ports` has `8000` twice
      ╭─[spec.toml:4:24]
    3 │ [devcontainer]
    4 │ forward-ports = [8000, 8000]
      ·                        ──┬─
      ·                          ╰── again
      ╰────
    ");
}
