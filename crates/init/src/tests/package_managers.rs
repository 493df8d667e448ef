//! What Dockerfiles say to conda and pip.

use insta::assert_snapshot;

use super::dockerfiles::{left_out, spec};
use super::text;

#[test]
fn conda_is_taken_over_however_it_is_called() {
    assert_snapshot!(spec(r#"
FROM debian:bookworm-slim
RUN wget -q https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh -O /tmp/m.sh \
 && bash /tmp/m.sh -b -p /opt/conda && rm /tmp/m.sh
RUN conda config --add channels bioconda && conda config --add channels conda-forge && conda config --set channel_priority strict
RUN . /opt/conda/etc/profile.d/conda.sh && conda activate base && conda install -y -q samtools==1.19 "pysam >=0.22" && conda clean -ya
RUN /opt/conda/bin/conda install -y conda-libmamba-solver
COPY conda.txt /tmp/
RUN conda install --file /tmp/conda.txt
"#), @r#"
    name = "app"

    [base]
    debian = "bookworm"  # from its `FROM`

    [conda]
    channels = [
        "conda-forge",  # line 5
        "bioconda",  # line 5
    ]
    channel-priority = "strict"  # line 5
    packages = [
        "samtools==1.19",  # line 6
        "pysam >=0.22",  # line 6
        "numpy=1.26",  # line 9
        "scipy",  # line 9
    ]
    "#);
    // As it is run by itself.
    let run = "FROM debian\nRUN curl -sLo ~/miniconda.sh https://c.example/x.sh && chmod +x ~/miniconda.sh && ~/miniconda.sh -b -p ~/conda\nRUN conda install numpy\nUSER root\n";
    assert_eq!(left_out(run), "");
    assert_snapshot!(spec("
FROM continuumio/miniconda3
RUN conda create -y -n torch -c pytorch -c nvidia python=3.10 pytorch==2.3.0 pytorch-cuda=12.1 && conda clean -a
"), @r#"
    name = "app"
    python = "3.10"  # line 3
    cuda = "12.1"  # line 3

    [conda]
    channels = [
        "pytorch",  # line 3
        "nvidia",  # line 3
        "conda-forge",  # line 3, for all that the others do not have
    ]
    packages = [
        "pytorch==2.3.0",  # line 3
        "pytorch-cuda=12.1",  # line 3
    ]
    "#);
}

#[test]
fn a_second_environment_is_another_one() {
    let dockerfile = "FROM continuumio/miniconda3\nCOPY . /srv/\nRUN conda env create -f /srv/environment.yml\nRUN mamba env create -n speech -f /srv/speech.yml && conda env create -f /srv/tools.yml\nRUN conda env create -n base -f /srv/other.yml\n";
    let environment = "dependencies: [python=3.11]\n";
    let files = [
        ("Dockerfile", dockerfile),
        ("environment.yml", environment),
        ("speech.yml", environment),
        ("tools.yml", environment),
        ("other.yml", environment),
    ];
    assert_snapshot!(text(&files, "Dockerfile"), @r#"
    # Made by `imgbuild init` from `Dockerfile`: read it, change it, and keep it instead.
    # `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.

    name = "app"
    env = "environment.yml"  # line 3

    [envs]
    speech = { env = "speech.yml" }  # line 4
    tools = { env = "tools.yml" }  # line 4

    [[copy]]  # line 2
    from = "."
    to = "/srv"

    # What of `Dockerfile` is not in this spec, and why:
    #
    # line 5: conda env create -n base -f /srv/other.yml
    #     `env` names another file, and another environment needs a name: write `[envs.NAME]` with `env =
    #     "other.yml"`
    #
    # line 1: no `USER`
    #     the image runs as the user 1000, who can write in its home alone: `user = "root"` in `[image]` says
    #     another one, and so does `[user]`

    # What needs nothing here:
    #
    # packages come from `conda-forge` where no channel is named, and not from Anaconda's `defaults`:
    #     line 1: FROM continuumio/miniconda3
    "#);
}

#[test]
fn pip_is_taken_over_with_its_files_and_indexes() {
    assert_snapshot!(spec(r#"
FROM python:3.11-slim
ARG INDEX_TOKEN
WORKDIR /app
COPY requirements.txt requirements/ ./
RUN pip install --no-cache-dir --upgrade pip setuptools && pip install -r requirements.txt -r base.txt
RUN pip install torch==2.3.0+cu121 --extra-index-url https://download.pytorch.org/whl/cu121
RUN --mount=type=cache,target=/root/.cache/pip pip install --index-url https://user:${INDEX_TOKEN}@index.example/simple 'uvicorn[standard]>=0.30'
COPY lib lib
COPY . .
RUN pip install -e ".[dev]" ./lib "git+https://git.example/tool@v1#egg=tool"
"#), @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 2

    [base]
    debian = "bookworm"  # line 2

    [pip]
    extra-index-urls = [
        "https://download.pytorch.org/whl/cu121",  # line 7
        "https://user:${{INDEX_TOKEN}}@index.example/simple",  # line 8
    ]
    packages = [
        "torch==2.3.0+cu121",  # line 7
        "uvicorn[standard]>=0.30",  # line 8
        ".[dev]",  # line 11
        "./lib",  # line 11
        "git+https://git.example/tool@v1#egg=tool",  # line 11
    ]
    requirements = [
        "requirements.txt",  # line 6
        "requirements/base.txt",  # line 6
    ]
    allow-builds = true  # line 11

    [image]
    workdir = "/app"  # line 4

    [[copy]]  # line 5
    from = "requirements"
    to = "/app"

    [[copy]]  # line 9
    from = "lib"
    to = "/app/lib"

    [[copy]]  # line 10
    from = "."
    to = "/app"
    "#);
    assert_snapshot!(spec("
FROM python:3.11-slim
RUN --mount=type=bind,source=requirements.txt,target=/tmp/r.txt pip install -r /tmp/r.txt
"), @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 2

    [base]
    debian = "bookworm"  # line 2

    [pip]
    requirements = [
        "requirements.txt",  # line 3
    ]
    "#);
}

#[test]
fn an_option_of_pip_that_is_not_taken_over_is_told() {
    let dockerfile =
        "FROM python:3.11-slim\nRUN pip install -U --no-dependencies --later-option monai==0.8.0\n";
    let text = text(&[("Dockerfile", dockerfile)], "Dockerfile");
    for told in ["# line 2: --no-dependencies\n", "# line 2: --later-option\n"] {
        assert!(text.contains(told), "{told}{text}");
    }
    assert!(!text.contains("-U"), "{text}");
}

#[test]
fn an_index_may_be_named_by_variables_and_settings() {
    let indexes = spec(
        "FROM python:3.11\nENV PIP_EXTRA_INDEX_URL=https://b.example/simple\nRUN pip config set global.index-url https://a.example/simple && pip install flask\nUSER root\n",
    );
    assert_snapshot!(indexes, @r#"
    name = "app"
    python = { version = "3.11", from = "debian" }  # line 1

    [base]
    debian = "bookworm"  # line 1

    [pip]
    index-url = "https://a.example/simple"  # line 3
    extra-index-urls = [
        "https://b.example/simple",  # line 2
    ]
    packages = [
        "flask",  # line 3
    ]

    [image]
    user = "root"  # line 4
    "#);
    let mirrored = "FROM debian\nRUN sed -i s/deb.debian.org/mirror.example/g /etc/apt/sources.list\nENV PIP_INDEX_URL=https://me:pw@a.example/simple\nUSER root\n";
    assert_snapshot!(left_out(mirrored), @r"
    line 2: sed -i s/deb.debian.org/mirror.example/g /etc/apt/sources.list: the mirror is `mirror` in `[base]`, and further signed repositories are named in `[base.sources]`
    line 3: --index-url https://*****@a.example/simple: it holds a secret, or what a command prints: write `${{NAME}}` in its place, a variable of the environment in which the image is built
    ");
}

#[test]
fn whom_a_file_belongs_to_that_is_not_copied_is_no_matter() {
    let dockerfile = "FROM mambaorg/micromamba:2.6.1\nCOPY --chown=$MAMBA_USER:$MAMBA_USER env1.yaml /tmp/env1.yaml\nRUN micromamba create -y -f /tmp/env1.yaml\n";
    let text = text(&[("Dockerfile", dockerfile), ("env1.yaml", "dependencies: [zlib]\n")], "Dockerfile");
    assert!(text.contains("env = \"env1.yaml\"") && !text.contains("chown"), "{text}");
}
