//! Layers that lie over others: a source takes its bytecode with it.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::support::{Collected, Entries, Entry, MTIME, cache_tag, file, folder, link, path, pyc, target};
use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, Source};
use imgbuild_python::{CacheTag, Overriding, Target};

fn removed(name: &str) -> Entry {
    Entry { head: EntryHead::removed(path(name)), body: Vec::new() }
}

fn emptied(name: &str) -> Entry {
    Entry { head: EntryHead::emptied(path(name)), body: Vec::new() }
}

/// What a layer of these entries becomes above one that holds this bytecode, line by line. `TAG` stands for the tag of this
/// machine's Python.
fn over(targets: &[Target], lower: &[&str], entries: Vec<Entry>) -> Vec<String> {
    let lower: BTreeSet<ImagePath> = lower.iter().map(|it| path(&tagged(it))).collect();
    let asked = Cell::new(false);
    let find = || {
        asked.set(true);
        Ok(lower.clone())
    };
    let source = Entries::new(entries);
    let mut sink = Collected::default();
    let emit = |left_out: &Exclusions, sink: &mut dyn EntrySink| source.write(left_out, sink);
    Overriding { targets, lower: &find }.write(&emit, &mut sink).unwrap();
    let shown = |entry: &Entry| {
        let path = entry.head.path.as_str().replace(&cache_tag().to_string(), "TAG");
        match entry.head.kind {
            EntryKind::Removed => format!("- {path}"),
            EntryKind::Emptied => format!("0 {path}"),
            EntryKind::Directory => format!("{path}/"),
            _ => path,
        }
    };
    let lines: Vec<String> = sink.0.iter().map(shown).collect();
    // Reading lower layers costs something: it is not done in vain.
    let sources = lines.iter().any(|line| line.ends_with(".py"));
    assert_eq!(asked.get(), sources, "{lines:?}");
    lines
}

fn tagged(name: &str) -> String {
    name.replace("TAG", &cache_tag().to_string())
}

fn python() -> Vec<Target> {
    vec![target(1).0]
}

fn none() -> Vec<Target> {
    vec![Target { compiler: None, ..target(1).0 }]
}

const SIX: &str = "lib/python/six.py";
const CACHED: &str = "lib/python/__pycache__/six.TAG.pyc";
const OPTIMIZED: &str = "lib/python/__pycache__/six.TAG.opt-1.pyc";
const OTHER: &str = "lib/python/__pycache__/six.cpython-27.pyc";

#[test]
fn new_bytecode_takes_the_place_of_the_old_and_the_rest_goes() {
    let six = || vec![file(SIX, b"x = 2\n")];
    assert_eq!(over(&python(), &[], six()), [SIX, CACHED]);
    let lower =
        [CACHED, OPTIMIZED, OTHER, "lib/python/__pycache__/seven.TAG.pyc", "other/__pycache__/six.TAG.pyc"];
    assert_eq!(
        over(&python(), &lower, six()),
        [SIX, CACHED, &format!("- {OTHER}"), &format!("- {OPTIMIZED}")]
    );
    // Where none is made, where it does not compile, and where the image has no Python that is known.
    let gone = [SIX, &format!("- {OTHER}"), &format!("- {OPTIMIZED}"), &format!("- {CACHED}")];
    assert_eq!(over(&none(), &lower, six()), gone);
    assert_eq!(over(&python(), &lower, vec![file(SIX, b"def f(:\n")]), gone);
    assert_eq!(over(&[], &lower, six()), gone);
    // A link has none of its own here, and hides that of what was there.
    assert_eq!(over(&python(), &lower, vec![link(SIX, "/etc/six.py")]), gone);
}

/// The trap: another text of the same size and time. What lower layers have would be valid for it.
#[test]
fn equal_times_and_sizes_deceive_nobody() {
    let lower = [CACHED];
    let old = pyc(b"x = 1\n", MTIME);
    let made = || vec![file(SIX, b"x = 2\n")];
    assert_eq!(over(&python(), &lower, made()), [SIX, CACHED]);
    assert_eq!(over(&none(), &lower, made()), [SIX, &format!("- {CACHED}")]);
    // Bytecode that comes along with its source is judged as everywhere.
    let with = |pyc: &[u8]| vec![file(SIX, b"x = 2\n"), file(&tagged(CACHED), pyc)];
    assert_eq!(over(&none(), &lower, with(b"")), [SIX, &format!("- {CACHED}")]);
    assert_eq!(over(&none(), &lower, with(&old)), [SIX, CACHED]);
    // Without it, it is nobody's.
    assert_eq!(over(&none(), &[CACHED], vec![file(&tagged(CACHED), &old)]), [""; 0]);
}

#[test]
fn what_is_removed_takes_its_bytecode() {
    let lower = [CACHED, OPTIMIZED];
    assert_eq!(
        over(&python(), &lower, vec![removed(SIX)]),
        [format!("- {SIX}"), format!("- {OPTIMIZED}"), format!("- {CACHED}")]
    );
    // Bytecode that a command removed stays away, unless there is new one.
    assert_eq!(over(&python(), &lower, vec![removed(&tagged(CACHED))]), [format!("- {CACHED}")]);
    assert_eq!(
        over(&python(), &lower, vec![removed(&tagged(CACHED)), file(SIX, b"x = 2\n")]),
        [SIX, CACHED, &format!("- {OPTIMIZED}")]
    );
    let folder_gone = || removed("lib/python/__pycache__");
    assert_eq!(over(&python(), &lower, vec![folder_gone()]), ["- lib/python/__pycache__"]);
    assert_eq!(
        over(&python(), &lower, vec![folder_gone(), file(SIX, b"x = 2\n")]),
        [SIX, CACHED, "0 lib/python/__pycache__"]
    );
    // What is hidden by something above it needs no more.
    assert_eq!(
        over(&none(), &lower, vec![folder("lib/python"), emptied("lib/python"), file(SIX, b"x = 2\n")]),
        ["lib/python/", "0 lib/python", SIX]
    );
}

#[test]
fn two_pythons_keep_to_their_own() {
    let mut other = target(1).0;
    other.folders.0 = vec![path("opt/lib")];
    let mut foreign = none().remove(0);
    foreign.tag = CacheTag::cpython(1);
    let targets = [python().remove(0), other, foreign];
    let entries = vec![file(SIX, b"x = 2\n"), file("opt/lib/m.py", b"y = 1\n"), file("srv/n.py", b"z = 1\n")];
    assert_eq!(
        over(&targets, &[CACHED, "opt/lib/__pycache__/m.cpython-31.pyc"], entries),
        [
            SIX,
            "opt/lib/m.py",
            "srv/n.py",
            "opt/lib/__pycache__/m.TAG.pyc",
            CACHED,
            "- opt/lib/__pycache__/m.cpython-31.pyc",
        ]
    );
}
