//! A workbench of Debian packages that dpkg configures in the sandbox, through the program, from the machine's own mirror.
//!
//! The oracle is `mmdebstrap` of exactly the same packages: path by path, then what the programs say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use imgbuild_tests::{Container, Imgbuild, Kind, Tree, capture, scratch};

/// The time of images and of the oracle, in seconds since 1970.
const TIMESTAMP: &str = "1700000000";

const SPEC: &str = r#"
name = "workbench"
platforms = ["linux/amd64"]

[base]
debian = "bookworm"
packages = ["openssh-server", "git", "tmux", "sudo", "build-essential", "nginx-light", "ffmpeg", "fonts-dejavu", "locales"]
"#;

/// What differs from mmdebstrap's tree, by the beginning of its path, and why.
const EXCEPTIONS: [(&str, &str); 31] = [
    ("dev/", "device nodes are the engine's"),
    ("etc/.pwd.lock", "a lock that a program left behind"),
    ("etc/apt/", "mmdebstrap writes the mirror that it used, we write deb822"),
    ("etc/dpkg/dpkg.cfg.d/", "what the image is built without"),
    ("etc/fstab", "mmdebstrap's own, and empty"),
    ("etc/group", "the image has a user of its own; backups are not kept"),
    ("etc/gshadow", "the same"),
    ("etc/hostname", "the build host's"),
    ("etc/imgbuild/", "the image's own start-up files"),
    ("etc/passwd", "the image has a user of its own; backups are not kept"),
    ("etc/resolv.conf", "the build host's"),
    ("etc/shadow", "the image has a user of its own; backups are not kept"),
    ("etc/ssh/ssh_host_", "host keys are made at the first start, so that no two machines share them"),
    ("etc/sub", "the backups of programs are not kept"),
    ("home/", "the image has a user of its own"),
    ("opt/", "the image's own start-up files"),
    ("run/", "an engine mounts it empty"),
    ("usr/local/bin/imgbuild-", "the image's own start-up files"),
    ("usr/local/lib/imgbuild/", "the same"),
    ("usr/share/imgbuild/", "the lock and the bill of materials"),
    ("etc/profile.d/", "the image's own start-up files"),
    ("var/cache/apt/", "apt makes its locks and folders when it runs"),
    ("var/cache/debconf/", "debconf makes the records of the other packages when it runs first"),
    ("var/cache/fontconfig/", "a cache that knows folders by times, which layers do not keep: it is stale"),
    ("var/cache/ldconfig/", "a cache of `ldconfig` for its next run"),
    ("var/lib/apt/", "what apt makes when it runs; which packages were asked for is in the lock"),
    ("var/lib/dpkg/diversions", "dpkg writes it in the order of a hash table"),
    ("var/lib/dpkg/status-old", "a backup"),
    ("var/lib/ucf/hashfile.", "ucf's numbered backups of its database"),
    ("var/lib/ucf/registry.", "ucf's numbered backups of its database"),
    ("var/log/", "logs"),
];

/// The tree that mmdebstrap makes of the Debian packages that a lock names, from the mirror that it names.
fn oracle(lock: &str, root: &Path) {
    let lock: toml::Table = lock.parse().unwrap();
    let debian = &lock["variant"][0]["debian"];
    let text = |key: &str| debian[key].as_str().unwrap().trim_end_matches('/').to_owned();
    let names = lock["debian"].as_array().unwrap().iter();
    let names: Vec<String> = names
        .map(|it| format!("{}={}", it["name"].as_str().unwrap(), it["version"].as_str().unwrap()))
        .collect();
    let (suite, mirror, security) = (text("suite"), text("mirror"), text("security-mirror"));
    let mut command = Command::new("mmdebstrap");
    command.env("SOURCE_DATE_EPOCH", TIMESTAMP).arg("--variant=essential");
    if suite == "bookworm" {
        command.arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr");
    }
    let tar = root.with_extension("tar");
    let rules = debian.get("path-rules").and_then(toml::Value::as_array).into_iter().flatten();
    command.args(rules.map(|rule| format!("--dpkgopt={}", rule.as_str().unwrap())));
    command.arg(format!("--include={}", names.join(","))).arg(&suite).arg(&tar);
    command.arg(format!("deb {mirror} {suite} main")).arg(format!("deb {mirror} {suite}-updates main"));
    capture(command.arg(format!("deb {security} {suite}-security main"))).success();
    fs_err::create_dir_all(root).unwrap();
    let mut unpack = Command::new("tar");
    unpack.args(["--exclude=./dev/*", "--numeric-owner", "--directory"]).arg(root).arg("-xf").arg(&tar);
    capture(&mut unpack).success();
    fs_err::remove_file(tar).unwrap();
    // dpkg lists what is left out as well, and then misses it.
    for entry in fs_err::read_dir(root.join("var/lib/dpkg/info")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "list") {
            let text = fs_err::read_to_string(&path).unwrap();
            let there = |line: &&str| root.join(&line[1..]).symlink_metadata().is_ok();
            let lines = text.lines().filter(there).map(|line| format!("{line}\n"));
            fs_err::write(&path, lines.collect::<String>()).unwrap();
        }
    }
}

/// How an image differs from mmdebstrap's tree beyond the exceptions.
fn differences(root: &Path, expected: &Path) -> String {
    let keep = |path: &str| {
        let known = EXCEPTIONS.iter().any(|(it, _)| path.starts_with(it) || format!("{path}/") == *it);
        // Bytecode is made by another crate, and is not part of a package.
        !known && !path.contains("__pycache__")
    };
    let (found, wanted) = (Tree::read(root).filtered(keep), Tree::read(expected).filtered(keep));
    assert!(wanted.0.len() > 5000, "the oracle holds {} paths", wanted.0.len());
    found.differences(&wanted, |_, node| {
        let links = match &node.kind {
            Kind::File(_, first) => first.as_str(),
            _ => "",
        };
        format!("{} {:?} {links}", node.facts(), node.owner)
    })
}

/// The users of an image but its own, who is the last.
fn system_users(root: &Path, own: &str) -> Vec<String> {
    let text = fs_err::read_to_string(root.join("etc/passwd")).unwrap();
    text.lines().filter(|line| !line.starts_with(own)).map(str::to_owned).collect()
}

#[test]
fn a_workbench_is_mmdebstraps() {
    let imgbuild = Imgbuild::new().variable("SOURCE_DATE_EPOCH", TIMESTAMP);
    let output = imgbuild.build(SPEC, &[]);
    let execution = &output.report["images"][0]["executions"][0];
    assert_eq!(execution["what"], "maintainer scripts, by dpkg");
    let mut configured = execution["of"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    assert!(configured.any(|it| it.starts_with("nginx-light ")));

    let container = Container::without_hidden(&output.image());
    let root = container.root();
    let folder = scratch("oracle");
    let expected = folder.path().join("expected");
    oracle(&imgbuild.read("spec.lock"), &expected);
    assert_eq!(differences(&root, &expected), "");
    // The image's own user has a number that no package takes.
    let ours = system_users(&root, "user:");
    assert_eq!(ours, system_users(&expected, "user:"));

    let said = |words: &[&str]| container.exec_as_root(words).success().stdout;
    assert_eq!(said(&["dpkg", "--audit"]), "");
    assert_eq!(said(&["dpkg", "--verify"]), "");
    assert_eq!(said(&["locale", "-a"]), "C\nC.utf8\nPOSIX\n");
    assert!(said(&["getent", "passwd", "sshd"]).starts_with("sshd:x:100:65534:"));
    assert!(said(&["fc-list"]).contains("DejaVu"));
    assert_eq!(said(&["sh", "-c", "ls /etc/ssh/ssh_host_* /etc/machine-id 2>/dev/null | wc -l"]), "0\n");
    let clone = "set -e; export HOME=/tmp; cd /tmp; git init -q a; \
        git -C a -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m one; \
        git daemon --export-all --base-path=/tmp --listen=127.0.0.1 --detach --pid-file=/tmp/pid; \
        for _ in $(seq 50); do git clone -q git://127.0.0.1/a b && break; sleep 0.1; done; \
        git -C b log --format=%s; kill $(cat /tmp/pid)";
    assert_eq!(said(&["sh", "-c", clone]), "one\n");
    let compiled = "echo 'int main(){return 42;}' > /tmp/answer.c; cc -o /tmp/answer /tmp/answer.c && /tmp/answer; echo $?";
    assert_eq!(said(&["sh", "-c", compiled]), "42\n");
}
