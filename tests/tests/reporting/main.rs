//! Pages that show images and builds, as people see them in Debian's Chromium, and what they never do.
//!
//! Pictures stay in `target/tmp/reporting`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod docs;
mod hostile;
mod pages;

use std::path::Path;
use std::process::Command;

use imgbuild_tests::{Bench, capture, node_tools, shared_store, temporary, workspace_root};
use serde_json::{Value, json};

/// The most bytes of a page.
const MOST: usize = 2_000_000;

/// A program with a spec of Debian and of packages of the channel.
fn bench(packages: &[&str]) -> Bench {
    let mut bench = Bench::new();
    // What others have built of the same packages is not built again. Names are everybody's there: images are named by their files.
    bench.imgbuild = bench.imgbuild.with_store(&shared_store());
    bench.conda(packages);
    bench
}

/// What people see of a page, and what programs say of it; `pictures` is the folder of the pictures.
fn seen(pictures: &str, page: &Path, further: &[&str]) -> Value {
    let folder = temporary().join("reporting").join(pictures);
    drop(std::fs::remove_dir_all(&folder));
    fs_err::create_dir_all(&folder).unwrap();
    println!("pictures: {}", folder.display());
    let tools = node_tools("reporting-node", "tests/tests/reporting/package-lock.json");
    let mut node = Command::new("timeout");
    node.args(["--kill-after=10", "300", "node"]).env("NODE_PATH", tools);
    node.arg(workspace_root().join("tests/tests/reporting/page.mjs")).arg(&folder).arg(page).args(further);
    serde_json::from_str(&capture(&mut node).success().stdout).unwrap()
}

/// It can be used by everybody on every screen, asks nobody for anything, and is as small as it should be.
#[track_caller]
fn assert_good(seen: &Value, page: &Path) {
    assert_eq!((&seen["left"], &seen["wrong"]), (&json!([]), &json!([])), "{seen}");
    let judgements = seen["judgements"].as_array().unwrap();
    assert_eq!(judgements.len(), 4);
    for judgement in judgements {
        assert_eq!((&judgement["bad"], &judgement["wider"]), (&json!([]), &json!(0)), "{judgement}");
        assert!(judgement["rules"].as_u64().unwrap() > 10, "{judgement}");
    }
    let bytes = fs_err::read(page).unwrap().len();
    assert!(bytes < MOST, "{bytes}");
    // Nothing is hidden that a script alone would show.
    assert_eq!(seen["plain"], seen["scripted"]);
}
