//! What is taken of a `uv.lock` is what uv itself exports of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild_diagnostic::told;
use imgbuild_oci::Platform;
use imgbuild_pypi::{Choice, Environment, Reading, Target, read_pylock};
use imgbuild_requirement::{ProjectName, ProjectParts};
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};
use crate::oracle::{run, tool};

/// A project with all that conditions can be about: extras, platforms, versions of Python, two versions of one package, a
/// member of its workspace, and needs of its developers.
const PROJECT: &str = r#"
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = [
    "web[full]",
    "old ; python_version < '3.10'",
    "win ; sys_platform == 'win32'",
    "forked <2 ; platform_machine == 'aarch64'",
    "forked >=2 ; platform_machine != 'aarch64'",
    "lib",
]
[project.optional-dependencies]
more = ["never"]
[dependency-groups]
dev = ["never"]
[build-system]
requires = ["none"]
[tool.uv.workspace]
members = ["packages/*"]
[tool.uv.sources]
lib = { workspace = true }
"#;

const LIBRARY: &str = "[project]\nname = \"lib\"\nversion = \"2\"\nrequires-python = \">=3.9\"\ndependencies = [\"deep\"]\n[build-system]\nrequires = [\"none\"]\n";

/// What a lock has for an environment, a line each.
fn taken(text: &str, folder: &Path, target: Target, python: &str, parts: &ProjectParts) -> Vec<String> {
    let environment = Environment::new(target, python).unwrap();
    let hashes = BTreeMap::new();
    let reading =
        Reading { folder, root: folder, environment: &environment, urls: true, hashes: &hashes, parts };
    let choices = read_pylock(text, reading).unwrap_or_else(|error| panic!("{}", told(&error)));
    choices.iter().map(|choice| format!("{choice:?}")).collect()
}

/// Names of parts.
fn names(text: &str) -> Vec<ProjectName> {
    text.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

/// uv in a folder, with the index of a bench.
fn uv(bench: &Bench, folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(tool("uv"));
    command.args(arguments).args(["--no-config", "--index-url"]).arg(bench.index.url(""));
    command.env("UV_CACHE_DIR", bench.spec.join("cache")).current_dir(folder);
    run(command.arg("--python").arg(tool("python")))
}

#[test]
fn what_is_taken_of_it_is_what_uv_exports() {
    let bench = Bench::new(GOOD);
    bench.add(&[
        wheel("web", "1", &["base", "fast ; extra == 'full'", "slow ; extra == 'other'"]),
        wheel("base", "1", &["deep ; python_version >= '3.10'"]),
        wheel("fast", "1", &["web", "win ; sys_platform == 'win32'"]),
        wheel("slow", "1", &[]),
        wheel("deep", "3", &[]),
        wheel("old", "1", &["older"]),
        wheel("older", "1", &[]),
        wheel("win", "1", &[]),
        wheel("forked", "1.5", &[]),
        wheel("forked", "2.5", &["base"]),
        wheel("never", "1", &[]),
    ]);
    let folder = bench.spec.join("project");
    fs::create_dir_all(folder.join("packages/lib")).unwrap();
    fs::write(folder.join("pyproject.toml"), PROJECT).unwrap();
    fs::write(folder.join("packages/lib/pyproject.toml"), LIBRARY).unwrap();
    uv(&bench, &folder, &["lock"]);
    let export = ["export", "--frozen", "--no-dev", "--no-emit-project", "--format", "pylock.toml"];
    let exported = uv(&bench, &folder, &export);
    let text = fs::read_to_string(folder.join("uv.lock")).unwrap();
    let parts = ProjectParts::default();
    let mut all = Vec::new();
    for platform in [Platform::LinuxAmd64, Platform::LinuxArm64] {
        for (minor, python) in [(9, "3.9.2"), (11, "3.11.9"), (13, "3.13.0")] {
            let target = Target { platform, minor, glibc: 36 };
            let found = taken(&text, &folder, target, python, &parts);
            let wanted = taken(&exported, &folder, target, python, &parts);
            assert_eq!(found, wanted, "{target}\n{text}\n{exported}");
            all.push(found.len());
        }
    }
    // The folder `lib`, and what Python 3.9 alone needs.
    assert_eq!(all, [8, 6, 6, 8, 6, 6]);
}

/// A project with parts, two of which exclude one another, as those of PyTorch's builds do.
const PARTS: &str = r#"
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["base"]
[project.optional-dependencies]
cpu = ["torch ==2.7.0"]
cuda = ["torch ==2.7.1"]
Fast_Math = ["web[full] ; python_version >= '3.11'"]
[dependency-groups]
dev = ["linter"]
test = ["tester", { include-group = "shared" }]
shared = ["deep"]
[tool.uv]
package = false
conflicts = [[{ extra = "cpu" }, { extra = "cuda" }]]
"#;

#[test]
fn the_parts_that_are_chosen_are_those_that_uv_exports() {
    let bench = Bench::new(GOOD);
    bench.add(&[
        wheel("web", "1", &["fast ; extra == 'full'"]),
        wheel("base", "1", &[]),
        wheel("fast", "1", &[]),
        wheel("deep", "3", &[]),
        wheel("linter", "1", &[]),
        wheel("tester", "1", &[]),
        wheel("torch", "2.7.0", &[]),
        wheel("torch", "2.7.1", &["nvidia"]),
        wheel("nvidia", "12", &[]),
    ]);
    let folder = bench.spec.join("project");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pyproject.toml"), PARTS).unwrap();
    uv(&bench, &folder, &["lock"]);
    let text = fs::read_to_string(folder.join("uv.lock")).unwrap();
    let mut counts = Vec::new();
    for (extras, groups, options) in [
        // As `uv sync` does.
        ("", None, ""),
        ("", Some(""), "--no-default-groups"),
        ("cuda", Some(""), "--no-default-groups --extra cuda"),
        ("cpu", None, "--extra cpu"),
        ("fast-math cuda", Some("test"), "--no-default-groups --extra fast-math --extra cuda --group test"),
        ("", Some("dev shared"), "--no-default-groups --group dev --group shared"),
    ] {
        let mut export = vec!["export", "--frozen", "--no-emit-project", "--format", "pylock.toml"];
        export.extend(options.split_whitespace());
        let exported = uv(&bench, &folder, &export);
        let parts =
            ProjectParts { extras: names(extras), groups: groups.map(names), default_groups: names("dev") };
        for (minor, python) in [(9, "3.9.2"), (11, "3.11.9")] {
            let target = Target { platform: Platform::LinuxAmd64, minor, glibc: 36 };
            let found = taken(&text, &folder, target, python, &parts);
            let wanted = taken(&exported, &folder, target, python, &ProjectParts::default());
            assert_eq!(found, wanted, "{options} {python}\n{text}\n{exported}");
            counts.push(found.len());
        }
    }
    assert_eq!(counts, [2, 2, 1, 1, 3, 3, 3, 3, 5, 7, 3, 3]);
}

#[test]
fn a_pylock_of_several_uses_has_parts_as_well() {
    let environment =
        Environment::new(Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 }, "3.11.9").unwrap();
    let package = |name: &str, marker: &str| {
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"1\"\nmarker = \"{marker}\"\nwheels = [{{ url = \"https://f.example/{name}-1-py3-none-any.whl\", hashes = {{ sha256 = \"{}\" }} }}]\n",
            "0".repeat(64)
        )
    };
    let text = [
        "lock-version = \"1.0\"\nextras = [\"fast\"]\ndependency-groups = [\"dev\", \"test\"]\ndefault-groups = [\"dev\"]\n".to_owned(),
        package("quick", "'fast' in extras"),
        package("linter", "'dev' in dependency_groups"),
        package("tester", "'test' in dependency_groups and 'fast' not in extras"),
    ]
    .concat();
    let chosen = |extras: &str, groups: Option<&str>| {
        let (folder, hashes) = (Path::new("/spec"), BTreeMap::new());
        let parts =
            ProjectParts { extras: names(extras), groups: groups.map(names), ..ProjectParts::default() };
        let reading = Reading {
            folder,
            root: folder,
            environment: &environment,
            urls: true,
            hashes: &hashes,
            parts: &parts,
        };
        let choices = read_pylock(&text, reading).unwrap();
        let name = |choice: &Choice| match choice {
            Choice::Wheel(wheel) => wheel.name.clone(),
            Choice::Source { .. } => String::new(),
        };
        choices.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(chosen("", None), "linter");
    assert_eq!(chosen("fast", None), "linter quick");
    assert_eq!(chosen("", Some("test dev")), "linter tester");
    assert_eq!(chosen("fast", Some("")), "quick");
}

#[test]
fn a_lock_that_is_damaged_is_told() {
    let refused = |text: &str| {
        let target = Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 };
        let environment = Environment::new(target, "3.11.9").unwrap();
        let (folder, hashes) = (Path::new("/spec"), BTreeMap::new());
        let parts = ProjectParts { extras: names("fast Slow"), ..ProjectParts::default() };
        let parts = if text.contains("optional") { parts } else { ProjectParts::default() };
        let reading = Reading {
            folder,
            root: folder,
            environment: &environment,
            urls: true,
            hashes: &hashes,
            parts: &parts,
        };
        told(&read_pylock(text, reading).unwrap_err())
    };
    let root = "version = 1\n[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n";
    let needs = |need: &str| format!("{root}dependencies = [{{ {need} }}]\n");
    assert_snapshot!(refused("version = 9\n"), @r"the lock file has version `9`, and version 1 is the one that is known");
    assert_snapshot!(refused("version = 1\npackage = 1\n"), @r"
    the lock file cannot be read: line 2 is not what uv writes
    hint: `uv lock` writes it anew
    ");
    assert_snapshot!(refused(&needs("name = \"gone\"")), @r"the lock file has no file of `gone`");
    assert_snapshot!(refused(&needs("name = \"app\", marker = \"sys_platform = 'x'\"")), @r"the lock file has a condition that is none: `sys_platform = \'x\'`");
    assert_snapshot!(refused(&format!("requires-python = \">=3.13\"\n{root}")), @r"the lock file is not for Python 3.11 on linux/amd64 with glibc 2.36: its `requires-python` is `>=3.13`");
    let optional = |name: &str| format!("{root}[package.optional-dependencies]\n{name} = []\n");
    assert_snapshot!(refused(&optional("fast")), @r"the lock file has no extra `slow`; it has `fast`");
    assert_snapshot!(refused("lock-version = \"1.0\"\npackages = []\n# optional\n"), @r"the lock file has no extra `fast`; it has no extras at all");
    let other = "[[package]]\nname = \"six\"\nversion = \"1.0\"\nsource = { registry = \"https://i.example/simple\" }\nwheels = [{ url = \"https://f.example/five-1.0-py3-none-any.whl\", hash = \"sha256:00\" }]\n";
    assert_snapshot!(refused(&format!("{}{other}", needs("name = \"six\""))), @r"
    the lock file has the wheel `five-1.0-py3-none-any.whl` for `six 1.0`, and by its name it is another one
    hint: lock again with the tool that wrote it; if it still says so, somebody has changed the file
    ");
}
