//! A locked package as a source of entries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Kind, Part, PartId, RecipeHash, Role,
    Source, SourceError,
};
use imgbuild_lock::{DebianPackage, PathRule};
use imgbuild_oci::Digest;

use crate::package::control::Control;
use crate::package::copyright;
use crate::package::deb::{ArchiveError, Deb, DebFault};
use crate::package::examine::{Examined, examine, examined_key};
use crate::package::path_filter::PathFilter;
use crate::package::stanza::field;
use crate::package::writing::{PackageTotals, PackageWriter, Stop};
use crate::role::BASE;
use crate::state::StateError;
use crate::state::read::{self, PackageReader, Shared};

/// Changes whenever the same archive would become other entries.
const METHOD: &str = "2";

/// A Debian package whose archive is on the disk.
#[derive(Debug, Clone)]
pub struct Package {
    locked: DebianPackage,
    archive: PathBuf,
    path_rules: Arc<[PathRule]>,
    manager: bool,
    part: Part,
    /// What the state needs of it; nothing where no state is made of it.
    shared: Option<Shared>,
}

impl Package {
    /// The package `locked`, whose `.deb` is the file `archive`.
    pub fn new(locked: &DebianPackage, archive: &Path) -> Self {
        let part = Part {
            id: PartId::new("debian", &locked.name),
            title: format!("{} {}", locked.name, locked.version),
            recipe: recipe(locked, &[]),
            archive: None,
            role: BASE,
            weight: locked.facts.installed_size,
            root: None,
        };
        Self {
            locked: locked.clone(),
            archive: archive.to_owned(),
            path_rules: Arc::new([]),
            manager: true,
            part,
            shared: None,
        }
    }

    /// The package as what it is to the image.
    #[must_use]
    pub(crate) fn with_role(mut self, role: Role) -> Self {
        self.part.role = role;
        self
    }

    /// The package without the paths that these rules exclude.
    #[must_use]
    pub fn without(mut self, rules: &[PathRule]) -> Self {
        self.part.recipe = recipe(&self.locked, rules);
        self.path_rules = rules.into();
        self.shared = None;
        self
    }

    /// The package for an image without dpkg: its record is one that scanners know, and not dpkg's.
    #[must_use]
    pub fn without_manager(mut self) -> Self {
        let recipe = KeyHasher::new("debian without dpkg").field("package", self.part.recipe.0.as_bytes());
        self.part.recipe = RecipeHash(recipe.finish());
        self.manager = false;
        self
    }

    /// The package as one of those that a state is made of: writing it and making the state from its clones unpacks the
    /// archive once.
    #[must_use]
    pub(crate) fn with_state(mut self) -> Self {
        self.shared = Some(Shared::default());
        self
    }

    /// What the state needs of it.
    pub(crate) fn read(&self) -> Result<Arc<read::ReadPackage>, StateError> {
        match &self.shared {
            Some(shared) => shared.get_or_read(|| self.read_archive()),
            None => self.read_archive().map(Arc::new),
        }
    }

    fn read_archive(&self) -> Result<read::ReadPackage, StateError> {
        let deb = Deb::open(&self.archive)?;
        let control = Arc::new(Control::read(&deb)?);
        let filter = self.filter(&deb)?;
        let mut reading = PackageReader::new(&self.locked.name, &deb, control, &filter)?;
        deb.data(self.installed_size(), &mut |member, body: &mut dyn Read| {
            reading.pass(&member, body, |_| Ok::<(), ArchiveError>(()))
        })?;
        Ok(reading.finish())
    }

    /// Frees the memory that [`Package::read`] uses.
    pub(crate) fn forget(&self) {
        self.shared.iter().for_each(Shared::forget);
    }

    /// Its record in the lock.
    pub fn locked(&self) -> &DebianPackage {
        &self.locked
    }

    /// Its archive.
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// What is left out of it.
    pub(crate) fn filter(&self, deb: &Deb) -> Result<PathFilter, ArchiveError> {
        PathFilter::new(&self.path_rules).map_err(|error| deb.error(DebFault::Glob(error)))
    }

    pub(crate) fn installed_size(&self) -> u64 {
        installed_size(&self.locked.record)
    }
}

fn recipe(locked: &DebianPackage, rules: &[PathRule]) -> RecipeHash {
    let special =
        |it: &imgbuild_lock::SpecialDirectory| format!("{} {} {} {}", it.path, it.mode, it.uid, it.gid);
    let mut hasher = KeyHasher::new("debian")
        .field("method", METHOD)
        .field("sha256", locked.sha256.as_bytes())
        .list("directories", locked.facts.directories.iter().map(special));
    if !rules.is_empty() {
        hasher = hasher.list("path rules", rules.iter().map(ToString::to_string));
    }
    RecipeHash(hasher.finish())
}

/// The field `Installed-Size` of a stanza, in KiB.
pub(crate) fn installed_size(record: &str) -> u64 {
    field(record, "Installed-Size").and_then(|it| it.parse().ok()).unwrap_or(0)
}

impl Examined {
    /// What that of a locked package is kept under.
    pub fn key(package: &DebianPackage) -> Digest {
        examined_key(&package.sha256, installed_size(&package.record))
    }

    /// Reads the archive of a locked package from end to end.
    ///
    /// # Errors
    ///
    /// As [`examine`].
    pub fn read(package: &DebianPackage, archive: &Path) -> Result<Self, ArchiveError> {
        examine(archive, installed_size(&package.record))
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let examined = examine(&self.archive, self.installed_size()).map_err(SourceError::archive)?;
        if self.manager {
            return Ok(examined.claims);
        }
        let own = || -> Result<_, ArchiveError> {
            let deb = Deb::open(&self.archive)?;
            let control = Control::read(&deb)?;
            Ok((control.info_paths(&deb)?, self.status_paths(&deb, &control)?))
        };
        let (info, status) = own().map_err(SourceError::archive)?;
        let info: BTreeSet<ImagePath> = info.into_values().collect();
        let status = status.into_values().map(|path| Claim { path, kind: Kind::File });
        Ok(examined.claims.into_iter().filter(|claim| !info.contains(&claim.path)).chain(status).collect())
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        Ok(self.write_all(exclusions, sink)?)
    }
}

impl Package {
    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), Stop> {
        let deb = Deb::open(&self.archive)?;
        let control = Arc::new(Control::read(&deb)?);
        self.check_control(&deb, &control)?;
        let filter = self.filter(&deb)?;
        let mut place = self.shared.as_ref().and_then(Shared::place);
        // Where the scripts are not known, making the state says so.
        let mut reading = place
            .as_ref()
            .and_then(|_| PackageReader::new(&self.locked.name, &deb, Arc::clone(&control), &filter).ok());
        let mut writing = PackageWriter::new(&deb, self.installed_size(), exclusions, &filter);
        let (place_of_copyright, mut licence) = (copyright::path(&self.locked.name), None);
        let threads = sink.options().threads;
        deb.data_on(threads, self.installed_size(), &mut |member, body: &mut dyn Read| {
            let is_copyright = member.head.as_ref().is_some_and(|head| {
                head.path.as_str() == place_of_copyright && matches!(head.kind, EntryKind::File { .. })
            });
            let text = if is_copyright { copyright::read(body) } else { Ok(Vec::new()) };
            let text = text.map_err(|error| deb.error(DebFault::Read(error)))?;
            if is_copyright {
                licence = copyright::stated(&text);
            }
            let body = &mut text.as_slice().chain(body);
            match &mut reading {
                Some(reading) => reading.pass(&member, body, |body| writing.put(&member, body, sink)),
                None => writing.put(&member, body, sink),
            }
        })?;
        self.check_licence(&deb, licence.as_deref())?;
        let PackageTotals { list, newest, installed } = writing.finish();
        self.check_facts(&deb, newest, installed)?;
        if let Some(place) = &mut place {
            **place = reading.map(|it| Arc::new(it.finish()));
        }
        self.write_info(&deb, &control, list, newest, exclusions, sink)
    }

    fn write_info(
        &self,
        deb: &Deb,
        control: &Control,
        list: String,
        newest: i64,
        exclusions: &Exclusions,
        sink: &mut dyn EntrySink,
    ) -> Result<(), Stop> {
        let paths = if self.manager { control.info_paths(deb)? } else { self.status_paths(deb, control)? };
        for (name, path) in paths {
            if exclusions.contains(&path) {
                continue;
            }
            let (mode, mtime, bytes) = match control.files.get(&name) {
                Some((head, bytes)) => (head.mode, head.mtime, bytes.as_slice()),
                None => (0o644, newest, list.as_bytes()),
            };
            let kind = EntryKind::File { size: bytes.len() as u64 };
            sink.put(
                &EntryHead { path, kind, mode, owner: Owner::ROOT, mtime },
                &mut io::Cursor::new(bytes),
            )?;
        }
        Ok(())
    }

    /// The paths of the package's own record where there is no dpkg: its control file and its checksums, as scanners look for
    /// them in images of Google's distroless, by the names of the control files.
    fn status_paths(
        &self,
        deb: &Deb,
        control: &Control,
    ) -> Result<BTreeMap<String, ImagePath>, ArchiveError> {
        let path = |suffix: &str| {
            let path = ImagePath::new(&format!("var/lib/dpkg/status.d/{}{suffix}", self.locked.name));
            path.map_err(|it| deb.error(DebFault::Path(it)))
        };
        let mut paths = BTreeMap::from([("control".to_owned(), path("")?)]);
        if control.files.contains_key("md5sums") {
            paths.insert("md5sums".to_owned(), path(".md5sums")?);
        }
        Ok(paths)
    }

    fn check_control(&self, deb: &Deb, control: &Control) -> Result<(), Stop> {
        let locked = &self.locked;
        let pairs =
            [("Package", &locked.name), ("Version", &locked.version), ("Architecture", &locked.architecture)];
        for (name, expected) in pairs {
            let found = control.field(name);
            if found != expected {
                let what = format!("its field `{name}` is `{found}` and not `{expected}`");
                return Err(deb.error(DebFault::Mismatch(what)).into());
            }
        }
        Ok(())
    }

    /// Locks of older versions do not say it, nor do those of packages that say it to people alone.
    fn check_licence(&self, deb: &Deb, found: Option<&str>) -> Result<(), Stop> {
        match self.locked.facts.licence.as_deref() {
            None => Ok(()),
            Some(expected) if found == Some(expected) => Ok(()),
            Some(expected) => {
                let found = found.unwrap_or("not stated");
                let what = format!("its licence is `{found}` and not `{expected}`");
                Err(deb.error(DebFault::Mismatch(what)).into())
            }
        }
    }

    fn check_facts(&self, deb: &Deb, newest: i64, installed: u64) -> Result<(), Stop> {
        let facts = &self.locked.facts;
        if (facts.timestamp, facts.installed_size) == (newest, installed) {
            return Ok(());
        }
        let what = format!(
            "the lock says {} bytes, the newest of {}, and it holds {installed} bytes, the newest of {newest}",
            facts.installed_size, facts.timestamp
        );
        Err(deb.error(DebFault::Facts(what)).into())
    }
}
