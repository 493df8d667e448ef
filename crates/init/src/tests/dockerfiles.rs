//! Dockerfiles of the kinds that people write.

use insta::assert_snapshot;

use super::{folder, made, refused, text};

/// What stands beside each of them.
pub(super) const FILES: [(&str, &str); 9] = [
    (
        "environment.yml",
        "name: science\nchannels: [conda-forge]\ndependencies: [python=3.11, numpy, pip, pip: [rich]]\n",
    ),
    ("requirements.txt", "flask>=3\n"),
    ("requirements/base.txt", "flask>=3\n"),
    ("conda.txt", "numpy=1.26\nscipy\n"),
    ("app.py", "print(1)\n"),
    ("src/main.py", ""),
    ("entrypoint.sh", "#!/bin/sh\n"),
    (
        "pyproject.toml",
        "[project]\nname = \"tool\"\nversion = \"1\"\n[build-system]\nrequires = [\"hatchling\"]\n",
    ),
    ("lib/setup.py", ""),
];

/// The spec of a Dockerfile, up to what is not in it.
pub(super) fn spec(dockerfile: &str) -> String {
    let files = [FILES.as_slice(), &[("Dockerfile", dockerfile)]].concat();
    let text = text(&files, "Dockerfile");
    let (_, text) = text.split_once("\n\n").unwrap();
    let end = text.find("\n# What ").unwrap_or(text.len());
    text[..end].trim_end().to_owned()
}

/// What is left out of the spec of a Dockerfile, a line for each.
pub(super) fn left_out(dockerfile: &str) -> String {
    let folder = folder(&[FILES.as_slice(), &[("Dockerfile", dockerfile)]].concat());
    let left_out = made(folder.path(), "Dockerfile").left_out;
    left_out.into_iter().map(|it| format!("{}: {}: {}\n", it.place, it.what, it.reason)).collect()
}

#[test]
fn the_usual_dockerfile_of_miniconda_is_a_short_spec() {
    let dockerfile = r#"
# syntax=docker/dockerfile:1
FROM continuumio/miniconda3:24.1.2-0

LABEL org.opencontainers.image.title="Science"
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    HF_HOME=/workspace/.cache
RUN apt-get update && apt-get install -y --no-install-recommends \
        git \
        # for plots
        libgl1 && \
    apt-get clean && rm -rf /var/lib/apt/lists/*
COPY environment.yml /tmp/environment.yml
RUN conda env create -f /tmp/environment.yml && conda clean -afy
RUN echo "conda activate science" >> ~/.bashrc
ENV PATH=/opt/conda/envs/science/bin:$PATH
SHELL ["conda", "run", "-n", "science", "/bin/bash", "-c"]
WORKDIR /app
COPY src/ src/
RUN python -c "import numpy"
EXPOSE 8000/tcp 9000
HEALTHCHECK CMD curl -f http://localhost:8000 || exit 1
ENTRYPOINT ["conda", "run", "--no-capture-output", "-n", "science", "python", "src/main.py"]
CMD ["--port", "8000"]
"#;
    let files = [FILES.as_slice(), &[("Dockerfile", dockerfile)]].concat();
    assert_snapshot!(text(&files, "Dockerfile"), @r#"
    # Made by `imgbuild init` from `Dockerfile`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    env = "environment.yml"  # line 15

    [base]
    packages = [
        "git",  # line 9
        "libgl1",  # line 9
    ]

    [image]
    workdir = "/app"  # line 19
    entrypoint = ["python", "src/main.py"]  # line 24
    cmd = ["--port", "8000"]  # line 25
    expose = [
        8000,  # line 22
        9000,  # line 22
    ]

    [image.env]
    PYTHONUNBUFFERED = "1"  # line 6
    HF_HOME = "/workspace/.cache"  # line 8

    [image.labels]
    "org.opencontainers.image.title" = "Science"  # line 5

    [[copy]]  # line 20
    from = "src"
    to = "/app/src"

    [[check]]  # line 21
    run = ["python", "-c", "import numpy"]

    # What of `Dockerfile` is not in this spec, and why:
    #
    # line 23: HEALTHCHECK CMD curl -f http://localhost:8000 || exit 1
    #     write its program into `[image]`: `healthcheck = ["python", "/app/health.py"]`; Kubernetes has
    #     probes in its place
    #
    # line 3: no `USER`
    #     the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says
    #     another one, and so does `[user]`

    # What needs nothing here:
    #
    # packages come from `conda-forge` where no channel is named, and not from Anaconda's `defaults`:
    #     line 3: FROM continuumio/miniconda3
    #
    # it is for installers, of which none runs:
    #     line 7: ENV PIP_NO_CACHE_DIR=1
    #
    # Debian's indexes are read while locking:
    #     line 9: apt-get update
    #
    # only what the spec names is in the image, and no cache:
    #     line 13: apt-get clean
    #     line 13: rm -rf /var/lib/apt/lists/*
    #
    # no cache is in the image:
    #     line 15: conda clean -afy
    #
    # the environment is active in every process of the image:
    #     line 16: echo "conda activate science" >> ~/.bashrc
    #     line 24: conda run
    #
    # the environment's programs are on the `PATH` of every process:
    #     line 17: ENV PATH=/opt/conda/envs/science/bin:${PATH}
    #
    # no shell is needed to make the image:
    #     line 18: SHELL ["conda", "run", "-n", "science", "/bin/bash", "-c"]
    #
    # the spec names the file, and the image has no use for it:
    #     line 14: COPY environment.yml /tmp/environment.yml
    "#);
}

/// The first block of a kind on a page.
fn block<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_page_on_dockerfiles_shows_what_is_made() {
    let page = include_str!("../../../../docs/coming-from-miniconda.md");
    let files = [FILES.as_slice(), &[("science/Dockerfile", block(page, "dockerfile"))]].concat();
    let moved = |(path, text): &(&str, &str)| {
        (format!("science/{}", path.trim_start_matches("science/")), (*text).to_owned())
    };
    let files: Vec<(String, String)> = files.iter().map(moved).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let made: toml::Table = toml::from_str(&made(&folder.path().join("science"), "Dockerfile").text).unwrap();
    let shown: toml::Table = toml::from_str(block(page, "toml")).unwrap();
    assert_eq!(made, shown);
}

#[test]
fn every_kind_of_base_has_its_python() {
    let head = |dockerfile: &str| {
        let spec = spec(dockerfile);
        let lines = spec.lines().map(|line| line.split("  #").next().unwrap_or_default());
        lines.filter(|line| !line.is_empty() && !line.starts_with("name")).collect::<Vec<_>>().join(" ")
    };
    let heads: Vec<String> = [
        "FROM python:3.11-slim-bookworm",
        "FROM python:3.13",
        "FROM python:3.12-slim\nRUN pip install flask",
        "FROM docker.io/library/python:3.10.4-alpine3.18",
        "FROM python:3.11-slim-trixie",
        "FROM debian:12-slim",
        "FROM debian:trixie\nRUN apt-get install -y python3-pip python3-venv && pip3 install --break-system-packages flask",
        "FROM ubuntu:22.04\nRUN apt install -y python3 python3-pip git && python3 -m pip install flask",
        "FROM condaforge/miniforge3\nRUN mamba install -y -c conda-forge python=3.10 'numpy>=1.26' && mamba clean -a",
        "FROM mambaorg/micromamba:1.5-jammy\nRUN micromamba install -y -n base -c conda-forge python=3.11 numpy",
        "FROM continuumio/miniconda3\nRUN pip install flask",
        "FROM continuumio/anaconda3",
        "FROM jupyter/scipy-notebook:python-3.11\nRUN mamba install -y xarray",
        "FROM quay.io/jupyter/minimal-notebook",
        "FROM nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04\nRUN apt-get install -y python3-pip && pip install torch",
        "FROM pytorch/pytorch:2.3.0-cuda12.1-cudnn8-runtime\nRUN pip install transformers",
        "FROM tensorflow/tensorflow:2.15.0-gpu-jupyter",
        "FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim\nCOPY requirements.txt .\nRUN uv pip install --system -r requirements.txt",
        "FROM mcr.microsoft.com/devcontainers/python:1-3.11-bookworm",
        "ARG V=3.10\nARG OS=slim\nFROM python:${V}-${OS}\nARG V\nENV VERSION=$V",
    ]
    .into_iter()
    .map(|dockerfile| format!("{}\n  {}\n", dockerfile.replace('\n', "; "), head(dockerfile)))
    .collect();
    assert_snapshot!(heads.concat(), @r#"
    FROM python:3.11-slim-bookworm
      python = { version = "3.11", from = "debian" } [base] debian = "bookworm"
    FROM python:3.13
      python = { version = "3.13", from = "debian" } [base] debian = "trixie"
    FROM python:3.12-slim; RUN pip install flask
      python = "3.12" [pip] packages = [     "flask", ]
    FROM docker.io/library/python:3.10.4-alpine3.18
      python = "3.10"
    FROM python:3.11-slim-trixie
      python = "3.11" [base] debian = "trixie"
    FROM debian:12-slim
      [base] debian = "bookworm"
    FROM debian:trixie; RUN apt-get install -y python3-pip python3-venv && pip3 install --break-system-packages flask
      python = { version = "3.13", from = "debian" } [base] debian = "trixie" [pip] packages = [     "flask", ]
    FROM ubuntu:22.04; RUN apt install -y python3 python3-pip git && python3 -m pip install flask
      python = { version = "3.13", from = "debian" } [base] debian = "trixie" packages = [     "git", ] [pip] packages = [     "flask", ]
    FROM condaforge/miniforge3; RUN mamba install -y -c conda-forge python=3.10 'numpy>=1.26' && mamba clean -a
      python = "3.10" [conda] channels = [     "conda-forge", ] packages = [     "numpy>=1.26", ]
    FROM mambaorg/micromamba:1.5-jammy; RUN micromamba install -y -n base -c conda-forge python=3.11 numpy
      python = "3.11" [conda] channels = [     "conda-forge", ] packages = [     "numpy", ]
    FROM continuumio/miniconda3; RUN pip install flask
      python = "3.12" [pip] packages = [     "flask", ]
    FROM continuumio/anaconda3
      python = "3.12"
    FROM jupyter/scipy-notebook:python-3.11; RUN mamba install -y xarray
      python = "3.11" jupyter = true [conda] packages = [     "xarray", ]
    FROM quay.io/jupyter/minimal-notebook
      python = "3.12" jupyter = true
    FROM nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04; RUN apt-get install -y python3-pip && pip install torch
      python = { version = "3.13", from = "debian" } cuda = "12.4" [base] debian = "trixie" [pip] packages = [     "torch", ]
    FROM pytorch/pytorch:2.3.0-cuda12.1-cudnn8-runtime; RUN pip install transformers
      cuda = "12.1" [conda] packages = [     "pytorch 2.3.*",     "python", ] [pip] packages = [     "transformers", ]
    FROM tensorflow/tensorflow:2.15.0-gpu-jupyter
      jupyter = true [conda] packages = [     "tensorflow 2.15.*",     "python", ]
    FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim; COPY requirements.txt .; RUN uv pip install --system -r requirements.txt
      python = "3.12" [base] debian = "bookworm" [pip] requirements = [     "requirements.txt", ]
    FROM mcr.microsoft.com/devcontainers/python:1-3.11-bookworm
      python = { version = "3.11", from = "debian" } [base] debian = "bookworm"
    ARG V=3.10; ARG OS=slim; FROM python:${V}-${OS}; ARG V; ENV VERSION=$V
      python = "3.10" [image.env] VERSION = "3.10"
    "#);
}

#[test]
fn an_image_that_is_built_in_stages_has_what_its_builders_install() {
    let dockerfile = r#"
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install -y build-essential
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM node:20 AS web
RUN npm ci && npm run build
FROM golang AS unused
RUN go build
FROM python:3.11-slim AS base
RUN apt-get install -y libpq5
FROM base
COPY --from=builder /opt/venv /opt/venv
COPY --from=web /web/dist /app/static
COPY --from=ghcr.io/astral-sh/uv:0.4 /uv /bin/uv
ENV PATH="/opt/venv/bin:$PATH"
COPY app.py /app/
CMD python /app/app.py
"#;
    assert_snapshot!(spec(dockerfile), @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 12

    [base]
    debian = "bookworm"  # line 12
    packages = [
        "libpq5",  # line 13
    ]

    [pip]
    requirements = [
        "requirements.txt",  # line 7
    ]

    [image]
    cmd = ["python", "/app/app.py"]  # line 20

    [[copy]]  # line 19
    from = "app.py"
    to = "/app/app.py"
    "#);
    assert_snapshot!(left_out(dockerfile), @r#"
    line 10: FROM golang AS unused: the image is made of another stage, which takes nothing from this one
    line 8: FROM node:20: it is not known what is in it, so the image stands on Debian; to build on it, write `image = "node:20"` into `[base]`
    line 9: npm ci: it makes something in an earlier stage: make it beside the spec, and copy it by `[[copy]]`
    line 9: npm run build: it makes something in an earlier stage: make it beside the spec, and copy it by `[[copy]]`
    line 16: COPY --from=web /web/dist /app/static: what another stage makes is not made: make it beside the spec, and copy it by `[[copy]]`
    line 12: no `USER`: the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says another one, and so does `[user]`
    "#);
}

#[test]
fn what_is_copied_to_the_root_is_copied_name_by_name() {
    let copied = spec(
        "FROM debian\nCOPY src /\nCOPY requirements* /\nCOPY app.py /usr/local/bin\nCOPY app.py /new\nUSER root\n",
    );
    assert_snapshot!(copied, @r#"
    name = "app"

    [image]
    user = "root"  # line 6

    [[copy]]  # line 2
    from = "src/main.py"
    to = "/main.py"

    [[copy]]  # line 3
    from = "requirements/base.txt"
    to = "/base.txt"

    [[copy]]  # line 3
    from = "requirements.txt"
    to = "/requirements.txt"

    [[copy]]  # line 4
    from = "app.py"
    to = "/usr/local/bin/app.py"

    [[copy]]  # line 5
    from = "app.py"
    to = "/new"
    "#);
}

#[test]
fn a_user_that_is_not_known_is_not_the_one_before() {
    let of = |dockerfile: &str| spec(dockerfile).contains("user = \"root\"");
    assert!(of("FROM debian\nUSER root\n"));
    assert!(!of("FROM debian\nUSER root\nUSER ${NB_UID}\n"));
}

#[test]
fn users_are_those_of_the_dockerfile() {
    assert_snapshot!(spec(r#"
FROM python:3.11-slim
ARG USERNAME=vscode
ARG USER_UID=1001
ARG USER_GID=$USER_UID
RUN groupadd --gid $USER_GID $USERNAME \
    && useradd --uid $USER_UID --gid $USER_GID -m -s /bin/bash $USERNAME \
    && apt-get update && apt-get install -y sudo \
    && echo $USERNAME ALL=\(root\) NOPASSWD:ALL > /etc/sudoers.d/$USERNAME
COPY --chown=$USERNAME:$USERNAME --chmod=755 app.py /app/
COPY entrypoint.sh /
RUN chmod +x /entrypoint.sh
USER $USERNAME
ENTRYPOINT ["tini", "--", "/entrypoint.sh"]
"#), @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 2

    [base]
    debian = "bookworm"  # line 2
    packages = [
        "sudo",  # line 8
    ]

    [user]
    name = "vscode"  # line 7
    uid = 1001  # line 7
    gid = 1001  # line 7
    sudo = true  # line 9

    [image]
    entrypoint = ["/entrypoint.sh"]  # line 14

    [[copy]]  # line 10
    from = "app.py"
    to = "/app/app.py"
    mode = "755"

    [[copy]]  # line 11
    from = "entrypoint.sh"
    to = "/entrypoint.sh"
    mode = "0755"
    "#);
    assert_snapshot!(spec("FROM python:3.11\nUSER 1234:0\nCMD [\"python3\"]\n"), @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 1

    [base]
    debian = "bookworm"  # line 1

    [user]
    uid = 1234  # line 2

    [image]
    cmd = ["python3"]  # line 3
    "#);
    assert_snapshot!(spec("FROM debian\nUSER nobody\nUSER root\n"), @r#"
    name = "app"

    [image]
    user = "root"  # line 3
    "#);
}

#[test]
fn servers_are_keys_of_their_own() {
    assert_snapshot!(spec(r#"
FROM jupyter/base-notebook
EXPOSE 8889
CMD ["start-notebook.sh", "--port=8889"]
"#), @r#"
    name = "app"
    python = "3.12"  # line 2
    jupyter = { port = 8889 }  # line 4
    "#);
    let dockerfile = "FROM debian\nRUN apt-get install -y openssh-server && mkdir /run/sshd\nEXPOSE 22\nCMD [\"/usr/sbin/sshd\", \"-D\"]\n";
    assert_snapshot!(spec(dockerfile), @r#"
    name = "app"
    ssh = true  # line 4
    "#);
    let open = "FROM python:3.11\nRUN pip install jupyterlab\nCMD jupyter lab --ip=0.0.0.0 --no-browser --NotebookApp.token=''\n";
    assert_snapshot!(left_out(open), @r#"
    line 1: no `USER`: the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says another one, and so does `[user]`
    line 3: jupyter lab --ip=0.0.0.0 --no-browser --NotebookApp.token=: `jupyter` starts it, with a token that is made at each start unless `JUPYTER_TOKEN` gives one; it is never open to everybody
    "#);
}

#[test]
fn what_only_runs_is_told_line_by_line() {
    assert_snapshot!(left_out(r#"
FROM debian:11
ADD https://example.com/model.bin /models/
ADD data.tar.gz /data
COPY missing.py /app/
COPY <<EOF /etc/app.conf
a = 1
EOF
RUN git clone https://github.com/x/y && cd y && make install
RUN if [ "$ARCH" = arm64 ]; then pip install a; else pip install b; fi
RUN curl -fsSL https://deb.nodesource.com/setup_20.x | bash - && apt-get install -y nodejs=20.1
RUN <<EOF
set -e
apt-get update
npm install -g thing
for i in 1 2; do
  echo $i
done
EOF
RUN ["python", "-m", "spacy", "download", "en_core_web_sm"]
RUN pip install package==$(cat version) && pip download x
STOPSIGNAL SIGINT
ONBUILD RUN x
VOLUME /data $WHERE
EXPOSE 8000-8010
WORKDIR $SOMEWHERE
ENV A=$(x) LD_LIBRARY_PATH=/usr/local/cuda/lib64 PATH=/tools:$PATH QUOTED='say "hi"'
RUN apt-get install -y 'unclosed
CMD ["/app/start"]
"#), @r#"
    line 2: FROM debian:11: this release is not one that images are made of: they stand on Debian 12 or 13
    line 3: ADD https://example.com/model.bin /models/: nothing is downloaded but packages: download it beside the spec, and copy it
    line 4: ADD data.tar.gz /data: it is unpacked on the way: unpack it beside the spec, and copy the folder
    line 5: COPY missing.py /app/: there is no such file or folder where the spec stands: paths are relative to that, and `--output` says where it stands
    line 6: COPY <<EOF /etc/app.conf: its text stands in the Dockerfile: write it into a file beside the spec, and copy that
    line 9: git clone https://github.com/x/y: clone it beside the spec, and copy it by `[[copy]]`; a Python project is a requirement as well: `name @ git+https://…`
    line 9: make install: no command runs while an image is made: put what it makes beside the spec, and copy it by `[[copy]]`
    line 10: if [ "$ARCH" = arm64 ]; then pip install a; else pip install b; fi: conditions and loops are for a shell: write into the spec what they come to
    line 11: curl -fsSL https://deb.nodesource.com/setup_20.x | bash -: no command runs while an image is made: put what it makes beside the spec, and copy it by `[[copy]]`
    line 11: apt-get install nodejs=20.1: the package is taken, in the version that the release has; `pin = { nodejs = "20.1" }` in `[base]` holds it
    line 15: npm install -g thing: other ecosystems' packages have no place in a spec: build them beside it, and copy the outcome by `[[copy]]`
    line 16: for i in 1 2; do echo $i done: conditions and loops are for a shell: write into the spec what they come to
    line 20: python -m spacy download en_core_web_sm: no command runs while an image is made: put what it makes beside the spec, and copy it by `[[copy]]`
    line 21: pip install package==$(…): what a command prints is not known without running it
    line 21: pip download x: wheels are fetched by their hashes, and what has none is built where `[pip] allow-builds` permits it
    line 22: STOPSIGNAL SIGINT: the program is sent SIGTERM, which process 1 passes on: `docker run --stop-signal` says another one
    line 23: ONBUILD RUN x: OCI images have no triggers
    line 24: VOLUME ${WHERE}: its path is not known here
    line 25: EXPOSE 8000-8010: `expose` has single ports
    line 26: WORKDIR ${SOMEWHERE}: the value of `SOMEWHERE` is not known here: write it into the spec
    line 27: ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64: packages find their libraries by themselves; the variable would change those of every program
    line 27: ENV PATH=/tools:${PATH}: `PATH` is that of the environment; `[image] env` can set a whole one
    line 28: apt-get install -y 'unclosed: it cannot be read: a quote is opened and not closed
    line 2: no `USER`: the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says another one, and so does `[user]`
    line 29: /app/start: no `COPY` that is taken over puts `/app/start` there: copy it by `[[copy]]`, and name it in `[image]`
    line 27: `image.env`: QUOTED = "say \"hi\"": `say \"hi\"` cannot be a variable of an image: it holds a quote, which some platforms give to a shell; write the value itself, such as `/home/user/cache`; what a shell has to work out belongs into a script that the image starts
    line 27: `image.env`: A = "$(x)": `$(x)` cannot be a variable of an image: it holds a `$`, which some platforms give to a shell; write the value itself, such as `/home/user/cache`; what a shell has to work out belongs into a script that the image starts
    "#);
}

#[test]
fn a_dockerfile_that_is_none_is_told() {
    assert_snapshot!(refused(&[("Dockerfile", "# How to build\n\nRun `make`.\n")], "Dockerfile"), @r"
    `Dockerfile` is no Dockerfile: it has no `FROM`
    hint: each Dockerfile says what it begins with, such as `FROM python:3.11`
    ");
    assert_snapshot!(refused(&[("Dockerfile", "")], "Dockerfile"), @r"
    `Dockerfile` is no Dockerfile: it has no `FROM`
    hint: each Dockerfile says what it begins with, such as `FROM python:3.11`
    ");
    assert_snapshot!(refused(&[("Dockerfile", "FROM a\nRUN x && \\\n\ny\ninstall z\n")], "Dockerfile"), @r"
    `install` is no instruction of a Dockerfile
    hint: a line goes on where it ends with `\`, and nothing stands behind that
    ");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Whatever is written, what comes of it is a right spec.
    #[test]
    fn any_dockerfile_makes_a_right_spec(lines in proptest::collection::vec(line(), 0..12)) {
        let dockerfile = format!("FROM python:3.11\n{}", lines.join("\n"));
        let folder = folder(&[FILES.as_slice(), &[("Dockerfile", &dockerfile)]].concat());
        if crate::draft(&folder.path().join("Dockerfile"), folder.path()).is_ok() {
            made(folder.path(), "Dockerfile");
        }
    }
}

/// A line that begins as instructions do, and goes on as it likes.
fn line() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let begin = proptest::sample::select(vec![
        "RUN apt-get install ",
        "RUN pip install ",
        "RUN conda install ",
        "ENV ",
        "LABEL ",
        "EXPOSE ",
        "USER ",
        "WORKDIR ",
        "COPY ",
        "CMD ",
        "VOLUME ",
        "ENTRYPOINT [\"",
        "RUN useradd ",
        "ARG ",
        "RUN conda env create -f ",
        "RUN pip install -r ",
        "HEALTHCHECK ",
        "COPY app.py ",
    ]);
    let rest =
        prop_oneof!["[ -~]{0,24}", "[a-z/.=$:{}\"'\\\\ é\u{1}]{0,16}", Just("environment.yml".to_owned())];
    (begin, rest).prop_map(|(begin, rest)| format!("{begin}{rest}"))
}
