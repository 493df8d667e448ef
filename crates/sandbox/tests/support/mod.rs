//! A world for the tests: users of this machine, layers with a static busybox, and the driver.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, TarWriter};

/// Who makes the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Root, whose ids inside are others.
    Root,
    /// An ordinary user with subordinate ids.
    Ranges,
    /// An ordinary user with its own id only.
    Single,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Root, Self::Ranges, Self::Single];
    pub(crate) const WITH_OWNERS: [Self; 2] = [Self::Root, Self::Ranges];
}

/// An id that no user of this machine has.
pub(crate) const USER: u32 = 54_321;
const BUSYBOX: &str = "/usr/bin/busybox";
/// The programs that busybox is called by.
const NAMES: [&str; 45] = [
    "sh", "ls", "cat", "id", "mount", "umount", "ps", "env", "echo", "sleep", "touch", "mkdir", "rm",
    "rmdir", "stat", "kill", "tty", "ifconfig", "chown", "chmod", "mknod", "dd", "df", "mv", "ln",
    "readlink", "hostname", "head", "unshare", "chroot", "true", "false", "nc", "grep", "pwd", "printf",
    "su", "mkfifo", "find", "wc", "tail", "test", "setsid", "swapon", "reboot",
];

/// A folder with users, unpacked layers, and the driver.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) who: Who,
    prelude: String,
}

impl World {
    pub(crate) fn new(who: Who) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests act as several users: run them as root");
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let world = Self { folder, who, prelude: String::new() };
        let driver = Path::new(env!("CARGO_BIN_EXE_sandbox-driver"));
        fs::hard_link(driver, world.path("driver"))
            .or_else(|_| fs::copy(driver, world.path("driver")).map(drop))
            .unwrap();
        if who != Who::Root {
            let passwd = fs::read_to_string("/etc/passwd").unwrap();
            let user = format!("sandbox-test:x:{USER}:{USER}::/nonexistent:/bin/sh\n");
            fs::write(world.path("passwd"), passwd + &user).unwrap();
            let ids = if who == Who::Ranges { "sandbox-test:300000:65536\n" } else { "" };
            fs::write(world.path("subids"), ids).unwrap();
            chown(world.folder.path(), Some(USER), Some(USER)).unwrap();
        }
        world
    }

    /// As [`World::new`], where a shell first does something to the machine that the driver sees: as root, in a mount
    /// namespace of its own.
    pub(crate) fn after(who: Who, prelude: &str) -> Self {
        let mut world = Self::new(who);
        world.prelude = format!("{prelude}\n");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The driver, run by the user.
    pub(crate) fn driver(&self, arguments: &[&str]) -> Command {
        let mut script = self.prelude.clone();
        let mut run = "exec".to_owned();
        if self.who != Who::Root {
            script.push_str("for it in passwd:passwd subids:subuid subids:subgid; do\n");
            script.push_str(
                "touch /etc/${it#*:}; mount --bind \"$PWD/${it%:*}\" \"/etc/${it#*:}\" || exit 99; done\n",
            );
            run = format!("exec setpriv --reuid {USER} --regid {USER} --clear-groups");
        }
        let mut command = if script.is_empty() {
            let mut command = Command::new(self.path("driver"));
            command.args(arguments);
            command
        } else {
            let mut command = Command::new("unshare");
            command
                .args(["-m", "sh", "-c", &format!("{script}\n{run} ./driver \"$@\""), "sh"])
                .args(arguments);
            command
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Unpacks the base and further layers; the arguments that name them.
    pub(crate) fn layers(&self, layers: &[Vec<u8>]) -> Vec<String> {
        let all = std::iter::once(base()).chain(layers.iter().cloned()).enumerate();
        let mut arguments = Vec::new();
        for (index, layer) in all {
            let name = format!("layer-{index}");
            said(self.unpack(&layer, &name)).ok();
            arguments.extend(["--layer".to_owned(), name]);
        }
        arguments
    }

    pub(crate) fn unpack(&self, tar: &[u8], name: &str) -> Output {
        let mut child = self.driver(&["unpack", name]);
        let mut child =
            child.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // It may have seen enough before the end.
        let _ = child.stdin.take().unwrap().write_all(tar);
        child.wait_with_output().unwrap()
    }

    /// Runs words in layers.
    pub(crate) fn run(&self, options: &[&str], layers: &[String], words: &[&str]) -> Said {
        said(self.command(options, layers, words).output().unwrap())
    }

    pub(crate) fn command(&self, options: &[&str], layers: &[String], words: &[&str]) -> Command {
        let layers = layers.iter().map(String::as_str);
        let all: Vec<_> =
            ["run"].into_iter().chain(layers).chain(options.iter().copied()).chain(["--"]).collect();
        self.driver(&[&all, words].concat())
    }

    /// Runs a script in the base.
    pub(crate) fn sh(&self, options: &[&str], script: &str) -> Said {
        if !self.path("layer-0").exists() {
            self.layers(&[]);
        }
        self.run(options, &["--layer".to_owned(), "layer-0".to_owned()], &["sh", "-c", script])
    }

    pub(crate) fn spawn(&self, options: &[&str], script: &str) -> Child {
        self.layers(&[]);
        let mut command =
            self.command(options, &["--layer".to_owned(), "layer-0".to_owned()], &["sh", "-c", script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The difference of a folder, as `tar -tv` would list it, and the tar.
    pub(crate) fn difference(&self, arguments: &[&str]) -> (String, Vec<u8>) {
        let output = self.driver(&[&["difference"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (list(&output.stdout), output.stdout)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// What a driver said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Said {
    /// What it printed, where it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.output
    }
}

pub(crate) fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), output: text(output.stdout), error: text(output.stderr) }
}

/// One entry of a layer, with its body.
pub(crate) struct Entry(pub(crate) EntryHead, pub(crate) Vec<u8>);

pub(crate) fn file(path: &str, mode: u32, owner: (u32, u32), body: &[u8]) -> Entry {
    entry(path, EntryKind::File { size: body.len() as u64 }, mode, owner, body)
}

pub(crate) fn folder(path: &str, mode: u32, owner: (u32, u32)) -> Entry {
    entry(path, EntryKind::Directory, mode, owner, b"")
}

pub(crate) fn symlink(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Symlink { target: target.to_owned() }, 0o777, (0, 0), b"")
}

pub(crate) fn hardlink(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Hardlink { target: ImagePath::new(target).unwrap() }, 0o644, (0, 0), b"")
}

fn entry(path: &str, kind: EntryKind, mode: u32, (uid, gid): (u32, u32), body: &[u8]) -> Entry {
    let path = ImagePath::new(path).unwrap();
    Entry(EntryHead { path, kind, mode, owner: Owner { uid, gid }, mtime: 1_000_000 }, body.to_vec())
}

pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for Entry(head, body) in entries {
        writer.append(head, &mut body.as_slice()).unwrap();
    }
    writer.finish().unwrap()
}

/// The base: busybox, users, the usual folders.
pub(crate) fn base() -> Vec<u8> {
    let mut busybox = Vec::new();
    let mut program = fs::File::open(BUSYBOX).expect("busybox-static is there");
    program.read_to_end(&mut busybox).unwrap();
    let mut entries: Vec<_> = ["bin", "dev", "etc", "home", "proc", "root", "run", "sys"]
        .map(|it| folder(it, 0o755, (0, 0)))
        .into();
    entries.push(folder("tmp", 0o1777, (0, 0)));
    entries.push(file("bin/busybox", 0o755, (0, 0), &busybox));
    entries.extend(NAMES.map(|name| symlink(&format!("bin/{name}"), "busybox")));
    let passwd =
        "root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
    entries.push(file("etc/passwd", 0o644, (0, 0), passwd.as_bytes()));
    entries.push(file("etc/group", 0o644, (0, 0), b"root:x:0:\nusers:x:100:\nvideo:x:44:app\n"));
    tar(&entries)
}

/// The entries of a tar, one a line: mode, owner, size, path, and what it links to.
pub(crate) fn list(tar: &[u8]) -> String {
    let mut reader = imgbuild_archive::LayerReader::new(tar, u64::MAX);
    let mut lines = String::new();
    while let Some(head) = reader.next_entry().unwrap() {
        use imgbuild_archive::LayerKind::{Directory, File, Hardlink, Special, Symlink, Whiteout};
        let kind = match &head.kind {
            File => format!("file {}", head.size),
            Directory => "folder".to_owned(),
            Symlink(target) => format!("symlink {target}"),
            Hardlink(target) => format!("hardlink {target}"),
            Special(special) => format!("{special:?}"),
            Whiteout(whiteout) => format!("{whiteout:?}"),
        };
        let path = head.path.map_or_else(|| "/".to_owned(), |path| path.to_string());
        let (mode, owner) = (head.mode, head.owner);
        lines.push_str(&format!("{mode:04o} {}:{} @{} {path} {kind}\n", owner.uid, owner.gid, head.mtime));
    }
    lines
}

/// Changes the first header of a tar, and sums it up anew.
pub(crate) fn patched(mut tar: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    tar[at..at + bytes.len()].copy_from_slice(bytes);
    let header = tar[..148].iter().chain(&[b' '; 8]).chain(&tar[156..512]);
    let sum: u32 = header.map(|byte| u32::from(*byte)).sum();
    tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar
}
