//! Writing one package: what each entry of its archive becomes in the prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, Owner, TarHead, TarKind};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, Source};
use imgbuild_oci::HashReader;
use rattler_conda_types::package::{EntryPoint, PathType, PathsEntry};
use rattler_conda_types::prefix_record::PathsEntry as InstalledPath;

use crate::activation::{is_activation_script, is_variables_file};
use crate::conda_archive::{ArchiveError, ArchiveFormat, path_type};
use crate::facts::Layout;
use crate::info::{Damaged, Info, InfoError, count_script, is_info, is_wanted};
use crate::licences::Licences;
use crate::limits::{MOST_COPIED, MOST_GROWTH, MOST_READ_AGAIN};
use crate::package::Package;
use crate::package_error::PackageError;
use crate::record;
use crate::replace::replace;
use crate::twice::{self, FirstEntries};

fn kind_name(kind: &PathType) -> &'static str {
    match kind {
        PathType::HardLink => "file",
        PathType::SoftLink => "symbolic link",
        PathType::Directory => "folder",
    }
}

/// The state of writing one package.
pub(crate) struct Writer<'a> {
    pub(crate) package: &'a Package,
    pub(crate) info: &'a Info,
    pub(crate) layout: Layout<'a>,
    pub(crate) exclusions: &'a Exclusions,
    pub(crate) sink: &'a mut dyn EntrySink,
    /// What was written, or left out (`None`), by the path in the archive.
    pub(crate) installed: BTreeMap<ImagePath, Option<InstalledPath>>,
    /// The number of the entry from which a path below the prefix was written.
    pub(crate) placed: BTreeMap<ImagePath, usize>,
    /// What the archive's names of files and hard links stand for so far.
    files: BTreeMap<ImagePath, Inode>,
    /// The path in the archive under which the file with a number was written: its own, or, where that was left out, the
    /// first hard link's.
    written: BTreeMap<usize, ImagePath>,
    /// The activation scripts, to check what the lock says of them.
    pub(crate) scripts: Vec<(ImagePath, String)>,
    /// The entry points, by where their scripts stand below the prefix.
    pub(crate) entry_points: BTreeMap<ImagePath, EntryPoint>,
    /// The numbers of the entries that others of the archive replace.
    replaced: BTreeSet<usize>,
    /// The number of the entry that comes next.
    next: usize,
    /// What the first entries of all listed paths hold, where that was asked for.
    firsts: Option<FirstEntries>,
    /// The files that say what is installed, of those that came.
    wanted: BTreeSet<ImagePath>,
    /// The texts of the licences, where the environment has them.
    pub(crate) licences: Licences,
    /// How much there was so far of what is limited: bytes of scripts, bytes by which files grew, bytes of hard links that
    /// became files, bytes of the archive that were read again for them.
    spent: Usage,
    /// The first file whose size is another than the metadata says, and how many there are.
    pub(crate) wrong_size: Option<(ImagePath, usize)>,
}

/// See [`Writer::spent`].
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    scripts: u64,
    growth: u64,
    copied: u64,
    read_again: u64,
}

/// What all names of one file have in common. A hard link's own head may say something else, which nobody's disk has.
#[derive(Debug, Clone)]
struct Inode {
    /// The number of the file's entry.
    number: usize,
    /// The name of that entry.
    file: ImagePath,
    mode: u32,
    mtime: i64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        package: &'a Package,
        info: &'a Info,
        layout: Layout<'a>,
        exclusions: &'a Exclusions,
        sink: &'a mut dyn EntrySink,
    ) -> Result<Self, PackageError> {
        let replaced = match package.damaged {
            Damaged::Refused => BTreeSet::new(),
            Damaged::Accepted => twice::replaced(package, info, &layout)?,
        };
        let entry_points = layout.entry_points(info)?;
        let mut writer = Self {
            package,
            info,
            layout,
            exclusions,
            sink,
            installed: BTreeMap::new(),
            placed: BTreeMap::new(),
            files: BTreeMap::new(),
            scripts: Vec::new(),
            written: BTreeMap::new(),
            entry_points,
            replaced,
            next: 0,
            firsts: None,
            wanted: BTreeSet::new(),
            licences: Licences::default(),
            spent: Usage::default(),
            wrong_size: None,
        };
        info.notes.iter().for_each(|note| writer.note(note));
        Ok(writer)
    }
}

impl Writer<'_> {
    /// Tells what was wrong with the package and did not hinder.
    pub(crate) fn note(&mut self, note: &str) {
        self.sink.note(format!("`{}`: {note}", self.package.part().id));
    }

    pub(crate) fn entry(&mut self, head: &TarHead, body: &mut dyn Read) -> Result<(), PackageError> {
        let number = self.next;
        self.next += 1;
        let Some(path) = &head.path else { return Ok(()) };
        if is_info(path) {
            self.info_entry(path, head, body)?;
        }
        self.remember(number, path, head);
        // What `paths.json` does not list is not installed, by any installer.
        let Some((path, entry)) = self.info.paths.get_key_value(path) else { return Ok(()) };
        let target = self.layout.target(path)?;
        let place = self.package.environment.prefix.join_path(&target)?;
        let entry = &self.of_kind(entry, head, &place)?;
        if self.replaced.contains(&number) {
            self.note(&format!("the archive holds `{place}` more than once, and the last one counts"));
            self.installed.entry(path.clone()).or_insert(None);
            return Ok(());
        }
        if self.entry_points.contains_key(&target) {
            self.note(&format!("its entry point `{place}` takes the place of a file"));
            self.installed.insert(path.clone(), None);
            return Ok(());
        }
        if self.exclusions.contains(&place) {
            self.installed.insert(path.clone(), None);
            return Ok(());
        }
        if let Some(first) = self.placed.get(&target).copied() {
            return self.again(first, head, path, place, body);
        }
        self.placed.insert(target.clone(), number);
        let installed = match &head.kind {
            TarKind::Directory => {
                self.put(head, place, EntryKind::Directory, &mut io::empty(), entry, &target)?
            }
            TarKind::Symlink(link) => {
                let kind = EntryKind::Symlink { target: link.clone() };
                self.put(head, place, kind, &mut io::empty(), entry, &target)?
            }
            TarKind::Hardlink(to) => self.hardlink(path, to, head, place, entry, &target)?,
            TarKind::File => {
                self.written.insert(number, path.clone());
                self.file(head, place, body, entry, &target)?
            }
        };
        self.installed.insert(path.clone(), Some(installed));
        Ok(())
    }

    /// Installers unpack all of an archive into one folder, and then read the metadata there.
    fn info_entry(
        &mut self,
        path: &ImagePath,
        head: &TarHead,
        body: &mut dyn Read,
    ) -> Result<(), PackageError> {
        if self.package.format == ArchiveFormat::Conda && path.as_str() != "info" {
            return Err(PackageError::InfoInFiles(path.clone()));
        }
        if is_wanted(path) && !self.wanted.insert(path.clone()) {
            return Err(InfoError::TwiceFile(path.as_str().to_owned()).into());
        }
        if !self.info.paths.contains_key(path) {
            self.licences.add(path, head, body)?;
        }
        Ok(())
    }

    /// The entry of the metadata, of the kind that the archive has.
    fn of_kind(
        &mut self,
        entry: &PathsEntry,
        head: &TarHead,
        place: &ImagePath,
    ) -> Result<PathsEntry, PackageError> {
        let (declared, found) = (entry.path_type, path_type(&head.kind));
        let names = (kind_name(&declared), kind_name(&found));
        if declared == found {
            return Ok(entry.clone());
        }
        let path = place.clone();
        if [declared, found].contains(&PathType::Directory) {
            return Err(PackageError::Folder { path, declared: names.0, found: names.1 });
        }
        if self.package.damaged == Damaged::Refused {
            let package = self.package.name().to_owned();
            return Err(PackageError::Kind { package, path, declared: names.0, found: names.1 });
        }
        self.note(&format!("`{path}` is a {}, and `info/paths.json` declares a {}", names.1, names.0));
        Ok(PathsEntry { path_type: found, ..entry.clone() })
    }

    fn remember(&mut self, number: usize, path: &ImagePath, head: &TarHead) {
        let inode = match &head.kind {
            TarKind::File => Some(Inode { number, file: path.clone(), mode: head.mode, mtime: head.mtime }),
            TarKind::Hardlink(to) => self.files.get(to).cloned(),
            TarKind::Directory | TarKind::Symlink(_) => None,
        };
        match inode {
            Some(inode) => drop(self.files.insert(path.clone(), inode)),
            None => drop(self.files.remove(path)),
        }
    }

    /// A second entry for a path that is written already: it must be the same once more.
    fn again(
        &mut self,
        first: usize,
        head: &TarHead,
        path: &ImagePath,
        place: ImagePath,
        body: &mut dyn Read,
    ) -> Result<(), PackageError> {
        if head.kind == TarKind::Directory {
            return Ok(());
        }
        if self.firsts.is_none() {
            self.firsts = Some(FirstEntries::read(self.package, self.info)?);
        }
        let firsts = self.firsts.as_ref();
        let is_same = firsts.map(|firsts| firsts.is_same(self.info, first, head, body)).transpose()?;
        if is_same != Some(true) {
            return Err(PackageError::Twice { package: self.package.name().to_owned(), path: place });
        }
        self.note(&format!("the archive holds `{place}` twice, and both are the same"));
        self.installed.entry(path.clone()).or_insert(None);
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
        self.sink.put(&EntryHead { path: place, kind, mode, owner: Owner::ROOT, mtime: head.mtime }, body)?;
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
        if entry.size_in_bytes.is_some_and(|declared| declared != head.size) {
            self.wrong_size.get_or_insert_with(|| (place.clone(), 0)).1 += 1;
        }
        if let Some(placeholder) = &entry.prefix_placeholder {
            let environment = &self.package.environment;
            let prefix = environment.prefix_text();
            let most = head.size.saturating_add(MOST_GROWTH - self.spent.growth);
            let mut replaced = replace(body, head.size, most, placeholder, &prefix, environment.subdir)
                .map_err(|error| PackageError::Replace { path: place.clone(), prefix, error })?;
            let (size, sha256) = (replaced.size, record::sha256(replaced.sha256));
            self.spent.growth += size.saturating_sub(head.size);
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
            count_script(&mut self.spent.scripts, target, head.size)?;
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
        path: &ImagePath,
        to: &ImagePath,
        head: &TarHead,
        place: ImagePath,
        entry: &PathsEntry,
        target: &ImagePath,
    ) -> Result<InstalledPath, PackageError> {
        let Some(inode) = self.files.get(path).cloned() else {
            // Its file comes only later, or never.
            return self.copy(to, |_, head| head.path.as_ref() == Some(to), place, entry, target);
        };
        let written = self.written.get(&inode.number).cloned();
        let placeholder =
            |entry: Option<&PathsEntry>| entry.and_then(|entry| entry.prefix_placeholder.clone());
        let name = written.as_ref().unwrap_or(&inode.file);
        let is_same = placeholder(Some(entry)) == placeholder(self.info.paths.get(name));
        let Some(linked) = written.clone().filter(|_| is_same) else {
            // The file was left out, or the two are not replaced alike: then the link is a file of its own.
            if written.is_none() && is_same {
                self.written.insert(inode.number, path.clone());
            }
            return self.copy(to, |number, _| number == inode.number, place, entry, target);
        };
        let kind = EntryKind::Hardlink {
            target: self.package.environment.prefix.join_path(&self.layout.target(&linked)?)?,
        };
        let head = TarHead { mode: inode.mode, mtime: inode.mtime, ..head.clone() };
        let installed = self.put(&head, place, kind, &mut io::empty(), entry, target)?;
        // The two names are one file, so what is true of its content is true of both.
        let first = self.installed.get(&linked).and_then(Option::as_ref);
        Ok(InstalledPath {
            sha256_in_prefix: first.and_then(|first| first.sha256_in_prefix),
            size_in_bytes: first.map_or(installed.size_in_bytes, |first| first.size_in_bytes),
            file_mode: first.and_then(|first| first.file_mode),
            ..installed
        })
    }

    /// Writes a hard link as a file of its own. That is rare, so the archive is read once more instead of keeping what might
    /// be needed.
    fn copy(
        &mut self,
        to: &ImagePath,
        is_it: impl Fn(usize, &TarHead) -> bool,
        place: ImagePath,
        entry: &PathsEntry,
        target: &ImagePath,
    ) -> Result<InstalledPath, PackageError> {
        let most = self.package.content_limit(self.info)?.saturating_mul(4).saturating_add(MOST_READ_AGAIN);
        let mut tar = self.package.content(self.info)?;
        let mut number = 0;
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            self.spent.read_again = self.spent.read_again.saturating_add(head.size + 512);
            if self.spent.read_again > most {
                return Err(PackageError::ReadAgain(place));
            }
            if head.kind == TarKind::File && is_it(number, &head) {
                self.spent.copied = self.spent.copied.saturating_add(head.size);
                if self.spent.copied > MOST_COPIED {
                    return Err(PackageError::Copied(place));
                }
                return self.file(&head, place, &mut tar.body(), entry, target);
            }
            number += 1;
        }
        Err(PackageError::Hardlink { path: place, target: to.clone() })
    }
}
