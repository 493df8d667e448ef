//! A conda package as a source of entries.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;

use layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, KeyHasher, Kind, Owner, Part, PartId,
    RecipeHash, Role, SinkError, Source, SourceError, TarHead, TarKind,
};
use lock::{CondaFacts, CondaPackage};
use oci::HashReader;
use rattler::install::{PythonInfo, python_entry_point_template};
use rattler_conda_types::package::{PathType, PathsEntry};
use rattler_conda_types::prefix_record::{self, PathsEntry as InstalledPath};
use rattler_conda_types::{PrefixRecord, RepoDataRecord, Subdir};
use tempfile::SpooledTempFile;

use crate::activation::{activation, is_activation_script, is_variables_file};
use crate::archive::{Archive, ArchiveError, ArchiveFormat, Tar};
use crate::facts::{Layout, entry_point_path, facts};
use crate::info::{Info, InfoError};
use crate::record::{self, RecordError};
use crate::replace::replace;

/// Why a package cannot be written into a layer.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The lock's record is damaged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The metadata cannot be used.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A path must not be written.
    #[error(transparent)]
    Path(#[from] layer::PathError),
    /// A noarch Python package in an environment without Python.
    #[error("it is a noarch Python package, and the environment has no Python")]
    NoPython,
    /// The archive is not what the lock says.
    #[error("the lock says of its {fact} `{locked}`, and the archive `{found}`")]
    Fact {
        /// What differs.
        fact: &'static str,
        /// What the lock says.
        locked: String,
        /// What the archive says.
        found: String,
    },
    /// A file is not as large as the metadata says.
    #[error("`{path}` has {found} bytes, and `info/paths.json` declares {declared}")]
    Size {
        /// The file.
        path: ImagePath,
        /// The size in the metadata.
        declared: u64,
        /// The size in the archive.
        found: u64,
    },
    /// A path is of another kind than the metadata says: who trusts one would write through the other.
    #[error("`{path}` is a {found}, and `info/paths.json` declares a {declared}")]
    Kind {
        /// The path.
        path: ImagePath,
        /// The kind in the metadata.
        declared: &'static str,
        /// The kind in the archive.
        found: &'static str,
    },
    /// The metadata lists a path that the archive does not hold.
    #[error("`info/paths.json` lists `{0}`, which the archive does not hold")]
    Absent(ImagePath),
    /// The placeholder cannot be replaced.
    #[error("cannot put the prefix `{prefix}` into `{path}`")]
    Replace {
        /// The file.
        path: ImagePath,
        /// The prefix.
        prefix: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A hard link to something that is not a file of the package.
    #[error("`{path}` is a hard link to `{target}`, which is no file of the package")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// The target.
        target: ImagePath,
    },
    /// Its record cannot be written.
    #[error("its `conda-meta` record cannot be written")]
    Meta(#[source] io::Error),
    /// The layer refuses an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Where an environment stands, and whom its files belong to.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The prefix.
    pub prefix: ImagePath,
    /// The environment's interpreter.
    pub python: Option<PythonInfo>,
    /// The platform.
    pub subdir: Subdir,
    /// Whom the files belong to: root, unless the environment may be changed from inside.
    pub owner: Owner,
}

impl Environment {
    /// The prefix as the packages' files name it.
    pub fn prefix_text(&self) -> String {
        self.prefix.to_string()
    }
}

/// A locked conda package.
pub struct Package {
    part: Part,
    record: RepoDataRecord,
    facts: CondaFacts,
    environment: Arc<Environment>,
    archive: PathBuf,
    format: ArchiveFormat,
}

impl Package {
    /// A package whose archive is, or will be when it is written, at `archive`.
    ///
    /// # Errors
    ///
    /// When the lock's record is damaged.
    pub fn new(
        package: &CondaPackage,
        role: Role,
        environment: Arc<Environment>,
        archive: PathBuf,
    ) -> Result<Self, PackageError> {
        let record = record::from_package(package)?;
        let noarch_python = record.package_record.noarch.is_python();
        let python = environment.python.as_ref().filter(|_| noarch_python);
        let written = serde_json::to_vec(&record).map_err(|error| PackageError::Meta(error.into()))?;
        let recipe = KeyHasher::new("conda package")
            .field("archive", package.sha256.as_bytes())
            .field("record", canonical(&written)?)
            .field("prefix", environment.prefix.as_str())
            .field("owner", format!("{}:{}", environment.owner.uid, environment.owner.gid))
            .list("python", python.map(|python| format!("{:?} {:?}", python.path, python.site_packages_path)))
            .finish();
        let part = Part {
            id: PartId::new("conda", package.name()),
            title: format!("{} {} {}", package.name(), package.version(), package.build()),
            recipe: RecipeHash(recipe),
            role,
            weight: package.facts.installed_size,
            root: Some(environment.prefix.clone()),
        };
        let format = ArchiveFormat::of(package.file_name())?;
        Ok(Self { part, record, facts: package.facts.clone(), environment, archive, format })
    }

    fn archive(&self) -> Archive<'_> {
        Archive::new(&self.archive, self.format)
    }

    fn layout(&self, info: &Info) -> Result<Layout<'_>, PackageError> {
        match (&self.environment.python, info.index.noarch.is_python()) {
            (_, false) => Ok(Layout::new(None)),
            (Some(python), true) => Ok(Layout::new(Some(python))),
            (None, true) => Err(PackageError::NoPython),
        }
    }

    /// The metadata, after everything that the lock says of it was found to hold.
    fn checked_info(&self) -> Result<Info, PackageError> {
        let info = Info::read(&self.archive())?;
        info.check_declared(self.archive().size().map_err(ArchiveError::Read)?)?;
        let record = &self.record.package_record;
        let found = facts(&info);
        let check = |fact, locked: String, found: String| {
            if locked == found { Ok(()) } else { Err(PackageError::Fact { fact, locked, found }) }
        };
        check("name", record.name.as_normalized().to_owned(), info.index.name.as_normalized().to_owned())?;
        check("version", record.version.to_string(), info.index.version.to_string())?;
        check("build", record.build.to_string(), info.index.build.to_string())?;
        check("kind", format!("{:?}", record.noarch), format!("{:?}", info.index.noarch))?;
        check("paths", self.facts.paths.to_string(), found.paths.to_string())?;
        check("installed size", self.facts.installed_size.to_string(), found.installed_size.to_string())?;
        check("entry points", self.facts.entry_points.join(", "), found.entry_points.join(", "))?;
        check("link scripts", self.facts.link_scripts.join(", "), found.link_scripts.join(", "))?;
        Ok(info)
    }

    fn read_claims(&self) -> Result<Vec<Claim>, PackageError> {
        let info = self.checked_info()?;
        let mut claims = self.layout(&info)?.claims(&info)?;
        for claim in &mut claims {
            claim.path = self.environment.prefix.join_path(&claim.path)?;
        }
        claims.push(Claim { path: self.meta_path()?, kind: Kind::File });
        Ok(claims)
    }

    fn meta_path(&self) -> Result<ImagePath, PackageError> {
        let record = &self.record.package_record;
        let name = format!("{}-{}-{}.json", record.name.as_normalized(), record.version, record.build);
        Ok(self.environment.prefix.join(&format!("conda-meta/{name}"))?)
    }

    /// The package's files.
    fn content(&self, info: &Info) -> Result<Tar, PackageError> {
        let size = self.archive().size().map_err(ArchiveError::Read)?;
        Ok(self.archive().content(content_limit(info, size))?)
    }

    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), PackageError> {
        let info = self.checked_info()?;
        let layout = self.layout(&info)?;
        let mut tar = self.content(&info)?;
        let mut writer = Writer {
            package: self,
            info: &info,
            layout,
            exclusions,
            sink,
            installed: BTreeMap::new(),
            scripts: Vec::new(),
            became: BTreeMap::new(),
        };
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            writer.entry(&head, &mut tar.body())?;
        }
        writer.finish()
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.read_claims().map_err(SourceError::archive)
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.write_all(exclusions, sink).map_err(|error| match error {
            PackageError::Sink(error) => SourceError::Sink(error),
            error => SourceError::archive(error),
        })
    }
}

/// JSON in a fixed form, whatever order its maps had.
fn canonical(json: &[u8]) -> Result<Vec<u8>, PackageError> {
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|error| PackageError::Meta(error.into()))?;
    oci::canonical::to_vec(&value).map_err(|error| PackageError::Meta(io::Error::other(error)))
}

/// How far a package's tar may unpack: what its metadata declares and room for headers. Old packages declare nothing; no
/// real one compresses better than a hundred to one.
fn content_limit(info: &Info, archive_size: u64) -> u64 {
    const ROOM: u64 = 64 << 20;
    let sized = info.paths.values().all(|entry| entry.size_in_bytes.is_some());
    let content = if sized {
        info.paths.values().filter_map(|entry| entry.size_in_bytes).fold(0, u64::saturating_add)
    } else {
        archive_size.saturating_mul(100)
    };
    content.saturating_add(info.paths.len() as u64 * 16 * 1024).saturating_add(ROOM)
}

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
struct Writer<'a> {
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

impl Writer<'_> {
    fn entry(&mut self, head: &TarHead, body: &mut dyn Read) -> Result<(), PackageError> {
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

    fn finish(mut self) -> Result<(), PackageError> {
        let absent = |path: &&ImagePath| !self.installed.contains_key(*path);
        let listed = self.info.paths.iter().filter(|(_, entry)| entry.path_type != PathType::Directory);
        if let Some(path) = listed.map(|(path, _)| path).find(absent) {
            return Err(PackageError::Absent(path.clone()));
        }
        let found = activation(std::mem::take(&mut self.scripts));
        if found != self.package.facts.activation && self.exclusions.is_empty() {
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
