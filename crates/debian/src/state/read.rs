//! What the state needs to know of one package's files, taken from them as they pass.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind};
use md5::{Digest as _, Md5};
use tempfile::SpooledTempFile;

use super::StateError;
use super::elf::{Library, is_library_name, library};
use crate::package::control::Control;
use crate::package::deb::{ArchiveError, Deb, Member, merged};
use crate::package::effects::Effect;
use crate::package::path_filter::PathFilter;
use crate::package::scripts::{Scripts, UnknownScripts};

/// Files below these folders are kept in memory, because scripts read them: they are small.
const READ_BY_SCRIPTS: [&str; 8] = [
    "etc/init.d/",
    "etc/ld.so.conf.d/",
    "usr/lib/systemd/system/",
    "usr/lib/systemd/user/",
    "usr/share/base-passwd/",
    "usr/share/ca-certificates/",
    "usr/share/debianutils/",
    "usr/share/pam/",
];

/// Files above this size are kept on the disk while they are looked at: libraries.
const IN_MEMORY: usize = 8 << 20;

/// A package that was read.
#[derive(Debug)]
pub(crate) struct ReadPackage {
    pub(crate) name: String,
    pub(crate) control: Arc<Control>,
    pub(crate) effects: Vec<Effect>,
    /// The files that scripts read.
    pub(crate) files: BTreeMap<ImagePath, (EntryHead, Vec<u8>)>,
    /// The md5 of each conffile that the package holds.
    pub(crate) conffiles: BTreeMap<ImagePath, String>,
    /// The shared libraries: what `ldconfig` would find.
    pub(crate) libraries: BTreeMap<ImagePath, Library>,
    /// Where symbolic links point.
    pub(crate) links: BTreeMap<ImagePath, String>,
    /// All paths that are not folders.
    pub(crate) paths: Vec<ImagePath>,
}

impl ReadPackage {
    /// A file that its scripts read, by its absolute path.
    pub(crate) fn file(&self, path: &str) -> Result<(&EntryHead, &[u8]), StateError> {
        let found = ImagePath::from_absolute(path).and_then(merged).ok().and_then(|it| self.files.get(&it));
        let missing = || StateError::Missing { package: self.name.clone(), path: path.to_owned() };
        found.map(|(head, bytes)| (head, bytes.as_slice())).ok_or_else(missing)
    }
}

/// What was read of a package, for all that hold the package: unpacking an archive takes longest of all, and so whoever
/// does it first, writing a layer or making the state, does it for both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Option<Arc<ReadPackage>>>>);

impl Shared {
    /// What was read. Where somebody is reading the package now, this waits; where nobody has, `read` does it.
    pub(crate) fn get_or_read(
        &self,
        read: impl FnOnce() -> Result<ReadPackage, StateError>,
    ) -> Result<Arc<ReadPackage>, StateError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = &*kept {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(read()?);
        *kept = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Where to put what one is about to read; nothing where it is there, or somebody else is reading it.
    pub(crate) fn place(&self) -> Option<MutexGuard<'_, Option<Arc<ReadPackage>>>> {
        self.0.try_lock().ok().filter(|kept| kept.is_none())
    }

    /// Frees the memory.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A package that is being read.
pub(crate) struct PackageReader<'a> {
    deb: &'a Deb,
    filter: &'a PathFilter,
    read: ReadPackage,
    /// The files that its scripts use.
    used: BTreeSet<ImagePath>,
    /// The conffiles that it lists.
    listed: BTreeSet<ImagePath>,
}

/// What a file is kept for.
struct FileUse {
    library: bool,
    script: bool,
    conffile: bool,
}

impl<'a> PackageReader<'a> {
    /// Begins with the control files. `filter` tells what is left out of the package.
    pub(crate) fn new(
        name: &str,
        deb: &'a Deb,
        control: Arc<Control>,
        filter: &'a PathFilter,
    ) -> Result<Self, UnknownScripts> {
        let effects = Scripts::new(&control).effects()?;
        let used = effects.iter().filter_map(Effect::uses);
        let used = used.filter_map(|it| ImagePath::from_absolute(it).and_then(merged).ok()).collect();
        let conffiles = control.text("conffiles").unwrap_or_default();
        let listed = conffiles.lines().map(|line| line.trim().trim_start_matches("remove-on-upgrade "));
        let listed = listed.filter_map(|it| ImagePath::from_absolute(it).and_then(merged).ok()).collect();
        let read = ReadPackage {
            name: name.to_owned(),
            control,
            effects,
            files: BTreeMap::new(),
            conffiles: BTreeMap::new(),
            libraries: BTreeMap::new(),
            links: BTreeMap::new(),
            paths: Vec::new(),
        };
        Ok(Self { deb, filter, read, used, listed })
    }

    /// Takes what the state needs of a member, while `next` does with it what it likes.
    pub(crate) fn pass<E: From<ArchiveError>>(
        &mut self,
        member: &Member,
        body: &mut dyn io::Read,
        next: impl FnOnce(&mut dyn io::Read) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(head) = &member.head else { return next(body) };
        if self.filter.leaves_out(&member.listed, head) {
            // dpkg goes on to wait for it.
            if self.listed.contains(&head.path) {
                self.read.conffiles.insert(head.path.clone(), "newconffile".to_owned());
            }
            return next(body);
        }
        match &head.kind {
            EntryKind::Directory | EntryKind::Removed | EntryKind::Emptied => return next(body),
            EntryKind::Hardlink { .. } => next(body)?,
            EntryKind::Symlink { target } => {
                self.read.links.insert(head.path.clone(), target.clone());
                next(body)?;
            }
            EntryKind::File { .. } => match self.wanted(&head.path) {
                Some(wanted) => {
                    let mut passing =
                        KeepingReader { inner: body, kept: tempfile::spooled_tempfile(IN_MEMORY) };
                    next(&mut passing)?;
                    let kept = passing.finish().and_then(|kept| self.keep(&wanted, head, kept));
                    kept.map_err(|error| self.deb.error(error.into()))?;
                }
                None => next(body)?,
            },
        }
        self.read.paths.push(head.path.clone());
        Ok(())
    }

    fn wanted(&self, path: &ImagePath) -> Option<FileUse> {
        let library = is_library_name(path);
        let by_script = READ_BY_SCRIPTS.iter().any(|it| path.as_str().starts_with(it));
        let script = !library && (by_script || self.used.contains(path));
        let conffile = !library && self.listed.contains(path);
        (library || script || conffile).then_some(FileUse { library, script, conffile })
    }

    fn keep(&mut self, wanted: &FileUse, head: &EntryHead, mut file: SpooledTempFile) -> io::Result<()> {
        if wanted.library {
            if let Some(found) = library(&mut file)? {
                self.read.libraries.insert(head.path.clone(), found);
            }
            return Ok(());
        }
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes)?;
        if wanted.conffile {
            self.read.conffiles.insert(head.path.clone(), hex::encode(Md5::digest(&bytes)));
        }
        if wanted.script {
            self.read.files.insert(head.path.clone(), (head.clone(), bytes));
        }
        Ok(())
    }

    /// What was read, after the last member.
    pub(crate) fn finish(self) -> ReadPackage {
        self.read
    }
}

/// A body of which every byte that is read is kept.
struct KeepingReader<'a> {
    inner: &'a mut dyn io::Read,
    kept: SpooledTempFile,
}

impl KeepingReader<'_> {
    /// The whole body, from its beginning: also what nobody has asked for.
    fn finish(mut self) -> io::Result<SpooledTempFile> {
        io::copy(&mut self.inner, &mut self.kept)?;
        self.kept.rewind()?;
        Ok(self.kept)
    }
}

impl io::Read for KeepingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.kept.write_all(&buffer[..read])?;
        Ok(read)
    }
}
