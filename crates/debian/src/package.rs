//! A locked package as a source of entries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, KeyHasher, Owner, Part, PartId,
    RecipeHash, Role, SinkError, Source, SourceError,
};
use lock::DebianPackage;

use crate::archive::{ArchiveError, Deb, What};
use crate::examine::{Control, examine};
use crate::stanza::field;

/// A Debian package whose archive is on the disk.
#[derive(Debug, Clone)]
pub struct Package {
    locked: DebianPackage,
    archive: PathBuf,
    part: Part,
}

impl Package {
    /// The package `locked`, whose `.deb` is the file `archive`.
    pub fn new(locked: &DebianPackage, archive: &Path) -> Self {
        let facts = &locked.facts;
        let special = |it: &lock::SpecialDirectory| format!("{} {} {} {}", it.path, it.mode, it.uid, it.gid);
        let recipe = KeyHasher::new("debian")
            .field("sha256", locked.sha256.as_bytes())
            .list("directories", facts.directories.iter().map(special))
            .finish();
        let part = Part {
            id: PartId::new("debian", &locked.name),
            title: format!("{} {}", locked.name, locked.version),
            recipe: RecipeHash(recipe),
            role: Role::Base,
            weight: facts.installed_size,
            root: None,
        };
        Self { locked: locked.clone(), archive: archive.to_owned(), part }
    }

    /// Its record in the lock.
    pub fn locked(&self) -> &DebianPackage {
        &self.locked
    }

    /// Its archive.
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    pub(crate) fn installed_size(&self) -> u64 {
        installed_size(&self.locked.record)
    }
}

/// The field `Installed-Size` of a stanza, in KiB.
pub(crate) fn installed_size(record: &str) -> u64 {
    field(record, "Installed-Size").and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// What can go wrong while a package is written: its own error, or the sink's.
#[derive(Debug)]
enum Stop {
    Archive(ArchiveError),
    Sink(SinkError),
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<Stop> for SourceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Archive(error) => Self::archive(error),
            Stop::Sink(error) => Self::Sink(error),
        }
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let examined = examine(&self.archive, self.installed_size()).map_err(SourceError::archive)?;
        Ok(examined.claims)
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        Ok(self.write_all(exclusions, sink)?)
    }
}

impl Package {
    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), Stop> {
        let deb = Deb::open(&self.archive)?;
        let control = Control::read(&deb)?;
        self.check_control(&deb, &control)?;
        let mut orphans =
            if exclusions.is_empty() { Orphans::default() } else { self.orphans(&deb, exclusions)? };
        let mut list = String::new();
        let mut listed = BTreeSet::new();
        let mut newest = 0;
        let mut installed = 0;
        deb.data(self.installed_size(), &mut |member, body: &mut dyn Read| -> Result<(), Stop> {
            let name = member.listed;
            let Some(mut head) = member.head else {
                if listed.insert(name.clone()) {
                    list.push_str(&format!("{name}\n"));
                }
                return Ok(());
            };
            newest = newest.max(head.mtime);
            installed += head.size();
            let excluded = exclusions.contains(&head.path);
            if !excluded && listed.insert(name.clone()) {
                list.push_str(&format!("{name}\n"));
            }
            orphans.adopt(&mut head);
            let own_heir = matches!(&head.kind, EntryKind::Hardlink { target } if *target == head.path);
            if own_heir || (excluded && exclusions.contains(&head.path)) {
                return Ok(());
            }
            Ok(sink.put(&head, body)?)
        })?;
        self.check_facts(&deb, newest, installed)?;
        self.write_info(&deb, &control, list, newest, exclusions, sink)
    }

    /// The files that are excluded and yet needed, because a link of another name points to them.
    fn orphans(&self, deb: &Deb, exclusions: &Exclusions) -> Result<Orphans, Stop> {
        let mut orphans = Orphans::default();
        deb.data(self.installed_size(), &mut |member, _: &mut dyn Read| -> Result<(), Stop> {
            if let Some(EntryHead { path, kind: EntryKind::Hardlink { target }, .. }) = member.head
                && exclusions.contains(&target)
                && !exclusions.contains(&path)
            {
                orphans.heirs.entry(target).or_insert(path);
            }
            Ok(())
        })?;
        Ok(orphans)
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
        for (name, path) in control.info_paths(deb)? {
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

    fn check_control(&self, deb: &Deb, control: &Control) -> Result<(), Stop> {
        let locked = &self.locked;
        let pairs =
            [("Package", &locked.name), ("Version", &locked.version), ("Architecture", &locked.architecture)];
        for (name, expected) in pairs {
            let found = control.field(name);
            if found != expected {
                let what = format!("its field `{name}` is `{found}` and not `{expected}`");
                return Err(deb.error(What::Mismatch(what)).into());
            }
        }
        Ok(())
    }

    fn check_facts(&self, deb: &Deb, newest: i64, installed: u64) -> Result<(), Stop> {
        let facts = &self.locked.facts;
        if (facts.timestamp, facts.installed_size) == (newest, installed) {
            return Ok(());
        }
        let what = format!(
            "the lock says {} bytes, the newest of {}, and it holds {installed} bytes, the newest of {newest}\nhint: the lock was changed by hand, or written by another version: run `imgbuild lock`",
            facts.installed_size, facts.timestamp
        );
        Err(deb.error(What::Mismatch(what)).into())
    }
}

/// Excluded files whose bytes another name needs: the first such name becomes the file.
#[derive(Debug, Default)]
struct Orphans {
    heirs: BTreeMap<ImagePath, ImagePath>,
}

impl Orphans {
    /// Gives an excluded file the name of its heir, and points further links to that.
    fn adopt(&mut self, head: &mut EntryHead) {
        match &mut head.kind {
            EntryKind::File { .. } => {
                if let Some(heir) = self.heirs.get(&head.path) {
                    head.path = heir.clone();
                }
            }
            EntryKind::Hardlink { target } => {
                if let Some(heir) = self.heirs.get(target) {
                    *target = heir.clone();
                }
            }
            EntryKind::Directory | EntryKind::Symlink { .. } => {}
        }
    }
}
