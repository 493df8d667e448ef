//! Kernels for the GPUs of `cuda.arch`: what frameworks say of themselves, what is found in their libraries, and what is not known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Imgbuild, channel, named};
use insta::assert_snapshot;
use serde_json::Value;

/// A spec for CUDA with packages of the test channel.
fn spec(cuda: &str, packages: &[&str]) -> String {
    let channel = channel();
    format!(
        "name = \"gpu\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = {cuda}\n[conda]\nchannels = [\"{channel}\"]\npackages = {packages:?}\n"
    )
}

/// What a build says that must fail.
fn refused(cuda: &str, packages: &[&str]) -> String {
    let imgbuild = Imgbuild::new();
    imgbuild.write("spec.toml", spec(cuda, packages));
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out"]).failure();
    assert!(!imgbuild.path("out/gpu-latest.tar").exists());
    imgbuild.run(["build", "spec.toml", "--output", "out", "--no-check"]).success();
    let start = outcome.stderr.find("  × ").unwrap_or(0);
    named(&outcome.stderr[start..])
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned()
}

/// The checks of a build that must succeed, and its notes of them.
fn checked(cuda: &str, packages: &[&str]) -> (String, String) {
    let imgbuild = Imgbuild::new();
    imgbuild.write("spec.toml", spec(cuda, packages));
    let build = ["build", "spec.toml", "--output", "out"];
    let said = imgbuild.run(build).success().stderr;
    let notes: Vec<&str> = said.lines().filter(|line| line.starts_with("note: the check")).collect();
    let json: Value =
        serde_json::from_str(&imgbuild.run(build.iter().chain(&["--json"])).success().stdout).unwrap();
    (serde_json::to_string_pretty(&json["images"][0]["checks"]).unwrap(), notes.join("\n"))
}

#[test]
fn gpus_that_pytorch_was_not_compiled_for() {
    assert_snapshot!(refused("{ version = \"13.0\", arch = [\"7.5\", \"11.0\"] }", &["pytorch"]), @r#"
      × `gpu:latest (linux/amd64)` does not run on all GPUs that it is for:
      │ `torch 2.7.1` (CUDA 13.0): no kernels for sm_110; it was compiled for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120, compute_120
      help: ask for builds that have kernels for these GPUs, or leave them out of `cuda.arch`; nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ the GPUs were named here
       ╭─[spec.toml:4:8]
     3 │ python = "3.11"
     4 │ cuda = { version = "13.0", arch = ["7.5", "11.0"] }
       ·        ──────────────────────┬─────────────────────
       ·                              ╰── `arch`
     5 │ [conda]
       ╰────
    "#);
}

#[test]
fn gpus_that_other_frameworks_have_no_kernels_for() {
    let all = ["tensorflow", "jax", "onnxruntime", "cupy"];
    assert_snapshot!(refused("{ version = \"12.9\", arch = [\"5.2\", \"9.0\", \"10.0\"] }", &all), @r#"
      × `gpu:latest (linux/amd64)` does not run on all GPUs that it is for:
      │ `tensorflow 2.19.0` (CUDA 12.9): no kernels for sm_52; it was compiled for sm_60, sm_70, sm_80, sm_89, compute_90
      │ `onnxruntime 1.22.0`: no kernels for sm_52, sm_100; it was compiled for sm_75, sm_80, sm_86, sm_89, sm_90a, sm_120a
      help: ask for builds that have kernels for these GPUs, or leave them out of `cuda.arch`; nothing was delivered; `imgbuild build --no-check` delivers without checking

    Advice:
      ☞ the GPUs were named here
       ╭─[spec.toml:4:8]
     3 │ python = "3.11"
     4 │ cuda = { version = "12.9", arch = ["5.2", "9.0", "10.0"] }
       ·        ─────────────────────────┬─────────────────────────
       ·                                 ╰── `arch`
     5 │ [conda]
       ╰────
    "#);
}

#[test]
fn what_is_known_and_what_is_not() {
    let cuda = "{ version = \"12.9\", arch = [\"9.0\", \"12.0\"] }";
    let (checks, notes) = checked(cuda, &["pytorch", "tensorflow", "jax", "onnxruntime", "cupy"]);
    assert_snapshot!(checks, @r#"
    [
      {
        "run": [
          "kernels for the GPUs of cuda.arch"
        ],
        "skipped": null
      },
      {
        "run": [
          "kernels for the GPUs of cuda.arch"
        ],
        "skipped": "of `cupy 13.4.1` it is not known: its libraries hold no kernels, and nothing says what it compiles when it runs"
      }
    ]
    "#);
    assert_snapshot!(notes, @r"note: the check `kernels for the GPUs of cuda.arch` of `gpu:latest (linux/amd64)` was skipped: of `cupy 13.4.1` it is not known: its libraries hold no kernels, and nothing says what it compiles when it runs");
    let (checks, notes) = checked(cuda, &["cupy"]);
    assert_snapshot!(checks, @r#"
    [
      {
        "run": [
          "kernels for the GPUs of cuda.arch"
        ],
        "skipped": "of `cupy 13.4.1` it is not known: its libraries hold no kernels, and nothing says what it compiles when it runs"
      }
    ]
    "#);
    assert_snapshot!(notes, @r"note: the check `kernels for the GPUs of cuda.arch` of `gpu:latest (linux/amd64)` was skipped: of `cupy 13.4.1` it is not known: its libraries hold no kernels, and nothing says what it compiles when it runs");
    let (checks, notes) = checked(cuda, &["libcublas"]);
    assert_snapshot!(checks, @r#"
    [
      {
        "run": [
          "kernels for the GPUs of cuda.arch"
        ],
        "skipped": "no framework of which it can be known is in the image"
      }
    ]
    "#);
    assert_snapshot!(notes, @r"note: the check `kernels for the GPUs of cuda.arch` of `gpu:latest (linux/amd64)` was skipped: no framework of which it can be known is in the image");
    // Who names no GPUs asks for no check.
    let packages = ["cupy", "vision-models[flags=[cuda]]"];
    assert_eq!(checked("\"12.9\"", &packages), ("[]".to_owned(), String::new()));
}
