//! The oracle: `mmdebstrap`'s tree of exactly the same packages, path by path; and dpkg and apt inside of ours.
//!
//! Needs root, `curl` and `mmdebstrap`, which the test installs where it is missing, and the build host's mirror.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails shall say where"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use imgbuild_debian::{LeftOut, Locked, Mirror, apt_files};
use imgbuild_layer::Source;
use imgbuild_oci::Platform;
use imgbuild_runtime::User;
use support::{Folder, TIMESTAMP, locked, locked_without, write_base};

/// What differs, by the beginning of its path, and why.
const EXCEPTIONS: [(&str, &str); 24] = [
    ("etc/.pwd.lock", "a lock that a program left behind"),
    ("etc/apt/sources.list", "mmdebstrap writes the mirror that it used; ours are `apt_files`"),
    ("etc/fstab", "mmdebstrap's own, and empty"),
    ("etc/group-", "the backup of a program that changed the file"),
    ("etc/gshadow-", "the backup of a program that changed the file"),
    ("etc/hostname", "the build host's"),
    ("etc/passwd-", "the backup of a program that changed the file"),
    ("etc/resolv.conf", "the build host's"),
    ("etc/shadow-", "the backup of a program that changed the file"),
    ("etc/shadow", "the day of the last change is that of the run; its other fields are compared"),
    ("etc/ssh/ssh_host_", "host keys are made at the first start, so that no two machines share them"),
    ("var/cache/apt/", "apt makes its locks and folders when it runs"),
    ("var/cache/debconf/", "debconf makes its database from the templates below `info/` when it runs first"),
    ("var/cache/ldconfig/", "a cache of `ldconfig` for its next run"),
    ("var/lib/apt/extended_states", "which packages were asked for is in the lock"),
    ("var/lib/apt/lists/", "apt makes its locks and folders when it runs"),
    ("var/lib/dpkg/diversions-old", "a backup"),
    ("var/lib/dpkg/diversions", "dpkg writes it in the order of a hash table; it is compared as a set"),
    ("var/lib/dpkg/status-old", "a backup"),
    ("var/lib/ucf/hashfile.", "ucf's numbered backups of its database"),
    ("var/lib/ucf/registry.", "ucf's numbered backups of its database"),
    ("var/log/alternatives.log", "a log"),
    ("var/log/dpkg.log", "a log"),
    ("etc/dpkg/dpkg.cfg.d/", "mmdebstrap keeps what it was told to give dpkg; ours is `apt_files`"),
];

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn need_mmdebstrap() {
    if Command::new("mmdebstrap").arg("--version").output().is_err() {
        run(Command::new("apt-get").args(["install", "-y", "--no-install-recommends", "mmdebstrap"]));
    }
}

/// The tree that mmdebstrap makes of the packages of `locked`.
///
/// Where paths are left out, dpkg's lists name them all the same, and `dpkg --verify` then misses them. Ours do not: so
/// they are taken out of the oracle's.
fn oracle(locked: &Locked, root: &Path) {
    need_mmdebstrap();
    let suite = &locked.set.suite;
    let mirror = Mirror::choose(None, Path::new("/etc/apt"), suite).unwrap();
    let names: Vec<_> = locked.packages.iter().map(|it| format!("{}={}", it.name, it.version)).collect();
    let tar = root.with_extension("tar");
    let mut command = Command::new("mmdebstrap");
    command.env("SOURCE_DATE_EPOCH", TIMESTAMP.to_string()).arg("--variant=essential");
    if suite == "bookworm" {
        command.arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr");
    }
    let rules = &locked.set.path_rules;
    command.args(rules.iter().map(|rule| format!("--dpkgopt={rule}")));
    command.arg(format!("--include={}", names.join(","))).arg(suite).arg(&tar);
    command
        .arg(format!("deb {} {suite} main", mirror.main))
        .arg(format!("deb {} {suite}-updates main", mirror.main));
    command.arg(format!("deb {} {suite}-security main", mirror.security));
    run(&mut command);
    fs::create_dir_all(root).unwrap();
    run(Command::new("tar")
        .arg("-C")
        .arg(root)
        .args(["--exclude=./dev/*", "--numeric-owner", "-xf"])
        .arg(&tar));
    fs::remove_file(tar).unwrap();
    if !rules.is_empty() {
        for entry in fs::read_dir(root.join("var/lib/dpkg/info")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "list") {
                let text = fs::read_to_string(&path).unwrap();
                let there = |line: &&str| root.join(&line[1..]).symlink_metadata().is_ok();
                let lines = text.lines().filter(there).map(|line| format!("{line}\n"));
                fs::write(&path, lines.collect::<String>()).unwrap();
            }
        }
    }
}

/// Every path below `root`, with all that is compared of it.
fn tree(root: &Path, folder: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = Path::new(folder).join(entry.file_name()).display().to_string();
        let meta = entry.path().symlink_metadata().unwrap();
        let (mode, owner) = (meta.permissions().mode() & 0o7777, format!("{}:{}", meta.uid(), meta.gid()));
        let shown = if meta.is_symlink() {
            format!("link {owner} {}", fs::read_link(entry.path()).unwrap().display())
        } else if meta.is_dir() {
            tree(root, &path, found);
            format!("folder {mode:o} {owner}")
        } else {
            let content = imgbuild_oci::Digest::of(fs::read(entry.path()).unwrap());
            format!("file {mode:o} {owner} {} {content}", meta.nlink())
        };
        found.insert(path, shown);
    }
}

fn differences(expected: &Path, ours: &Path) -> Vec<String> {
    let (mut theirs, mut mine) = (BTreeMap::new(), BTreeMap::new());
    tree(expected, "", &mut theirs);
    tree(ours, "", &mut mine);
    assert!(theirs.len() > 3000, "the oracle holds {} paths", theirs.len());
    let paths: std::collections::BTreeSet<_> = theirs.keys().chain(mine.keys()).collect();
    let known = |path: &str| {
        EXCEPTIONS
            .iter()
            .any(|(it, _)| path == *it || (it.ends_with(['/', '_', '.']) && path.starts_with(it)))
    };
    // Bytecode is made by another crate, and is not part of a package.
    let bytecode = |path: &str| path.contains("__pycache__");
    let differs =
        paths.into_iter().filter(|it| theirs.get(*it) != mine.get(*it) && !known(it) && !bytecode(it));
    differs.map(|it| format!("{it}: {:?} and not {:?}", mine.get(it), theirs.get(it))).collect()
}

fn sorted(path: &Path, lines_of_one: usize) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let mut parts: Vec<String> = lines.chunks(lines_of_one).map(|it| it.join(" ")).collect();
    parts.sort();
    parts
}

fn compare(suite: &str, packages: &[&str], python: Option<&str>) {
    let locked = locked(suite, Platform::LinuxAmd64, packages, python);
    assert!(locked.set.configured.is_empty(), "{:?} would be run", locked.set.configured);
    compare_locked(&locked);
}

fn compare_locked(locked: &Locked) {
    let folder = tempfile::tempdir().unwrap();
    let (expected, ours) = (folder.path().join("expected"), folder.path().join("ours"));
    oracle(locked, &expected);
    fs::create_dir(&ours).unwrap();
    write_base(locked, &[], &ours);
    let differences = differences(&expected, &ours);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    let diversions = |root: &Path| sorted(&root.join("var/lib/dpkg/diversions"), 3);
    assert_eq!(diversions(&ours), diversions(&expected));
    let shadow = |root: &Path| {
        let lines = sorted(&root.join("etc/shadow"), 1).into_iter();
        lines
            .map(|line| {
                line.split(':').enumerate().filter(|(at, _)| *at != 2).map(|(_, it)| it.to_owned()).collect()
            })
            .collect::<Vec<Vec<String>>>()
    };
    assert_eq!(shadow(&ours), shadow(&expected));
}

#[test]
fn the_default_set_of_bookworm_is_mmdebstraps() {
    compare("bookworm", &[], None);
}

#[test]
fn the_default_set_of_trixie_is_mmdebstraps() {
    compare("trixie", &[], None);
}

#[test]
fn debians_python_and_tools_of_bookworm_are_mmdebstraps() {
    compare(
        "bookworm",
        &[
            "git",
            "tmux",
            "less",
            "procps",
            "netbase",
            "openssh-server",
            "sudo",
            "curl",
            "libnss-wrapper",
            "rsync",
            "vim-tiny",
        ],
        Some("3.11"),
    );
}

#[test]
fn debians_python_and_servers_of_trixie_are_mmdebstraps() {
    let packages = ["openssh-server", "sudo", "systemd-standalone-sysusers", "netbase", "procps", "rsync"];
    compare("trixie", &packages, Some("3.13"));
}

#[test]
fn what_is_left_out_is_what_dpkg_leaves_out() {
    let left_out = LeftOut {
        documentation: true,
        locales: true,
        // A hard link, links and conffiles are among them.
        exclude: vec![
            "/usr/share/perl/5*/unicore/*",
            "/usr/share/*/pixmaps*",
            "/etc/cron.d*",
            "/usr/bin/perl5*",
        ],
        include: vec!["/usr/share/locale/d[ae]/*", "/usr/share/man/man1/less*"],
    };
    for (suite, packages) in [("bookworm", &["less", "vim-tiny"][..]), ("trixie", &["less"])] {
        let locked = locked_without(suite, Platform::LinuxAmd64, packages, None, &left_out.rules());
        compare_locked(&locked);
        let folder = tempfile::tempdir().unwrap();
        write_base(&locked, &[], folder.path());
        assert_eq!(inside(folder.path(), "dpkg --verify"), "");
        assert_eq!(inside(folder.path(), "dpkg --audit"), "");
    }
}

/// Runs a program inside of `root`.
fn inside(root: &Path, command: &str) -> String {
    run(Command::new("chroot").arg(root).args(["/bin/sh", "-c", command]))
}

/// dpkg finds nothing to complain of, apt goes on from here, and the loader finds what is installed later.
fn goes_on(suite: &str, library: &str) {
    let slim = LeftOut { documentation: true, locales: true, ..LeftOut::default() };
    let locked = locked_without(suite, Platform::LinuxAmd64, &[], None, &slim.rules());
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let user = User {
        name: "user".to_owned(),
        uid: 1000,
        gid: 100,
        home: "/home/user".to_owned(),
        shell: "/bin/bash".to_owned(),
        groups: vec!["video".to_owned()],
    };
    write_base(&locked, &[user], root);
    let files = apt_files(&locked.set, TIMESTAMP).unwrap().unwrap();
    files.write(&imgbuild_layer::Exclusions::new(), &mut Folder::new(root)).unwrap();
    assert_eq!(inside(root, "dpkg --audit"), "");
    assert_eq!(inside(root, "dpkg --verify"), "");
    assert_eq!(
        inside(root, "id user"),
        "uid=1000(user) gid=100(users) groups=100(users),0(root),44(video)\n"
    );
    assert_eq!(inside(root, "stat -c %u:%g:%a /home/user"), "1000:0:2775\n");
    assert_eq!(inside(root, "locale -a"), "C\nC.utf8\nPOSIX\n");
    assert!(
        inside(root, "openssl verify -CApath /etc/ssl/certs /etc/ssl/certs/ISRG_Root_X1.pem").contains("OK")
    );
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).unwrap();
    fs::copy("/etc/hosts", root.join("etc/hosts")).unwrap();
    run(Command::new("sh").arg("-c").arg(format!(
        "mkdir -p {0}/dev && for it in null:3 random:8 urandom:9; do mknod -m 666 {0}/dev/${{it%:*}} c 1 ${{it#*:}}; done",
        root.display()
    )));
    inside(root, "apt-get update");
    assert!(inside(root, &format!("apt-get -s install {library}")).contains(&format!("Inst {library}")));
    inside(
        root,
        &format!("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {library}"),
    );
    assert!(inside(root, "ldconfig -p").contains("libpng16.so.16"));
    // It keeps to what the image was built without.
    assert_eq!(inside(root, &format!("ls /usr/share/doc/{library}")), "copyright\n");
    inside(root, &format!("DEBIAN_FRONTEND=noninteractive apt-get purge -y {library}"));
    assert_eq!(inside(root, "dpkg --audit"), "");
    assert_eq!(inside(root, "dpkg --verify"), "");
}

#[test]
fn apt_and_dpkg_go_on_in_bookworm() {
    goes_on("bookworm", "libpng16-16");
}

#[test]
fn apt_and_dpkg_go_on_in_trixie() {
    goes_on("trixie", "libpng16-16t64");
}

#[test]
fn arm64_is_locked_and_written_as_well() {
    for (suite, python) in [("bookworm", "3.11"), ("trixie", "3.13")] {
        let locked = locked(suite, Platform::LinuxArm64, &[], Some(python));
        let folder = tempfile::tempdir().unwrap();
        write_base(&locked, &[], folder.path());
        let cache = fs::read(folder.path().join("etc/ld.so.cache")).unwrap();
        assert!(cache.windows(19).any(|it| it == b"/aarch64-linux-gnu/"), "{suite}");
        let interpreter = imgbuild_debian::interpreter(&locked.set, &locked.packages).unwrap();
        assert_eq!(interpreter.minor, python);
        assert!(folder.path().join(interpreter.program.as_str()).exists());
    }
}

#[test]
fn the_compiler_runs_from_a_folder() {
    let locked = support::try_locked("bookworm", Platform::LinuxAmd64, &[], None, Some("3.11"), &[]).unwrap();
    let names: Vec<_> = locked.packages.iter().map(|it| it.name.as_str()).collect();
    assert!(names.contains(&"libc6") && !names.contains(&"bash"), "{names:?}");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut sink = Folder::new(root);
    for package in &locked.packages {
        let package = imgbuild_debian::Package::new(package, &support::Curl::new().path(&package.sha256));
        package.write(&imgbuild_layer::Exclusions::new(), &mut sink).unwrap();
    }
    let mut python = Command::new(root.join("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
    python
        .arg("--library-path")
        .arg(root.join("usr/lib/x86_64-linux-gnu"))
        .arg(root.join("usr/bin/python3.11"));
    python.env("PYTHONHOME", root.join("usr")).args([
        "-S",
        "-c",
        "import py_compile, sys; print(sys.version_info[:2])",
    ]);
    assert_eq!(run(&mut python), "(3, 11)\n");
}
