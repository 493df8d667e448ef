//! Everything that is no Dockerfile.

use insta::assert_snapshot;

use super::{refused, text};

const ENVIRONMENT: &str = "name: science\nchannels: [conda-forge]\ndependencies: [python=3.11, numpy]\n";

#[test]
fn files_of_environments_are_named() {
    assert_snapshot!(text(&[("environment.yml", ENVIRONMENT)], "environment.yml"), @r#"
    # Made by `imgbuild init` from `environment.yml`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "science"
    env = "environment.yml"  # from `environment.yml`
    "#);
    assert_snapshot!(text(&[("requirements.txt", "flask\n")], "requirements.txt"), @r#"
    # Made by `imgbuild init` from `requirements.txt`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    python = { version = "3.13", from = "debian" }  # for its packages

    [base]
    debian = "trixie"  # for its packages

    [pip]
    requirements = [
        "requirements.txt",  # from `requirements.txt`
    ]
    "#);
    assert_snapshot!(text(&[("requirements.txt", "flask\n"), (".python-version", "3.12\n")], "requirements.txt"), @r#"
    # Made by `imgbuild init` from `requirements.txt`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    python = "3.12"  # for its packages

    [pip]
    requirements = [
        "requirements.txt",  # from `requirements.txt`
    ]
    "#);
    let built = text(
        &[("requirements.txt", "# a\nflask\n-e git+https://g.example/tool@v1#egg=tool\n")],
        "requirements.txt",
    );
    assert!(built.contains("allow-builds = true  # for what is no wheel\n"), "{built}");
    let explicit = "@EXPLICIT\nhttps://conda.example/c/linux-64/a-1-0.conda\n";
    assert_snapshot!(text(&[("packages.txt", explicit)], "packages.txt"), @r#"
    # Made by `imgbuild init` from `packages.txt`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    env = "packages.txt"  # from `packages.txt`
    "#);
}

#[test]
fn of_a_lock_of_pixi_one_environment_is_taken() {
    let package = "https://conda.example/c/linux-64/a-1-0.conda";
    let lock = format!(
        "version: 6\nenvironments:\n  cpu:\n    channels: [{{url: https://conda.example/c/}}]\n    packages: {{linux-64: [{{conda: {package}}}]}}\n  gpu:\n    channels: [{{url: https://conda.example/c/}}]\n    packages: {{linux-64: [{{conda: {package}}}]}}\npackages:\n- conda: {package}\n  sha256: {}\n",
        "0".repeat(64)
    );
    assert_snapshot!(text(&[("pixi.lock", &lock)], "pixi.lock"), @r#"
    # Made by `imgbuild init` from `pixi.lock`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    platforms = ["linux/amd64"]  # from `pixi.lock`
    env = { file = "pixi.lock", environment = "cpu" }  # from `pixi.lock`

    # What of `pixi.lock` is not in this spec, and why:
    #
    # from `pixi.lock`: the environments `gpu`
    #     `env` takes one: `[envs.NAME]` with `env = { file = …, environment = … }` brings another into the
    #     image, and a matrix makes one image for each
    "#);
}

#[test]
fn a_project_is_installed_or_what_it_needs_is() {
    let built = "[project]\nname = \"My.Tool\"\nversion = \"1\"\nrequires-python = \">=3.12\"\ndependencies = [\"flask\"]\n[project.optional-dependencies]\ndev = []\n[build-system]\nrequires = [\"hatchling\"]\n";
    assert_snapshot!(text(&[("pyproject.toml", built)], "pyproject.toml"), @r#"
    # Made by `imgbuild init` from `pyproject.toml`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "my-tool"
    python = { version = "3.13", from = "debian" }  # from `pyproject.toml`

    [base]
    debian = "trixie"  # from `pyproject.toml`

    [pip]
    packages = [
        ".",  # from `pyproject.toml`
    ]
    allow-builds = [
        "My.Tool",  # from `pyproject.toml`
    ]

    # What of `pyproject.toml` is not in this spec, and why:
    #
    # from `pyproject.toml`: `dev`
    #     `packages = [".[NAME]"]` in `[pip]` takes one
    "#);
    let needs = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9,<3.11\"\ndependencies = [\"flask>=3\", \"x @ https://me:pw@h.example/x.whl\"]\n[dependency-groups]\ndev = [\"pytest\"]\n";
    assert_snapshot!(text(&[("pyproject.toml", needs), ("poetry.lock", "")], "pyproject.toml"), @r#"
    # Made by `imgbuild init` from `pyproject.toml`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    python = "3.10"  # from `pyproject.toml`

    [pip]
    packages = [
        "flask>=3",  # from `pyproject.toml`
    ]

    # What of `pyproject.toml` is not in this spec, and why:
    #
    # from `pyproject.toml`: a requirement with a secret in its URL
    #     write `${{NAME}}` in the secret's place
    #
    # from `pyproject.toml`: `dev`
    #     they are for working on the project: a requirements file may hold what is wanted of them
    #
    # from `pyproject.toml`: `poetry.lock`
    #     `poetry export --output requirements.txt` writes what it locks into a file: name that by `[pip]
    #     requirements`, and the versions are those of the lock
    "#);
}

#[test]
fn a_dev_container_is_opened_as_it_was() {
    let json = r#"{
    // An image, and what editors add.
    "name": "Python 3",
    "image": "mcr.microsoft.com/devcontainers/python:1-3.11-bookworm",
    "features": {
        "ghcr.io/devcontainers/features/sshd:1": { "version": "latest" },
        "ghcr.io/devcontainers/features/node:1": {},
    },
    "customizations": { "vscode": { "extensions": ["charliermarsh.ruff"], "settings": { "a": 1 } } },
    "forwardPorts": [8000, "db:5432"],
    "containerEnv": { "MODE": "dev", "API_TOKEN": "abcd1234", "HOME_OF": "${localEnv:HOME}" },
    "postCreateCommand": "pip install --user -r requirements.txt && git config x y",
    "remoteUser": "vscode",
    "mounts": ["source=x,target=/x,type=volume"],
}"#;
    assert_snapshot!(text(&[(".devcontainer/devcontainer.json", json), ("requirements.txt", "flask\n")], ".devcontainer/devcontainer.json"), @r#"
    # Made by `imgbuild init` from `.devcontainer/devcontainer.json`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    python = { version = "3.11", from = "debian" }  # `image`
    ssh = true  # `features`

    [base]
    debian = "bookworm"  # `image`

    [pip]
    requirements = [
        "requirements.txt",  # `postCreateCommand`, line 1
    ]

    [user]
    name = "vscode"  # `remoteUser`

    [devcontainer]
    extensions = [
        "charliermarsh.ruff",  # from `extensions`
    ]
    forward-ports = [
        8000,  # from `forwardPorts`
    ]

    [image.env]
    MODE = "dev"  # `containerEnv`

    # What of `.devcontainer/devcontainer.json` is not in this spec, and why:
    #
    # `postCreateCommand`, line 1: git config x y
    #     it is a setting of whoever works in the image: a file that is copied may have it
    #
    # `features`: ghcr.io/devcontainers/features/node:1
    #     features are scripts, and none runs: name the packages in `[base]`, `[conda]` or `[pip]`
    #
    # `settings`: settings of the editor
    #     they belong into the project: `.vscode/settings.json`
    #
    # `forwardPorts`: "db:5432"
    #     `forward-ports` has ports of this image alone, by number
    #
    # `containerEnv`: API_TOKEN=…
    #     a secret is not taken over: give it when a container starts
    #
    # `containerEnv`: HOME_OF=…
    #     an editor puts its value in when the container starts
    #
    # `mounts`: ["source=x,target=/x,type=volume"]
    #     it is about how a container is run, and an image says nothing of that
    "#);
}

#[test]
fn a_dev_container_may_name_a_dockerfile() {
    let json = r#"{ "build": { "dockerfile": "Dockerfile", "context": "..", "args": { "VARIANT": "3.12" }, "target": "dev" }, "remoteUser": "root" }"#;
    let dockerfile = "ARG VARIANT=3.9\nFROM python:$VARIANT AS dev\nCOPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\nFROM scratch\n";
    let files = [
        (".devcontainer/devcontainer.json", json),
        (".devcontainer/Dockerfile", dockerfile),
        ("requirements.txt", "flask\n"),
    ];
    assert_snapshot!(text(&files, ".devcontainer/devcontainer.json"), @r#"
    # Made by `imgbuild init` from `.devcontainer/devcontainer.json`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    python = "3.12"  # Dockerfile, line 2
    devcontainer = true  # so that editors open it

    [pip]
    requirements = [
        "requirements.txt",  # Dockerfile, line 4
    ]

    [image]
    user = "root"  # `remoteUser`

    # What of `.devcontainer/devcontainer.json` is not in this spec, and why:
    #
    # Dockerfile, line 5: FROM scratch
    #     the image is made of another stage, which takes nothing from this one

    # What needs nothing here:
    #
    # the spec names the file, and the image has no use for it:
    #     Dockerfile, line 3: COPY requirements.txt /tmp/requirements.txt
    "#);
    // Without a context it is its own folder.
    let own = json.replace(", \"context\": \"..\"", "");
    let files = [
        (".devcontainer/devcontainer.json", own.as_str()),
        (".devcontainer/Dockerfile", dockerfile),
        (".devcontainer/requirements.txt", "flask\n"),
    ];
    assert!(
        text(&files, ".devcontainer/devcontainer.json")
            .contains("    \".devcontainer/requirements.txt\",  # Dockerfile, line 4\n")
    );
}

#[test]
fn a_dev_container_names_no_file_of_elsewhere() {
    let json = r#"{ "build": { "dockerfile": "../../../etc/hostname" } }"#;
    assert_snapshot!(refused(&[(".devcontainer/devcontainer.json", json)], ".devcontainer/devcontainer.json"), @r"
    `.devcontainer/../../../etc/hostname` is not below `FOLDER`, where the spec stands: it cannot name the file
    hint: write the spec beside the file, or above it: `--output` says where
    ");
}

#[test]
fn what_is_no_such_file_is_told() {
    let told = [
        refused(&[("notes.md", "hello\n")], "notes.md"),
        refused(&[("data.json", "{\"a\": 1}\n")], "data.json"),
        refused(&[("devcontainer.json", "{ \"image\": \n")], "devcontainer.json"),
        refused(
            &[("devcontainer.json", "{ \"dockerComposeFile\": [\"../compose.yml\"] }\n")],
            "devcontainer.json",
        ),
        refused(&[("compose.yml", "services:\n  a: {}\n")], "compose.yml"),
        refused(&[("environment.yml", "name: a\ndependencies: 3\n")], "environment.yml"),
        refused(&[("pyproject.toml", "[project]\nname = \"a\"\n")], "pyproject.toml"),
        refused(&[("pyproject.toml", "[project\n")], "pyproject.toml"),
        refused(&[("requirements.txt", "flask >>3\n")], "requirements.txt"),
        refused(&[], "Dockerfile"),
    ];
    assert_snapshot!(told.join("\n---\n"), @r"
    `notes.md` is no file that a spec is made from
    hint: a spec is made from an `environment.yml`, a `requirements.txt`, a `pixi.lock` or another lock, a `pyproject.toml`, a `Dockerfile` or a `devcontainer.json`
    ---
    `data.json` is no file that a spec is made from
    hint: a spec is made from an `environment.yml`, a `requirements.txt`, a `pixi.lock` or another lock, a `pyproject.toml`, a `Dockerfile` or a `devcontainer.json`
    ---
    this is not valid JSON: EOF while parsing a value
    ---
    `devcontainer.json` is made of several containers, by `../compose.yml`
    hint: name the Dockerfile of the one that is meant: `imgbuild init --from Dockerfile`
    ---
    `compose.yml` is no file that a spec is made from
    hint: a spec is made from an `environment.yml`, a `requirements.txt`, a `pixi.lock` or another lock, a `pyproject.toml`, a `Dockerfile` or a `devcontainer.json`
    ---
    `dependencies` must be a list, but is an integer
    ---
    `pyproject.toml` names no dependencies
    hint: a project has them in `[project] dependencies`, and pixi's in `pixi.lock`, which `pixi lock` writes
    ---
    this is not valid TOML: unclosed table, expected `]`
    ---
    `flask >>3` is not a requirement: `>>3` is not a comparison with a version
    hint: did you mean `flask>3`?
    ---
    cannot read `Dockerfile`: there is no such file
    ");
}

#[test]
fn a_spec_names_only_what_is_below_it() {
    let folder = super::folder(&[("a/environment.yml", ENVIRONMENT), ("b/x", "")]);
    let error = crate::draft(&folder.path().join("a/environment.yml"), &folder.path().join("b")).unwrap_err();
    let told = imgbuild_diagnostic::told(&error).replace(&format!("{}/", folder.path().display()), "");
    assert_snapshot!(told, @r"
    `a/environment.yml` is not below `b`, where the spec stands: it cannot name the file
    hint: write the spec beside the file, or above it: `--output` says where
    ");
    let draft = crate::draft(&folder.path().join("a/environment.yml"), folder.path()).unwrap();
    assert_eq!(draft.entries[0].item, crate::draft::Item::Value("\"a/environment.yml\"".to_owned()));
}

#[test]
fn a_spec_from_nothing_is_a_right_one() {
    let files = [
        ("My App/environment.yml", ENVIRONMENT),
        ("My App/requirements.txt", "flask\n"),
        ("My App/src/x", ""),
    ];
    let folder = super::folder(&files);
    let folder = folder.path().join("My App");
    let text = crate::first_spec(&folder);
    assert!(text.contains("name   = \"my-app\"\n"), "{text}");
    assert!(super::check(&folder.join("spec.toml"), &text).is_ok());
    // So it is with all that is suggested in it.
    let is_suggested = |line: &&str| line.contains(" = ") || line.starts_with('[');
    let line = |line: &str| format!("{}\n", line.strip_prefix("# ").filter(is_suggested).unwrap_or(line));
    let whole: String = text.lines().map(line).collect();
    let checked = super::check(&folder.join("spec.toml"), &whole);
    assert!(checked.is_ok(), "{whole}\n{}", imgbuild_diagnostic::told(checked.unwrap_err().as_ref()));
    assert!(whole.lines().filter(|line| line.starts_with('#')).count() == 2, "{whole}");
}

#[test]
fn nothing_is_written_over_unless_it_is_asked_for() {
    let folder = super::folder(&[("spec.toml", "mine\n")]);
    let spec = folder.path().join("spec.toml");
    let error = crate::write_spec(&spec, "new\n", false).unwrap_err();
    let told = imgbuild_diagnostic::told(&error).replace(&format!("{}/", folder.path().display()), "");
    assert_snapshot!(told, @r"
    `spec.toml` is there already
    hint: `--force` writes over it, and `--output` says where else the spec is written
    ");
    crate::write_spec(&spec, "new\n", true).unwrap();
    assert_eq!(std::fs::read_to_string(&spec).unwrap(), "new\n");
    crate::write_spec(&folder.path().join("other.toml"), "x", false).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
