//! Packages made by hand, installed by us and by rattler.

mod damaged;
mod licences;
mod limits;
mod metadata;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use bzip2::Compression;
use bzip2::write::BzEncoder;
use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, Role, SinkError, Source, WriteOptions};
use imgbuild_lock::CondaPackage;
use imgbuild_oci::Digest;
use rattler::install::{InstallDriver, InstallOptions, PythonInfo, link_package};
use rattler_conda_types::prefix::Prefix;
use rattler_conda_types::{PackageRecord, Subdir};
use serde_json::{Value, json};

use crate::facts::facts;
use crate::info::{Damaged, Info};
use crate::package::Environment;
use crate::{Archive, ArchiveFormat, Package};

pub(super) const PREFIX: &str = "/opt/conda";

/// An entry of an archive, with its name as it is written.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: String,
    mode: u32,
    kind: tar::EntryType,
    /// A file's text, or where a link leads.
    text: String,
}

pub(super) fn file(name: &str, text: &str) -> Entry {
    Entry { name: name.to_owned(), mode: 0o644, kind: tar::EntryType::Regular, text: text.to_owned() }
}

pub(super) fn symlink(name: &str, target: &str) -> Entry {
    Entry { kind: tar::EntryType::Symlink, ..file(name, target) }
}

pub(super) fn hardlink(name: &str, target: &str) -> Entry {
    Entry { kind: tar::EntryType::Link, ..file(name, target) }
}

impl Entry {
    pub(super) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }
}

/// What `paths.json` says of a file.
pub(super) fn listed(path: &str) -> Value {
    json!({ "_path": path, "path_type": "hardlink" })
}

/// A package, as it is made.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub(super) noarch: Option<&'static str>,
    pub(super) build: Option<&'static str>,
    pub(super) license: Option<String>,
    pub(super) paths: Vec<Value>,
    pub(super) entry_points: Vec<&'static str>,
    /// Of `paths.json`; 1 where nothing is said, as the next.
    pub(super) paths_version: Option<u64>,
    /// Of `link.json`.
    pub(super) metadata_version: Option<u64>,
    pub(super) entries: Vec<Entry>,
    /// Further files of `info/`; with `info/files` there is no `paths.json`.
    pub(super) info: Vec<Entry>,
}

impl Made {
    pub(super) fn write(&self, folder: &Path) -> std::path::PathBuf {
        let path = folder.join("odd-1.0-0.tar.bz2");
        let out = BzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast());
        let mut tar = tar::Builder::new(out);
        let mut index = json!({
            "name": "odd", "version": "1.0", "build": self.build.unwrap_or("0"), "build_number": 0, "depends": [], "subdir": "linux-64",
        });
        if let Some(noarch) = self.noarch {
            index["noarch"] = json!(noarch);
        }
        if let Some(license) = &self.license {
            index["license"] = json!(license);
        }
        append(&mut tar, &file("info/index.json", &index.to_string()));
        if self.info.is_empty() {
            let paths = json!({ "paths_version": self.paths_version.unwrap_or(1), "paths": self.paths });
            append(&mut tar, &file("info/paths.json", &paths.to_string()));
        }
        if !self.entry_points.is_empty() {
            let noarch = json!({ "type": "python", "entry_points": self.entry_points });
            let version = self.metadata_version.unwrap_or(1);
            let link = json!({ "package_metadata_version": version, "noarch": noarch });
            append(&mut tar, &file("info/link.json", &link.to_string()));
        }
        self.info.iter().chain(&self.entries).for_each(|entry| append(&mut tar, entry));
        tar.into_inner().unwrap().finish().unwrap();
        path
    }
}

/// Writes the name as it is: what writes archives properly would put it right.
fn append<W: Write>(tar: &mut tar::Builder<W>, entry: &Entry) {
    let mut header = tar::Header::new_gnu();
    let body = if entry.kind == tar::EntryType::Regular { entry.text.as_bytes() } else { b"" };
    header.as_gnu_mut().unwrap().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
    if body.is_empty() {
        header.as_gnu_mut().unwrap().linkname[..entry.text.len()].copy_from_slice(entry.text.as_bytes());
    }
    header.set_entry_type(entry.kind);
    header.set_size(body.len() as u64);
    header.set_mode(entry.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000_000_000);
    header.set_cksum();
    tar.append(&header, body).unwrap();
}

/// What stands in a prefix: the mode and text of files, and where links lead.
pub(super) type Tree = BTreeMap<String, String>;

/// Collects what a package writes.
#[derive(Default)]
struct Collected {
    tree: Tree,
    notes: Vec<String>,
    has_threads: bool,
}

impl EntrySink for Collected {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = head.path.to_string();
        let path = path.strip_prefix(PREFIX).unwrap().trim_start_matches('/').to_owned();
        let shown = match &head.kind {
            EntryKind::Directory => "folder".to_owned(),
            EntryKind::Symlink { target } => format!("-> {target}"),
            EntryKind::Hardlink { target } => {
                let target = target.to_string();
                let first = self.tree[target.strip_prefix("/opt/conda/").unwrap()].clone();
                assert!(
                    first.starts_with(&format!("{:o} ", head.mode)),
                    "the mode of `{path}` is another one"
                );
                first
            }
            EntryKind::File { .. } => {
                let mut text = String::new();
                body.read_to_string(&mut text).unwrap();
                format!("{:o} {text}", head.mode)
            }
            EntryKind::Removed | EntryKind::Emptied => panic!("`{path}` is taken away"),
        };
        assert!(self.tree.insert(path.clone(), shown).is_none(), "`{path}` is written twice");
        Ok(())
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn options(&self) -> WriteOptions {
        NonZero::new(if self.has_threads { 3 } else { 1 }).unwrap().into()
    }
}

fn python() -> PythonInfo {
    let version = "3.11.2".parse().unwrap();
    PythonInfo::from_version(&version, None, Subdir::Linux64).unwrap()
}

/// A package as an environment at `prefix` has it.
pub(super) fn package(archive: &Path, damaged: Damaged, prefix: &str) -> Result<Package, String> {
    package_in(archive, damaged, prefix, true)
}

/// The same of an environment that has the texts of licences, or not.
fn package_in(archive: &Path, damaged: Damaged, prefix: &str, has_licences: bool) -> Result<Package, String> {
    let name = archive.file_name().unwrap().to_str().unwrap();
    let opened = Archive::new(archive, ArchiveFormat::of(name).unwrap());
    let info = Info::read(&opened, damaged).map_err(|error| imgbuild_diagnostic::told(&error))?;
    let record = PackageRecord::from_index_json(info.index.clone(), None, None, None).unwrap();
    let table = toml::Table::try_from(
        serde_json::to_value(&record)
            .unwrap()
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .collect::<BTreeMap<_, _>>(),
    )
    .unwrap();
    let locked = CondaPackage {
        url: format!("https://channel.example/linux-64/{name}"),
        channel: "https://channel.example/".to_owned(),
        size: None,
        sha256: Digest::of(std::fs::read(archive).unwrap()),
        facts: facts(&info),
        record: table,
    };
    let accept_damaged = match damaged {
        Damaged::Accepted => BTreeSet::from(["odd".to_owned()]),
        Damaged::Refused => BTreeSet::new(),
    };
    let environment = Environment {
        scope: None,
        prefix: ImagePath::from_absolute(prefix).unwrap(),
        python: Some(python()),
        subdir: Subdir::Linux64,
        accept_damaged,
        has_licences,
    };
    Ok(Package::new(&locked, Role::PACKAGE, Arc::new(environment), archive.to_owned()).unwrap())
}

/// Installs a package by us: what stands in the prefix, without `conda-meta`, and what is told.
pub(super) fn install(
    archive: &Path,
    damaged: Damaged,
    excluded: &[&str],
) -> Result<(Tree, Vec<String>), String> {
    let (package, mut collected) = written(archive, damaged, excluded)?;
    let claimed: BTreeSet<String> =
        package.claims().unwrap().iter().map(|claim| claim.path.as_str().replace("opt/conda/", "")).collect();
    collected.tree.retain(|path, shown| {
        // Nobody else has a text in the folder that is named after the package.
        let is_own = path.starts_with("conda-meta/licenses/odd-1.0-0/");
        assert!(shown == "folder" || is_own || claimed.contains(path), "`{path}` is written and not claimed");
        !path.starts_with("conda-meta/") && shown != "folder"
    });
    Ok((collected.tree, collected.notes))
}

/// Installs a package by us: all of what it writes.
fn written(archive: &Path, damaged: Damaged, excluded: &[&str]) -> Result<(Package, Collected), String> {
    let package = package(archive, damaged, PREFIX)?;
    let excluded: Exclusions =
        excluded.iter().map(|path| ImagePath::new(&format!("opt/conda/{path}")).unwrap()).collect();
    let write = |has_threads| {
        let mut collected = Collected { has_threads, ..Collected::default() };
        let written = package.write(&excluded, &mut collected);
        (written.map_err(|error| imgbuild_diagnostic::told(&error)), collected)
    };
    let ((written, collected), (by_several, alike)) = (write(false), write(true));
    // However many threads unpack it.
    assert_eq!((&written, &collected.tree, &collected.notes), (&by_several, &alike.tree, &alike.notes));
    written.map(|()| (package, collected))
}

/// Installs a package by rattler.
pub(super) fn by_rattler(archive: &Path, scratch: &Path) -> Result<Tree, String> {
    let (unpacked, prefix) = (scratch.join("unpacked"), scratch.join("prefix"));
    let extracted = rattler_package_streaming::fs::extract(archive, &unpacked);
    extracted.map_err(|error| error.to_string())?;
    std::fs::create_dir(&prefix).unwrap();
    let options = InstallOptions {
        target_prefix: Some(PREFIX.into()),
        python_info: Some(python()),
        platform: Some(Subdir::Linux64),
        ..InstallOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let into = Prefix::create(&prefix).unwrap();
    let linked = runtime.block_on(link_package(&unpacked, &into, &InstallDriver::default(), options));
    linked.map_err(|error| error.to_string())?;
    let mut tree = Tree::new();
    walk(&prefix, &prefix, &mut tree);
    Ok(tree)
}

fn walk(root: &Path, folder: &Path, tree: &mut Tree) {
    use std::os::unix::fs::PermissionsExt;
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            walk(root, &path, tree);
        } else if metadata.is_symlink() {
            tree.insert(name, format!("-> {}", std::fs::read_link(&path).unwrap().display()));
        } else if !name.starts_with("conda-meta/") && !name.starts_with("CACHEDIR") {
            let text = std::fs::read_to_string(&path).unwrap();
            tree.insert(name, format!("{:o} {text}", metadata.permissions().mode() & 0o777));
        }
    }
}
