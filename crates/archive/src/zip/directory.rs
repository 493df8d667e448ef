//! The central directory: what a zip says of itself at its end.

use std::collections::BTreeMap;

use super::member::{LOCAL_SIZE, ZipMember};
use super::{Fields, ZipError};

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// Where the central directory is, and how many members it lists.
struct Directory {
    offset: u64,
    size: u64,
    count: u64,
}

/// Reads the central directory from the last bytes of a file of `total` bytes: its members, in the order in which they
/// stand in the file. A directory of more than `most` is refused before it is read.
///
/// # Errors
///
/// When the container is refused, or the directory begins before `tail`.
pub fn zip_members(tail: &[u8], total: u64, most: u64) -> Result<Vec<ZipMember>, ZipError> {
    let start = total.checked_sub(tail.len() as u64).ok_or(ZipError::Truncated)?;
    let directory = directory(tail, start)?;
    if directory.count > most {
        return Err(ZipError::Refused("it has too many members"));
    }
    let within = directory.offset.checked_sub(start).ok_or(ZipError::NeedTail(directory.offset))?;
    let within = usize::try_from(within).map_err(|_| ZipError::Truncated)?;
    let length = usize::try_from(directory.size).map_err(|_| ZipError::Truncated)?;
    let end = within.checked_add(length).ok_or(ZipError::Truncated)?;
    let mut fields = Fields(tail.get(within..end).ok_or(ZipError::Truncated)?);
    let mut members = Vec::new();
    for _ in 0..directory.count {
        members.push(ZipMember::read(&mut fields)?);
    }
    if !fields.0.is_empty() {
        return Err(ZipError::Refused("its directory has another size than it says"));
    }
    if members.is_empty() && directory.offset != 0 {
        return Err(ZipError::Refused("bytes before its directory belong to nothing"));
    }
    members.sort_by_key(|member| member.header);
    place(&mut members, directory.offset)?;
    check_names(&members)?;
    Ok(members)
}

/// No two members may have one place, and none may stand below one that is a file: whichever comes last, or the one that a
/// reader looks for, would count.
fn check_names(members: &[ZipMember]) -> Result<(), ZipError> {
    let refused = |name: &str, rule| Err(ZipError::Member { name: name.to_owned(), rule });
    let mut places = BTreeMap::new();
    for member in members {
        if let Some(other) = places.insert(plain(member.name()), member.name()) {
            let rule = if other == member.name() {
                "the archive has it twice"
            } else {
                "another member of the archive has the same place"
            };
            return refused(member.name(), rule);
        }
    }
    for (place, name) in &places {
        for (at, _) in place.match_indices('/') {
            if places.get(&place[..at]).is_some_and(|above| !above.ends_with('/')) {
                return refused(name, "a folder that it is in is a file of the archive");
            }
        }
    }
    Ok(())
}

/// A name in its shortest form.
fn plain(name: &str) -> String {
    let components: Vec<&str> = name.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
    components.join("/")
}

/// Tells each member where it ends at the latest.
fn place(members: &mut [ZipMember], directory: u64) -> Result<(), ZipError> {
    let mut next = directory;
    for member in members.iter_mut().rev() {
        let least = LOCAL_SIZE + member.name().len() as u64;
        let end = member.header.checked_add(member.packed).and_then(|at| at.checked_add(least));
        if end.is_none_or(|end| end > next) {
            return Err(ZipError::Refused("its members overlap"));
        }
        member.end = next;
        next = member.header;
    }
    Ok(())
}

fn directory(tail: &[u8], start: u64) -> Result<Directory, ZipError> {
    let end_at = tail.len().checked_sub(22).ok_or(ZipError::Truncated)?;
    let mut end = Fields(&tail[end_at..]);
    if end.take(4)? != END {
        return Err(ZipError::Truncated);
    }
    let (disk, first_disk) = (end.u16()?, end.u16()?);
    let (here, count) = (end.u16()?, end.u16()?);
    let (size, offset) = (end.u32()?, end.u32()?);
    if end.u16()? != 0 {
        return Err(ZipError::Refused("it has a comment"));
    }
    // Some readers go by what stands there, whether the record behind it sends them or not.
    let has_locator = end_at.checked_sub(20).is_some_and(|at| tail[at..].starts_with(LOCATOR_64));
    if here == u16::MAX || count == u16::MAX || size == u32::MAX || offset == u32::MAX {
        let wide = directory_64(tail, start, end_at)?;
        let agrees = |narrow: u64, saturated: u64, wide: u64| narrow == saturated || narrow == wide;
        let is_same = [here, count].iter().all(|it| agrees((*it).into(), u16::MAX.into(), wide.count))
            && [disk, first_disk].iter().all(|it| agrees((*it).into(), u16::MAX.into(), 0))
            && agrees(size.into(), u32::MAX.into(), wide.size)
            && agrees(offset.into(), u32::MAX.into(), wide.offset);
        return if is_same { Ok(wide) } else { Err(ZipError::Refused("its end records differ")) };
    }
    if has_locator {
        return Err(ZipError::Refused("a zip64 locator stands where none belongs"));
    }
    if (disk, first_disk) != (0, 0) || here != count {
        return Err(ZipError::Refused("it spans several disks"));
    }
    let directory = Directory { offset: offset.into(), size: size.into(), count: count.into() };
    if directory.offset + directory.size != start + end_at as u64 {
        return Err(ZipError::Refused("its directory does not stand at its end"));
    }
    Ok(directory)
}

fn directory_64(tail: &[u8], start: u64, end_at: usize) -> Result<Directory, ZipError> {
    let locator_at = end_at.checked_sub(20).ok_or(ZipError::Truncated)?;
    let record_at = locator_at.checked_sub(56).ok_or(ZipError::Truncated)?;
    let mut locator = Fields(&tail[locator_at..end_at]);
    let mut record = Fields(&tail[record_at..locator_at]);
    if locator.take(4)? != LOCATOR_64 || record.take(4)? != END_64 {
        return Err(ZipError::Refused("its zip64 records do not stand at its end"));
    }
    let (_, offset, disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
    let size = record.u64()?;
    let (_, _, disk, first_disk) = (record.u16()?, record.u16()?, record.u32()?, record.u32()?);
    let (here, count) = (record.u64()?, record.u64()?);
    let directory = Directory { size: record.u64()?, offset: record.u64()?, count };
    let at = start + record_at as u64;
    let sane = offset == at && size == 44 && disks <= 1 && (disk, first_disk) == (0, 0) && here == count;
    if !sane || directory.offset.checked_add(directory.size) != Some(at) {
        return Err(ZipError::Refused("its zip64 records contradict the file"));
    }
    Ok(directory)
}
