//! Builds that share a store and differ in one thing alone: each gets what is right for it (docs/store.md).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use imgbuild_tests::{Bench, Image, Output, Server, package_index, workspace_root};

/// A small environment with Python and a package that gets bytecode; `more` stands behind it.
fn environment(bench: &Bench, more: &str) {
    let conda =
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"python 3.11.*\", \"cycler\"]\npip = false";
    bench.spec("platforms = [\"linux/amd64\"]", &format!("{conda}\n{more}"));
}

fn build(bench: &Bench) -> Image {
    bench.imgbuild.build_again(&[]).image()
}

/// What a file of the image holds that is for Python's own eyes.
fn bytecode(image: &Image, prefix: &str) -> Vec<u8> {
    image.file(&format!("{prefix}/lib/python3.11/site-packages/cycler/__pycache__/__init__.cpython-311.pyc"))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|it| it == text.as_bytes())
}

/// The digest of the layer that has a package.
fn layer_of(image: &Image, package: &str) -> String {
    let histories = image.config.history.iter().filter(|history| !history.empty_layer);
    let at = histories.map(|history| &history.comment).position(|comment| comment.contains(package));
    image.manifest.layers[at.unwrap()].digest.to_string()
}

fn tools() -> PathBuf {
    workspace_root().join("target/wheels/tools/bin")
}

#[test]
fn builders_at_once_and_two_prefixes() {
    let bench = Bench::new();
    environment(&bench, "");
    bench.run(&["lock", "spec.toml"]);
    // Nothing is there yet: both want to make everything.
    let start = |folder: &str| {
        let mut command = bench.imgbuild.command(["build", "spec.toml", "--json", "--output", folder]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let images = ["first", "second"].map(start).map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        Output::read(bench.imgbuild.folder(), report).image()
    });
    assert_eq!(images[0].digest, images[1].digest);
    assert!(holds(&bytecode(&images[0], "opt/conda"), "/opt/conda/lib/python3.11/site-packages/cycler"));

    environment(&bench, "prefix = \"/opt/env\"");
    let other = bytecode(&build(&bench), "opt/env");
    assert!(holds(&other, "/opt/env/lib/python3.11/site-packages/cycler") && !holds(&other, "/opt/conda"));
    environment(&bench, "");
    assert_eq!(build(&bench).digest, images[0].digest);
    bench.run(&["cache", "verify"]);
}

#[test]
fn a_wheel_is_the_same_from_whatever_index_and_by_whatever_uv() {
    let mut bench = Bench::new();
    let path = std::env::var("PATH").unwrap();
    let with_tools = format!("{}:{path}", tools().display());
    bench.imgbuild = std::mem::take(&mut bench.imgbuild).variable("PATH", &with_tools);
    let index = |name: &str| package_index(&bench.imgbuild.path(name), "good-1.0-py3-none-any.whl", |_| None);
    let (here, there) = (index("here"), index("there"));
    let of_index = |server: &Server| {
        environment(
            &bench,
            &format!("[pip]\npackages = [\"good\"]\nindex-url = \"{}/simple\"", server.url()),
        );
        build(&bench)
    };
    let wheel = layer_of(&of_index(&here), "good");
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    assert_eq!(layer_of(&of_index(&there), "good"), wheel);

    // A wheel that a URL names says so, in its own layer.
    let of_url = |server: &Server| {
        let url = format!("{}/good-1.0-py3-none-any.whl", server.url());
        environment(
            &bench,
            &format!("[pip]\npackages = [\"good @ {url}\"]\nindex-url = \"{}/simple\"", server.url()),
        );
        let image = build(&bench);
        let stated = image.file("opt/conda/lib/python3.11/site-packages/good-1.0.dist-info/direct_url.json");
        assert!(holds(&stated, &url), "{}", String::from_utf8_lossy(&stated));
        layer_of(&image, "good")
    };
    let layers = [of_url(&here), of_url(&there)];
    assert!(layers[0] != layers[1] && !layers.contains(&wheel), "{layers:?}");

    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.99.0' && exit\nexec '{}' \"$@\"\n",
        tools().join("uv").display()
    );
    let other = bench.imgbuild.write("bin/uv", script);
    fs_err::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    let path = format!("{}:{with_tools}", other.parent().unwrap().display());
    let imgbuild = std::mem::take(&mut bench.imgbuild).variable("PATH", path);
    bench.imgbuild = imgbuild;
    environment(&bench, &format!("[pip]\npackages = [\"good\"]\nindex-url = \"{}/simple\"", here.url()));
    assert_eq!(layer_of(&build(&bench), "good"), wheel);
}

#[test]
fn six_builders_and_prune() {
    let bench = Bench::new();
    // Three specs that have some layers in common, each of them built by two at once.
    let packages = [
        "\"odd-modes\"",
        "\"odd-modes\", \"odd-activate-static\"",
        "\"python 3.11.*\", \"odd-activate-static\"",
    ];
    let specs: Vec<String> = (0..3).map(|number| format!("spec-{number}.toml")).collect();
    let mut alone = Vec::new();
    for (spec, packages) in specs.iter().zip(packages) {
        let conda = format!("[conda]\nchannels = [\"./channel\"]\npackages = [{packages}]\npip = false");
        bench.spec("platforms = [\"linux/amd64\"]", &conda);
        fs_err::rename(bench.imgbuild.path("spec.toml"), bench.imgbuild.path(spec)).unwrap();
        let outcome = bench.run(&["build", spec, "--json", "--output", "alone"]);
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        alone.push(report["images"][0]["digest"].clone());
    }
    std::thread::scope(|scope| {
        let prune = || {
            for _ in 0..8 {
                bench.run(&["cache", "prune", "--all"]);
            }
        };
        let pruner = Arc::new(scope.spawn(prune));
        for number in 0..6 {
            let (bench, specs, alone, pruner) = (&bench, &specs, &alone, Arc::clone(&pruner));
            // However fast the machine is, every prune falls into a build: a builder goes on until the last one.
            let build = move || loop {
                let words =
                    ["build", &specs[number % 3], "--json", "--locked", "--output", &format!("out-{number}")];
                let outcome = bench.run(&words);
                let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
                assert_eq!(report["images"][0]["digest"], alone[number % 3]);
                Output::read(bench.imgbuild.folder(), report);
                if pruner.is_finished() {
                    break;
                }
            };
            scope.spawn(build);
        }
    });
    bench.run(&["cache", "verify"]);
    // Nobody uses anything any more.
    bench.run(&["cache", "prune", "--all"]);
    let left: serde_json::Value =
        serde_json::from_str(&bench.run(&["cache", "ls", "--json"]).stdout).unwrap();
    assert_eq!(left["entries"], serde_json::json!([]));
}
