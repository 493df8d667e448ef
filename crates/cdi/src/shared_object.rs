//! The name by which other programs ask for a library: `DT_SONAME` of a shared object (System V ABI, 64 bits, little endian).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::limits::{LIBRARY_LIMIT, MOST_ENTRIES, NAMES_LIMIT};

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NAMES: u64 = 5;
const NAME: u64 = 14;
/// The size of an entry of the table of segments.
const SEGMENT: u64 = 56;
/// The size of an entry of the dynamic table.
const ENTRY: u64 = 16;

/// A segment: its kind, where it is in the file and in memory, and how large it is in the file.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// The name of a library; nothing where the file is none, or has no name.
///
/// # Errors
///
/// When there is no such file, it cannot be read, or it is larger than any library.
pub(crate) fn name(path: &Path) -> io::Result<Option<String>> {
    let file = imgbuild_folder::open_regular(path)?;
    let size = file.metadata()?.len();
    if size > LIBRARY_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(stated(&file, size))
}

/// The name that a file of so many bytes states.
fn stated(file: &File, size: u64) -> Option<String> {
    let head = bytes(file, 0, 64)?;
    // 64 bits, little endian.
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, count) = (number(&head, 32, 8)?, number(&head, 56, 2)?);
    let segments = (0..count.min(MOST_ENTRIES)).map(|index| {
        let head = bytes(file, table.checked_add(index * SEGMENT)?, SEGMENT)?;
        Some(Segment {
            kind: u32::try_from(number(&head, 0, 4)?).ok()?,
            offset: number(&head, 8, 8)?,
            address: number(&head, 16, 8)?,
            size: number(&head, 32, 8)?,
        })
    });
    let segments: Vec<Segment> = segments.collect::<Option<_>>()?;
    let dynamic = segments.iter().find(|it| it.kind == DYNAMIC)?;
    let (mut names, mut own) = (None, None);
    for index in 0..(dynamic.size / ENTRY).min(MOST_ENTRIES) {
        let entry = bytes(file, dynamic.offset.checked_add(index * ENTRY)?, ENTRY)?;
        match (number(&entry, 0, 8)?, number(&entry, 8, 8)?) {
            (0, _) => break,
            (NAMES, address) => names = Some(address),
            (NAME, place) => own = Some(place),
            _ => {}
        }
    }
    let (names, own) = (names?, own.filter(|place| *place < NAMES_LIMIT)?);
    let holds = |it: &&Segment| it.kind == LOAD && names >= it.address && names - it.address < it.size;
    let segment = segments.iter().find(holds)?;
    let start = (names - segment.address).checked_add(segment.offset)?.checked_add(own)?;
    let text = bytes(file, start, 256.min(size.checked_sub(start)?))?;
    let end = text.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(&text[..end]).ok()?;
    // It becomes a name in a folder.
    (!name.is_empty() && !name.contains('/') && ![".", ".."].contains(&name)).then(|| name.to_owned())
}

fn bytes(file: &File, offset: u64, size: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

fn number(bytes: &[u8], start: usize, size: usize) -> Option<u64> {
    let own = bytes.get(start..start.checked_add(size)?)?;
    Some(own.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_library_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        for (index, text) in [b"".as_slice(), b"\x7fELF", b"\x7fELF\x02\x01", &[0x7f; 200]].iter().enumerate()
        {
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, text).unwrap();
            assert_eq!(name(&path).unwrap(), None);
        }
        assert!(name(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn a_library_of_this_machine_has_its_name() {
        // The C library is where every program of this machine has it.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let library =
            maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|it| it.contains("/libc.so"));
        if let Some(library) = library {
            assert_eq!(name(Path::new(library)).unwrap().as_deref(), Some("libc.so.6"));
        }
    }
}
