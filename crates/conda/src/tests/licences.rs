//! The texts of licences, which no installer puts into an environment.

use std::fs::File;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rattler_conda_types::PrefixRecord;
use rattler_conda_types::compression_level::CompressionLevel;
use rattler_package_streaming::write::write_conda_package;

use super::{Collected, Exclusions, Made, PREFIX, Source, file, listed, package_in, symlink};
use crate::info::Damaged;

/// A package with the texts of licences, before and behind its files.
fn made() -> Made {
    Made {
        paths: vec![listed("bin/odd")],
        entries: vec![
            file("info/licenses/LICENSE", "do what you want"),
            file("bin/odd", "x").mode(0o755),
            file("info/licenses/third party/NOTICE", "and name us").mode(0o600),
            symlink("info/licenses/COPYING", "LICENSE"),
            file("info/licenses", "no folder"),
            file("info/licensed", "another thing"),
        ],
        ..Made::default()
    }
}

/// The same in the newer form of archives.
fn as_conda(old: &Path, scratch: &Path) -> PathBuf {
    let unpacked = scratch.join("unpacked");
    rattler_package_streaming::fs::extract(old, &unpacked).unwrap();
    let new = scratch.join("odd-1.0-0.conda");
    let paths = ["info/index.json", "info/paths.json", "info/licenses/LICENSE", "bin/odd"];
    let notice = ["info/licenses/third party/NOTICE", "info/licenses/COPYING"];
    let paths: Vec<PathBuf> = paths.into_iter().chain(notice).map(|path| unpacked.join(path)).collect();
    let out = File::create(&new).unwrap();
    write_conda_package(out, &unpacked, &paths, CompressionLevel::Lowest, Some(1), "odd-1.0-0", None, None)
        .unwrap();
    new
}

/// What an environment has of a package, with or without the texts of licences.
fn written(archive: &Path, has_licences: bool) -> (String, Collected) {
    let package = package_in(archive, Damaged::Refused, PREFIX, has_licences).unwrap();
    let mut collected = Collected::default();
    package.write(&Exclusions::default(), &mut collected).unwrap();
    (package.part().recipe.0.to_string(), collected)
}

fn lines(collected: &Collected) -> String {
    let record = "conda-meta/odd-1.0-0.json";
    let files = collected.tree.iter().filter(|(path, _)| *path != record);
    let files: Vec<String> = files.map(|(path, shown)| format!("{path}: {shown}")).collect();
    let (_, record) = collected.tree[record].split_once(' ').unwrap();
    let record: PrefixRecord = serde_json::from_str(record).unwrap();
    let recorded = record.files.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(", ");
    format!("{}\nrecorded: {recorded}\nnotes: {}", files.join("\n"), collected.notes.join("; "))
}

#[test]
fn an_environment_has_the_texts_of_licences() {
    let scratch = tempfile::tempdir().unwrap();
    let mut made = made();
    // Nothing that installers would stumble over, for the form that they write.
    made.entries.truncate(4);
    let old = made.write(scratch.path());
    let (_, of_old) = written(&old, true);
    assert_snapshot!(lines(&of_old), @"
    bin/odd: 755 x
    conda-meta/licenses/odd-1.0-0/LICENSE: 644 do what you want
    conda-meta/licenses/odd-1.0-0/third party/NOTICE: 644 and name us
    recorded: bin/odd, conda-meta/licenses/odd-1.0-0/LICENSE, conda-meta/licenses/odd-1.0-0/third party/NOTICE
    notes: `conda/odd`: the text of a licence, `info/licenses/COPYING`, is left out: it is a link
    ");
    let (_, of_new) = written(&as_conda(&old, scratch.path()), true);
    assert_eq!(lines(&of_new), lines(&of_old));
}

#[test]
fn an_environment_of_an_older_lock_has_none_and_is_another_layer() {
    let scratch = tempfile::tempdir().unwrap();
    let archive = made().write(scratch.path());
    let (with_key, _) = written(&archive, true);
    let (key, collected) = written(&archive, false);
    assert_snapshot!(lines(&collected), @"
    bin/odd: 755 x
    recorded: bin/odd
    notes:
    ");
    assert_ne!(with_key, key);
}

#[test]
fn a_text_that_is_a_folder_too_is_left_out() {
    let scratch = tempfile::tempdir().unwrap();
    for names in [["a", "a/b"], ["a/b", "a"]] {
        let mut made = made();
        made.entries = names.map(|name| file(&format!("info/licenses/{name}"), "x")).to_vec();
        made.entries.push(file("bin/odd", "x"));
        let (_, collected) = written(&made.write(scratch.path()), true);
        assert!(collected.tree.contains_key(&format!("conda-meta/licenses/odd-1.0-0/{}", names[0])));
        let note = "is left out: it is a file and a folder";
        assert_eq!(
            collected.notes,
            [format!("`conda/odd`: the text of a licence, `info/licenses/{}`, {note}", names[1])]
        );
    }
}

#[test]
fn what_is_named_alike_is_none() {
    let scratch = tempfile::tempdir().unwrap();
    let (_, collected) = written(&made().write(scratch.path()), true);
    let texts: Vec<&String> = collected.tree.keys().filter(|path| path.contains("licens")).collect();
    assert_eq!(
        texts,
        ["conda-meta/licenses/odd-1.0-0/LICENSE", "conda-meta/licenses/odd-1.0-0/third party/NOTICE"]
    );
}

#[test]
fn texts_without_end_are_left_out() {
    let scratch = tempfile::tempdir().unwrap();
    let mut made = made();
    let text = "x".repeat(9 << 20);
    made.entries = ["a", "b"].map(|name| file(&format!("info/licenses/{name}"), &text)).to_vec();
    made.entries.push(file("bin/odd", "x"));
    let (_, collected) = written(&made.write(scratch.path()), true);
    assert!(collected.tree.contains_key("conda-meta/licenses/odd-1.0-0/a"));
    assert!(!collected.tree.contains_key("conda-meta/licenses/odd-1.0-0/b"));
    assert_snapshot!(collected.notes.join("\n"), @"`conda/odd`: the text of a licence, `info/licenses/b`, is left out: with it they would have more than 16 MiB");
}
