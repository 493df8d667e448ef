//! As much of ELF as `ldconfig` needs: is it a shared library, for which machine, and what is its name.

use std::io::{self, Read, Seek, SeekFrom};

use imgbuild_archive::ImagePath;

/// The machines that images are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

/// A shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) soname: Option<String>,
    pub(crate) machine: Machine,
}

/// The size of the header in bytes.
const HEAD: u64 = 64;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const ET_DYN: u16 = 3;

/// Whether `ldconfig` looks at a file of this name, in any folder.
pub(crate) fn is_library_name(path: &ImagePath) -> bool {
    let name = path.file_name();
    let in_library_folder =
        path.as_str().starts_with("usr/lib") || path.as_str().starts_with("usr/local/lib");
    in_library_folder
        && (name.starts_with("lib") || name.starts_with("ld-") || name.starts_with("ld.so"))
        && name.contains(".so")
}

/// Reads a library; nothing where it is none, such as a linker's script.
pub(crate) fn library(file: &mut (impl Read + Seek)) -> io::Result<Option<Library>> {
    let head = read_at(file, 0, HEAD)?;
    if head.len() as u64 != HEAD {
        return Ok(None);
    }
    // 64 bits, little endian.
    if &head[..6] != b"\x7fELF\x02\x01" || u16_at(&head, 16) != ET_DYN {
        return Ok(None);
    }
    let machine = match u16_at(&head, 18) {
        62 => Machine::X86_64,
        183 => Machine::Aarch64,
        _ => return Ok(None),
    };
    // A library whose tables are cut off has no name, for `ldconfig` as well.
    let soname = soname(file, &head).unwrap_or_default();
    Ok(Some(Library { soname, machine }))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|it| it.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn soname(file: &mut (impl Read + Seek), head: &[u8]) -> io::Result<Option<String>> {
    let size = u64::from(u16_at(head, 54)) * u64::from(u16_at(head, 56));
    let table = read_at(file, u64_at(head, 32), size)?;
    let headers: Vec<&[u8]> = table.chunks_exact(56).collect();
    let Some(dynamic) = headers.iter().find(|it| u32_at(it, 0) == PT_DYNAMIC) else { return Ok(None) };
    let dynamic = read_at(file, u64_at(dynamic, 8), u64_at(dynamic, 32).min(1 << 20))?;
    let value = |tag: u64| dynamic.chunks_exact(16).find(|it| u64_at(it, 0) == tag).map(|it| u64_at(it, 8));
    let (Some(strings), Some(name)) = (value(DT_STRTAB), value(DT_SONAME)) else { return Ok(None) };
    // The table of strings is named by its address in memory.
    let holds = |it: &&&[u8]| {
        u32_at(it, 0) == PT_LOAD && strings.checked_sub(u64_at(it, 16)).is_some_and(|at| at < u64_at(it, 32))
    };
    let Some(segment) = headers.iter().find(holds) else { return Ok(None) };
    let place = strings - u64_at(segment, 16);
    let Some(offset) = u64_at(segment, 8).checked_add(place).and_then(|it| it.checked_add(name)) else {
        return Ok(None);
    };
    let bytes = read_at(file, offset, 256)?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    Ok(String::from_utf8(bytes[..end].to_vec()).ok().filter(|it| !it.is_empty()))
}
