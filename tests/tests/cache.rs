//! `imgbuild cache`: what the store holds, freeing its space, and checking it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use imgbuild_tests::{Answer, Bench, DebianArchive, Server, channel_folder, named, names};
use insta::assert_snapshot;
use serde_json::Value;

fn built() -> Bench {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    bench.build(&[]);
    bench
}

/// What a command prints, with names for what differs from run to run.
fn printed(bench: &Bench, arguments: &[&str]) -> String {
    let text = bench.run(arguments).stdout.replace(&bench.imgbuild.store().display().to_string(), "STORE");
    named(&text)
}

fn json(bench: &Bench, arguments: &[&str]) -> Value {
    serde_json::from_str(&bench.run(arguments).stdout).unwrap()
}

/// Everything that is cached, by its path.
fn entries(bench: &Bench) -> Vec<String> {
    let kinds = [
        "archives",
        "blobs/sha256",
        "layers-v1",
        "bytecode-v1",
        "tools-v1",
        "repodata-v1",
        "images-v1",
        "outputs-v1",
    ];
    let all = kinds.iter().flat_map(|kind| {
        let found = names(&bench.imgbuild.store().join(kind));
        found.into_iter().map(move |name| format!("{kind}/{name}"))
    });
    all.collect()
}

#[test]
fn an_empty_store() {
    let bench = Bench::new();
    assert_snapshot!(printed(&bench, &["cache", "ls"]), @r#"
    STORE
      archive   0  0 B
      blob      0  0 B
      layer     0  0 B
      bytecode  0  0 B
      repodata  0  0 B
      tool      0  0 B
      unpacked  0  0 B
      image     0  0 B
      output    0  0 B
      all       0  0 B
    "#);
    assert_snapshot!(printed(&bench, &["cache", "ls", "--json"]), @r#"
    {
      "root": "STORE",
      "entries": []
    }
    "#);
    assert_snapshot!(printed(&bench, &["cache", "verify"]), @"checked 0 things");
    assert_snapshot!(printed(&bench, &["cache", "prune"]), @"removed 0 things, 0 B");
}

#[test]
fn ls_counts_what_is_there() {
    let bench = built();
    let text = printed(&bench, &["cache", "ls"]);
    // The sizes of compressed things are no matter of this test.
    let counts: Vec<String> =
        text.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_snapshot!(counts.join("\n"), @r#"
    STORE
    archive 6
    blob 7
    layer 5
    bytecode 0
    repodata 3
    tool 0
    unpacked 0
    image 1
    output 1
    all 23
    "#);
    let listed = json(&bench, &["cache", "ls", "--json"]);
    assert_eq!(listed["root"], bench.imgbuild.store().display().to_string());
    let listed = listed["entries"].as_array().unwrap();
    assert_eq!(listed.len(), entries(&bench).len());
    for entry in listed {
        assert!(entry["size"].as_u64().unwrap() > 0 && entry["used"].as_u64().unwrap() > 0, "{entry}");
        let name = entry["name"].as_str().unwrap();
        assert!(entries(&bench).iter().any(|path| path.ends_with(name)), "{entry}");
    }
}

#[test]
fn verify_reads_everything() {
    let bench = built();
    let before = entries(&bench);
    assert_snapshot!(printed(&bench, &["cache", "verify"]), @"checked 19 things");
    assert_eq!(json(&bench, &["cache", "verify", "--json"])["damaged"], serde_json::json!([]));
    assert_eq!(entries(&bench), before);
    fs_err::write(bench.layer_blob(), "something else").unwrap();
    let outcome = bench.imgbuild.run(["cache", "verify", "--json"]).failure();
    assert_snapshot!(named(&outcome.stdout), @r#"
    {
      "checked": 19,
      "damaged": [
        "blob SHA256: its sha256 is `SHA256`",
        "layer SHA256: it is not as it was written, or its blob is gone or has another size"
      ]
    }
    "#);
    assert_snapshot!(bench.message(&outcome), @"
    × 2 damaged things were found in the cache, and removed
    help: the next build makes or downloads them anew
    ");
}

#[test]
fn prune_removes_what_was_not_used_for_long() {
    let bench = built();
    let before = entries(&bench);
    assert_snapshot!(printed(&bench, &["cache", "prune", "--days", "1"]), @"removed 0 things, 0 B");
    assert_eq!(entries(&bench), before);
    let old = SystemTime::now() - Duration::from_secs(3 * 24 * 60 * 60);
    let archives = bench.imgbuild.store().join("archives");
    let seals = bench.imgbuild.store().join("seals-v1/archives");
    for name in names(&archives) {
        for folder in [&archives, &seals] {
            fs_err::File::open(folder.join(&name)).unwrap().file().set_modified(old).unwrap();
        }
    }
    let count = names(&archives).len();
    assert_eq!(json(&bench, &["cache", "prune", "--days", "2", "--json"])["removed"], count);
    assert_eq!(names(&archives), [""; 0]);
    // The layers are there, and need no archives.
    assert!(bench.run(&["build", "spec.toml"]).stderr.contains("all 5 layers are in the cache"));
}

#[test]
fn prune_to_a_size() {
    let bench = built();
    let sizes = |listed: &Value| -> u64 {
        listed["entries"].as_array().unwrap().iter().map(|it| it["size"].as_u64().unwrap()).sum()
    };
    let before = sizes(&json(&bench, &["cache", "ls", "--json"]));
    bench.run(&["cache", "prune", "--max-size", &format!("{}B", before / 2)]);
    let after = sizes(&json(&bench, &["cache", "ls", "--json"]));
    assert!(after <= before / 2 && after > 0, "{after} of {before}");
    let wrong = bench.imgbuild.run(["cache", "prune", "--max-size", "20 bananas"]).failure();
    assert_snapshot!(bench.message(&wrong), @"
    error: invalid value '20 bananas' for '--max-size <SIZE>': its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB

    For more information, try '--help'.
    ");
}

#[test]
fn prune_everything_and_build_again() {
    let bench = built();
    let digest = bench.build(&[]);
    bench.run(&["cache", "prune", "--all"]);
    assert_eq!(entries(&bench), [""; 0]);
    assert_eq!(bench.build(&["--locked"]), digest);
}

#[test]
fn prune_keeps_what_a_running_build_uses() {
    let channel = Server::with(&channel_folder(), |request| {
        let whole = request.path.ends_with("odd-modes-1.0-0.conda") && request.range.is_none();
        // The build waits in the middle: its other layers are made, and this one's archive does not come.
        if whole && request.before < 4 { Answer::Stalled(10) } else { Answer::File }
    });
    let bench = Bench::new();
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url()));
    let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let layers = bench.imgbuild.store().join("layers-v1");
    while !layers.exists() || names(&layers).len() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before all other layers were made");
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = entries(&bench);
    let pruned = json(&bench, &["cache", "prune", "--all", "--json"]);
    assert_eq!(entries(&bench), before, "{pruned}");
    child.kill().unwrap();
    child.wait().unwrap();
    // A dead build keeps nothing.
    bench.run(&["cache", "prune", "--all"]);
    assert_eq!(entries(&bench), [""; 0]);
}

#[test]
fn an_index_that_is_kept_is_still_checked_by_the_keyring_of_the_spec() {
    let bench = Bench::new();
    let lock = || {
        let _absent = fs_err::remove_file(bench.imgbuild.path("spec.lock"));
        bench.imgbuild.run(["lock", "spec.toml"])
    };
    bench.spec("platforms = [\"linux/amd64\"]", "");
    lock().success();
    let stranger = DebianArchive::new();
    fs_err::copy(stranger.keyring(), bench.imgbuild.path("keyring.asc")).unwrap();
    let said = lock().failure().stderr;
    assert!(said.contains("signature") || said.contains("signed"), "{said}");
    fs_err::copy(bench.archive.keyring(), bench.imgbuild.path("keyring.asc")).unwrap();
    lock().success();
}
