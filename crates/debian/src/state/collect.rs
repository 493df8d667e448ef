//! What the state needs to know of the packages' files: read once, many packages at a time.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use layer::{EntryHead, EntryKind, ImagePath};
use md5::{Digest as _, Md5};

use super::StateError;
use super::elf::{Machine, library};
use super::ldconfig::is_library_name;
use crate::archive::{ArchiveError, Deb, What, merged};
use crate::effects::Effect;
use crate::examine::Control;
use crate::package::Package;
use crate::scripts::Scripts;

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

/// All packages, in order.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) packages: Vec<Read>,
    /// The paths of all packages that are not folders.
    pub(crate) paths: BTreeSet<ImagePath>,
}

/// A package that was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) name: String,
    pub(crate) control: Control,
    pub(crate) effects: Vec<Effect>,
    /// The files that scripts read.
    pub(crate) files: BTreeMap<ImagePath, (EntryHead, Vec<u8>)>,
    /// The md5 of each conffile that the package holds.
    pub(crate) conffiles: BTreeMap<ImagePath, String>,
    /// The shared libraries: what `ldconfig` would find.
    pub(crate) libraries: BTreeMap<ImagePath, Library>,
    /// Where symbolic links point.
    pub(crate) links: BTreeMap<ImagePath, String>,
    paths: Vec<ImagePath>,
}

/// A shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) soname: Option<String>,
    pub(crate) machine: Machine,
}

impl Read {
    /// A file that its scripts read, by its absolute path.
    pub(crate) fn file(&self, path: &str) -> Result<(&EntryHead, &[u8]), StateError> {
        let found = ImagePath::from_absolute(path).and_then(merged).ok().and_then(|it| self.files.get(&it));
        let missing = || StateError::Missing { package: self.name.clone(), path: path.to_owned() };
        found.map(|(head, bytes)| (head, bytes.as_slice())).ok_or_else(missing)
    }
}

impl Collected {
    /// Reads every package, on as many threads as there are cores.
    pub(crate) fn read(packages: &[Package]) -> Result<Self, StateError> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<Read, StateError>>>> =
            packages.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            while let Some(package) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
                let index = packages.iter().position(|it| std::ptr::eq(it, package));
                let result = read(package);
                if let Some(Ok(mut slot)) = index.map(|index| results[index].lock()) {
                    *slot = Some(result);
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(packages.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let take = |it: Mutex<Option<_>>| it.into_inner().ok().flatten().unwrap_or(Err(StateError::Stopped));
        let packages = results.into_iter().map(take).collect::<Result<Vec<Read>, _>>()?;
        let paths = packages.iter().flat_map(|it| it.paths.iter().cloned()).collect();
        Ok(Self { packages, paths })
    }
}

fn read(package: &Package) -> Result<Read, StateError> {
    let deb = Deb::open(package.archive())?;
    let control = Control::read(&deb)?;
    let effects = Scripts::new(&control).effects()?;
    let used: BTreeSet<ImagePath> = effects
        .iter()
        .filter_map(Effect::uses)
        .filter_map(|it| ImagePath::from_absolute(it).and_then(merged).ok())
        .collect();
    let filter = package.filter(&deb)?;
    let conffiles = control.text("conffiles").unwrap_or_default();
    let listed: BTreeSet<ImagePath> = conffiles
        .lines()
        .filter_map(|line| {
            ImagePath::from_absolute(line.trim().trim_start_matches("remove-on-upgrade ")).ok()
        })
        .filter_map(|path| merged(path).ok())
        .collect();
    let mut read = Read {
        name: package.locked().name.clone(),
        control,
        effects,
        files: BTreeMap::new(),
        conffiles: BTreeMap::new(),
        libraries: BTreeMap::new(),
        links: BTreeMap::new(),
        paths: Vec::new(),
    };
    deb.data(package.installed_size(), &mut |member,
                                             body: &mut dyn std::io::Read|
     -> Result<(), ArchiveError> {
        let Some(head) = member.head else { return Ok(()) };
        if filter.leaves_out(&member.listed, &head) {
            // dpkg goes on to wait for it.
            if listed.contains(&head.path) {
                read.conffiles.insert(head.path, "newconffile".to_owned());
            }
            return Ok(());
        }
        let failed = |it| deb.error(What::Read(it));
        let path = head.path.clone();
        match &head.kind {
            EntryKind::Directory => return Ok(()),
            EntryKind::Hardlink { .. } => {}
            EntryKind::Symlink { target } => {
                read.links.insert(path.clone(), target.clone());
            }
            EntryKind::File { .. } if is_library_name(&path) => {
                if let Some(found) = library(body).map_err(failed)? {
                    read.libraries.insert(path.clone(), found);
                }
            }
            EntryKind::File { .. } => {
                let wanted =
                    READ_BY_SCRIPTS.iter().any(|it| path.as_str().starts_with(it)) || used.contains(&path);
                if wanted || listed.contains(&path) {
                    let mut bytes = Vec::new();
                    body.read_to_end(&mut bytes).map_err(failed)?;
                    if listed.contains(&path) {
                        read.conffiles.insert(path.clone(), hex::encode(Md5::digest(&bytes)));
                    }
                    if wanted {
                        read.files.insert(path.clone(), (head.clone(), bytes));
                    }
                }
            }
        }
        read.paths.push(path);
        Ok(())
    })?;
    Ok(read)
}
