//! How one image differs from another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::ImagePath;
use imgbuild_inventory::{PackageChange, differences};
use imgbuild_layer::{Node, NodeKind};
use imgbuild_oci::{ContainerConfig, Digest, HashReader};
use imgbuild_store::Store;
use serde::Serialize;

use crate::contents::{Attributes, Contents, inventory};
use crate::error::MakeError;
use crate::files::read_files;
use crate::opening::Opened;

/// How one image differs from another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The packages.
    pub packages: Vec<PackageChange>,
    /// What containers are started with.
    pub config: Vec<ConfigChange>,
    /// The layers.
    pub layers: LayerChanges,
    /// The files, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileChanges>,
    /// Whether the two are the same image, bit for bit.
    pub identical: bool,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// What it is: `user`, `variable PATH`, `label NAME`.
    pub what: String,
    /// As the first image has it.
    pub before: Option<String>,
    /// As the second one has it.
    pub after: Option<String>,
}

/// The layers that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerChanges {
    /// How many of the second image's layers the first one has.
    pub shared: usize,
    /// How many it has not.
    pub new: usize,
    /// The bytes that whoever has the first image downloads for the second one: its new layers, its configuration and its manifest not
    /// counted.
    pub pull_bytes: u64,
}

/// The files that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileChanges {
    /// Paths that only the second image has.
    pub added: Vec<String>,
    /// Paths that only the first one has.
    pub removed: Vec<String>,
    /// Paths that both have, and what is different: `content`, `size`, `mode`, `owner`, `kind`, `target`, of a device what it was and what it
    /// is (`the character device 1:3 -> the character device 1:5`), or an extended attribute by its name, such as `security.capability`.
    pub changed: Vec<FileChange>,
}

/// A path that two images have differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// What is different.
    pub what: Vec<String>,
}

impl Comparison {
    /// How `after` differs from `before`; their files only where `files` are asked for, which reads the layers that are not shared.
    ///
    /// # Errors
    ///
    /// When a layer that has to be read is not there or is damaged.
    pub fn of(before: &Opened, after: &Opened, files: bool, store: &Store) -> Result<Self, MakeError> {
        let packages = differences(&inventory(before, store)?, &inventory(after, store)?);
        Ok(Self {
            packages,
            config: config_changes(&before.config, &after.config),
            layers: layer_changes(before, after),
            files: files.then(|| file_changes(before, after, store)).transpose()?,
            identical: before.digest == after.digest,
        })
    }
}

fn layer_changes(before: &Opened, after: &Opened) -> LayerChanges {
    let known: BTreeSet<Digest> = before.layers.iter().map(|layer| layer.descriptor.digest).collect();
    let all: BTreeMap<Digest, u64> =
        after.layers.iter().map(|layer| (layer.descriptor.digest, layer.descriptor.size)).collect();
    let new: Vec<u64> =
        all.iter().filter(|(digest, _)| !known.contains(digest)).map(|(_, size)| *size).collect();
    LayerChanges { shared: all.len() - new.len(), new: new.len(), pull_bytes: new.iter().sum() }
}

/// The settings of a container by what people call them.
fn settings(config: &ContainerConfig) -> BTreeMap<String, String> {
    let text = |name: &str, value: &String| (!value.is_empty()).then(|| (name.to_owned(), value.clone()));
    let words = |name: &str, words: &Vec<String>| {
        let shown = serde_json::to_string(words).unwrap_or_default();
        (!words.is_empty()).then(|| (name.to_owned(), shown))
    };
    let single = [
        text("user", &config.user),
        text("working folder", &config.working_dir),
        text("stop signal", &config.stop_signal),
        words("entrypoint", &config.entrypoint),
        words("command", &config.cmd),
    ];
    let mut all: BTreeMap<String, String> = single.into_iter().flatten().collect();
    all.extend(config.env.iter().map(|it| {
        let (name, value) = it.split_once('=').unwrap_or((it, ""));
        (format!("variable {name}"), value.to_owned())
    }));
    all.extend(config.labels.iter().map(|(name, value)| (format!("label {name}"), value.clone())));
    all.extend(config.exposed_ports.keys().map(|port| (format!("port {port}"), "exposed".to_owned())));
    all.extend(config.volumes.keys().map(|path| (format!("volume {path}"), "mounted".to_owned())));
    let health = config.healthcheck.as_ref().and_then(|it| serde_json::to_string(it).ok());
    all.extend(health.map(|it| ("health check".to_owned(), it)));
    all
}

fn config_changes(before: &ContainerConfig, after: &ContainerConfig) -> Vec<ConfigChange> {
    let (before, after) = (settings(before), settings(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| ConfigChange {
        what: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

fn file_changes(before: &Opened, after: &Opened, store: &Store) -> Result<FileChanges, MakeError> {
    let (old, new) = (Contents::of(before, store)?, Contents::of(after, store)?);
    let mut changes = FileChanges::default();
    let absolute = |path: &ImagePath| path.to_string();
    changes.removed = old
        .merged
        .iter()
        .filter(|(path, _)| new.merged.get(path).is_none())
        .map(|it| absolute(it.0))
        .collect();
    let (of_old, of_new) = (old.attributes(), new.attributes());
    let mut questionable: Vec<ImagePath> = Vec::new();
    let mut differing: BTreeMap<ImagePath, Vec<String>> = BTreeMap::new();
    for (path, node) in new.merged.iter() {
        let Some(known) = old.merged.get(path) else {
            changes.added.push(absolute(path));
            continue;
        };
        let what = differing_heads(known, node).into_iter();
        let what: Vec<String> =
            what.chain(differing_names(of_old.get(path).copied(), of_new.get(path).copied())).collect();
        if known.kind == node.kind && is_file(node) && diff_id(before, known) != diff_id(after, node) {
            questionable.push(path.clone());
        }
        if !what.is_empty() {
            differing.insert(path.clone(), what);
        }
    }
    // Files of one size in layers that are not the same ones are read.
    let (of_old, of_new) = (digests(before, &old, &questionable)?, digests(after, &new, &questionable)?);
    for path in questionable {
        if of_old.get(&path) != of_new.get(&path) {
            differing.entry(path).or_default().insert(0, "content".to_owned());
        }
    }
    changes.changed =
        differing.into_iter().map(|(path, what)| FileChange { path: absolute(&path), what }).collect();
    Ok(changes)
}

fn differing_heads(before: &Node, after: &Node) -> Vec<String> {
    let kind = match (&before.kind, &after.kind) {
        (one, other) if one == other => None,
        (NodeKind::File { .. }, NodeKind::File { .. }) => Some("size".to_owned()),
        (NodeKind::Symlink(_), NodeKind::Symlink(_)) => Some("target".to_owned()),
        (NodeKind::Special(one), NodeKind::Special(other)) => Some(format!("{one} -> {other}")),
        _ => Some("kind".to_owned()),
    };
    let mode = (before.mode != after.mode).then(|| "mode".to_owned());
    let owner = (before.owner != after.owner).then(|| "owner".to_owned());
    [kind, mode, owner].into_iter().flatten().collect()
}

/// The names of the extended attributes that differ.
fn differing_names(before: Option<&Attributes>, after: Option<&Attributes>) -> Vec<String> {
    let names: BTreeSet<&String> = [before, after].into_iter().flatten().flat_map(|it| it.keys()).collect();
    let value = |of: Option<&Attributes>, name: &String| of.and_then(|it| it.get(name).cloned());
    names.into_iter().filter(|name| value(before, name) != value(after, name)).cloned().collect()
}

fn is_file(node: &Node) -> bool {
    matches!(node.kind, NodeKind::File { .. })
}

fn diff_id(opened: &Opened, node: &Node) -> Option<imgbuild_oci::DiffId> {
    opened.layers.get(node.layer).map(|layer| layer.diff_id)
}

fn digests(
    opened: &Opened,
    contents: &Contents,
    paths: &[ImagePath],
) -> Result<BTreeMap<ImagePath, Digest>, MakeError> {
    let mut digests = BTreeMap::new();
    read_files(opened, contents, paths, &mut |paths: &[ImagePath], body: &mut dyn Read| {
        let mut reader = HashReader::new(body);
        io::copy(&mut reader, &mut io::sink())?;
        let (digest, _) = reader.finish();
        digests.extend(paths.iter().map(|path| (path.clone(), digest)));
        Ok(())
    })?;
    Ok(digests)
}
