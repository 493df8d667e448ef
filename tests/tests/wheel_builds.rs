//! Wheels of source distributions, git repositories and local projects: built in the sandbox with the image's own Python.
//!
//! Most backends stand in the source itself, so that no index is asked; setuptools comes from the one that the machine's
//! own settings name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use imgbuild_lock::{DirectUrlInfo, Lock, PypiPackage, PypiSource};
use imgbuild_tests::{Imgbuild, Server, capture, channel, package_index, scratch, workspace_root};
use insta::assert_snapshot;

/// The base without wheels, which every spec here has.
const BASE: &str = "name = \"built\"\npython = { version = \"3.13\", from = \"debian\" }\n[pip]\n";

/// A backend that makes the wheel `hello 1.0` of `hello.py`, with no other module's help.
const BACKEND: &str = r#"
import base64, hashlib, os, zipfile

def wheel(directory, name="hello", version="1.0"):
    file = f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    members = {
        "hello.py": open("hello.py").read(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD,,\n"
    with zipfile.ZipFile(os.path.join(directory, file), "w") as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path), text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record)
    # As those do that rename a temporary file.
    os.chmod(os.path.join(directory, file), 0o600)
    return file

def build_wheel(directory, config_settings=None, metadata_directory=None):
    return wheel(directory)
"#;

const PYPROJECT: &str =
    "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\"tools\"]\n";

/// Writes the project `hello` into a folder of the test's, with more code of its backend.
fn project(imgbuild: &Imgbuild, folder: &str, more: &str) {
    imgbuild.write(&format!("{folder}/pyproject.toml"), PYPROJECT);
    imgbuild.write(&format!("{folder}/tools/backend.py"), format!("{BACKEND}{more}"));
    imgbuild.write(&format!("{folder}/hello.py"), "def main():\n    print('hello from the wheel')\n");
}

fn spec(packages: &str, more: &str) -> String {
    format!("{BASE}packages = [{packages}]\nallow-builds = true\n{more}")
}

/// The wheels of the lock.
fn locked(imgbuild: &Imgbuild) -> Vec<PypiPackage> {
    Lock::parse(&imgbuild.read("spec.lock")).unwrap().pypi
}

fn wheel(imgbuild: &Imgbuild, name: &str) -> PypiPackage {
    locked(imgbuild).into_iter().find(|it| it.name == name).unwrap()
}

/// Locks, which must fail, and gives what it said without what differs from run to run.
fn refused(imgbuild: &Imgbuild, spec: &str) -> String {
    imgbuild.write("spec.toml", spec);
    let outcome = imgbuild.run(["lock", "spec.toml"]).failure();
    message(imgbuild, &outcome.stderr)
}

fn message(imgbuild: &Imgbuild, text: &str) -> String {
    let start = text.find("  × ").unwrap_or(0);
    let text = text[start..].replace(&imgbuild.folder().display().to_string(), "FOLDER");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// What a command prints in the image that was delivered: its name may be another test's by now.
fn said(imgbuild: &Imgbuild, command: &[&str]) -> String {
    let words = [&["run", "out/built-latest.tar", "--"], command].concat();
    imgbuild.run(words).success().stdout.trim_end().to_owned()
}

fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "init.defaultBranch=main"]).args(words).current_dir(folder);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.org");
        command.env(format!("GIT_{who}_DATE"), "2020-01-02T03:04:05+00:00");
    }
    capture(&mut command).success().stdout.trim().to_owned()
}

#[test]
fn a_local_project_is_built_and_says_where_it_is_from() {
    let imgbuild = Imgbuild::new();
    project(&imgbuild, "libs/hello", "");
    imgbuild.write("spec.toml", spec("\"hello @ ./libs/hello\"", ""));
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out", "--json"]).success();
    assert_eq!(said(&imgbuild, &["python", "-c", "import hello; hello.main()"]), "hello from the wheel");
    let code = "import importlib.metadata as m; print(m.distribution('hello').read_text('direct_url.json'))";
    assert_eq!(said(&imgbuild, &["python", "-c", code]), r#"{"url":"file:///libs/hello","dir_info":{}}"#);
    let report = outcome.stdout.split_whitespace().collect::<String>();
    assert!(report.contains(r#""of":["hello1.0"]"#) && report.contains("buildsofwheels"), "{report}");
    let first = wheel(&imgbuild, "hello");
    let build = first.build.as_ref().unwrap();
    assert!(
        matches!(&build.source, PypiSource::Folder { path, .. } if path.contains("libs/hello")),
        "{build:?}"
    );
    assert!(build.requires.is_empty());

    // Nothing has changed: nothing is built.
    let again = imgbuild.run(["build", "spec.toml", "--output", "out", "--locked"]).success();
    assert!(!again.stderr.contains("building the wheel"), "{}", again.stderr);
    let again = imgbuild.run(["lock", "spec.toml"]).success();
    assert!(!again.stderr.contains("building the wheel"), "{}", again.stderr);
    // What is changed makes the lock stale, and is built when it is renewed.
    imgbuild.write("libs/hello/hello.py", "def main():\n    print('changed')\n");
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out", "--locked"]).failure();
    assert_snapshot!(message(&imgbuild, &outcome.stderr), @r#"
    × the lock `spec.lock` is stale: the folder `libs/hello` is not what it was made for
    help: run `imgbuild lock` to build it as it is now
    "#);
    assert!(imgbuild.run(["lock", "spec.toml", "--check"]).failure().stderr.contains("libs/hello"));
    imgbuild.build_again(&[]);
    assert_eq!(said(&imgbuild, &["python", "-c", "import hello; hello.main()"]), "changed");
    assert_ne!(wheel(&imgbuild, "hello").sha256, first.sha256);
}

#[test]
fn a_lock_of_another_tool_may_have_sources_and_wheels_without_a_hash() {
    let imgbuild = Imgbuild::new();
    project(&imgbuild, "locked/hello", "");
    let index = package_index(&imgbuild.path("index"), "good-1.0-py3-none-any.whl", |_| None);
    let good = format!("{}/good-1.0-py3-none-any.whl", index.url());
    let lock = |md5: &str| {
        format!(
            "version: 6\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n\
             \x20     - pypi: ./hello\n      - pypi: {good}\npackages:\n\
             - pypi: ./hello\n  name: hello\n  version: 0.1.0\n  sha256: {}\n  editable: true\n\
             - pypi: {good}\n  name: good\n  version: '1.0'\n{md5}",
            "0".repeat(64)
        )
    };
    let spec =
        |more: &str| format!("{}env = \"locked/pixi.lock\"\n[pip]\n{more}", BASE.trim_end_matches("[pip]\n"));
    imgbuild.write("locked/pixi.lock", lock(""));
    let message = refused(&imgbuild, &spec(""));
    assert!(message.contains("`allow-builds = [\"hello\"]` in `[pip]` lets imgbuild build it"), "{message}");
    imgbuild.write("locked/pixi.lock", lock("  md5: 00000000000000000000000000000000\n"));
    let message = refused(&imgbuild, &spec("allow-builds = [\"hello\"]\n"));
    assert!(message.contains("and the lock says `00000000000000000000000000000000`"), "{message}");
    imgbuild.write("locked/pixi.lock", lock(""));
    imgbuild.run(["lock", "spec.toml"]).success();
    let hello = wheel(&imgbuild, "hello");
    assert!(
        matches!(&hello.build.unwrap().source, PypiSource::Folder { path, .. } if path == "locked/hello")
    );
    let content = fs_err::read(imgbuild.path("index/good-1.0-py3-none-any.whl")).unwrap();
    let locked = wheel(&imgbuild, "good");
    assert_eq!((locked.sha256, locked.url), (imgbuild_oci::Digest::of(content), Some(good)));
}

#[test]
fn two_users_build_one_wheel_and_the_lock_is_enough() {
    let one = Imgbuild::new();
    project(&one, "hello", "");
    let text = spec("\"hello @ ./hello\"", "");
    one.write("spec.toml", &text);
    one.run(["lock", "spec.toml"]).success();
    // Somebody else, elsewhere.
    let ids = one.write("ids", "nobody:1000000:65536\n");
    let words = "umask 077; mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && \
        exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
    let through = ["unshare", "--mount", "sh", "-c", words, ids.to_str().unwrap()];
    let other = Imgbuild::with_private_store().through(through).variable("TZ", "Pacific/Kiritimati");
    let home = other.folder().to_owned();
    let other = other.variable("HOME", &home);
    project(&other, "hello", "");
    other.write("spec.toml", &text);
    other.write("spec.lock", one.read("spec.lock"));
    capture(Command::new("chown").args(["-R", "65534:65534"]).arg(&home)).success();
    capture(Command::new("chmod").arg("755").arg(&home)).success();
    // Its store has no wheel: it is built anew from the lock, and is the same.
    let outcome = other.run(["build", "spec.toml", "--output", "out", "--locked"]).success();
    assert!(outcome.stderr.contains("building the wheel of hello"), "{}", outcome.stderr);
    assert_eq!(other.read("spec.lock"), one.read("spec.lock"));

    // A backend that makes something else each time is found out.
    let third = Imgbuild::new();
    let clock = "import time\ndef build_wheel(directory, config_settings=None, metadata_directory=None):\n    open('hello.py', 'a').write(f'# {time.time_ns()}')\n    return wheel(directory)\n";
    project(&third, "hello", clock);
    third.write("spec.toml", &text);
    third.run(["lock", "spec.toml"]).success();
    forget(&third, &wheel(&third, "hello"));
    let outcome = third.run(["build", "spec.toml", "--output", "out", "--locked"]).failure();
    let found = message(&third, &outcome.stderr);
    let found: Vec<String> = found.lines().map(without_hashes).collect();
    assert_snapshot!(found.join("\n"), @r#"
    × the locked wheel `hello-1.0-py3-none-any.whl` is not in the cache, and cannot be built anew
    ╰─▶ building `hello` anew made `hello-1.0-py3-none-any.whl (sha256:HASH)`, and the lock has `hello-1.0-py3-none-any.whl (sha256:HASH)`
    help: its build is not reproducible, or depends on what no lock holds, such as new tags of a repository: take the wheel along from where it was locked (`imgbuild lock --vendor`), or run `imgbuild lock --upgrade hello` and keep what comes out
    "#);
}

/// Takes a wheel out of the store: no other test has the same.
fn forget(imgbuild: &Imgbuild, wheel: &PypiPackage) {
    fs_err::remove_file(imgbuild.store().join("archives").join(wheel.sha256.hex())).unwrap();
}

/// A line with `HASH` for every sha256.
fn without_hashes(line: &str) -> String {
    let mut parts = line.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        format!("{text}sha256:HASH{}", part.trim_start_matches(|it: char| it.is_ascii_hexdigit()))
    })
}

#[test]
fn what_fails_is_told_once_with_what_it_printed() {
    let imgbuild = Imgbuild::new();
    let hook = "def build_wheel(directory, config_settings=None, metadata_directory=None):\n";
    let fails = |body: &str| {
        project(&imgbuild, "hello", &format!("{hook}{body}"));
        refused(&imgbuild, &spec("\"hello @ ./hello\"", ""))
    };
    let printed = fails("    print('the compiler said this')\n    raise SystemExit(3)\n");
    assert_eq!(printed.matches("the compiler said this").count(), 1, "{printed}");
    assert_snapshot!(printed, @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build of `hello` failed with the exit code 3 (build_wheel)
          it printed:
            the compiler said this
      help: it runs in the sandbox, off the network, with the image's own Python; compilers and headers are the image's packages

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    assert_snapshot!(fails("    return None\n"), @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build of `hello` gave something else than PEP 517 says (build_wheel)
          it printed nothing
      help: it runs in the sandbox, off the network, with the image's own Python; compilers and headers are the image's packages

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    assert_snapshot!(fails("    return 'hello-1.0-py3-none-any.whl'\n"), @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build backend of `hello` left no wheel

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    assert_snapshot!(fails("    wheel(directory, version='2.0')\n    return wheel(directory)\n"), @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build backend of `hello` left several wheels: `hello-1.0-py3-none-any.whl`, `hello-2.0-py3-none-any.whl`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    assert_snapshot!(fails("    return wheel(directory, name='other')\n"), @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build backend of `hello` made the wheel `other-1.0-py3-none-any.whl`, which is none of `hello`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    assert_snapshot!(
        fails("    file = os.path.join(directory, wheel(directory))\n    os.rename(file, file.replace('py3-none-any', 'cp39-cp39-linux_x86_64'))\n    return 'hello-1.0-cp39-cp39-linux_x86_64.whl'\n"),
        @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build backend of `hello` made the wheel `hello-1.0-cp39-cp39-linux_x86_64.whl`, which does not run on Python 3.13 on linux/amd64 with glibc 2.41

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#
    );
    assert_snapshot!(
        fails("    file = wheel(directory)\n    os.remove(os.path.join(directory, file))\n    os.symlink('/etc/passwd', os.path.join(directory, file))\n    return file\n"),
        @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ the build backend of `hello` left `hello-1.0-py3-none-any.whl`, which cannot be read: `/build/wheel/hello-1.0-py3-none-any.whl` is no file

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#
    );
    assert_snapshot!(
        fails("    open(os.path.join(directory, 'hello-1.0-py3-none-any.whl'), 'w').write('no zip')\n    return 'hello-1.0-py3-none-any.whl'\n"),
        @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ├─▶ the build of `hello` made a wheel that cannot be used, `hello-1.0-py3-none-any.whl`
      ╰─▶ the archive is truncated or is not a zip

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#
    );
}

#[test]
fn a_build_has_no_network_and_writes_nothing_but_its_own() {
    let imgbuild = Imgbuild::new();
    let probe = r#"
def build_wheel(directory, config_settings=None, metadata_directory=None):
    import socket, sys, time
    def fails(what):
        try:
            what()
        except OSError:
            return True
    assert fails(lambda: socket.create_connection(("192.0.2.1", 80), timeout=5)), "there is a network"
    for path in ["/usr/x", "/opt/x", "/build/x", "/build/environment/x", "/etc/x", "/x"]:
        assert fails(lambda: open(path, "w")), path
    open("/tmp/x", "w").close()
    assert os.getcwd() == "/build/source" and os.getuid() == 65533
    assert os.environ["SOURCE_DATE_EPOCH"] == "315532800" and os.environ["HOME"] == "/tmp"
    assert not os.environ.get("SECRET")
    assert os.path.getmtime("hello.py") == os.path.getmtime(".") == 315532800
    assert sys.prefix == "/build/environment" and sys.version_info[:2] == (3, 13)
    assert not any(path == os.getcwd() for path in sys.path), sys.path
    return wheel(directory)
"#;
    project(&imgbuild, "hello", probe);
    imgbuild.write("spec.toml", spec("\"hello @ ./hello\"", ""));
    let mut command = imgbuild.command(["lock", "spec.toml"]);
    capture(command.env("SECRET", "s")).success();
}

#[test]
fn a_repository_is_built_at_its_commit() {
    let imgbuild = Imgbuild::new();
    let folder = scratch("repository");
    let source = folder.path().join("work");
    fs_err::create_dir_all(source.join("sub/tools")).unwrap();
    git(&source, &["init", "--quiet"]);
    for (name, text) in
        [("pyproject.toml", PYPROJECT), ("tools/backend.py", BACKEND), ("hello.py", "x = 'git 1'\n")]
    {
        fs_err::write(source.join("sub").join(name), text).unwrap();
    }
    git(&source, &["add", "--all"]);
    git(&source, &["commit", "--quiet", "--message", "first"]);
    git(&source, &["tag", "v1.0"]);
    let first = git(&source, &["rev-parse", "HEAD"]);
    fs_err::write(source.join("sub/hello.py"), "x = 'git 2'\n").unwrap();
    git(&source, &["commit", "--quiet", "--all", "--message", "second"]);
    git(folder.path(), &["clone", "--quiet", "--bare", "work", "served.git"]);
    git(&folder.path().join("served.git"), &["update-server-info"]);
    let server = Server::new(folder.path());
    let requirement = format!("\"hello @ git+{}/served.git@v1.0#subdirectory=sub\"", server.url());
    imgbuild.write("spec.toml", spec(&requirement, ""));
    imgbuild.run(["lock", "spec.toml"]).success();
    // From the lock alone.
    forget(&imgbuild, &wheel(&imgbuild, "hello"));
    imgbuild.build_again(&["--locked"]);
    assert_eq!(said(&imgbuild, &["python", "-c", "import hello; print(hello.x)"]), "git 1");
    let locked = wheel(&imgbuild, "hello");
    let PypiSource::Git { commit, subdirectory, .. } = &locked.build.as_ref().unwrap().source else {
        panic!()
    };
    assert_eq!((commit, subdirectory.as_deref()), (&first, Some("sub")));
    let origin = locked.origin.unwrap();
    let DirectUrlInfo::Vcs(vcs) = &origin.info else { panic!("{origin:?}") };
    assert_eq!((vcs.commit_id.as_str(), vcs.requested_revision.as_deref()), (first.as_str(), Some("v1.0")));

    // A branch may go on: what is locked stays, until it is upgraded.
    let requirement = format!("\"hello @ git+{}/served.git@main#subdirectory=sub\"", server.url());
    imgbuild.write("spec.toml", spec(&requirement, ""));
    imgbuild.run(["lock", "spec.toml"]).success();
    let second = wheel(&imgbuild, "hello");
    fs_err::write(source.join("sub/hello.py"), "x = 'git 3'\n").unwrap();
    git(&source, &["commit", "--quiet", "--all", "--message", "third"]);
    git(&source, &["push", "--quiet", "../served.git", "main"]);
    git(&folder.path().join("served.git"), &["update-server-info"]);
    imgbuild.run(["lock", "spec.toml"]).success();
    assert_eq!(wheel(&imgbuild, "hello"), second);
    imgbuild.run(["lock", "spec.toml", "--upgrade", "hello"]).success();
    assert_ne!(wheel(&imgbuild, "hello").sha256, second.sha256);

    let requirement = format!("\"hello @ git+{}/served.git@nowhere\"", server.url());
    let found = refused(&imgbuild, &spec(&requirement, "")).replace(&server.url(), "SERVER");
    assert_snapshot!(found, @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the git repository `SERVER/served.git` cannot be built
      ├─▶ the source of `hello` cannot be used
      ╰─▶ the repository `SERVER/served.git` has no branch, tag or commit `nowhere`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ git+SERVER/served.git@nowhere"]
       ·             ───────────────────────────┬───────────────────────────
       ·                                        ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
}

#[test]
fn a_source_distribution_of_old_is_built_by_setuptools() {
    let imgbuild = Imgbuild::new();
    imgbuild.write("old-2.0/setup.py", "from setuptools import setup\nsetup(name='old', version='2.0', py_modules=['old'], entry_points={'console_scripts': ['old = old:main']})\n");
    imgbuild.write("old-2.0/old.py", "def main():\n    print('old and well')\n");
    imgbuild.write("old-2.0/PKG-INFO", "Metadata-Version: 1.0\nName: old\nVersion: 2.0\n");
    let mut tar = Command::new("tar");
    capture(tar.args(["-czf", "old-2.0.tar.gz", "old-2.0"]).current_dir(imgbuild.folder())).success();
    let server = Server::new(imgbuild.folder());
    let text = spec(&format!("\"old @ {}/old-2.0.tar.gz\"", server.url()), "");
    imgbuild.build(&text, &[]);
    assert_eq!(said(&imgbuild, &["old"]), "old and well");
    let built = wheel(&imgbuild, "old");
    let build = built.build.unwrap();
    assert!(build.requires.iter().any(|id| id.starts_with("setuptools-")), "{build:?}");
    // What it was built with is locked, and is not in the image.
    assert!(locked(&imgbuild).iter().any(|it| it.name == "setuptools"));
    assert_eq!(
        said(&imgbuild, &["python", "-c", "import importlib.util as u; print(u.find_spec('setuptools'))"]),
        "None"
    );
    let names: Vec<String> = server.requests().into_iter().map(|it| it.path).collect();
    assert!(names.contains(&"/old-2.0.tar.gz".to_owned()), "{names:?}");
}

#[test]
fn a_backend_may_ask_for_more_and_gets_wheels_only() {
    let imgbuild = Imgbuild::new();
    let asks = |what: &str, body: &str| {
        format!(
            "def get_requires_for_build_wheel(config_settings=None):\n    return [{what}]\ndef build_wheel(directory, config_settings=None, metadata_directory=None):\n{body}    return wheel(directory)\n"
        )
    };
    project(&imgbuild, "hello", &asks("'iniconfig'", "    import iniconfig\n"));
    imgbuild.write("spec.toml", spec("\"hello @ ./hello\"", ""));
    imgbuild.run(["lock", "spec.toml"]).success();
    let requires = wheel(&imgbuild, "hello").build.unwrap().requires;
    assert!(requires.len() == 1 && requires[0].starts_with("iniconfig-"), "{requires:?}");
    project(&imgbuild, "hello", &asks("'-r /etc/passwd'", ""));
    assert_snapshot!(refused(&imgbuild, &spec("\"hello @ ./hello\"", "")), @r#"
      × cannot lock the wheels of `built:latest (linux/amd64)`
      ├─▶ the folder `hello` cannot be built
      ╰─▶ its build requirement `-r /etc/passwd` is not the name of a project with versions and markers

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:13]
     3 │ [pip]
     4 │ packages = ["hello @ ./hello"]
       ·             ────────┬────────
       ·                     ╰── this requirement
     5 │ allow-builds = true
       ╰────
    "#);
    project(&imgbuild, "hello", &asks("'there-is-no-project-of-this-name'", ""));
    let found = refused(&imgbuild, &spec("\"hello @ ./hello\"", ""));
    assert!(
        found.contains("the build requirements of `hello` cannot be had: `there-is-no-project-of-this-name`"),
        "{found}"
    );
}

#[test]
fn a_foreign_platform_that_cannot_be_run_is_an_error() {
    let imgbuild = Imgbuild::new();
    project(&imgbuild, "hello", "");
    let spec = spec("\"hello @ ./hello\"", "").replace("python =", "platforms = [\"linux/arm64\"]\npython =");
    imgbuild.write("spec.toml", spec);
    // A PATH with uv and nothing else has no emulator.
    let uv = workspace_root().join("target/wheels/tools/bin/uv");
    assert!(uv.is_file(), "`uv` is not there\nhint: run `cargo xtask wheels`");
    fs_err::create_dir(imgbuild.path("tools")).unwrap();
    fs_err::os::unix::fs::symlink(uv, imgbuild.path("tools/uv")).unwrap();
    let mut command = imgbuild.command(["lock", "spec.toml"]);
    let outcome = capture(command.env("PATH", imgbuild.path("tools")));
    let registered = Path::new("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists();
    if registered {
        // This machine has told its kernel of an emulator once and for all.
        outcome.success();
    } else {
        assert_snapshot!(message(&imgbuild, &outcome.failure().stderr), @r#"
          × cannot lock the wheels of `built:latest (linux/arm64)`
          ├─▶ the folder `hello` cannot be built
          ╰─▶ `hello` has no wheel and would have to be built for linux/arm64, whose programs do not run on this machine
          help: choose a version that has a wheel for linux/arm64, or lock on a machine that runs its programs: programs of `linux/arm64` cannot be run on this machine: there is no `qemu-aarch64-static`
                install `qemu-user-static`

        Advice:
          ☞ it was asked for here
           ╭─[spec.toml:5:13]
         4 │ [pip]
         5 │ packages = ["hello @ ./hello"]
           ·             ────────┬────────
           ·                     ╰── this requirement
         6 │ allow-builds = true
           ╰────
        "#);
    }
}

#[test]
fn the_python_of_a_conda_environment_builds_too() {
    let imgbuild = Imgbuild::new();
    let probe = "def build_wheel(directory, config_settings=None, metadata_directory=None):\n    import sys\n    assert sys.base_prefix == '/opt/conda' and os.environ['CONDA_PREFIX'] == '/opt/conda', sys.base_prefix\n    return wheel(directory)\n";
    project(&imgbuild, "hello", probe);
    let spec = format!(
        "name = \"built\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n[conda]\nchannels = [\"{}\"]\n[pip]\npackages = [\"-e ./hello\"]\nallow-builds = true\n",
        channel()
    );
    imgbuild.build(&spec, &[]);
    let code = "import hello; print(hello.__file__)";
    assert_eq!(said(&imgbuild, &["python", "-c", code]), "/opt/conda/lib/python3.11/site-packages/hello.py");
}

#[test]
fn nothing_is_built_that_may_not_be() {
    let imgbuild = Imgbuild::new();
    project(&imgbuild, "hello", "raise SystemExit('this must not run')\n");
    let forbidden = spec("\"hello @ ./hello\"", "").replace("allow-builds = true\n", "");
    let found = refused(&imgbuild, &forbidden);
    assert!(found.contains("allow-builds = [\"hello\"]"), "{found}");
    assert!(!found.contains("this must not run"), "{found}");
}
