//! `imgbuild matrix`: the images of a spec as jobs for a CI.

use std::process::Command;

use imgbuild_tests::{Imgbuild, capture};
use insta::assert_snapshot;
use serde_json::Value;

const SPEC: &str = r#"
name = "small"
tags = ["{python}"]
platforms = ["linux/amd64", "linux/arm64"]
base = "scratch"

[matrix]
python = ["3.9", "3.11"]
greeting = ["it's $HOME"]

[image]
labels = { "example.greeting" = "{greeting}" }
"#;

fn small() -> Imgbuild {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", SPEC.replace("it's $HOME", "hello"));
    imgbuild
}

/// What `imgbuild matrix` prints.
fn listed(imgbuild: &Imgbuild, arguments: &[&str]) -> String {
    imgbuild.run([&["matrix", "spec.toml"], arguments].concat()).success().stdout
}

#[test]
fn people_read_a_table() {
    assert_snapshot!(listed(&small(), &[]), @r"
    small:3.9 (linux/amd64, linux/arm64)   --only greeting=hello --only python=3.9 --platform linux/amd64 --platform linux/arm64
    small:3.11 (linux/amd64, linux/arm64)  --only greeting=hello --only python=3.11 --platform linux/amd64 --platform linux/arm64
    ");
    assert_snapshot!(listed(&small(), &["--only", "python=3.9", "--platform", "linux/arm64"]), @r"small:3.9 (linux/arm64)  --only greeting=hello --only python=3.9 --platform linux/arm64");
}

#[test]
fn platforms_are_parted_where_somebody_joins_them() {
    assert_snapshot!(listed(&small(), &["--platform-tags"]), @r"
    small:3.9 (linux/amd64)   --only greeting=hello --only python=3.9 --platform linux/amd64 --platform-tags
    small:3.9 (linux/arm64)   --only greeting=hello --only python=3.9 --platform linux/arm64 --platform-tags
    small:3.11 (linux/amd64)  --only greeting=hello --only python=3.11 --platform linux/amd64 --platform-tags
    small:3.11 (linux/arm64)  --only greeting=hello --only python=3.11 --platform linux/arm64 --platform-tags
    ");
}

#[test]
fn every_fact_as_json() {
    assert_snapshot!(listed(&small(), &["--json", "--only", "python=3.9", "--platform", "linux/arm64"]), @r#"
    {
      "jobs": [
        {
          "image": "small",
          "tags": [
            "3.9"
          ],
          "keys": {
            "greeting": "hello",
            "python": "3.9"
          },
          "platforms": [
            "linux/arm64"
          ],
          "name": "small:3.9 (linux/arm64)",
          "arguments": [
            "--only",
            "greeting=hello",
            "--only",
            "python=3.9",
            "--platform",
            "linux/arm64"
          ]
        }
      ]
    }
    "#);
    assert_eq!(listed(&small(), &["--json"]), listed(&small(), &["--format", "json"]));
}

#[test]
fn github_makes_a_matrix_of_one_line() {
    assert_snapshot!(listed(&small(), &["--format", "github", "--only", "python=3.9"]), @r#"{"include":[{"image":"small","tags":["3.9"],"keys":{"greeting":"hello","python":"3.9"},"platforms":["linux/amd64","linux/arm64"],"name":"small:3.9 (linux/amd64, linux/arm64)","arguments":"--only greeting=hello --only python=3.9 --platform linux/amd64 --platform linux/arm64"}]}"#);
}

#[test]
fn a_child_pipeline_of_gitlab_includes_a_hidden_job() {
    assert_snapshot!(listed(&small(), &["--format", "gitlab", "--only", "python=3.9"]), @r#"
    {
      ".imgbuild-matrix": {
        "parallel": {
          "matrix": [
            {
              "IMGBUILD_ARGUMENTS": "--only greeting=hello --only python=3.9 --platform linux/amd64 --platform linux/arm64"
            }
          ]
        }
      }
    }
    "#);
}

#[test]
fn a_shell_reads_each_line_as_the_arguments_of_one_image() {
    let imgbuild = small();
    imgbuild.write("spec.toml", SPEC);
    let lines = listed(&imgbuild, &["--format", "lines"]);
    assert_snapshot!(lines, @r"
    --only 'greeting=it'\''s $HOME' --only python=3.9 --platform linux/amd64 --platform linux/arm64
    --only 'greeting=it'\''s $HOME' --only python=3.11 --platform linux/amd64 --platform linux/arm64
    ");
    for line in lines.lines() {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("for word in {line}; do printf '%s\\n' \"$word\"; done")]);
        let words = capture(&mut shell).success().stdout;
        let arguments: Vec<&str> = words.lines().collect();
        imgbuild.run([&["build", "spec.toml", "--output", "jobs"], &arguments[..]].concat()).success();
    }
    // All of them together are what one machine builds.
    imgbuild.run(["build", "spec.toml", "--output", "whole"]).success();
    let files = |folder: &str| {
        let names = imgbuild_tests::names(&imgbuild.path(folder)).into_iter();
        names.map(|name| (fs_err::read(imgbuild.path(folder).join(&name)).unwrap(), name)).collect::<Vec<_>>()
    };
    assert_eq!(imgbuild_tests::names(&imgbuild.path("jobs")), ["small-3.11.tar", "small-3.9.tar"]);
    assert!(files("jobs") == files("whole"));
    // What GitLab would expand is doubled for it.
    let pipeline: Value = serde_json::from_str(&listed(&imgbuild, &["--format", "gitlab"])).unwrap();
    let first = &pipeline[".imgbuild-matrix"]["parallel"]["matrix"][0]["IMGBUILD_ARGUMENTS"];
    assert_eq!(
        first,
        r"--only 'greeting=it'\''s $$HOME' --only python=3.9 --platform linux/amd64 --platform linux/arm64"
    );
}

#[test]
fn a_job_for_each_of_so_many_machines() {
    let imgbuild = small();
    assert_snapshot!(listed(&imgbuild, &["--shards", "2"]), @r"
    shard 1/2  --shard 1/2
    shard 2/2  --shard 2/2
    ");
    imgbuild.run(["lock", "spec.toml"]).success();
    assert_snapshot!(listed(&imgbuild, &["--shards", "2"]), @r"
    shard 1/2  --shard 1/2  2 images
    shard 2/2  --shard 2/2  2 images
    ");
    assert_snapshot!(listed(&imgbuild, &["--shards", "2", "--platform", "linux/arm64", "--json"]), @r#"
    {
      "jobs": [
        {
          "shard": "1/2",
          "images": [
            "small:3.11 (linux/arm64)"
          ],
          "name": "shard 1/2",
          "arguments": [
            "--platform",
            "linux/arm64",
            "--shard",
            "1/2"
          ]
        },
        {
          "shard": "2/2",
          "images": [
            "small:3.9 (linux/arm64)"
          ],
          "name": "shard 2/2",
          "arguments": [
            "--platform",
            "linux/arm64",
            "--shard",
            "2/2"
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(listed(&imgbuild, &["--shards", "2", "--format", "github"]), @r#"{"include":[{"shard":"1/2","name":"shard 1/2","arguments":"--shard 1/2"},{"shard":"2/2","name":"shard 2/2","arguments":"--shard 2/2"}]}"#);
}

#[test]
fn a_matrix_that_a_ci_does_not_take() {
    let imgbuild = small();
    let refused = |format: &str, shards: &str| {
        let arguments = ["matrix", "spec.toml", "--format", format, "--shards", shards];
        imgbuild.run(arguments).failure().stderr
    };
    assert_snapshot!(refused("github", "257"), @r"
    × these are 257 jobs, and a matrix of GitHub Actions has at most 256
    help: let each job build a part of the images: `--shards 50`
    ");
    assert_snapshot!(refused("gitlab", "201"), @r"
    × these are 201 jobs, and a matrix of GitLab CI has at most 200
    help: let each job build a part of the images: `--shards 50`
    ");
    assert_eq!(listed(&imgbuild, &["--format", "lines", "--shards", "257"]).lines().count(), 257);
}

#[test]
fn nothing_is_left_of_it() {
    let refused = small().run(["matrix", "spec.toml", "--only", "python=3.10"]).failure();
    assert_snapshot!(refused.stderr, @r#"
    × no variant of the spec has python = "3.10"
    help: `imgbuild check` lists the variants
    "#);
}
