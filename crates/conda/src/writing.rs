//! Writing one package: what each entry of its archive becomes in the prefix, and the record of it all.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};

use layer::{EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, TarHead, TarKind};
use oci::HashReader;
use rattler::install::python_entry_point_template;
use rattler_conda_types::PrefixRecord;
use rattler_conda_types::package::{PathType, PathsEntry};
use rattler_conda_types::prefix_record::{self, PathsEntry as InstalledPath};
use tempfile::SpooledTempFile;

use crate::activation::{activation, is_activation_script, is_variables_file};
use crate::archive::ArchiveError;
use crate::facts::{Layout, entry_point_path};
use crate::info::Info;
use crate::package::{Package, PackageError};
use crate::record;
use crate::replace::replace;

/// What activation does, for people.
fn shown(activation: &lock::Activation) -> String {
    let exports = activation.exports.iter().map(|export| format!("{}={}", export.name, export.value));
    exports.chain(activation.dynamic.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
}

/// How `paths.json` calls what a tar holds.
pub(crate) fn path_type(kind: &TarKind) -> PathType {
    match kind {
        TarKind::Symlink(_) => PathType::SoftLink,
        TarKind::Directory => PathType::Directory,
        TarKind::File | TarKind::Hardlink(_) => PathType::HardLink,
    }
}

fn kind_name(kind: &PathType) -> &'static str {
    match kind {
        PathType::HardLink => "file",
        PathType::SoftLink => "symbolic link",
        PathType::Directory => "folder",
    }
}

/// The state of writing one package.
pub(crate) struct Writer<'a> {
    package: &'a Package,
    info: &'a Info,
    layout: Layout<'a>,
    exclusions: &'a Exclusions,
    sink: &'a mut dyn EntrySink,
    /// What was written, or left out (`None`), by the path in the archive.
    installed: BTreeMap<ImagePath, Option<InstalledPath>>,
    /// The activation scripts, to check what the lock says of them.
    scripts: Vec<(ImagePath, String)>,
    /// The first hard link to a file that was left out, which has become that file; by the file's path in the archive.
    became: BTreeMap<ImagePath, ImagePath>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        package: &'a Package,
        info: &'a Info,
        layout: Layout<'a>,
        exclusions: &'a Exclusions,
        sink: &'a mut dyn EntrySink,
    ) -> Self {
        Self {
            package,
            info,
            layout,
            exclusions,
            sink,
            installed: BTreeMap::new(),
            scripts: Vec::new(),
            became: BTreeMap::new(),
        }
    }
}

impl Writer<'_> {
    pub(crate) fn entry(&mut self, head: &TarHead, body: &mut dyn Read) -> Result<(), PackageError> {
        // What `paths.json` does not list is not installed, by any installer.
        let Some((path, entry)) = head.path.as_ref().and_then(|path| self.info.paths.get_key_value(path))
        else {
            return Ok(());
        };
        let target = self.layout.target(path)?;
        let place = self.package.environment.prefix.join_path(&target)?;
        let (declared, found) = (kind_name(&entry.path_type), kind_name(&path_type(&head.kind)));
        if declared != found {
            return Err(PackageError::Kind { path: place, declared, found });
        }
        if self.exclusions.contains(&place) {
            self.installed.insert(path.clone(), None);
            return Ok(());
        }
        let installed = match &head.kind {
            TarKind::Directory => {
                self.put(head, place, EntryKind::Directory, &mut io::empty(), entry, &target)?
            }
            TarKind::Symlink(link) => {
                let kind = EntryKind::Symlink { target: link.clone() };
                self.put(head, place, kind, &mut io::empty(), entry, &target)?
            }
            TarKind::Hardlink(to) => self.hardlink(head, path, to, place, entry, &target)?,
            TarKind::File => self.file(head, place, body, entry, &target)?,
        };
        self.installed.insert(path.clone(), Some(installed));
        Ok(())
    }

    /// Writes an entry, and says what `conda-meta` will say of it.
    fn put(
        &mut self,
        head: &TarHead,
        place: ImagePath,
        kind: EntryKind,
        body: &mut dyn Read,
        entry: &PathsEntry,
        target: &ImagePath,
    ) -> Result<InstalledPath, PackageError> {
        let owner = self.package.environment.owner;
        let size = match &kind {
            EntryKind::Symlink { target } => target.len() as u64,
            EntryKind::File { size } => *size,
            _ => entry.size_in_bytes.unwrap_or(0),
        };
        // As rattler's installer: setuid, setgid and sticky bits do not survive.
        let mode = match kind {
            EntryKind::Directory => 0o755,
            _ => head.mode & 0o777,
        };
        self.sink.put(&EntryHead { path: place, kind, mode, owner, mtime: head.mtime }, body)?;
        Ok(InstalledPath {
            relative_path: target.as_str().into(),
            original_path: None,
            path_type: entry.path_type.into(),
            no_link: entry.no_link,
            sha256: entry.sha256,
            sha256_in_prefix: None,
            size_in_bytes: entry.size_in_bytes.or(Some(size)),
            file_mode: None,
            prefix_placeholder: entry.prefix_placeholder.as_ref().map(|it| it.placeholder.clone()),
        })
    }

    fn file(
        &mut self,
        head: &TarHead,
        place: ImagePath,
        body: &mut dyn Read,
        entry: &PathsEntry,
        target: &ImagePath,
    ) -> Result<InstalledPath, PackageError> {
        if let Some(declared) = entry.size_in_bytes.filter(|declared| *declared != head.size) {
            return Err(PackageError::Size { path: place, declared, found: head.size });
        }
        if let Some(placeholder) = &entry.prefix_placeholder {
            let environment = &self.package.environment;
            let prefix = environment.prefix_text();
            let mut replaced = replace(body, head.size, placeholder, &prefix, environment.subdir)
                .map_err(|error| PackageError::Replace { path: place.clone(), prefix, error })?;
            let (size, sha256) = (replaced.size, record::sha256(replaced.sha256));
            let installed = self.put(head, place, EntryKind::File { size }, &mut replaced, entry, target)?;
            return Ok(InstalledPath {
                sha256_in_prefix: (entry.sha256 != Some(sha256)).then_some(sha256),
                size_in_bytes: Some(size),
                file_mode: Some(placeholder.file_mode),
                ..installed
            });
        }
        let kind = EntryKind::File { size: head.size };
        if is_activation_script(target.as_str()) || is_variables_file(target.as_str()) {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
            self.scripts.push((target.clone(), String::from_utf8_lossy(&bytes).into_owned()));
            return self.put(head, place, kind, &mut bytes.as_slice(), entry, target);
        }
        if entry.sha256.is_some() {
            return self.put(head, place, kind, body, entry, target);
        }
        let mut body = HashReader::new(body);
        let installed = self.put(head, place, kind, &mut body, entry, target)?;
        Ok(InstalledPath { sha256_in_prefix: Some(record::sha256(body.finish().0)), ..installed })
    }

    fn hardlink(
        &mut self,
        head: &TarHead,
        path: &ImagePath,
        to: &ImagePath,
        place: ImagePath,
        entry: &PathsEntry,
        target: &ImagePath,
    ) -> Result<InstalledPath, PackageError> {
        let placeholder =
            |entry: Option<&PathsEntry>| entry.and_then(|entry| entry.prefix_placeholder.clone());
        let linked = self.became.get(to).unwrap_or(to).clone();
        let is_written = matches!(self.installed.get(&linked), Some(Some(_)));
        let is_same = placeholder(Some(entry)) == placeholder(self.info.paths.get(to));
        if !is_written || !is_same {
            // The file was left out, or the two are not replaced alike: then the link is a file of its own. That is rare,
            // so the archive is read once more instead of keeping what might be needed.
            if is_same {
                self.became.insert(to.clone(), path.clone());
            }
            let Some((mut body, size)) = self.body_of(to)? else {
                return Err(PackageError::Hardlink { path: place, target: to.clone() });
            };
            return self.file(&TarHead { size, ..head.clone() }, place, &mut body, entry, target);
        }
        let kind = EntryKind::Hardlink {
            target: self.package.environment.prefix.join_path(&self.layout.target(&linked)?)?,
        };
        let installed = self.put(head, place, kind, &mut io::empty(), entry, target)?;
        // The two names are one file, so what is true of its content is true of both.
        let first = self.installed.get(&linked).and_then(Option::as_ref);
        Ok(InstalledPath {
            sha256_in_prefix: first.and_then(|first| first.sha256_in_prefix),
            size_in_bytes: first.map_or(installed.size_in_bytes, |first| first.size_in_bytes),
            file_mode: first.and_then(|first| first.file_mode),
            ..installed
        })
    }

    /// A file's body and size; nothing where the archive holds no such file.
    fn body_of(&self, path: &ImagePath) -> Result<Option<(SpooledTempFile, u64)>, PackageError> {
        let mut tar = self.package.content(self.info)?;
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            if head.kind == TarKind::File && head.path.as_ref() == Some(path) {
                let mut copy = SpooledTempFile::new(1 << 20);
                io::copy(&mut tar.body(), &mut copy).map_err(ArchiveError::Read)?;
                copy.rewind().map_err(ArchiveError::Read)?;
                return Ok(Some((copy, head.size)));
            }
        }
        Ok(None)
    }

    pub(crate) fn finish(mut self) -> Result<(), PackageError> {
        let absent = |path: &&ImagePath| !self.installed.contains_key(*path);
        let listed = self.info.paths.iter().filter(|(_, entry)| entry.path_type != PathType::Directory);
        if let Some(path) = listed.map(|(path, _)| path).find(absent) {
            return Err(PackageError::Absent(path.clone()));
        }
        let found = activation(std::mem::take(&mut self.scripts));
        if found != self.package.facts.activation && !self.lacks_activation() {
            return Err(PackageError::Fact {
                fact: "activation",
                locked: shown(&self.package.facts.activation),
                found: shown(&found),
            });
        }
        let mut paths: Vec<InstalledPath> =
            std::mem::take(&mut self.installed).into_values().flatten().collect();
        paths.extend(self.entry_points()?);
        paths.sort_by(|a, b| a.relative_path.cmp(&b.relative_path));
        self.meta(paths)
    }

    /// Whether another package has one of the scripts: then what they do together is not what the lock says.
    fn lacks_activation(&self) -> bool {
        let prefix = &self.package.environment.prefix;
        let below = self.exclusions.iter().filter_map(|path| path.strip_prefix(prefix));
        below.into_iter().any(|path| is_activation_script(path) || is_variables_file(path))
    }

    /// The time of what does not come from the archive: the package's own.
    fn time(&self) -> i64 {
        let timestamp = self.package.record.package_record.timestamp.as_ref();
        timestamp.map_or(0, |timestamp| timestamp.jiff_timestamp().as_second())
    }

    fn entry_points(&mut self) -> Result<Vec<InstalledPath>, PackageError> {
        let environment = &self.package.environment;
        let Some(python) = environment.python.as_ref().filter(|_| self.info.index.noarch.is_python()) else {
            return Ok(Vec::new());
        };
        let mut installed = Vec::new();
        for entry_point in &self.info.entry_points {
            let path = entry_point_path(&entry_point.command)?;
            let place = environment.prefix.join_path(&path)?;
            if self.exclusions.contains(&place) {
                continue;
            }
            let script = python_entry_point_template(&environment.prefix_text(), false, entry_point, python);
            let head = EntryHead {
                path: place,
                kind: EntryKind::File { size: script.len() as u64 },
                mode: 0o775,
                owner: environment.owner,
                mtime: self.time(),
            };
            self.sink.put(&head, &mut script.as_bytes())?;
            installed.push(InstalledPath {
                relative_path: path.as_str().into(),
                original_path: None,
                path_type: prefix_record::PathType::UnixPythonEntryPoint,
                no_link: false,
                sha256: Some(record::sha256(oci::Digest::of(&script))),
                sha256_in_prefix: None,
                size_in_bytes: Some(script.len() as u64),
                file_mode: None,
                prefix_placeholder: None,
            });
        }
        Ok(installed)
    }

    /// The package's own record: `conda-meta/NAME-VERSION-BUILD.json`.
    fn meta(&mut self, paths: Vec<InstalledPath>) -> Result<(), PackageError> {
        let record = PrefixRecord::from_repodata_record(self.package.record.clone(), paths);
        let mut json = Vec::new();
        record.write_to(&mut json, true).map_err(PackageError::Meta)?;
        let head = EntryHead {
            path: self.package.meta_path()?,
            kind: EntryKind::File { size: json.len() as u64 },
            mode: 0o644,
            owner: self.package.environment.owner,
            mtime: self.time(),
        };
        Ok(self.sink.put(&head, &mut json.as_slice())?)
    }
}
