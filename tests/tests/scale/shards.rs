//! `imgbuild build --shard`: the part of a matrix that one of many machines builds.

use std::collections::BTreeSet;
use std::process::Command;

use imgbuild_shard::SCHEDULERS;
use imgbuild_tests::{Bench, Imgbuild, Registry, capture};
use insta::assert_snapshot;
use serde_json::Value;

/// Ten images that have nothing in common.
const SPEC: &str = r#"
name = "small"
tags = ["{number}"]
platforms = ["linux/amd64"]
base = "scratch"

[matrix]
number = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[image]
env = { NUMBER = "{number}" }
"#;

/// Where nobody says which of many machines this is.
fn alone() -> Imgbuild {
    let variables = SCHEDULERS.iter().flat_map(|scheduler| [scheduler.index, scheduler.count]);
    variables.fold(Imgbuild::with_private_store(), Imgbuild::without)
}

fn locked() -> Imgbuild {
    let imgbuild = alone();
    imgbuild.write("spec.toml", SPEC);
    imgbuild.run(["lock", "spec.toml"]).success();
    imgbuild
}

/// The report of a build of one shard.
fn built(imgbuild: &Imgbuild, shard: &str) -> Value {
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out", "--json", "--shard", shard]);
    serde_json::from_str(&outcome.success().stdout).unwrap()
}

/// The outputs of a report, by name.
fn outputs(report: &Value) -> BTreeSet<String> {
    let outputs = report["outputs"].as_array().unwrap().iter();
    outputs.map(|output| output["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_shards_together_are_the_build() {
    let whole = {
        let imgbuild = locked();
        imgbuild.build_again(&[]);
        imgbuild_tests::names(&imgbuild.path("out"))
    };
    for count in [1, 3, 10] {
        let imgbuild = locked();
        let mut all = BTreeSet::new();
        for shard in 1..=count {
            let report = built(&imgbuild, &format!("{shard}/{count}"));
            for output in outputs(&report) {
                assert!(all.insert(output.clone()), "{output} was built twice");
            }
        }
        assert_eq!(all.len(), 10);
        assert_eq!(imgbuild_tests::names(&imgbuild.path("out")), whole);
    }
}

#[test]
fn images_of_the_same_packages_are_built_by_one_machine() {
    let bench = Bench::new();
    let matrix = "[matrix]\nnumber = [\"1\", \"2\", \"3\"]\npackage = [\"odd-modes\", \"ca-certificates\"]\n";
    let conda = "[conda]\nchannels = [\"./channel\"]\npackages = [\"{package}\"]\n[image]\nlabels = { number = \"{number}\" }\n";
    bench.spec("tags = [\"{number}-{package}\"]", &format!("{matrix}{conda}"));
    bench.run(&["lock", "spec.toml"]);
    let listed = bench.run(&["matrix", "spec.toml", "--shards", "2", "--json", "--platform", "linux/amd64"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let images: Vec<&Value> = listed["jobs"].as_array().unwrap().iter().map(|job| &job["images"]).collect();
    let of = |package: &str| {
        let name = |number: i32| format!("x:{number}-{package} (linux/amd64)");
        serde_json::json!([name(1), name(2), name(3)])
    };
    assert_eq!(images, [&of("ca-certificates"), &of("odd-modes")]);
}

#[test]
fn platforms_of_a_tag_are_parted_only_where_somebody_joins_them() {
    let imgbuild = alone();
    let spec = SPEC.replace("\"linux/amd64\"", "\"linux/amd64\", \"linux/arm64\"");
    imgbuild.write("spec.toml", spec.replace(", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"", ""));
    imgbuild.run(["lock", "spec.toml"]).success();
    let listed = |more: &[&str]| {
        imgbuild.run([&["matrix", "spec.toml", "--shards", "4"], more].concat()).success().stdout
    };
    assert_snapshot!(listed(&[]), @r"
    shard 1/4  --shard 1/4  2 images
    shard 2/4  --shard 2/4  2 images
    shard 3/4  --shard 3/4  0 images
    shard 4/4  --shard 4/4  0 images
    ");
    assert_snapshot!(listed(&["--platform-tags"]), @r"
    shard 1/4  --shard 1/4 --platform-tags  1 image
    shard 2/4  --shard 2/4 --platform-tags  1 image
    shard 3/4  --shard 3/4 --platform-tags  1 image
    shard 4/4  --shard 4/4 --platform-tags  1 image
    ");
    // So is what a machine without a registry writes.
    let report = built(&imgbuild, "1/4");
    assert_eq!(report["images"].as_array().unwrap().len(), 2);
    assert_eq!(outputs(&report).into_iter().collect::<Vec<_>>(), ["out/small-0.tar"]);
}

#[test]
fn machines_that_part_the_platforms_of_a_tag_are_joined() {
    let (imgbuild, registry) = (alone(), Registry::new());
    let spec = SPEC.replace("\"linux/amd64\"", "\"linux/amd64\", \"linux/arm64\"");
    imgbuild.write("spec.toml", spec.replace(", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"", ""));
    imgbuild.run(["lock", "spec.toml"]).success();
    let repository = format!("{}/team/images", registry.address());
    // One more than there are images: it has none to push.
    for shard in 1..=5 {
        let shard = format!("{shard}/5");
        let push = ["--platform-tags", "--push", &repository, "--shard", &shard];
        imgbuild.run([&["build", "spec.toml"], &push[..]].concat()).success();
    }
    let complete = ["push", "--complete", "spec.toml", &repository, "--json"];
    let report: Value = serde_json::from_str(&imgbuild.run(complete).success().stdout).unwrap();
    assert_eq!(report["there"].as_array().unwrap().len(), 4);
    assert_eq!(report["joined"].as_array().unwrap().len(), 2);
    for tag in ["0", "1"] {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{repository}:{tag}")]);
        let index: Value = serde_json::from_str(&capture(&mut skopeo).success().stdout).unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_shard_without_an_image_is_told() {
    let imgbuild = locked();
    let outcome = imgbuild.run(["build", "spec.toml", "--shard", "12/12"]).success();
    assert_eq!(outcome.stdout, "");
    let told: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("note: shard")).collect();
    assert_snapshot!(told.join("\n"), @r"note: shard 12/12 has none of the 10 images: the others have them all, and would not be done sooner with its help");
    let report = built(&imgbuild, "12/12");
    assert_eq!(report["shard"], serde_json::json!({ "shard": "12/12", "of": 10 }));
    assert_eq!(outputs(&report), BTreeSet::new());
}

#[test]
fn a_shard_of_what_is_asked_for() {
    let imgbuild = locked();
    let arguments = ["build", "spec.toml", "--only", "number=3", "--shard", "1/2", "--json"];
    let report: Value = serde_json::from_str(&imgbuild.run(arguments).success().stdout).unwrap();
    assert_eq!(report["shard"]["of"], 1);
    assert_eq!(outputs(&report).into_iter().collect::<Vec<_>>(), ["./small-3.tar"]);
}

#[test]
fn a_scheduler_says_which_shard_it_is() {
    let imgbuild = locked().variable("SLURM_ARRAY_TASK_ID", "5").variable("SLURM_ARRAY_TASK_MIN", "4");
    let imgbuild = imgbuild.variable("SLURM_ARRAY_TASK_COUNT", "5");
    let by_scheduler = built(&imgbuild, "auto");
    assert_eq!(by_scheduler["shard"]["shard"], "2/5");
    assert_eq!(outputs(&by_scheduler), outputs(&built(&imgbuild, "2/5")));
}

#[test]
fn machines_without_a_lock_would_not_build_the_same() {
    let imgbuild = alone();
    imgbuild.write("spec.toml", SPEC);
    let refused = imgbuild.run(["build", "spec.toml", "--shard", "1/2"]).failure();
    assert_snapshot!(refused.stderr, @r"
    × there is no lock `spec.lock`, and machines that share a build need one: each would look for packages by itself
    help: run `imgbuild lock` first, and give the lock to every machine
    ");
    let imgbuild = locked();
    imgbuild.write("spec.toml", SPEC.replace("\"9\"", "\"10\""));
    assert_snapshot!(imgbuild.run(["build", "spec.toml", "--shard", "1/2"]).failure().stderr, @r"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
}

#[test]
fn what_is_no_shard_is_told() {
    let imgbuild = locked();
    assert_snapshot!(imgbuild.run(["build", "spec.toml", "--shard", "3/2"]).failure().stderr, @r"
    error: invalid value '3/2' for '--shard <I/N>': `3/2` is none of 2 shards: they are numbered from 1

    For more information, try '--help'.
    ");
    assert_snapshot!(imgbuild.run(["build", "spec.toml", "--shard", "auto"]).failure().stderr, @r"
    × no variable here says which of many machines this is
    help: name it by `--shard I/N`, or set `IMGBUILD_SHARD_INDEX`, which counts from 0, and `IMGBUILD_SHARD_COUNT`; docs/scale.md lists what else is known
    ");
    let imgbuild = imgbuild.variable("JOB_COMPLETION_INDEX", "0");
    assert_snapshot!(imgbuild.run(["build", "spec.toml", "--shard", "auto"]).failure().stderr, @r"
    × `JOB_COMPLETION_INDEX` of Kubernetes (Indexed Job) says which machine this is, and nothing says of how many
    help: set `IMGBUILD_SHARD_COUNT` to their number
    ");
}
