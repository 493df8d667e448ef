//! The oracle: `uv pip install` of the same wheels into a virtual environment, path by path.
//!
//! Needs `cargo xtask wheels`, which installs uv and downloads the real wheels.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::support::{WheelBuilder, locked};
use imgbuild_archive::ImagePath;
use imgbuild_layer::{Exclusions, Source};
use imgbuild_pypi::{Layout, Package, virtual_environment};
use imgbuild_python::FolderSink;

/// What differs, by how its path ends, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    (".dist-info/INSTALLER", "it names the installer"),
    (".dist-info/uv_cache.json", "uv's note of when it took a wheel from a folder"),
    ("venv/.gitignore", "an image is not a checkout"),
    ("venv/.lock", "uv's lock"),
    ("venv/CACHEDIR.TAG", "an image is not backed up"),
    ("venv/pyvenv.cfg", "the keys are those of Python's own `venv`"),
    ("/imgbuild-user-site.pth", "uv leaves out what users have installed"),
    ("odd/empty", "an empty folder is no file, and no `RECORD` can list it; pip makes none either"),
];

/// The scripts that activate an environment in some shell: in an image it is first on PATH already.
const ACTIVATION: [&str; 10] = [
    "activate",
    "activate.bat",
    "activate.csh",
    "activate.fish",
    "activate.nu",
    "activate.ps1",
    "activate.xsh",
    "activate_this.py",
    "deactivate.bat",
    "pydoc.bat",
];

fn is_exception(path: &str) -> bool {
    let activation = path.rsplit_once("bin/").is_some_and(|(_, name)| ACTIVATION.contains(&name));
    activation || EXCEPTIONS.iter().any(|(ending, _)| path.ends_with(ending))
}

/// The lines of a `RECORD` but for those of files that differ.
fn comparable(path: &str, bytes: Vec<u8>) -> Vec<u8> {
    if !path.ends_with(".dist-info/RECORD") {
        return bytes;
    }
    let text = String::from_utf8(bytes).unwrap();
    let lines = text.split_inclusive('\n').filter(|line| !is_exception(line.split(',').next().unwrap()));
    lines.collect::<String>().into_bytes()
}

/// Every path below a folder: a line for folders and links, mode and content of files.
fn tree(root: &Path) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("venv/{}", path.strip_prefix(root).unwrap().display());
            if is_exception(&name) {
                continue;
            }
            let metadata = path.symlink_metadata().unwrap();
            let node = if metadata.is_symlink() {
                (format!("link to {}", fs::read_link(&path).unwrap().display()), Vec::new())
            } else if metadata.is_dir() {
                folders.push(path);
                ("folder".to_owned(), Vec::new())
            } else {
                let mode = metadata.permissions().mode() & 0o7777;
                (format!("file {mode:04o}"), comparable(&name, fs::read(&path).unwrap()))
            };
            found.insert(name, node);
        }
    }
    found
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wheels").canonicalize().unwrap_or_default()
}

/// A program that `cargo xtask wheels` has installed.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = target().join("tools/bin").join(name);
    assert!(path.is_file(), "`{name}` is not there\nhint: run `cargo xtask wheels`");
    path
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    String::from_utf8(output.stdout).unwrap()
}

/// uv, free of what the machine sets for it.
fn uv(cache: &Path) -> Command {
    // uv's files have the modes that the umask leaves.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(tool("uv"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UV_")) {
        command.env_remove(name);
    }
    command.args(["--no-config", "--offline", "--cache-dir"]).arg(cache);
    command
}

/// Installs wheels with uv and with ours, and compares. Returns our environment.
fn compare(folder: &Path, wheels: &[PathBuf]) -> PathBuf {
    let venv = folder.join("venv");
    let cache = folder.join("cache");
    let python = tool("python");
    let minor: u8 = run(Command::new(&python).args(["-c", "import sys; print(sys.version_info[1])"]))
        .trim()
        .parse()
        .unwrap();
    run(uv(&cache).args(["venv", "--python"]).arg(&python).arg(&venv));
    let mut install = uv(&cache);
    install.args(["pip", "install", "--no-deps", "--no-index", "--link-mode", "copy"]);
    install.args(["--python-version", "3.11", "--python-platform", "x86_64-manylinux2014"]);
    install.arg("--python").arg(venv.join("bin/python"));

    let root = folder.join("ours");
    let prefix = ImagePath::from_absolute(venv.to_str().unwrap()).unwrap();
    let layout = Arc::new(Layout::virtual_environment(prefix, minor).unwrap());
    fs::create_dir_all(&root).unwrap();
    let mut sink = FolderSink::new(&root);
    let interpreter = fs::read_link(venv.join("bin/python")).unwrap();
    let interpreter = ImagePath::from_absolute(interpreter.to_str().unwrap()).unwrap();
    let made = virtual_environment(&layout, &interpreter, "3.11.2", 0).unwrap();
    made.write(&Exclusions::new(), &mut sink).unwrap();
    for wheel in wheels {
        let locked = locked(wheel).unwrap_or_else(|error| panic!("{}: {error}", wheel.display()));
        install.arg("--find-links").arg(wheel.parent().unwrap());
        install.arg(format!("{}=={}", locked.name, locked.version));
        let package = Package::new(&locked, layout.clone(), wheel.clone()).unwrap();
        package.write(&Exclusions::new(), &mut sink).unwrap_or_else(|error| panic!("{error}"));
    }
    run(&mut install);

    let ours = root.join(venv.strip_prefix("/").unwrap());
    let (expected, found) = (tree(&venv), tree(&ours));
    let mut differences = Vec::new();
    for path in expected.keys().chain(found.keys().filter(|path| !expected.contains_key(*path))) {
        match (expected.get(path), found.get(path)) {
            (Some(_), None) => differences.push(format!("- {path}")),
            (None, Some(_)) => differences.push(format!("+ {path}")),
            (Some(theirs), Some(ours)) if theirs.0 != ours.0 => {
                differences.push(format!("! {path}: {} and not {}", ours.0, theirs.0));
            }
            (Some(theirs), Some(ours)) if theirs.1 != ours.1 => {
                let text =
                    |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
                differences.push(format!("! {path}:\n{}\nand not\n{}", text(&ours.1), text(&theirs.1)));
            }
            _ => {}
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(found.len() > 10);
    ours
}

/// What Python itself says of the distributions in a folder: every file is there, with the hash of its `RECORD`.
const VERIFY: &str = r#"
import base64, hashlib, importlib.metadata, sys
for dist in importlib.metadata.distributions(path=[sys.argv[1]]):
    count = 0
    for file in dist.files:
        data = file.locate().read_bytes()
        if file.hash is None:
            assert file.name == "RECORD", file
            continue
        digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).decode().rstrip("=")
        assert digest == file.hash.value and len(data) == (file.size or len(data)), file
        count += 1
    commands = sorted(it.name for it in dist.entry_points if it.group == "console_scripts")
    print(dist.metadata["Name"], dist.version, dist.read_text("INSTALLER"), count > 3, *commands)
"#;

fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("wheels-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn real_wheels_are_installed_as_uv_does() {
    let names = ["docutils-", "greenlet-", "jupyterlab-", "numpy-", "pip-", "requests-"];
    let real = target().join("real");
    let entries = fs::read_dir(&real).unwrap_or_else(|_| panic!("no wheels\nhint: run `cargo xtask wheels`"));
    let mut wheels: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    wheels.retain(|path| path.extension().is_some_and(|it| it == "whl"));
    wheels.sort();
    assert!(
        wheels.len() == names.len()
            && names
                .iter()
                .zip(&wheels)
                .all(|(name, path)| { path.file_name().unwrap().to_str().unwrap().starts_with(name) })
    );
    let folder = scratch();
    let ours = compare(folder.path(), &wheels);
    // The environment is one to Python: it finds itself and the wheels in it.
    let found = "import sys, docutils; print(sys.prefix != sys.base_prefix, docutils.__path__[0].startswith(sys.prefix))";
    assert_eq!(run(Command::new(ours.join("bin/python")).args(["-c", found])), "True True\n");
    let lib = fs::read_dir(ours.join("lib")).unwrap().next().unwrap().unwrap().path();
    let verified = run(Command::new(tool("python")).args(["-c", VERIFY]).arg(lib.join("site-packages")));
    let mut lines: Vec<&str> = verified.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    docutils 0.20.1 imgbuild True docutils
    greenlet 3.1.1 imgbuild True
    jupyterlab 4.2.5 imgbuild True jlpm jupyter-lab jupyter-labextension jupyter-labhub
    numpy 2.0.2 imgbuild True f2py numpy-config
    pip 24.3.1 imgbuild True pip pip3
    requests 2.32.3 imgbuild True
    "#);
}

#[test]
fn odd_wheels_are_installed_as_uv_does() {
    let folder = scratch();
    let wheels = folder.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let odd = WheelBuilder::new("Odd.Name", "1.0.0")
        .named("odd_name-1.0-1-py2.py3-none-any.whl")
        .file("odd/__init__.py", "")
        .file("odd/with,comma and \"quotes\".txt", "x")
        .file("odd/grüße.txt", "x")
        .member("odd/tool.sh", 0o100_700, b"#!/bin/sh\n")
        .member("odd/group.sh", 0o100_654, b"#!/bin/sh\n")
        .member("odd/open.txt", 0o100_666, b"text")
        .member("odd/secret.txt", 0o100_400, b"text")
        .member("odd/no-mode.txt", 0, b"text")
        .member("odd/setuid", 0o104_755, b"text")
        .member("odd/empty/", 0o40_755, b"")
        .file("Odd.Name-1.0.0.data/purelib/odd_pure.py", "")
        .file("Odd.Name-1.0.0.data/platlib/odd/plat.so", "")
        .member("Odd.Name-1.0.0.data/data/share/odd/run", 0o100_755, b"x")
        .file("Odd.Name-1.0.0.data/headers/sub/odd.h", "")
        .file("Odd.Name-1.0.0.data/scripts/odd-script", "#!python -E\nprint()\n")
        .file("Odd.Name-1.0.0.data/scripts/odd-versioned", "#!python3\r\nprint()\n")
        .file("Odd.Name-1.0.0.data/scripts/odd-gui", "#!pythonw\nprint()\n")
        .file("Odd.Name-1.0.0.data/scripts/odd-shell", "#!/bin/sh\n")
        .file("Odd.Name-1.0.0.data/scripts/odd-tiny", "#!py")
        .file("Odd.Name-1.0.0.data/scripts/odd-exact", "#!python")
        .file("Odd.Name-1.0.0.data/scripts/odd-old-mac", "#!python\rprint()\r")
        .file("Odd.Name-1.0.0.data/scripts/odd-marked", "\u{feff}#!python\n")
        .file("Odd.Name-1.0.0.data/scripts/odd-long", &format!("#!python{}\nprint()\n", "x".repeat(100_000)))
        .file(
            "Odd.Name-1.0.0.dist-info/entry_points.txt",
            "# comment\n[console_scripts]\nodd-command = odd.cli:App.main [extra, other]\nodd.dot=odd : main\npip3 = odd:pip\npip3.7 = odd:pip\n\n[gui_scripts]\nodd-window = odd:main\n[other]\nx = y\n",
        )
        .file("Odd.Name-1.0.0.dist-info/RECORD.jws", "{}")
        .file("Odd.Name-1.0.0.dist-info/licenses/sub/LICENSE", "");
    let signature = "Odd.Name-1.0.0.dist-info/RECORD.jws";
    let record: String =
        odd.record_text().split_inclusive('\n').filter(|line| !line.starts_with(signature)).collect();
    let plain = WheelBuilder::new("plain", "2!1.0rc1.post2").file("plain.py", "x = 1\n");
    compare(folder.path(), &[odd.record(&record).write(&wheels), plain.write(&wheels)]);
}

#[test]
fn long_paths_are_written_as_uv_writes_them() {
    let folder = scratch();
    let deep = folder.path().join("a folder with spaces/").join("x".repeat(120));
    fs::create_dir_all(deep.join("wheels")).unwrap();
    let wheel = WheelBuilder::new("long", "1.0")
        .file("long.py", "def main(): print('long')\n")
        .file("long-1.0.data/scripts/long-script", "#!python\nprint('script')\n")
        .file("long-1.0.dist-info/entry_points.txt", "[console_scripts]\nlong = long:main\n");
    compare(&deep, &[wheel.write(&deep.join("wheels"))]);
    // uv's environment, whose scripts have the same bytes as ours, runs.
    assert_eq!(run(&mut Command::new(deep.join("venv/bin/long"))), "long\n");
}
