//! Archives that hold several entries for one path of the image: one name twice, or, in a noarch package, two names that
//! lead to one place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use layer::{ImagePath, TarHead, TarKind};

use crate::archive::ArchiveError;
use crate::facts::Layout;
use crate::info::{Info, is_alike};
use crate::package::{Package, PackageError};

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

/// Whether an entry makes the same of its path as the one with the number `first` did, so that it does not matter which of
/// them is installed.
///
/// # Errors
///
/// When the archive cannot be read.
pub(crate) fn is_same(
    package: &Package,
    info: &Info,
    first: usize,
    head: &TarHead,
    body: &mut dyn Read,
) -> Result<bool, PackageError> {
    let mut tar = package.content(info)?;
    let mut number = 0;
    while let Some(before) = tar.next_entry().map_err(ArchiveError::Tar)? {
        if number < first {
            number += 1;
            continue;
        }
        let listed = |head: &TarHead| head.path.as_ref().and_then(|path| info.paths.get(path));
        let alike = match (listed(&before), listed(head)) {
            (Some(before), Some(now)) => is_alike(before, now),
            _ => false,
        };
        let same_head = (&before.kind, before.mode, before.size) == (&head.kind, head.mode, head.size);
        if !alike || !same_head {
            return Ok(false);
        }
        let same = have_same_bytes(&mut tar.body(), body);
        return same.map_err(|error| ArchiveError::Read(error).into());
    }
    Ok(false)
}

fn have_same_bytes(one: &mut dyn Read, other: &mut dyn Read) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (read, beside) = (fill(one, &mut left)?, fill(other, &mut right)?);
        if left[..read] != right[..beside] {
            return Ok(false);
        }
        if read < left.len() {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or nothing is left.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
