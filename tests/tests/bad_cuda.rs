//! What is said where `cuda`, a manager, or an index of PyTorch asks for what there is not.
//!
//! What the language itself refuses is in `crates/spec/src/tests/cuda.rs`, GPUs without kernels in `kernels.rs`, frameworks for the
//! processor and pairs that nothing is built for in `cuda.rs`, and Dockerfiles that are none in `first_spec.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Bench, package_index};
use insta::assert_snapshot;
use serde_json::json;

/// A channel of nothing but its index, with one package.
fn channel(bench: &Bench, name: &str, package: &str, depends: &[&str]) {
    let record = json!({
        "name": package, "version": "1.0", "build": "0", "build_number": 0, "subdir": "linux-64", "size": 1,
        "sha256": "00".repeat(32), "depends": depends,
    });
    let index = json!({ "packages.conda": { format!("{package}-1.0-0.conda"): record } });
    bench.imgbuild.write(&format!("{name}/linux-64/repodata.json"), index.to_string());
    bench.imgbuild.write(&format!("{name}/noarch/repodata.json"), "{}");
}

#[test]
fn a_manager_that_the_channel_lacks() {
    let bench = Bench::new();
    channel(&bench, "small", "zlib", &[]);
    bench.spec(
        "platforms = [\"linux/amd64\"]",
        "[conda]\nchannels = [\"./small\"]\npackages = [\"zlib\"]\nmanager = \"mamba\"",
    );
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          No candidates were found for mamba *.
      help: `manager = "mamba"` is a package that no channel of the spec has: name one that has it, or another manager

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:11:11]
     10 │ packages = ["zlib"]
     11 │ manager = "mamba"
        ·           ───┬───
        ·              ╰── this manager
        ╰────
    "#);
}

#[test]
fn a_driver_that_is_older_than_the_version_needs() {
    let bench = Bench::new();
    let told = |cuda: &str, package: &str| {
        bench.spec(
            &format!("platforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = {cuda}"),
            &format!("[conda]\nchannels = [\"./channel\"]\npackages = [\"{package}\"]"),
        );
        bench.refuses(&["lock", "spec.toml"])
    };
    assert_snapshot!(told("{ version = \"12.9\", driver = \"470\" }", "pytorch"), @r#"
     × CUDA 12.9 needs a driver from 525.60.13 on, and `driver` is 470
      ╭─[spec.toml:4:20]
    3 │ python = "3.11"
    4 │ cuda = { version = "12.9", driver = "470" }
      ·                    ───┬──           ──┬──
      ·                       │               ╰── this driver
      ·                       ╰── this version
    5 │ [base]
      ╰────
     help: write `driver = "525.60.13"` or a newer one, or `version = "11.4"`, which that driver supports, or `compat = true` for GPUs of data centres
    "#);
    // One that a package needs.
    channel(&bench, "newer", "kernels", &["__cuda >=12.6"]);
    bench.spec(
        "platforms = [\"linux/amd64\"]\ncuda = { version = \"12.9\", driver = \"550\" }",
        "[conda]\nchannels = [\"./newer\"]\npackages = [\"kernels\"]",
    );
    assert_snapshot!(bench.refuses(&["lock", "spec.toml"]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          `kernels-1.0-0` needs `__cuda >=12.6`, and the image's oldest driver supports CUDA 12.4
          kernels * cannot be installed because there are no viable options:
          └─ kernels 1.0 would require
             └─ __cuda >=12.6, for which no candidates were found.
      help: the image may meet a driver as old as 550: name a newer one, `cuda = { version = "12.9", driver = "560" }`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:11:13]
     10 │ channels = ["./newer"]
     11 │ packages = ["kernels"]
        ·             ────┬────
        ·                 ╰── this requirement
        ╰────
    "#);
}

#[test]
fn an_index_of_pytorch_that_cannot_be_reached() {
    let bench = Bench::new();
    let index = package_index(&bench.imgbuild.path("index"), "good-1.0-py3-none-any.whl", |_| None);
    // Nobody listens there: the port was somebody's a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bench.spec(
        "platforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = \"12.9\"",
        &format!(
            "[conda]\npip = false\nchannels = [\"./channel\"]\n[pip]\npackages = [\"torch\"]\nindex-url = \"{}/simple\"\n[pip.mirrors]\npytorch = \"http://{nobody}/whl\"",
            index.url()
        ),
    );
    let told = bench.refuses(&["lock", "spec.toml"]);
    assert_snapshot!(told.replace(&index.url(), "http://INDEX"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ╰─▶ the mirror `http://127.0.0.1:PORT/whl` of PyTorch's indexes cannot be used: `http://127.0.0.1:PORT/whl/cu129/pytorch-triton/` cannot be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
    help: it must have what PyTorch's server has below `/whl`: `cu129/torch/` among others; another mirror goes into `[pip.mirrors] pytorch`; an index that has `torch` in `index-url` or `extra-index-urls` of `[pip]` is asked instead; `torch-backend = "none"` asks no index but these
    "#);
}

#[test]
fn a_package_that_a_channel_has_as_a_wheel_alone() {
    let bench = Bench::new();
    let record = json!({
        "name": "wheely", "version": "1.0", "build": "py3_none_any_0", "build_number": 0, "subdir": "noarch", "noarch": "python",
        "url": "wheely-1.0-py3-none-any.whl", "size": 1, "sha256": "00".repeat(32), "depends": [],
    });
    let index = json!({
        "info": { "subdir": "noarch", "repodata_revisions": { "v3": { "n_packages": 1 }, "v4": {} } },
        "v3": { "whl": { "wheely-1.0-py3_none_any_0": record } },
    });
    bench.imgbuild.write("wheels/noarch/repodata.json", index.to_string());
    bench.imgbuild.write("wheels/linux-64/repodata.json", "{}");
    bench
        .spec("platforms = [\"linux/amd64\"]", "[conda]\nchannels = [\"./wheels\"]\npackages = [\"wheely\"]");
    let outcome = bench.imgbuild.run(["lock", "spec.toml"]).failure();
    let notes: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_snapshot!(notes.join("\n").replace(&bench.imgbuild.folder().display().to_string(), "FOLDER"), @r"note: the channel `file://FOLDER/wheels/` lists packages in a form of the index (`v4`) that is newer than this program: they are not seen");
    assert_snapshot!(bench.message(&outcome), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          the channels have `wheely` as a wheel alone, and a conda environment takes no wheels from channels
          No candidates were found for wheely *.
      help: `[pip] packages = ["wheely"]` takes it from an index of wheels; else name a channel that has it as a conda package

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ channels = ["./wheels"]
     10 │ packages = ["wheely"]
        ·             ────┬───
        ·                 ╰── this requirement
        ╰────
    "#);
}
