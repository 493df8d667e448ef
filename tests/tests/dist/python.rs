//! The wheel, by pip and by uv, in environments that know nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_tests::{Bench, Imgbuild, capture, workspace_root};

use crate::made::{Made, VERSION};

/// That an installed program is the one, and runs: it builds what the program of the tests builds, with an empty store.
fn works(program: &Path) {
    let said = capture(Command::new(program).arg("--version")).success().stdout;
    assert_eq!(said, format!("imgbuild {VERSION}\n"));
}

/// The same by a build.
pub(crate) fn builds(program: &Path) {
    works(program);
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]\npackages = [\"requests\"]");
    let mut build = Command::new(program);
    build
        .args(["build", "spec.toml", "--output", "installed", "--json"])
        .current_dir(bench.imgbuild.folder());
    build.env("IMGBUILD_CACHE", bench.imgbuild.path("another")).env("IMGBUILD_NO_CONDARC", "1");
    let report: serde_json::Value = serde_json::from_str(&capture(&mut build).success().stdout).unwrap();
    assert_eq!(report["images"][0]["digest"], bench.build(&["--locked"]));
}

#[test]
fn pip_installs_the_wheel_and_it_builds() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let environment = imgbuild.path("environment");
    capture(Command::new("python3").args(["-m", "venv"]).arg(&environment)).success();
    let pip = ["-m", "pip", "--disable-pip-version-check"];
    let python = || Command::new(environment.join("bin/python"));
    capture(python().args(pip).args(["install", "--no-index"]).arg(made.file(".whl"))).success();
    builds(&environment.join("bin/imgbuild"));
    // What it is, as indexes show it.
    let shown = capture(python().args(pip).args(["show", "--verbose", "imgbuild"])).success().stdout;
    for line in [
        "Summary: Builds container images of conda and Python environments from a declarative spec, without a daemon",
        "  Repository, https://github.com/imgbuild/imgbuild",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}: {shown}");
    }
    let info = format!("lib/python3.*/site-packages/imgbuild-{VERSION}.dist-info");
    let files = format!(
        "cd {} && ls {info}/licenses share/man/man1/imgbuild-build.1 && cat {info}/WHEEL {info}/METADATA",
        environment.display()
    );
    let files = capture(Command::new("bash").args(["-c", &files])).success().stdout;
    for word in [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "THIRD-PARTY",
        "License-Expression: MIT OR Apache-2.0\n",
        "Tag: py3-none-manylinux_2_17_x86_64",
        "Tag: py3-none-musllinux_1_1_x86_64",
        "MIT ([LICENSE-MIT]",
    ] {
        assert!(files.contains(word), "{word}: {files}");
    }
    capture(python().args(pip).args(["uninstall", "--yes", "imgbuild"])).success();
    assert!(!environment.join("bin/imgbuild").exists());
}

#[test]
fn uv_installs_the_wheel_into_environments_and_as_a_tool() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let wheel = made.file(".whl");
    let uv = |arguments: &[&str]| {
        let mut uv = Command::new(workspace_root().join("target/wheels/tools/bin/uv"));
        uv.args(["--offline", "--no-config", "--no-python-downloads"]).args(arguments);
        for (name, folder) in [
            ("UV_CACHE_DIR", "cache"),
            ("UV_TOOL_DIR", "tools"),
            ("UV_TOOL_BIN_DIR", "bin"),
            ("VIRTUAL_ENV", "environment"),
        ] {
            uv.env(name, imgbuild.path(folder));
        }
        capture(uv.current_dir(imgbuild.folder())).success()
    };
    uv(&["venv", "environment"]);
    uv(&["pip", "install", wheel.to_str().unwrap()]);
    works(&imgbuild.path("environment/bin/imgbuild"));
    uv(&["tool", "install", wheel.to_str().unwrap()]);
    let tool: PathBuf = imgbuild.path("bin/imgbuild");
    works(&tool);
}
