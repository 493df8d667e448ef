//! Small packages that would cost much: each limit of `limits.rs`, at what it allows and beyond it.

use std::io::{Read, sink};

use imgbuild_layer::{EntryHead, EntrySink, Exclusions, SinkError, Source, WriteOptions};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Made, PREFIX, file, hardlink, listed, package};
use crate::info::Damaged;
use crate::limits::{LEAST_PLACEHOLDER, MOST_COPIED, MOST_GROWTH, MOST_PATHS};

/// Reads what a package writes, and keeps none of it.
struct Nowhere;

impl EntrySink for Nowhere {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let copied = std::io::copy(body, &mut sink());
        copied.map(drop).map_err(|error| SinkError::Read { path: head.path.clone(), error })
    }

    fn note(&mut self, _: String) {}

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

/// What comes of a package that is installed at a prefix: every error, with what caused it.
fn outcome(made: &Made, prefix: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let archive = made.write(scratch.path());
    let written = match package(&archive, Damaged::Refused, prefix) {
        Ok(package) => package.write(&Exclusions::new(), &mut Nowhere),
        Err(error) => return error,
    };
    let Err(error) = written else { return "installed".to_owned() };
    let mut shown = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        shown.push_str(&format!(": {error}"));
        cause = error.source();
    }
    shown
}

/// What `paths.json` says of a file in which a prefix is replaced.
fn replaced(path: &str, placeholder: &str) -> Value {
    json!({ "_path": path, "path_type": "hardlink", "prefix_placeholder": placeholder, "file_mode": "text" })
}

#[test]
fn a_placeholder_of_a_byte_or_two() {
    let with = |placeholder: &str| Made {
        paths: vec![replaced("share/x", placeholder)],
        entries: vec![file("share/x", "/a/b/c\n")],
        ..Made::default()
    };
    assert_eq!(outcome(&with("/a/b"), PREFIX), "installed");
    assert_eq!("/a/b".len(), LEAST_PLACEHOLDER);
    assert_snapshot!(outcome(&with("/a/"), PREFIX), @"`info/paths.json` of the archive has the placeholder `/a/` in `/share/x`: one of fewer than 4 bytes stands for nothing");
}

#[test]
fn files_that_grow_by_the_prefix() {
    // A prefix is 250 bytes longer than the placeholder.
    let prefix = format!("/{}", "p".repeat(253));
    let with = |count: usize| {
        let text = "/old\n".repeat(count / 2);
        Made {
            paths: vec![replaced("share/x", "/old"), replaced("share/y", "/old")],
            entries: vec![file("share/x", &text), file("share/y", &text)],
            ..Made::default()
        }
    };
    let most = usize::try_from(MOST_GROWTH).unwrap() / 250;
    assert_eq!(outcome(&with(most - 1), &prefix), "installed");
    // Neither of the two files is too much by itself.
    assert_snapshot!(outcome(&with(most + 2), &prefix).replace(&prefix, "PREFIX"), @"cannot put the prefix `PREFIX` into `PREFIX/share/y`: the files of the package grow by more than 64 MiB");
}

/// A file of `size` bytes, and hard links to it with a placeholder of their own.
fn linked(size: usize, before: usize, links: usize) -> Made {
    let names: Vec<String> = (0..links).map(|number| format!("share/link-{number}")).collect();
    let large = [file("share/before", &"b".repeat(before)), file("share/x", &"x".repeat(size))];
    Made {
        paths: [listed("share/before"), listed("share/x")]
            .into_iter()
            .chain(names.iter().map(|name| replaced(name, "/old/prefix")))
            .collect(),
        entries: large.into_iter().chain(names.iter().map(|name| hardlink(name, "share/x"))).collect(),
        ..Made::default()
    }
}

#[test]
fn hard_links_that_become_files() {
    let quarter = usize::try_from(MOST_COPIED / 8).unwrap();
    assert_eq!(outcome(&linked(quarter, 0, 8), PREFIX), "installed");
    assert_snapshot!(outcome(&linked(quarter, 0, 9), PREFIX), @"`/opt/conda/share/link-8` is a hard link that becomes a file of its own, and those of the package have more than 268435456 bytes together");
}

#[test]
fn an_archive_that_is_read_again_for_each_of_its_links() {
    // Each link is small, and stands behind sixteen megabytes.
    assert_eq!(outcome(&linked(1, 16 << 20, 8), PREFIX), "installed");
    assert_snapshot!(outcome(&linked(1, 16 << 20, 100), PREFIX), @"`/opt/conda/share/link-80` is a hard link that becomes a file of its own, and the package has too many of them to read it again for each");
}

#[test]
fn as_many_paths_as_no_package_has() {
    let with = |count: usize| Made {
        info: vec![file("info/files", &"share/x\n".repeat(count - 1))],
        entries: vec![file("share/x", "x")],
        ..Made::default()
    };
    assert_eq!(outcome(&with(1000), PREFIX), "installed");
    assert_snapshot!(outcome(&with(MOST_PATHS + 1), PREFIX), @"the archive lists 262145 paths, and no package may have more than 262144");
}
