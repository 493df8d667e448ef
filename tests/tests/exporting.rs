//! `imgbuild export`: what it writes is read by those whose files they are, and locks to the same packages again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_tests::{Bench, LockTools, Server, capture, channel_folder, package_index, workspace_root};
use insta::assert_snapshot;

/// The channel's address in the locks. Nobody serves it: a mirror does.
const CHANNEL: &str = "https://conda.example/forge";

const PROJECTS: &str = "
    good-1.0-py3-none-any.whl
    good-2.0-py3-none-any.whl
    user-1.0-py3-none-any.whl requires=good>=1
";

/// A program with a lock of conda's packages and of wheels.
struct Locked {
    bench: Bench,
    channel: Server,
    index: Server,
    lock: String,
}

impl Locked {
    fn new() -> Self {
        let bench = Bench::new();
        let index = package_index(&bench.imgbuild.path("index"), PROJECTS, |_| None);
        let mut new = Self { bench, channel: Server::new(&channel_folder()), index, lock: String::new() };
        new.spec("", "packages = [\"python 3.11.*\", \"cycler\", \"pyyaml\"]", "packages = [\"user\"]");
        new.bench.run(&["lock", "spec.toml"]);
        new.lock = new.bench.imgbuild.read("spec.lock");
        new
    }

    fn spec(&self, top: &str, conda: &str, pip: &str) {
        let channels = format!(
            "channels = [\"{CHANNEL}\"]\n[conda.mirrors]\n\"{CHANNEL}\" = [\"{}\"]",
            self.channel.url()
        );
        let index = format!("index-url = \"{}/simple\"", self.index.url());
        // What is a lock of wheels names no index.
        let pip = if pip.is_empty() { String::new() } else { format!("[pip]\n{index}\n{pip}\n") };
        let top = format!("platforms = [\"linux/amd64\"]\n{top}");
        self.bench.spec(&top, &format!("[conda]\n{conda}\n{channels}\n{pip}"));
    }

    /// What is written in a form.
    fn export(&self, format: &str) -> String {
        self.bench.run(&["export", "spec.toml", "--format", format]).stdout
    }

    /// The packages that are locked of a spec now, against those that were locked first.
    fn locks_to_the_same(&self, what: &str) {
        self.bench.run(&["lock", "spec.toml"]);
        assert_eq!(packages(&self.bench.imgbuild.read("spec.lock")), packages(&self.lock), "{what}");
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.index.url(), "http://INDEX")
    }
}

/// What is locked of each package, in some order: its URL, or its file, and its hash.
fn packages(lock: &str) -> Vec<String> {
    let lock: toml::Table = toml::from_str(lock).unwrap();
    let mut all = Vec::new();
    for kind in ["conda", "pypi"] {
        for package in lock.get(kind).and_then(toml::Value::as_array).into_iter().flatten() {
            let text = |key: &str| package.get(key).and_then(toml::Value::as_str).unwrap_or_default();
            let file = text("url").rsplit('/').next().unwrap_or_default();
            all.push(format!(
                "{kind} {} {} {}",
                if kind == "conda" { file } else { "" },
                text("filename"),
                text("sha256")
            ));
        }
    }
    all.sort();
    all
}

/// The lines of a file without the versions that the channel has.
fn shape(text: &str) -> String {
    text.lines()
        .filter(|line| !line.contains("lib") && !line.contains("tk") && !line.contains("ca-cert"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_is_exported_locks_to_the_same_packages() {
    let locked = Locked::new();
    let exports: Vec<(&str, String)> =
        ["environment", "environment-with-builds", "explicit", "pixi", "requirements", "pylock"]
            .into_iter()
            .map(|format| (format, locked.export(format)))
            .collect();
    for (format, text) in &exports {
        let file = match *format {
            "environment" | "environment-with-builds" => "environment.yml",
            "explicit" => "explicit.txt",
            "pixi" => "pixi.lock",
            "requirements" => "requirements.txt",
            _ => "pylock.toml",
        };
        locked.bench.imgbuild.write(file, text);
        let env = format!("env = \"{file}\"");
        match *format {
            // The wheels of an environment file are asked for by their versions.
            "environment" | "environment-with-builds" => locked.spec(&env, "", "constraints = []"),
            "explicit" | "pixi" => locked.spec(&env, "", ""),
            // Wheels alone: conda's packages stand beside them.
            "requirements" => locked.spec(
                &env,
                "packages = [\"python 3.11.*\", \"cycler\", \"pyyaml\"]",
                "constraints = []",
            ),
            _ => locked.spec(&env, "packages = [\"python 3.11.*\", \"cycler\", \"pyyaml\"]", ""),
        }
        locked.locks_to_the_same(&format!("{format}\n{text}"));
    }
    let text = |wanted: &str| locked.plain(&exports.iter().find(|(format, _)| *format == wanted).unwrap().1);
    assert_snapshot!(shape(&text("environment")), @r"
    # Written by `imgbuild export` from the lock of x:latest (linux/amd64), for linux/amd64.
    name: base
    channels:
      - https://conda.example/forge/
      - nodefaults
    dependencies:
      - bzip2=1.0.8
      - cycler=0.12.1
      - ncurses=6.4
      - openssl=3.0.20
      - pip=26.3
      - python=3.11.2
      - python_abi=3.11
      - pyyaml=6.0.3
      - readline=8.2
      - tzdata=2026b
      - pip:
          - good==2.0
          - user==1.0
    ");
    // `conda env export`, and the same with `--no-builds`.
    let separators = |format: &str| {
        let text = text(format);
        let packages = text.lines().filter_map(|line| line.strip_prefix("  - "));
        let packages = packages.filter(|it| !it.contains("://") && !["nodefaults", "pip:"].contains(it));
        packages.map(|it| it.split('=').map(|part| part.is_empty()).collect()).collect::<Vec<Vec<bool>>>()
    };
    assert!(separators("environment").iter().all(|it| *it == [false, false]));
    assert!(separators("environment-with-builds").iter().all(|it| *it == [false, false, false]));
    assert_snapshot!(text("requirements"), @r"
    # Written by `imgbuild export` from the lock of x:latest (linux/amd64), for linux/amd64.
    good==2.0 \
        --hash=sha256:0b9617b5ab2492561e27099d70a41ad2442a1656e5154cb2fdd03389f58b7bfb
    user==1.0 \
        --hash=sha256:4e8d4ff8590925dcfdd4b91e2cd45957d7f12fb209860dbac5f7885b7b20df34
    ");
    assert_snapshot!(text("pylock"), @r#"
    # Written by `imgbuild export` from the lock of x:latest (linux/amd64), for linux/amd64.
    lock-version = "1.0"
    environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]
    created-by = "imgbuild"

    [[packages]]
    name = "good"
    version = "2.0"
    wheels = [{ hashes = { sha256 = "0b9617b5ab2492561e27099d70a41ad2442a1656e5154cb2fdd03389f58b7bfb" }, name = "good-2.0-py3-none-any.whl", url = "http://INDEX/good-2.0-py3-none-any.whl" }]

    [[packages]]
    name = "user"
    version = "1.0"
    wheels = [{ hashes = { sha256 = "4e8d4ff8590925dcfdd4b91e2cd45957d7f12fb209860dbac5f7885b7b20df34" }, name = "user-1.0-py3-none-any.whl", url = "http://INDEX/user-1.0-py3-none-any.whl" }]
    "#);
    assert!(text("explicit").contains(&format!("@EXPLICIT\n{CHANNEL}/")), "{}", text("explicit"));
    assert!(text("environment-with-builds").contains("\nprefix: /opt/conda\n"));
}

#[test]
fn those_whose_files_they_are_read_them() {
    let locked = Locked::new();
    let write = |name: &str, format: &str| locked.bench.imgbuild.write(name, locked.export(format));
    // rattler, which is pixi's library.
    let tools = LockTools::new();
    let pixi = write("pixi.lock", "pixi");
    let read = capture(tools.program("read.py").arg(pixi).arg("default")).success().stdout;
    let explicit = write("explicit.txt", "explicit");
    let urls = capture(tools.program("read_explicit.py").arg(&explicit)).success().stdout;
    let of_conda: Vec<&str> = read.lines().filter(|line| line.starts_with(CHANNEL)).collect();
    let mut listed: Vec<&str> = urls.lines().filter_map(|line| line.split('#').next()).collect();
    listed.sort_unstable();
    assert_eq!(of_conda, listed);
    assert_eq!(read.lines().filter(|line| line.ends_with(".whl")).count(), 2, "{read}");
    // uv, for pip's files.
    for (name, format) in [("requirements.txt", "requirements"), ("pylock.toml", "pylock")] {
        let file = write(name, format);
        let tools = workspace_root().join("target/wheels/tools/bin");
        let mut uv = Command::new(tools.join("uv"));
        uv.args(["pip", "install", "--dry-run", "--no-config", "--require-hashes", "--python"])
            .arg(tools.join("python"));
        uv.args(["--index-url", &format!("{}/simple", locked.index.url()), "-r"]).arg(file);
        let said = capture(uv.env("UV_CACHE_DIR", locked.bench.imgbuild.path("uv"))).success().stderr;
        assert!(said.contains("+ good==2.0") && said.contains("+ user==1.0"), "{format}\n{said}");
    }
}

#[test]
fn a_form_that_holds_one_image_is_told_which() {
    let bench = Bench::new();
    let matrix = "[conda]\nchannels = [\"./channel\"]\npackages = [\"{which}\"]\n[matrix]\nwhich = [\"cycler\", \"pyyaml\"]\n";
    bench.spec("tags = [\"With_{which}\"]\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"", matrix);
    let explicit = ["export", "spec.toml", "--format", "explicit"];
    assert_snapshot!(bench.refuses(&explicit), @r"
    × there is no lock of `spec.toml` as it is now
    help: `imgbuild lock spec.toml` makes it
    ");
    bench.run(&["lock", "spec.toml"]);
    assert_snapshot!(bench.refuses(&explicit), @r"
    × the lock has several images, and this form holds one: `x:With_cycler (linux/amd64)`, `x:With_pyyaml (linux/amd64)`
    help: choose one by `--only KEY=VALUE` and `--platform OS/ARCH`
    ");
    assert_snapshot!(bench.refuses(&[explicit.as_slice(), &["--only", "which=numpy"]].concat()), @r"
    × the lock has no such image
    help: it has `x:With_cycler (linux/amd64)`, `x:With_pyyaml (linux/amd64)`
    ");
    assert_snapshot!(bench.refuses(&["export", "spec.toml", "--format", "pylock", "--only", "which=cycler"]), @r"  × `x:With_cycler (linux/amd64)` has no packages of PyPI");
    let one = bench.run(&[explicit.as_slice(), &["--only", "which=pyyaml", "--output", "list.txt"]].concat());
    assert!(one.stderr.contains("packages of Debian"), "{}", one.stderr);
    assert!(bench.imgbuild.read("list.txt").contains("/pyyaml-"));
    // Both are environments of pixi's.
    let pixi = bench.run(&["export", "spec.toml", "--format", "pixi"]).stdout;
    assert!(pixi.contains("\n  with-cycler:\n") && pixi.contains("\n  with-pyyaml:\n"), "{pixi}");
}
