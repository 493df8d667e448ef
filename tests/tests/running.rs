//! Running what was built: `imgbuild run`, `[[check]]`, post-link scripts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use imgbuild_oci::Digest;
use imgbuild_tests::{Answer, Container, Imgbuild, Server, channel, named, names, scratch, shared_store};
use insta::assert_snapshot;

const PYTHON: &str = "name = \"run\"\npython = { version = \"3.13\", from = \"debian\" }\n";

/// A folder with the lock of [`PYTHON`], which all tests share: nothing here is about locking.
fn locked() -> Imgbuild {
    let imgbuild = Imgbuild::new();
    let shared = shared_store().with_extension(format!("running-{}.lock", &Digest::of(PYTHON).hex()[..8]));
    if shared.exists() {
        fs_err::copy(shared, imgbuild.path("spec.lock")).unwrap();
        return imgbuild;
    }
    imgbuild.write("spec.toml", PYTHON);
    imgbuild.run(["lock", "spec.toml"]).success();
    let mine = shared.with_extension(std::process::id().to_string());
    fs_err::copy(imgbuild.path("spec.lock"), &mine).unwrap();
    fs_err::rename(mine, shared).unwrap();
    imgbuild
}

/// An image with Debian's Python, built and named in the shared store.
fn python() -> Imgbuild {
    let imgbuild = locked();
    imgbuild.build(PYTHON, &[]);
    imgbuild
}

/// The output of `imgbuild run run -- COMMAND`, which must succeed.
fn said(imgbuild: &Imgbuild, arguments: &[&str]) -> String {
    let all = [&["run"], arguments].concat();
    imgbuild.run(all).success().stdout.trim_end().to_owned()
}

/// A message without what differs from run to run.
fn message(imgbuild: &Imgbuild, text: &str) -> String {
    let start = text.find("  × ").unwrap_or(0);
    let text = text[start..].replace(&imgbuild.folder().display().to_string(), "FOLDER");
    named(&text).lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn an_image_is_run_by_its_name_digest_spec_tarball_and_layout() {
    let imgbuild = Imgbuild::new();
    let quickstart = imgbuild.example("quickstart");
    let output = imgbuild.build(&quickstart, &[]);
    let digest = output.digests().remove(0);
    let layout = imgbuild.build(&quickstart, &["--format", "oci-dir"]);
    for image in [
        "quickstart",
        "quickstart:latest",
        "spec.toml",
        &digest,
        output.path().to_str().unwrap(),
        layout.path().to_str().unwrap(),
    ] {
        let said = said(&imgbuild, &[image]);
        assert!(said.starts_with("Hello from Python 3.13."), "{image}: {said}");
    }
    let unknown = imgbuild.with_store(&scratch("store").path().join("store"));
    fs_err::remove_dir_all(unknown.path("quickstart")).unwrap();
    let outcome = unknown.run(["run", "quickstart"]);
    assert_eq!(outcome.code, Some(125));
    assert_snapshot!(message(&unknown, &outcome.stderr), @r#"
    × there is no image `quickstart`: it is no file or folder, and was not built here
    help: build one first: `imgbuild build SPEC`
    "#);
}

#[test]
fn the_configuration_of_the_image_holds_unless_the_command_line_says_otherwise() {
    let imgbuild = python();
    let shell = |arguments: &[&str], script: &str| {
        said(&imgbuild, &[arguments, &["run", "--", "sh", "-c", script]].concat())
    };
    assert_eq!(
        shell(&[], "id; pwd; echo $LANG $HOME"),
        "uid=1000(user) gid=100(users) groups=100(users),0(root)\n/\nC.UTF-8 /home/user"
    );
    assert_eq!(shell(&["--user", "root"], "id -u; echo $HOME"), "0\n/root");
    assert_eq!(shell(&["--user", "1234:5"], "id -u; id -g"), "1234\n5");
    assert_eq!(
        shell(&["--workdir", "/home/user", "--env", "A=1", "--env", "B="], "pwd; echo $A; echo ${B-unset}"),
        "/home/user\n1"
    );
    assert_eq!(
        shell(&[], "readlink /proc/1/exe > /dev/null; cat /proc/self/status | grep NoNewPrivs"),
        "NoNewPrivs:\t1"
    );
    // Nothing of this machine's environment is passed on, but what is named.
    let passing = Imgbuild::new().with_store(imgbuild.store()).variable("SECRET", "s").variable("KEPT", "k");
    assert_eq!(said(&passing, &["--env", "KEPT", "run", "--", "sh", "-c", "echo $SECRET $KEPT"]), "k");
    assert_eq!(said(&imgbuild, &["--entrypoint", "/usr/bin/python3", "run", "--", "-c", "print(6*7)"]), "42");
}

#[test]
fn exit_codes_signals_and_input_pass_through() {
    let imgbuild = python();
    let code = |script: &str| imgbuild.run(["run", "run", "--", "sh", "-c", script]).code;
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 42"), Some(42));
    assert_eq!(code("kill -KILL $$"), Some(137));
    let mut child = imgbuild
        .command(["run", "run", "--", "sh", "-c", "trap 'echo ended; exit 7' TERM; echo ready; read line; echo got $line; while :; do sleep 0.1; done"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "hello").unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    assert_eq!(lines.next().unwrap().unwrap(), "got hello");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(lines.next().unwrap().unwrap(), "ended");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    drop(input);
}

#[test]
fn a_terminal_works() {
    let imgbuild = python();
    let command = imgbuild.command([
        "run",
        "run",
        "--",
        "sh",
        "-c",
        "test -t 0 && test -t 1 && tty >/dev/null && stty size",
    ]);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|it| format!("'{}'", it.to_string_lossy().replace('\'', "'\\''")))
        .collect();
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--echo", "never", "--command"]);
    script.arg(format!("stty rows 33 cols 101; {}", words.join(" "))).arg("/dev/null");
    script.env("IMGBUILD_CACHE", imgbuild.store());
    let outcome = imgbuild_tests::capture(&mut script);
    assert_eq!((outcome.code, outcome.stdout.trim()), (Some(0), "33 101"), "{outcome:?}");
}

#[test]
fn what_is_mounted_is_seen_and_nothing_else_stays() {
    let imgbuild = python();
    imgbuild.write("shared/file.txt", "from outside");
    // The image's ids are not this machine's root.
    fs_err::set_permissions(imgbuild.path("shared"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mount = |suffix: &str| format!("{}:/srv/shared{suffix}", imgbuild.path("shared").display());
    let (writable, readable) = (mount(""), mount(":ro"));
    let script = |script: &'static str| {
        ["run", "--user", "root", "--mount", &*writable, "run", "--", "sh", "-c", script].map(str::to_owned)
    };
    let outcome = imgbuild
        .run(script(
            "cat /srv/shared/file.txt && echo inside > /srv/shared/new.txt && echo lost > /root/lost.txt",
        ))
        .success();
    assert_eq!(outcome.stdout, "from outside");
    assert_eq!(imgbuild.read("shared/new.txt"), "inside\n");
    assert_eq!(imgbuild.run(script("ls /root")).success().stdout, "");
    let outcome = imgbuild.run([
        "run",
        "--user",
        "root",
        "--mount",
        &readable,
        "run",
        "--",
        "sh",
        "-c",
        "echo x > /srv/shared/file.txt",
    ]);
    assert_ne!(outcome.code, Some(0));
    assert_eq!(imgbuild.read("shared/file.txt"), "from outside");
    let outcome = imgbuild.run([
        "run",
        "--read-only",
        "run",
        "--",
        "sh",
        "-c",
        "touch /tmp/works && touch /home/user/x",
    ]);
    assert!(outcome.stderr.contains("Read-only file system"), "{outcome:?}");
    // Other tests run images in this store at the same time: each folder is called by the process that needs it.
    let mut left = names(&imgbuild.store().join("scratch"));
    left.retain(|name| !Path::new("/proc").join(name.split('-').next().unwrap()).exists());
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn there_is_no_network_unless_it_is_asked_for() {
    let imgbuild = python();
    let folder = scratch("served");
    fs_err::write(folder.path().join("file"), "served").unwrap();
    let server = Server::with(folder.path(), |_| Answer::File);
    let fetch = format!(
        "import urllib.request as u; print(u.urlopen('{}/file', timeout=10).read().decode())",
        server.url()
    );
    assert_eq!(said(&imgbuild, &["--net", "run", "--", "python3", "-c", &fetch]), "served");
    let outcome = imgbuild.run(["run", "run", "--", "python3", "-c", &fetch]);
    assert!(outcome.stderr.contains("Connection refused"), "{}", outcome.stderr);
    assert_eq!(
        said(
            &imgbuild,
            &[
                "run",
                "--",
                "sh",
                "-c",
                "ls /sys/class/net 2>/dev/null || cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '"
            ]
        ),
        "lo"
    );
}

#[test]
fn checks_are_run_in_the_finished_image() {
    let imgbuild = locked();
    let checked = format!(
        "{PYTHON}[[check]]\nrun = [\"python3\", \"-c\", \"import ssl; print(1); print(2)\"]\nexpect = \"2\"\n[[check]]\nrun = [\"sh\", \"-c\", \"id -u; touch ~/mine\"]\nexpect = \"1000\"\n[[check]]\nrun = [\"sh\", \"-c\", \"test ! -e ~/mine\"]\n"
    );
    let output = imgbuild.build(&checked, &[]);
    // What checks do is no part of the image.
    assert_eq!(output.digests(), locked().build(PYTHON, &[]).digests());
    let failing = |check: &str| {
        let imgbuild = locked();
        imgbuild.write("spec.toml", format!("{PYTHON}[[check]]\n{check}\n"));
        let outcome = imgbuild.run(["build", "spec.toml", "--output", "out"]).failure();
        let out = imgbuild.path("out");
        assert!(!out.exists() || names(&out).is_empty(), "{out:?}");
        // Without checks it is delivered.
        imgbuild.run(["build", "spec.toml", "--output", "out", "--no-check"]).success();
        assert_eq!(names(&imgbuild.path("out")), ["run-latest.tar"]);
        message(&imgbuild, &outcome.stderr)
    };
    assert_snapshot!(failing("run = [\"sh\", \"-c\", \"echo out; echo err >&2; exit 3\"]"), @r#"
      × the check `sh -c echo out; echo err >&2; exit 3` of `run:latest (linux/amd64)` fails with the exit code 3
      │ it printed:
      │   out
      │   err
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:7]
     3 │ [[check]]
     4 │ run = ["sh", "-c", "echo out; echo err >&2; exit 3"]
       ·       ───────────────────────┬──────────────────────
       ·                              ╰── this check
       ╰────
    "#);
    assert_snapshot!(failing("run = [\"echo\", \"1.0\"]\nexpect = \"2.0\""), @r#"
      × the check `echo 1.0` of `run:latest (linux/amd64)` does not print the line `2.0`
      │ it printed:
      │   1.0
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:7]
     3 │ [[check]]
     4 │ run = ["echo", "1.0"]
       ·       ───────┬───────
       ·              ╰── this check
     5 │ expect = "2.0"
       ╰────
    "#);
    assert_snapshot!(failing("run = [\"sleep\", \"60\"]\ntimeout = 1"), @r#"
      × the check `sleep 60` of `run:latest (linux/amd64)` runs longer than 1 seconds
      │ it printed nothing
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:7]
     3 │ [[check]]
     4 │ run = ["sleep", "60"]
       ·       ───────┬───────
       ·              ╰── this check
     5 │ timeout = 1
       ╰────
    "#);
    assert_snapshot!(failing("run = [\"sh\", \"-c\", \"kill -SEGV $$\"]"), @r#"
      × the check `sh -c kill -SEGV $$` of `run:latest (linux/amd64)` is ended by the signal 11
      │ it printed nothing
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:7]
     3 │ [[check]]
     4 │ run = ["sh", "-c", "kill -SEGV $$"]
       ·       ──────────────┬──────────────
       ·                     ╰── this check
       ╰────
    "#);
    assert_snapshot!(failing("run = [\"no-such-program\"]"), @r#"
      × the check `no-such-program` of `run:latest (linux/amd64)` fails with the exit code 127
      │ it printed:
      │   imgbuild: the image has no program no-such-program
      help: nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:7]
     3 │ [[check]]
     4 │ run = ["no-such-program"]
       ·       ─────────┬─────────
       ·                ╰── this check
       ╰────
    "#);
}

#[test]
fn a_check_cannot_fill_the_disk_or_the_process_table() {
    let imgbuild = locked();
    let failing = |script: &str| {
        imgbuild.write(
            "spec.toml",
            format!("{PYTHON}[[check]]\nrun = [\"sh\", \"-c\", \"{script}\"]\ntimeout = 60\n"),
        );
        imgbuild.run(["build", "spec.toml", "--output", "out"]).failure().stderr
    };
    let full = failing("head -c 3G /dev/zero > ~/zeros");
    assert!(full.contains("No space left on device"), "{full}");
    let bomb = failing("bomb() {{ bomb | bomb & bomb; }}; bomb 2>&1 | head -n 5; exit 9");
    assert!(
        bomb.contains("fails with the exit code 9") || bomb.contains("runs longer than 60 seconds"),
        "{bomb}"
    );
}

#[test]
fn a_check_of_a_foreign_platform_is_skipped_where_nothing_emulates_it() {
    let foreign = if cfg!(target_arch = "x86_64") { "linux/arm64" } else { "linux/amd64" };
    let empty = scratch("path");
    let imgbuild = Imgbuild::new().variable("PATH", empty.path());
    imgbuild.write(
        "spec.toml",
        format!("name = \"foreign\"\nplatforms = [\"{foreign}\"]\n[[check]]\nrun = [\"true\"]\n"),
    );
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out"]).success();
    let note = outcome.stderr.lines().find(|line| line.starts_with("note: the check")).unwrap_or_default();
    assert_snapshot!(note, @"note: the check `true` of `foreign:latest (linux/arm64)` was skipped: programs of `linux/arm64` cannot be run on this machine: there is no `qemu-aarch64-static`");
}

#[test]
fn post_link_scripts_are_run_and_their_changes_are_a_layer() {
    let spec = format!(
        "name = \"post-link\"\nplatforms = [\"linux/amd64\"]\n[conda]\nchannels = [\"{}\"]\npackages = [\"odd-post-link\"]\nallow-post-link = [\"odd-post-link\"]\n",
        channel()
    );
    let imgbuild = Imgbuild::with_private_store();
    let output = imgbuild.build(&spec, &[]);
    let image = output.image();
    let container = Container::new(&image);
    let made = "/opt/conda/share/odd-post-link/made.txt";
    assert_eq!(container.exec(&["cat", made]).success().stdout, "made\n");
    assert_eq!(container.exec(&["stat", "-c", "%U:%G %a", made]).success().stdout, "root:root 644\n");
    let comments: Vec<&str> = image.config.history.iter().map(|item| item.comment.as_str()).collect();
    assert!(comments.contains(&"post-link scripts of odd-post-link"), "{comments:?}");
    let report = imgbuild.run(["build", "spec.toml", "--output", "out"]).success().stderr;
    assert!(report.contains("note: ran in the sandbox: post-link scripts: odd-post-link"), "{report}");
    // The same bytes from another store, at another time, with another umask.
    let other = Imgbuild::with_private_store().variable("TZ", "Asia/Tokyo").through([
        "sh",
        "-c",
        "umask 077; exec \"$@\"",
        "sh",
    ]);
    other.write("spec.lock", imgbuild.read("spec.lock"));
    assert_eq!(other.build(&spec, &["--locked"]).digests(), output.digests());
}

#[test]
fn post_link_scripts_of_each_environment_are_run() {
    let spec = format!(
        "name = \"post-link\"\nplatforms = [\"linux/amd64\"]\n[conda]\nchannels = [\"{}\"]\nenvironment = \"app\"\npackages = [\"odd-post-link\"]\nallow-post-link = [\"odd-post-link\"]\n[envs.tools]\npackages = [\"odd-post-link\"]\n",
        channel()
    );
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&spec, &[]).image();
    let container = Container::new(&image);
    for environment in ["app", "tools"] {
        let made = format!("/opt/conda/envs/{environment}/share/odd-post-link/made.txt");
        assert_eq!(container.exec(&["cat", &made]).success().stdout, "made\n", "{environment}");
    }
    let comments: Vec<&str> = image.config.history.iter().map(|item| item.comment.as_str()).collect();
    let scripts = comments.iter().filter(|title| title.starts_with("post-link scripts of"));
    assert_eq!(scripts.count(), 2, "{comments:?}");
}
