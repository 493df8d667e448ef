//! The licences of what is linked into the program: they ask to be shown with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

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
        let said = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", said("name"), said("version"));
        list.push_str(&format!("\n{name}: {}", said("license")));
        let folder = Path::new(said("manifest_path")).parent().unwrap_or(Path::new("")).to_owned();
        for text in files(&folder, 2)? {
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

/// Where cargo puts what it makes.
pub(super) fn target_folder(workspace: &Path) -> Result<PathBuf, DistError> {
    Ok(metadata(workspace, &["--no-deps"])?["target_directory"].as_str().unwrap_or("target").into())
}

fn metadata(workspace: &Path, arguments: &[&str]) -> Result<Value, DistError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--locked"]).args(arguments).current_dir(workspace);
    Ok(serde_json::from_slice(&commands::output(&mut cargo)?)?)
}

/// The packages of others that are linked into the program, by name and version.
fn linked(metadata: &Value) -> Vec<&Value> {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        // What only compiles, or only tests, is in no program.
        let is_linked =
            |used: &Value| list(&used["dep_kinds"]).iter().any(|dependency| dependency["kind"].is_null());
        let used = list(&node["deps"]).into_iter().filter(is_linked).map(|used| id(&used["pkg"])).collect();
        uses.insert(id(&node["id"]), used);
    }
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut waiting: Vec<String> =
        packages.iter().filter(|it| it["name"] == "imgbuild").map(|it| id(&it["id"])).collect();
    let mut seen = BTreeSet::new();
    while let Some(next) = waiting.pop() {
        waiting.extend(uses.get(&next).into_iter().flatten().filter(|it| !seen.contains(*it)).cloned());
        seen.insert(next);
    }
    // Those without a source are our own.
    let others = packages.iter().filter(|it| !it["source"].is_null() && seen.contains(&id(&it["id"])));
    let mut others: Vec<&Value> = others.collect();
    others.sort_by_key(|it| (id(&it["name"]), id(&it["version"])));
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
