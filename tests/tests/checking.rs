//! What can be known without the network is told by `check`, in the same words by `lock` and `build`, and before anything
//! is fetched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Answer, Imgbuild, Server};
use insta::assert_snapshot;

/// A program and a server, which is the mirror and the channels, and should never be asked.
struct Bench {
    imgbuild: Imgbuild,
    server: Server,
}

impl Bench {
    fn new() -> Self {
        let imgbuild = Imgbuild::with_private_store();
        let server = Server::with(imgbuild.folder(), |_| Answer::Status(500));
        Self { imgbuild, server }
    }

    /// What commands say of a spec, which must be the same; nobody is asked.
    fn refuses_by(&self, spec: &str, commands: &[&[&str]]) -> String {
        let spec = spec.replace("URL", &self.server.url());
        self.imgbuild.write("spec.toml", format!("name = \"x\"\nplatforms = [\"linux/amd64\"]\n{spec}"));
        let mut said: Vec<String> =
            commands.iter().map(|command| self.imgbuild.run(*command).failure().stderr).collect();
        said.dedup();
        assert_eq!(said.len(), 1, "{spec}\n{}", said.join("\n"));
        assert_eq!(self.server.requests(), [], "{spec}");
        assert!(!self.imgbuild.path("spec.lock").exists());
        let folder = self.imgbuild.folder().display().to_string();
        said[0].replace(&folder, "FOLDER").replace(&self.server.url(), "URL")
    }

    fn refuses(&self, spec: &str) -> String {
        self.refuses_by(
            spec,
            &[
                &["check", "spec.toml"],
                &["lock", "--offline", "spec.toml"],
                &["lock", "spec.toml"],
                &["build", "spec.toml"],
            ],
        )
    }
}

/// A base for everything, whose mirror is never asked.
const BASE: &str = "base = { debian = \"bookworm\", mirror = \"URL/debian\" }\n";
const PYTHON: &str = "python = { version = \"3.11\", from = \"debian\" }\n";

/// The line of a message that says what is wrong.
fn first(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.iter().take(2).copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_says_the_same() {
    let bench = Bench::new();
    bench.imgbuild.write("empty/README", "");
    bench.imgbuild.write("project/pyproject.toml", "[project\n");
    bench.imgbuild.write("channel/noarch/repodata.json", "{}");
    bench.imgbuild.write("pylock.toml", "packages = [\n");
    bench.imgbuild.write("pylock.two.toml", "lock-version = \"2.0\"\n");
    bench
        .imgbuild
        .write("pylock.marker.toml", "lock-version = \"1.0\"\nenvironments = [\"os_name = 'x'\"]\n");
    bench.imgbuild.write("keys.asc", "no keys\n");
    bench.imgbuild.write(
        "twice.txt",
        "@EXPLICIT\nURL/noarch/a-1-0.conda\nURL/noarch/a-2-0.conda\n".replace("URL", "https://c.example"),
    );
    bench.imgbuild.write("other.txt", "@EXPLICIT\nhttps://c.example/osx-64/a-1-0.conda\n");
    let table = [
        "[conda]\npackages = [\"numpy >>1\"]",
        "[conda]\npackages = [\"numpy[version='>=1\"]",
        "[conda]\npackages = [\"\u{e9} x\"]",
        "[conda]\nchannels = [\"http://[\"]\npackages = [\"six\"]",
        "[conda]\nchannels = [\"./nowhere\"]\npackages = [\"six\"]",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"six\"]",
        "[conda]\npackages = [\"six\"]\nmirrors = { conda-forge = [\"file:///srv/mirror\"] }",
        "env = \"twice.txt\"",
        "env = \"other.txt\"",
        "PYTHON[pip]\npackages = [\"./nowhere\"]",
        "PYTHON[pip]\npackages = [\"-e ./empty\"]\nallow-builds = true",
        "PYTHON[pip]\npackages = [\"./project\"]\nallow-builds = true",
        "PYTHON[pip]\npackages = [\"./x-1.0-py3-none-any.whl\"]",
        "PYTHON[pip]\npackages = [\"x @ file:///nowhere/x-1.0.tar.gz ; python_version > '3.9'\"]",
        "PYTHON[pip]\nrequirements = \"pylock.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.two.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.marker.toml\"",
        "[base]\nmirror = \"URL/debian\"\nkeyring = \"nowhere.asc\"",
        "[base]\nmirror = \"URL/debian\"\nkeyring = \"keys.asc\"",
        "[base]\nmirror = \"URL/debian\"\nsources.own = { url = \"URL/own\", suite = \"x\", components = [\"main\"], keyring = \"nowhere.asc\" }",
        "base = { layout = \"nowhere.tar\" }",
    ];
    let said = table.map(|spec| {
        let base = if spec.contains("base") { "" } else { BASE };
        let (head, rest) = spec.strip_prefix("PYTHON").map_or(("", spec), |rest| (PYTHON, rest));
        let (key, rest) =
            if rest.starts_with("env") { (format!("{rest}\n"), "") } else { (String::new(), rest) };
        format!("{spec}\n    {}", first(&bench.refuses(&format!("{key}{base}{head}{rest}\n"))))
    });
    assert_snapshot!(said.join("\n"), @r#"
    [conda]
    packages = ["numpy >>1"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `numpy >>1` is not a conda match spec: unable to parse version spec: >>1
    [conda]
    packages = ["numpy[version='>=1"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `numpy[version='>=1` is not a conda match spec: invalid package name 'numpy[version': 'numpy[version' is not a valid package name. Package names can only contain 0-9, a-z, A-Z, -, _, or .
    [conda]
    packages = ["é x"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `é x` is not a conda match spec: invalid package name 'é': 'é' is not a valid package name. Package names can only contain 0-9, a-z, A-Z, -, _, or .
    [conda]
    channels = ["http://["]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `http://[` is not a channel: could not parse url
    [conda]
    channels = ["./nowhere"]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the channel `./nowhere` is the folder `FOLDER/nowhere/`, which is not there
    [conda]
    channels = ["./channel"]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the channel `./channel` has no index for `linux-64`
    [conda]
    packages = ["six"]
    mirrors = { conda-forge = ["file:///srv/mirror"] }
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the mirror `file:///srv/mirror` of a channel is neither `http://`, `https://` nor `oci://`
    env = "twice.txt"
        × cannot take the packages of `twice.txt` for `x:latest (linux/amd64)` ╰─▶ the lock has two packages `a`: `a-1-0.conda` and `a-2-0.conda`
    env = "other.txt"
        × cannot take the packages of `other.txt` for `x:latest (linux/amd64)` ╰─▶ `a-1-0.conda` is a package for `osx-64`, and the image is for `linux-64`
    PYTHON[pip]
    packages = ["./nowhere"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `nowhere` cannot be installed: it is not there
    PYTHON[pip]
    packages = ["-e ./empty"]
    allow-builds = true
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `empty` cannot be installed: it has neither a `pyproject.toml` nor a `setup.py`: it is no project of Python's
    PYTHON[pip]
    packages = ["./project"]
    allow-builds = true
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `project` cannot be installed: its `pyproject.toml` cannot be read: unclosed table, expected `]`
    PYTHON[pip]
    packages = ["./x-1.0-py3-none-any.whl"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `x-1.0-py3-none-any.whl` cannot be installed: it is not there
    PYTHON[pip]
    packages = ["x @ file:///nowhere/x-1.0.tar.gz ; python_version > '3.9'"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the file `/nowhere/x-1.0.tar.gz` cannot be installed: it is not there
    PYTHON[pip]
    requirements = "pylock.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file cannot be read: line 1 is not what PEP 751 says
    PYTHON[pip]
    requirements = "pylock.two.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file has version `2.0`, and version 1 is the one that is known
    PYTHON[pip]
    requirements = "pylock.marker.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file has a condition that is none: `os_name = \'x\'`
    [base]
    mirror = "URL/debian"
    keyring = "nowhere.asc"
        × cannot use the keyring `nowhere.asc` ╰─▶ No such file or directory (os error 2)
    [base]
    mirror = "URL/debian"
    keyring = "keys.asc"
        × cannot use the keyring `keys.asc` ╰─▶ the keyring holds no OpenPGP public key
    [base]
    mirror = "URL/debian"
    sources.own = { url = "URL/own", suite = "x", components = ["main"], keyring = "nowhere.asc" }
        × cannot use the keyring `nowhere.asc` ╰─▶ No such file or directory (os error 2)
    base = { layout = "nowhere.tar" }
        × cannot build on `nowhere.tar` ├─▶ `nowhere.tar` cannot be read as an image
    "#);
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_line() {
    let bench = Bench::new();
    let spec = "tags = [\"{py}\"]\npython = \"{py}\"\n[matrix]\npy = [\"3.10\", \"3.11\"]\n[base]\nmirror = \"URL/debian\"\n\
                [conda]\npackages = [\"numpy >>1\", \"six\", \"scipy ==1,\"]\n[pip]\npackages = [\"./nowhere\"]\n";
    assert_snapshot!(bench.refuses(spec), @r#"
      × `spec.toml` has 3 mistakes

    Error: 
      × cannot lock the conda environment of `x:3.10 (linux/amd64)`
      ╰─▶ `numpy >>1` is not a conda match spec: unable to parse version spec: >>1

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ [conda]
     10 │ packages = ["numpy >>1", "six", "scipy ==1,"]
        ·             ─────┬─────
        ·                  ╰── this requirement
     11 │ [pip]
        ╰────

    Error: 
      × cannot lock the conda environment of `x:3.10 (linux/amd64)`
      ╰─▶ `scipy ==1,` is not a conda match spec: unable to parse version spec: ==1,

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:33]
      9 │ [conda]
     10 │ packages = ["numpy >>1", "six", "scipy ==1,"]
        ·                                 ──────┬─────
        ·                                       ╰── this requirement
     11 │ [pip]
        ╰────

    Error: 
      × cannot lock the wheels of `x:3.10 (linux/amd64)`
      ╰─▶ the folder `nowhere` cannot be installed: it is not there

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:12:13]
     11 │ [pip]
     12 │ packages = ["./nowhere"]
        ·             ─────┬─────
        ·                  ╰── this requirement
        ╰────
    "#);
}

#[test]
fn what_is_not_for_this_platform_need_not_be_there() {
    let bench = Bench::new();
    let spec = format!(
        "name = \"x\"\nplatforms = [\"linux/amd64\"]\n{BASE}{PYTHON}[pip]\npackages = [\"./x-1-py3-none-any.whl ; sys_platform == 'win32'\"]\n"
    );
    bench.imgbuild.write("spec.toml", spec.replace("URL", &bench.server.url()));
    bench.imgbuild.run(["check", "spec.toml"]).success();
}

#[test]
fn what_is_copied_is_looked_at_before_anything_is_fetched() {
    let bench = Bench::new();
    bench.imgbuild.write("app/.env", "TOKEN=x\n");
    let spec =
        format!("{BASE}[[copy]]\nfrom = \"nowhere\"\nto = \"/a\"\n[[copy]]\nfrom = \"app\"\nto = \"/b\"\n");
    let commands: [&[&str]; 2] = [&["check", "spec.toml"], &["build", "spec.toml"]];
    assert_snapshot!(bench.refuses_by(&spec, &commands), @r#"
      × `spec.toml` has 2 mistakes

    Error: 
      × `nowhere` cannot be read
      ╰─▶ No such file or directory (os error 2)

    Error: 
      × `app/.env` is a file of environment variables, and is not copied into an image by accident
      help: name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:7:1]
     6 │ to = "/a"
     7 │ [[copy]]
       · ────┬───
       ·     ╰── this folder is copied
     8 │ from = "app"
       ╰────
    "#);
    bench.imgbuild.write("nowhere", "");
    assert_snapshot!(bench.refuses_by(&spec, &commands), @r#"
      × `app/.env` is a file of environment variables, and is not copied into an image by accident
      help: name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:7:1]
     6 │ to = "/a"
     7 │ [[copy]]
       · ────┬───
       ·     ╰── this folder is copied
     8 │ from = "app"
       ╰────
    "#);
}

#[test]
fn notes_are_told_by_check() {
    let bench = Bench::new();
    bench.imgbuild.write("requirements.txt", "--trusted-host x.example\n-f ./nowhere\nsix\n");
    let spec = format!(
        "name = \"x\"\nplatforms = [\"linux/amd64\"]\n{BASE}{PYTHON}pip.requirements = \"requirements.txt\"\n"
    );
    bench.imgbuild.write("spec.toml", spec.replace("URL", &bench.server.url()));
    assert_snapshot!(bench.imgbuild.run(["check", "spec.toml"]).success().stdout, @"
    x:latest (linux/amd64)

    there is no lock that fits this spec, so no layers are planned: run `imgbuild lock`

    note: requirements.txt:1: `--trusted-host x.example` is not followed: certificates are always checked, and `http://` needs no permission
    note: `--find-links nowhere` does nothing: there is no such folder
    ");
    assert_snapshot!(bench.imgbuild.run(["check", "--json", "spec.toml"]).success().stdout, @r#"
    {
      "variants": [
        {
          "name": "x",
          "tags": [
            "latest"
          ],
          "platform": "linux/amd64",
          "keys": {},
          "layers": null
        }
      ],
      "locked": false,
      "notes": [
        "requirements.txt:1: `--trusted-host x.example` is not followed: certificates are always checked, and `http://` needs no permission",
        "`--find-links nowhere` does nothing: there is no such folder"
      ]
    }
    "#);
}

#[test]
fn folders_of_another_tools_lock_that_are_not_there() {
    let bench = Bench::new();
    bench.imgbuild.write("here/pyproject.toml", "[project]\nname = \"here\"\nversion = \"1\"\n");
    bench.imgbuild.write(
        "pixi.lock",
        "version: 6\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n\
         \x20     - pypi: ./here\n      - pypi: ./gone\npackages:\n\
         - pypi: ./here\n  name: here\n  version: '1'\n\
         - pypi: ./gone\n  name: gone\n  version: '1'\n  editable: true\n",
    );
    let said = bench.refuses(&format!("{BASE}{PYTHON}env = \"pixi.lock\"\npip.allow-builds = true\n"));
    assert_eq!(
        first(&said),
        "× cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `gone` cannot be installed: it is not there"
    );
    assert!(said.contains("[pixi.lock:13:"), "{said}");
}
