//! Mistakes hide no others: whatever is wrong with one part of a spec, what is wrong with another part is told with it.

use crate::tests::{load, load_variants};

/// Parts that are wrong each by itself: the table they stand in, their lines, and how many mistakes these have.
const WRONG: [(&str, &str, usize); 31] = [
    ("", "name = 3", 1),
    ("", "name = \"A b\"", 1),
    ("", "pythn = \"3.11\"", 1),
    ("", "tags = [\"-\", 7, \"good\"]", 2),
    ("", "tags = []", 1),
    ("", "platforms = [\"linux/x\"]", 1),
    ("", "python = [\"3.11\"]", 1),
    ("", "cuda = \"twelve\"", 1),
    ("", "env = \"missing.yml\"", 1),
    ("", "env = \"wrong.yml\"", 3),
    ("base", "debian = \"bookwurm\"", 1),
    ("base", "pin = { libc6 = { source = \"nowhere\" } }", 1),
    ("base", "sources = { x = { url = 3 } }", 2),
    ("base", "sources = { y = {} }", 2),
    ("base", "sources = { z = { suite = 3 } }", 2),
    ("base", "snapshot = { time = \"yesterday\" }", 1),
    ("conda", "packages = [1, 2, \"numpy\"]", 2),
    ("conda", "channels = []", 1),
    ("conda", "prefix = \"opt\"", 1),
    ("pip", "packages = [\"numpy = 1.26\", \"scipy >\"]", 2),
    ("pip", "allow-builds = \"all\"", 1),
    ("pip", "requirements = [\"missing.txt\"]", 1),
    ("image", "env = { \"1X\" = \"y\", Y = 3 }", 2),
    ("layers", "budget = \"many\"", 1),
    ("[copy]", "from = 3\nto = 4", 2),
    ("[copy]", "from = \"../x\"\nto = \"/x\"", 1),
    ("[copy]", "from = \"x\"", 1),
    ("[copy]", "", 2),
    ("[copy]", "from = 3", 2),
    ("[check]", "run = []", 1),
    ("matrix", "3 = []\nb = [\"1\", \"1\"]", 3),
];

/// The spec of these parts, of which each has a table of its own, and no two say the same.
fn spec(parts: &[&(&str, &str, usize)]) -> String {
    let says = |key: &str| parts.iter().any(|(table, text, _)| table.is_empty() && text.starts_with(key));
    let mut lines = Vec::new();
    if !says("name") {
        lines.push("name = \"a\"\n".to_owned());
    }
    // Whatever is asked for of wheels has one.
    if !says("python") {
        lines.push("python = \"3.11\"\n".to_owned());
    }
    let mut parts = parts.to_vec();
    parts.sort_by_key(|(table, ..)| *table);
    let mut open = "";
    for (table, text, _) in parts {
        if *table != open || table.starts_with('[') {
            lines.push(format!("[{table}]\n"));
            open = table;
        }
        lines.push(format!("{text}\n"));
    }
    lines.concat()
}

fn count(text: &str) -> usize {
    let environment = "channels: [x, 3]\ndependencies:\n  - numpy\n  - [1]\nvariables: { 1: [] }\n";
    let url = "https://c.example/x/linux-aarch64/x-1-0.conda";
    let arm = format!(
        "version: 6\nenvironments:\n  default:\n    channels:\n    - url: https://c.example/x/\n    packages:\n      \
         linux-aarch64:\n      - conda: {url}\npackages:\n- conda: {url}\n  sha256: {}\n",
        "a".repeat(64)
    );
    load_variants(&[("spec.toml", text), ("wrong.yml", environment), ("pixi.lock", &arm)])
        .err()
        .map_or(0, |wrong| wrong.error.problems().len())
}

#[test]
fn every_two_mistakes_are_told_together() {
    for (at, first) in WRONG.iter().enumerate() {
        let alone = spec(&[first]);
        assert_eq!(count(&alone), first.2, "{alone}\n{:?}", load(&[("spec.toml", &alone)]));
        for second in &WRONG[at + 1..] {
            let key = |part: &str| part.split(' ').next().map(str::to_owned);
            if (first.0, key(first.1)) == (second.0, key(second.1)) && !first.0.starts_with('[') {
                continue;
            }
            let both = spec(&[first, second]);
            assert_eq!(count(&both), first.2 + second.2, "{both}\n{:?}", load(&[("spec.toml", &both)]));
        }
    }
}

#[test]
fn what_follows_from_a_mistake_is_none_beside_it() {
    for (text, mistakes) in [
        // Python is asked for, if wrongly, so that the wheels have one.
        ("name = \"a\"\npython = 3\n[pip]\npackages = [\"numpy\"]\n", 1),
        ("name = \"a\"\npythn = \"3.11\"\n[pip]\npackages = [\"numpy\"]\n", 1),
        ("name = \"a\"\n[pip]\npackages = [\"numpy\"]\n", 1),
        // The one tag is wrong, and so the list is not empty.
        ("name = \"a\"\ntags = [3]\n", 1),
        ("name = \"a\"\n[matrix]\nv = []\n[base]\npackages = [\"x{v}\"]\n", 1),
        ("name = \"a\"\ntags = [\"{v}\"]\n[matrix]\nv = []\n", 1),
        ("name = \"{v}\"\ntags = [\"{v}\"]\n", 2),
        // The source is there, if it is wrong.
        (
            "name = \"a\"\n[base.sources.x]\nurl = 3\nsuite = \"y\"\n[base.pin]\nlibc6 = { source = \"x\" }\n",
            1,
        ),
        ("name = \"a\"\n[[copy]]\nfrom = 3\nto = \"/x\"\n", 1),
        ("name = \"a\"\n[base.snapshot]\ntime = \"20260101T000000Z\"\nmirror = 3\n", 1),
        ("nam = \"a\"\n", 2),
        // An unknown key may have been meant for another one of its table.
        ("name = \"a\"\n[base.source.x]\nurl = \"y\"\n[base.pin]\nlibc6 = { source = \"x\" }\n", 1),
        // The lock is for another platform than this machine's, and so is the spec, if wrongly.
        ("name = \"a\"\nplatforms = \"linux/arm64\"\nenv = \"pixi.lock\"\n", 1),
        ("name = \"a\"\nenv = \"pixi.lock\"\n", 1),
        (
            "name = \"a\"\nplatforms = [\"linux/arm64\"]\nenv = \"pixi.lock\"\npython = { version = \"3.11\", from = \"debain\" }\n",
            1,
        ),
        // What does not depend on what is left out is told.
        ("name = \"A b\"\n[pip]\npackages = [\"numpy\"]\n", 2),
        ("name = \"a\"\n[pip]\npackages = [\"numpy = 1\", \"scipy\"]\n", 2),
        ("name = \"a\"\npythn = \"{v}\"\n", 2),
        ("name = \"a\"\npythn = \"{v}\"\n[matrix]\nv = 3\n", 2),
        ("name = \"a\"\ntags = [\"x{\"]\n[matrix]\nv = 3\nb = [\"1\", \"1\"]\n", 3),
    ] {
        assert_eq!(count(text), mistakes, "{text}\n{:?}", load(&[("spec.toml", text)]));
    }
}

#[test]
fn what_each_combination_finds_again_is_told_once() {
    let matrix = "name = \"a\"\npython = \"{p}\"\ntags = [\"{p}\"]\nunknown = 1\n[base]\npackages = [\"Git\"]\n[matrix]\np = [3.9, 3.10, 3.11]\n";
    let error = load(&[("spec.toml", matrix)]).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error:?}");
    // A file that is named twice is read for each who names it.
    let twice = "name = \"a\"\npython = \"3.11\"\nenv = \"r.txt\"\n[pip]\nrequirements = [\"r.txt\"]\n";
    let lines = "numpy >>1\nscipy = 2\n--unknown\n";
    let error = load(&[("spec.toml", twice), ("r.txt", lines)]).unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error:?}");
    // Two keys that are missing are two.
    let missing = "name = \"a\"\n[[copy]]\n";
    assert_eq!(load(&[("spec.toml", missing)]).unwrap_err().problems().len(), 2);
}
