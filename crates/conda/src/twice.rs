//! Archives that hold several entries for one path of the image: one name twice, or, in a noarch package, two names that
//! lead to one place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, TarHead, TarKind};
use imgbuild_oci::{Digest, HashReader};

use crate::conda_archive::ArchiveError;
use crate::facts::Layout;
use crate::info::{Info, is_alike};
use crate::package::Package;
use crate::package_error::PackageError;

/// The numbers of the entries that others replace when an archive is unpacked and then installed: of entries of one name the
/// last one stays, and of several names for one place the one that is listed last.
///
/// # Errors
///
/// When the archive cannot be read.
pub(crate) fn replaced(
    package: &Package,
    info: &Info,
    layout: &Layout<'_>,
) -> Result<BTreeSet<usize>, PackageError> {
    let mut replaced = BTreeSet::new();
    let mut last: BTreeMap<ImagePath, BTreeMap<ImagePath, usize>> = BTreeMap::new();
    let mut tar = package.content(info)?;
    let mut number = 0;
    while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
        let listed = head.path.filter(|path| info.paths.contains_key(path));
        if let Some(path) = listed.filter(|_| head.kind != TarKind::Directory) {
            let names = last.entry(layout.target(&path)?).or_default();
            replaced.extend(names.insert(path, number));
        }
        number += 1;
    }
    for names in last.into_values() {
        let losing = names.len().saturating_sub(1);
        replaced.extend(names.into_values().take(losing));
    }
    Ok(replaced)
}

/// What the first entries of all listed paths hold: it says whether another entry of such a path makes the same of it. They
/// are read once, however many paths occur twice.
pub(crate) struct FirstEntries(BTreeMap<usize, FirstEntry>);

struct FirstEntry {
    head: TarHead,
    content: Digest,
}

impl FirstEntries {
    /// Reads the whole archive.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn read(package: &Package, info: &Info) -> Result<Self, PackageError> {
        let (mut firsts, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let mut tar = package.content(info)?;
        let mut number = 0;
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            let listed = head.path.clone().filter(|path| info.paths.contains_key(path));
            if listed.is_some_and(|path| head.kind != TarKind::Directory && seen.insert(path)) {
                let content = hash(&mut tar.body())?;
                firsts.insert(number, FirstEntry { head, content });
            }
            number += 1;
        }
        Ok(Self(firsts))
    }

    /// Whether an entry makes the same of its path as the one with the number `first` did, so that it does not matter which
    /// of them is installed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn is_same(
        &self,
        info: &Info,
        first: usize,
        head: &TarHead,
        body: &mut dyn Read,
    ) -> Result<bool, PackageError> {
        let Some(FirstEntry { head: before, content }) = self.0.get(&first) else { return Ok(false) };
        let listed = |head: &TarHead| head.path.as_ref().and_then(|path| info.paths.get(path));
        let alike = match (listed(before), listed(head)) {
            (Some(before), Some(now)) => is_alike(before, now),
            _ => false,
        };
        let same_head = (&before.kind, before.mode, before.size) == (&head.kind, head.mode, head.size);
        Ok(alike && same_head && hash(body)? == *content)
    }
}

fn hash(body: &mut dyn Read) -> Result<Digest, ArchiveError> {
    let mut body = HashReader::new(body);
    io::copy(&mut body, &mut io::sink())?;
    Ok(body.finish().0)
}
