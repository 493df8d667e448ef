//! The image's own Python takes every `.pyc` of the image, and misses none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Container, Imgbuild, Outcome, Tree, channel, workspace_root};

/// Runs `check.py` in an image, by the Python of the image.
fn check(spec: &str, python: &str, folders: &[&str]) -> Outcome {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&imgbuild.build(spec, &[]).image());
    let script = workspace_root().join("tests/tests/bytecode/check.py");
    fs_err::copy(script, container.root().join("check.py")).unwrap();
    let mut command = vec![python, "-B", "-S", "/check.py"];
    command.extend(folders);
    container.exec(&command).success()
}

/// The numbers of files by what holds for them: `1 timestamp, 2 unchecked hash, …`.
fn number(outcome: &Outcome, what: &str) -> usize {
    let counts = outcome.stderr.lines().last().unwrap();
    let count = counts.split(", ").find_map(|count| count.strip_suffix(what)).unwrap();
    count.trim().parse().unwrap()
}

fn conda(python: &str, packages: &[&str]) -> String {
    format!(
        "name = \"bytecode\"\npython = \"{python}\"\nplatforms = [\"linux/amd64\"]\n\
         [conda]\nchannels = [\"{}\"]\npackages = {packages:?}\n",
        channel()
    )
}

#[test]
fn conda_python() {
    let packages = ["numpy >=1.26", "pandas", "scipy", "matplotlib-base", "requests"];
    let found = check(&conda("3.11", &packages), "/opt/conda/bin/python", &["/opt/conda/lib/python3.11"]);
    assert_eq!(found.stdout, "");
    // What the packages ship stays; what they do not ship is made.
    assert!(number(&found, "timestamp") > 1000, "{}", found.stderr);
    assert!(number(&found, "unchecked hash") > 100, "{}", found.stderr);
}

#[test]
fn the_older_conda_python() {
    let packages = ["numpy", "pandas", "requests", "ipython"];
    let found = check(&conda("3.9", &packages), "/opt/conda/bin/python", &["/opt/conda/lib/python3.9"]);
    assert_eq!(found.stdout, "");
    assert!(number(&found, "timestamp") > 1000, "{}", found.stderr);
    assert!(number(&found, "unchecked hash") > 100, "{}", found.stderr);
}

#[test]
fn debian_python() {
    let spec = "name = \"bytecode\"\nplatforms = [\"linux/amd64\"]\n\
                python = { version = \"3.11\", from = \"debian\" }\n";
    let found = check(spec, "/usr/bin/python3", &["/usr/lib/python3.11", "/usr/lib/python3"]);
    // A link to a file of another package: what one package holds is all that is known when it is compiled. Debian's
    // `sysconfig` imports that file by its own name, which has its bytecode.
    assert_eq!(found.stdout, "/usr/lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py: has none\n");
    assert!(number(&found, "unchecked hash") > 500, "{}", found.stderr);
}

/// What odd packages ship: stale, made stale by the prefix, hash-based, alone, and sources of no Python.
#[test]
fn odd_bytecode() {
    let packages = [
        "odd-stale-start",
        "odd-stale-prefix",
        "odd-hash-pyc",
        "odd-only-pyc",
        "odd-uncompilable",
        "odd-noarch-python",
        "odd-noarch-old",
    ];
    let folder = "/opt/conda/lib/python3.11/site-packages";
    let found = check(&conda("3.11", &packages), "/opt/conda/bin/python", &[folder]);
    assert_eq!(found.stdout, "");
    assert_eq!(number(&found, "alone"), 1);
    // Python takes an unchecked hash whatever it says, and so it stays.
    assert_eq!(number(&found, "shipped hash"), 1);
    assert_eq!(number(&found, "does not compile"), 5);
}

/// The same bytes, whatever the order, the number of threads, and the hash seed of whoever asks.
#[test]
fn bytecode_is_the_same_from_every_run() {
    for (python, package) in [("3.11", "jinja2"), ("3.9", "ipython")] {
        let spec = conda(python, &[package, "requests"]);
        let one = Imgbuild::with_private_store();
        one.write("spec.toml", &spec);
        one.run(["lock", "spec.toml"]).success();
        let tree = |imgbuild: &Imgbuild| {
            let root = imgbuild.path("root");
            imgbuild.build_again(&["--locked"]).image().unpack(&root);
            Tree::read(&root).filtered(|path| path.ends_with(".pyc"))
        };
        let first = tree(&one);
        let other = Imgbuild::with_private_store()
            .through(["taskset", "--cpu-list", "0"])
            .variable("PYTHONHASHSEED", "12345")
            .variable("PYTHONDONTWRITEBYTECODE", "1")
            .variable("PYTHONOPTIMIZE", "2");
        // Another budget puts other packages into one layer, and so compiles in another order.
        other.write("spec.toml", format!("{spec}[layers]\nbudget = 20\n"));
        other.run(["lock", "spec.toml"]).success();
        let second = tree(&other);
        assert!(first.0.len() > 100);
        assert_eq!(second.differences(&first, |_, node| format!("{} {}", node.facts(), node.mtime)), "");
    }
}
