//! The end of writing a package: what was to be there, its entry points, and the record of it all.

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind};
use rattler::install::python_entry_point_template;
use rattler_conda_types::PrefixRecord;
use rattler_conda_types::package::PathType;
use rattler_conda_types::prefix_record::{self, PathsEntry as InstalledPath};

use crate::activation::{activation, is_activation_script, is_variables_file};
use crate::info::Damaged;
use crate::licences::LicenceText;
use crate::package_error::PackageError;
use crate::record;
use crate::writing::Writer;

/// What activation does, for people.
fn shown(activation: &imgbuild_lock::Activation) -> String {
    let exports = activation.exports.iter().map(|export| format!("{}={}", export.name, export.value));
    exports.chain(activation.dynamic.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
}

/// What a record says of a file that the archive has not, or not as one of its files.
fn installed_path(path: &ImagePath, path_type: prefix_record::PathType, bytes: &[u8]) -> InstalledPath {
    InstalledPath {
        relative_path: path.as_str().into(),
        original_path: None,
        path_type,
        no_link: false,
        sha256: Some(record::sha256(imgbuild_oci::Digest::of(bytes))),
        sha256_in_prefix: None,
        size_in_bytes: Some(bytes.len() as u64),
        file_mode: None,
        prefix_placeholder: None,
    }
}

impl Writer<'_> {
    pub(crate) fn finish(mut self) -> Result<(), PackageError> {
        self.check_absent()?;
        self.note_sizes();
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
        paths.extend(self.licences()?);
        paths.sort_by(|a, b| a.relative_path.cmp(&b.relative_path));
        self.meta(paths)
    }

    /// Whether another package has one of the scripts: then what they do together is not what the lock says.
    fn lacks_activation(&self) -> bool {
        let prefix = &self.package.environment.prefix;
        let below = self.exclusions.iter().filter_map(|path| path.strip_prefix(prefix));
        below.into_iter().any(|path| is_activation_script(path) || is_variables_file(path))
    }

    /// Everything that is listed must have been there; of what is accepted damaged, links may lack, as with rattler.
    fn check_absent(&mut self) -> Result<(), PackageError> {
        let is_absent = |path: &ImagePath| !self.installed.contains_key(path);
        let listed = self.info.paths.iter().filter(|(_, entry)| entry.path_type != PathType::Directory);
        let absent: Vec<(ImagePath, PathType)> = listed
            .filter(|(path, _)| is_absent(path))
            .map(|(path, entry)| (path.clone(), entry.path_type))
            .collect();
        for (path, kind) in absent {
            if kind != PathType::SoftLink || self.package.damaged == Damaged::Refused {
                return Err(PackageError::Absent(path));
            }
            self.note(&format!("`info/paths.json` lists the link `{path}`, which the archive does not hold"));
        }
        Ok(())
    }

    fn note_sizes(&mut self) {
        let note = match self.wrong_size.take() {
            None => return,
            Some((path, 1)) => format!("`{path}` is not as large as `info/paths.json` says"),
            Some((path, count)) => {
                format!("`{path}` and {} others are not as large as `info/paths.json` says", count - 1)
            }
        };
        self.note(&note);
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
        if self.entry_points.len() < self.info.entry_points.len() {
            self.note("it states an entry point twice, and the last one counts");
        }
        let mut installed = Vec::new();
        for (path, entry_point) in std::mem::take(&mut self.entry_points) {
            let place = environment.prefix.join_path(&path)?;
            if self.exclusions.contains(&place) {
                continue;
            }
            let script = python_entry_point_template(&environment.prefix_text(), false, &entry_point, python);
            let head = EntryHead {
                path: place,
                kind: EntryKind::File { size: script.len() as u64 },
                mode: 0o775,
                owner: Owner::ROOT,
                mtime: self.time(),
            };
            self.sink.put(&head, &mut script.as_bytes())?;
            let kind = prefix_record::PathType::UnixPythonEntryPoint;
            installed.push(installed_path(&path, kind, script.as_bytes()));
        }
        Ok(installed)
    }

    /// The texts of the licences, which the record lists: who removes the package removes them.
    fn licences(&mut self) -> Result<Vec<InstalledPath>, PackageError> {
        let licences = std::mem::take(&mut self.licences);
        if let Some(note) = licences.note() {
            self.note(&note);
        }
        let mut installed = Vec::new();
        for (text, LicenceText { bytes, mtime }) in licences.into_texts() {
            let path = self.package.licence_path(&text)?;
            let place = self.package.environment.prefix.join_path(&path)?;
            // The package's own file is what it wants there.
            if self.exclusions.contains(&place) || self.placed.contains_key(&path) {
                continue;
            }
            let head = EntryHead {
                path: place,
                kind: EntryKind::File { size: bytes.len() as u64 },
                mode: 0o644,
                owner: Owner::ROOT,
                mtime,
            };
            self.sink.put(&head, &mut bytes.as_slice())?;
            installed.push(installed_path(&path, prefix_record::PathType::HardLink, &bytes));
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
            owner: Owner::ROOT,
            mtime: self.time(),
        };
        Ok(self.sink.put(&head, &mut json.as_slice())?)
    }
}
