//! The licences of what is linked into the program: they ask to be shown with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::commands;
use super::error::DistError;
use super::machine::Machine;

/// What names of licences' files begin with.
const NAMES: [&str; 6] = ["copying", "copyright", "licence", "license", "notice", "unlicense"];

/// What is longer is no licence.
const LONGEST: u64 = 256 << 10;

/// Where Debian and Ubuntu have glibc's licence.
const GLIBC: &str = "/usr/share/common-licenses/LGPL-2.1";

const HEAD: &str = "\
imgbuild is under the MIT licence or the Apache License 2.0, at your choice. Its program is linked statically with the Rust crates below,
and with

  * Rust's standard library: MIT OR Apache-2.0. Copyright (c) The Rust Project Developers.
  * libgcc's unwinder: GPL-3.0-or-later WITH GCC-exception-3.1. Copyright (C) Free Software Foundation, Inc.
  * the GNU C Library: LGPL-2.1-or-later, whose text is the first one below. Copyright (C) Free Software Foundation, Inc. All that it takes
    to link the program with another version of that library is in imgbuild's repository: `cargo xtask dist` does it.
";

/// The crates that are linked, and the licences that come with them, each text once.
pub(super) fn text(workspace: &Path, machine: Machine) -> Result<String, DistError> {
    let metadata = metadata(workspace, &["--filter-platform", machine.target])?;
    let glibc = std::fs::read_to_string(GLIBC).map_err(|_| DistError::Licence(GLIBC.into()))?;
    let mut list = HEAD.to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked(&metadata) {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_ref().ok_or_else(|| DistError::Unlicensed(name.clone()))?;
        list.push_str(&format!("\n{name}: {licence}"));
        let folder = package.manifest_path.parent().unwrap_or(Path::new("."));
        for text in files(folder, 2)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    list.push('\n');
    list.push_str(&block("the GNU C Library", &glibc));
    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, mut names) in texts {
        names.dedup();
        list.push_str(&block(&names.join(", "), &text));
    }
    Ok(list)
}

fn block(names: &str, text: &str) -> String {
    format!("\n{}\n{names}\n\n{}\n", "=".repeat(79), text.trim_end())
}

/// What `cargo metadata` says, as far as it is asked here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    /// Nothing where dependencies were not asked for.
    resolve: Option<Resolve>,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// Nothing for our own.
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// Nothing for what is linked; `build` and `dev` for what only compiles or tests.
    kind: Option<String>,
}

/// Where cargo puts what it makes.
pub(super) fn target_folder(workspace: &Path) -> Result<PathBuf, DistError> {
    Ok(metadata(workspace, &["--no-deps"])?.target_directory)
}

fn metadata(workspace: &Path, arguments: &[&str]) -> Result<Metadata, DistError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--locked"]).args(arguments).current_dir(workspace);
    Ok(serde_json::from_slice(&commands::output(&mut cargo)?)?)
}

/// The packages of others that are linked into the program, by name and version.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let is_linked = |used: &&Dependency| used.dep_kinds.iter().any(|it| it.kind.is_none());
        uses.insert(&node.id, node.deps.iter().filter(is_linked).map(|used| used.pkg.as_str()).collect());
    }
    let ours = metadata.packages.iter().filter(|package| package.name == "imgbuild");
    let mut waiting: Vec<&str> = ours.map(|package| package.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    while let Some(next) = waiting.pop() {
        if seen.insert(next) {
            waiting.extend(uses.get(next).into_iter().flatten());
        }
    }
    let is_others = |it: &&Package| it.source.is_some() && seen.contains(it.id.as_str());
    let mut others: Vec<&Package> = metadata.packages.iter().filter(is_others).collect();
    others.sort_by_key(|it| (&it.name, &it.version));
    others
}

/// The licences in a folder and in those below it, so many floors deep: C libraries that crates bring have their own.
fn files(folder: &Path, depth: u32) -> Result<BTreeSet<String>, DistError> {
    let mut found = BTreeSet::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let meta = fs_err::metadata(entry.path())?;
        if meta.is_dir() {
            if depth > 0 && name != "tests" {
                found.extend(files(&entry.path(), depth - 1)?);
            }
        } else if meta.len() <= LONGEST
            && NAMES.iter().any(|known| name.starts_with(known))
            && !name.ends_with(".rs")
        {
            match fs_err::read_to_string(entry.path()) {
                Ok(text) => drop(found.insert(text)),
                // What is no text is no licence.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_compiles_or_tests_is_not_linked() {
        let package = |name: &str, source: &str| {
            format!(
                r#"{{"id":"{name}","name":"{name}","version":"1","license":"MIT","source":{source},"manifest_path":"/x"}}"#
            )
        };
        let packages = [("imgbuild", "null"), ("own", "null"), ("linked", "\"a\""), ("builds", "\"a\"")];
        let packages = packages.map(|(name, source)| package(name, source)).join(",");
        let nodes = r#"{"id":"imgbuild","deps":[{"pkg":"own","dep_kinds":[{"kind":null}]},{"pkg":"builds","dep_kinds":[{"kind":"build"}]}]},
            {"id":"own","deps":[{"pkg":"linked","dep_kinds":[{"kind":"dev"},{"kind":null}]}]}"#;
        let whole =
            format!(r#"{{"packages":[{packages}],"resolve":{{"nodes":[{nodes}]}},"target_directory":"/t"}}"#);
        let metadata: Metadata = serde_json::from_str(&whole).unwrap();
        assert_eq!(linked(&metadata).iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["linked"]);
        // What cargo does not say is an error, and no list of nothing.
        assert!(serde_json::from_str::<Metadata>(r#"{"resolve":null,"target_directory":"/t"}"#).is_err());
    }
}
