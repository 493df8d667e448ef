//! CUDA's libraries that an image has twice, and wheels that have the name of one and hold nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Bench, Server, package_index};
use insta::assert_snapshot;
use serde_json::Value;

/// Frameworks as wheels, and CUDA's libraries under the names of both families: those of CUDA 13 have no suffix, and where its names
/// with one are there, nothing is behind them.
const WHEELS: &str = "
    framework-1.0-py3-none-any.whl requires=nvidia-cublas-cu12
    nvidia_cublas_cu12-12.9.1.4-py3-none-any.whl path=nvidia/cublas/lib/libcublas.so.12
    nvidia_cuda_runtime_cu12-12.9.79-py3-none-any.whl path=nvidia/cuda_runtime/lib/libcudart.so.12
    nvidia_cublas-13.0.0.19-py3-none-any.whl path=nvidia/cu13/lib/libcublas.so.13
    nvidia_cudnn_cu13-9.12.0.46-py3-none-any.whl path=nvidia/cudnn/lib/libcudnn.so.9
    nvidia_cublas_cu13-0.0.1-py3-none-any.whl
    nvidia_cufft_cu13-0.0.1.tar.gz
";

struct Libraries {
    bench: Bench,
    index: Server,
}

impl Libraries {
    fn new() -> Self {
        let bench = Bench::new();
        let index = package_index(&bench.imgbuild.path("index"), WHEELS, |_| None);
        Self { bench, index }
    }

    fn spec(&self, cuda: &str, conda: &[&str], wheels: &[&str]) {
        let index = self.index.url();
        self.bench.spec(
            &format!("platforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = {cuda}"),
            &format!(
                "[conda]\npip = false\nchannels = [\"./channel\"]\npackages = {conda:?}\n[pip]\nindex-url = \"{index}/simple\"\ntorch-backend = \"none\"\npackages = {wheels:?}\n"
            ),
        );
    }

    /// What a build says of CUDA, and what it says to programs.
    fn reported(&self) -> (String, String) {
        let build = ["build", "spec.toml", "--output", "built"];
        let said = self.bench.run(&build).stderr;
        let is_ours = |line: &&str| {
            line.starts_with("note: `x:") || line.contains(" (wheel, ") || line.contains("stub")
        };
        let notes: Vec<&str> = said.lines().filter(is_ours).collect();
        let json: Value =
            serde_json::from_str(&self.bench.run(&[build.as_slice(), &["--json"]].concat()).stdout).unwrap();
        let image = &json["images"][0];
        let told = serde_json::json!({
            "cudaDuplicates": image["cudaDuplicates"],
            "cudaDuplicatedBytes": image["cudaDuplicatedBytes"],
            "cudaStubs": image["cudaStubs"],
        });
        (notes.join("\n"), serde_json::to_string_pretty(&told).unwrap())
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let told = self.bench.refuses(arguments);
        told.replace(&self.index.url(), "http://INDEX")
    }
}

#[test]
fn libraries_of_conda_and_of_wheels_are_reported_with_their_bytes() {
    let libraries = Libraries::new();
    let conda = ["libcublas", "cuda-cudart"];
    let wheels = ["framework", "nvidia-cuda-runtime-cu12"];
    libraries.spec("\"12.9\"", &conda, &wheels);
    let (notes, json) = libraries.reported();
    assert_snapshot!(notes, @r"
    note: `x:latest (linux/amd64)` has libraries of CUDA twice, 1.1 kB too many:
      cublas: `libcublas 12.9.1` (conda, 127.0 kB), `nvidia-cublas-cu12 12.9.1.4` (wheel, 553 B)
      cuda-runtime: `cuda-cudart 12.9.79` (conda, 2.2 kB), `nvidia-cuda-runtime-cu12 12.9.79` (wheel, 585 B)
    ");
    assert_snapshot!(json, @r#"
    {
      "cudaDuplicates": [
        {
          "library": "cublas",
          "copies": [
            {
              "from": "conda",
              "package": "libcublas 12.9.1",
              "bytes": 126976
            },
            {
              "from": "wheel",
              "package": "nvidia-cublas-cu12 12.9.1.4",
              "bytes": 553
            }
          ]
        },
        {
          "library": "cuda-runtime",
          "copies": [
            {
              "from": "conda",
              "package": "cuda-cudart 12.9.79",
              "bytes": 2176
            },
            {
              "from": "wheel",
              "package": "nvidia-cuda-runtime-cu12 12.9.79",
              "bytes": 585
            }
          ]
        }
      ],
      "cudaDuplicatedBytes": 1138,
      "cudaStubs": []
    }
    "#);
    libraries.spec("{ version = \"12.9\", duplicates = \"refuse\" }", &conda, &wheels);
    assert_snapshot!(libraries.refused(&["lock", "spec.toml"]), @r#"
      × `x:latest (linux/amd64)` has libraries of CUDA twice, 1138 bytes too many:
      │   cublas: `libcublas 12.9.1` (conda, 126976 bytes), `nvidia-cublas-cu12 12.9.1.4` (wheel, 553 bytes)
      │   cuda-runtime: `cuda-cudart 12.9.79` (conda, 2176 bytes), `nvidia-cuda-runtime-cu12 12.9.79` (wheel, 585 bytes)
      help: take the framework from conda or as a wheel, and not from both; `cuda.duplicates = "report"` only tells of them

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:8]
     3 │ python = "3.11"
     4 │ cuda = { version = "12.9", duplicates = "refuse" }
       ·        ─────────────────────┬─────────────────────
       ·                             ╰── `duplicates`
     5 │ [base]
       ╰────
    "#);
}

#[test]
fn wheels_of_both_families_of_names_are_the_same_library() {
    let libraries = Libraries::new();
    let wheels = ["framework", "nvidia-cublas", "nvidia-cudnn-cu13"];
    libraries.spec("\"13.0\"", &[], &wheels);
    let (notes, json) = libraries.reported();
    assert_snapshot!(notes, @r"
    note: `x:latest (linux/amd64)` has libraries of CUDA twice, 530 B too many:
      cublas: `nvidia-cublas 13.0.0.19` (wheel, 530 B), `nvidia-cublas-cu12 12.9.1.4` (wheel, 553 B)
    ");
    assert_snapshot!(json, @r#"
    {
      "cudaDuplicates": [
        {
          "library": "cublas",
          "copies": [
            {
              "from": "wheel",
              "package": "nvidia-cublas 13.0.0.19",
              "bytes": 530
            },
            {
              "from": "wheel",
              "package": "nvidia-cublas-cu12 12.9.1.4",
              "bytes": 553
            }
          ]
        }
      ],
      "cudaDuplicatedBytes": 530,
      "cudaStubs": []
    }
    "#);
    libraries.spec("{ version = \"13.0\", duplicates = \"refuse\" }", &[], &wheels);
    assert_snapshot!(libraries.refused(&["build", "spec.toml", "--output", "out"]), @r#"
      × `x:latest (linux/amd64)` has libraries of CUDA twice, 530 bytes too many:
      │   cublas: `nvidia-cublas 13.0.0.19` (wheel, 530 bytes), `nvidia-cublas-cu12 12.9.1.4` (wheel, 553 bytes)
      help: take frameworks of one version of CUDA: its wheels are those that another one requires; `cuda.duplicates = "report"` only tells of them

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:8]
     3 │ python = "3.11"
     4 │ cuda = { version = "13.0", duplicates = "refuse" }
       ·        ─────────────────────┬─────────────────────
       ·                             ╰── `duplicates`
     5 │ [base]
       ╰────
    "#);
    // Once is no mistake.
    libraries.spec("{ version = \"13.0\", duplicates = \"refuse\" }", &["libcublas"], &["nvidia-cudnn-cu13"]);
    let (notes, _) = libraries.reported();
    assert_eq!(notes, "");
}

#[test]
fn stubs_are_named_as_such() {
    let libraries = Libraries::new();
    // An empty one is installed.
    libraries.spec(
        "{ version = \"13.0\", duplicates = \"refuse\" }",
        &["libcublas"],
        &["nvidia-cublas-cu13"],
    );
    let (notes, json) = libraries.reported();
    assert_snapshot!(notes, @r"
    note: the wheel `nvidia-cublas-cu13 0.0.1` is an empty stub: the library has another name, for CUDA 13 one without `-cu13`
    ");
    assert_snapshot!(json, @r#"
    {
      "cudaDuplicates": [],
      "cudaDuplicatedBytes": 0,
      "cudaStubs": [
        "nvidia-cublas-cu13 0.0.1"
      ]
    }
    "#);
    // One that fails is not.
    libraries.spec("\"13.0\"", &[], &["nvidia-cufft-cu13"]);
    assert_snapshot!(libraries.refused(&["lock", "spec.toml"]), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no wheel of `nvidia-cufft-cu13 0.0.1` fits Python 3.11 on linux/amd64 with glibc 2.41: it is a stub that installs nothing: that of CUDA 13 is called `nvidia-cufft`
      help: write `nvidia-cufft`; `allow-builds = ["nvidia-cufft-cu13"]` in `[pip]` lets imgbuild build it, in the sandbox

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:17:13]
     16 │ torch-backend = "none"
     17 │ packages = ["nvidia-cufft-cu13"]
        ·             ─────────┬─────────
        ·                      ╰── this requirement
     18 │
        ╰────
    "#);
}
