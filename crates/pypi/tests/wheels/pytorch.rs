//! Where PyTorch's wheels come from.

use std::collections::BTreeMap;

use imgbuild_pypi::{Indexes, Locking, PytorchIndex, Request, Settings, Uv, WheelReader};
use insta::assert_snapshot;

use crate::bench::{Bench, GOOD, wheel};
use crate::index::Index;
use crate::support::message;

fn wanted(gives_way: bool) -> PytorchIndex {
    PytorchIndex { backend: Some("cu129".to_owned()), gives_way }
}

/// The settings of a bench with a mirror of PyTorch's indexes.
fn with_mirror(bench: &Bench, mirror: &str) -> Settings {
    let cache = bench.spec.with_file_name("uv").display().to_string();
    let variables =
        BTreeMap::from([("UV_CACHE_DIR".to_owned(), cache), ("UV_HTTP_RETRIES".to_owned(), "0".to_owned())]);
    let indexes = Indexes {
        index_url: Some(bench.index.url("").into()),
        pytorch_mirror: Some(mirror.to_owned().into()),
        ..Indexes::default()
    };
    Settings::read(&variables, &bench.spec, &indexes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_has_pytorch_and_nothing_else_of_it_counts() {
    let mut bench = Bench::new(GOOD);
    bench.add(&[
        wheel("torch", "2.8.0", &[]),
        wheel("inner", "2.0", &[]),
        wheel("outer", "1.0", &["torch", "inner"]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    wheel("torch", "2.7.1+cu129", &["inner"]).write(folder.path());
    wheel("inner", "1.0", &[]).write(folder.path());
    let mirror = Index::serve(folder.path(), GOOD);
    bench.settings = with_mirror(&bench, &format!("http://{}/whl", mirror.address));
    let request = Request { pytorch: wanted(false), ..bench.request(&["outer"]) };
    let locked = bench.lock(&request).await.unwrap();
    let shown: Vec<String> =
        locked.wheels.iter().map(|it| format!("{} {}", it.package.name, it.package.version)).collect();
    assert_eq!(shown, ["inner 2.0", "outer 1.0", "torch 2.7.1+cu129"]);
    assert!(mirror.requests().iter().any(|it| it == "GET /whl/cu129/torch/"));
    // It is found again by its name and hash.
    let wheels: Vec<_> = locked.wheels.iter().map(|it| &it.package).collect();
    let found = bench.locking(async |locking| locking.locate(&request, &wheels, true).await.unwrap()).await;
    assert_eq!(found.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_ones_own_that_has_pytorch_goes_first() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("torch", "2.8.0", &[])]);
    let request = Request { pytorch: wanted(true), ..bench.request(&["torch"]) };
    assert_eq!(bench.lock(&request).await.unwrap().wheels[0].package.version, "2.8.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_pytorch_that_cannot_be_reached_is_told_with_what_to_write() {
    let mut bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let request = Request { pytorch: wanted(true), ..bench.request(&["inner"]) };
    bench.settings = with_mirror(&bench, &format!("http://{}/whl", bench.index.address));
    assert_snapshot!(bench.refused(&request).await, @r#"
    the mirror `http://INDEX/whl` of PyTorch's indexes cannot be used: it has no index `cu129`
    hint: it must have what PyTorch's server has below `/whl`: `cu129/torch/` among others; another mirror goes into `[pip.mirrors] pytorch`; an index that has `torch` in `index-url` or `extra-index-urls` of `[pip]` is asked instead; `torch-backend = "none"` asks no index but these
    "#);
    // uv's own message of an index that is not there.
    let bench = Bench::new(GOOD);
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("uv");
    let said = "error: Failed to fetch: `https://download.pytorch.org/whl/cu129/torch/`\\n  Caused by: error sending request";
    std::fs::write(
        &program,
        format!("#!/bin/sh\ncase \"$*\" in *emit-index*) exit 0;; esac\nprintf '{said}' >&2\nexit 2\n"),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let uv = Uv::new(program);
    let metadata = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    let locking = Locking { uv: &uv, settings: &bench.settings, metadata, provided: &bench, builder: &bench };
    let refused = message(&locking.lock(&request).await.unwrap_err());
    assert_snapshot!(refused, @r#"
    PyTorch's index `https://download.pytorch.org/whl/cu129` cannot be used: error: Failed to fetch: `https://download.pytorch.org/whl/cu129/torch/`
      Caused by: error sending request
    hint: name a mirror: `[pip.mirrors] pytorch = "https://…/whl"`; or an index that has `torch` in `index-url` or `extra-index-urls` of `[pip]`, which is then asked instead; `torch-backend = "none"` asks no index but these
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn wheels_of_a_newer_cuda_are_refused() {
    let bench = Bench::new(GOOD);
    bench.add(&[
        wheel("torch", "2.9.0", &["nvidia-cuda-runtime==13.0.48"]),
        wheel("nvidia_cuda_runtime", "13.0.48", &[]),
    ]);
    let request = Request { cuda: Some("12.9".to_owned()), ..bench.request(&["torch"]) };
    assert_snapshot!(bench.refused(&request).await, @r#"
    the image is for CUDA 12.9, and these wheels are for a newer one, which needs a newer driver:
      `nvidia-cuda-runtime 13.0.48`
    hint: choose a version or an index (`torch-backend`) for that CUDA, or write the newer one: `cuda = "13.0"`
    "#);
}
