//! `/etc/ld.so.cache`, as glibc's `ldconfig` writes it (`elf/cache.c`, `elf/ldconfig.c`, `elf/stringtable.c`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;

use super::collect::BasePackages;
use super::elf::{Library, Machine, is_library_name};
use super::tree::Tree;
use crate::package::deb::merged;

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u8 = 2;
const HEADER: usize = 48;
const ENTRY: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;

/// Writes the cache, and links to libraries from their names where packages have none.
pub(crate) fn cache(collected: &BasePackages, tree: &mut Tree) {
    let Some(version) = generator(collected) else { return };
    let mut found: Vec<SharedLibrary> = Vec::new();
    for folder in folders(collected) {
        found.extend(search(&folder, collected, tree));
    }
    found.sort_by(|a, b| compare(&b.name, &a.name).then_with(|| b.flags.cmp(&a.flags)));
    tree.file("/etc/ld.so.cache", 0o644, "root", &write(&found, &version));
}

#[derive(Debug)]
struct SharedLibrary {
    name: String,
    path: String,
    flags: u32,
}

/// What `ldconfig` calls itself: `ldconfig (Debian GLIBC 2.36-9) stable release version 2.36`.
fn generator(collected: &BasePackages) -> Option<String> {
    let libc = collected.packages.iter().find(|it| it.name == "libc6")?;
    let version: crate::Version = libc.control.field("Version").parse().ok()?;
    Some(format!("ldconfig (Debian GLIBC {version}) stable release version {}", version.upstream()))
}

/// The folders of `/etc/ld.so.conf.d`, then the loader's own, each once, as they are first spelled.
fn folders(collected: &BasePackages) -> Vec<String> {
    let mut parts = BTreeMap::new();
    for (path, (_, bytes)) in collected.packages.iter().flat_map(|it| &it.files) {
        if path.as_str().starts_with("etc/ld.so.conf.d/") && path.as_str().ends_with(".conf") {
            parts.insert(path.clone(), String::from_utf8_lossy(bytes).into_owned());
        }
    }
    let listed = parts.values().flat_map(|it| it.lines()).map(|it| it.split('#').next().unwrap_or("").trim());
    let mut folders: Vec<String> = listed.filter(|it| it.starts_with('/')).map(str::to_owned).collect();
    folders.extend(["/lib", "/usr/lib"].map(str::to_owned));
    let mut seen = BTreeSet::new();
    folders.retain(|folder| {
        let real = ImagePath::from_absolute(folder.trim_end_matches('/')).and_then(merged);
        real.is_ok_and(|real| seen.insert(real))
    });
    folders
}

fn search(folder: &str, collected: &BasePackages, tree: &mut Tree) -> Vec<SharedLibrary> {
    let Ok(real) = ImagePath::from_absolute(folder).and_then(merged) else { return Vec::new() };
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    let mut missing = Vec::new();
    for package in &collected.packages {
        let files = package.libraries.keys().chain(package.links.keys().filter(|it| is_library_name(it)));
        for path in files.filter(|it| it.parent().as_ref() == Some(&real)) {
            let Some((file, library)) = follow(path, collected) else { continue };
            let soname = library.soname.clone().unwrap_or_else(|| file.file_name().to_owned());
            let base = file.file_name();
            let is_link = package.links.contains_key(path);
            let development = base.ends_with(".so") && soname.starts_with(base);
            let name =
                if is_link && (base == soname || development) { path.file_name().to_owned() } else { soname };
            let flags = match library.machine {
                Machine::X86_64 => 0x303,
                Machine::Aarch64 => 0xa03,
            };
            names.entry(name.clone()).or_insert(flags);
            if let Ok(link) = real.join(&name)
                && !collected.paths.contains(&link)
            {
                missing.push((link, file.file_name().to_owned()));
            }
        }
    }
    for (link, target) in missing {
        tree.link(&link.to_string(), &target);
    }
    names
        .into_iter()
        .map(|(name, flags)| SharedLibrary { path: format!("{folder}/{name}"), name, flags })
        .collect()
}

/// The library that a path leads to, through symbolic links.
fn follow<'a>(path: &ImagePath, collected: &'a BasePackages) -> Option<(ImagePath, &'a Library)> {
    let mut path = path.clone();
    for _ in 0..10 {
        if let Some(library) = collected.packages.iter().find_map(|it| it.libraries.get(&path)) {
            return Some((path, library));
        }
        let target = collected.packages.iter().find_map(|it| it.links.get(&path))?;
        path = join(&path, target)?;
    }
    None
}

/// Where a link at `path` points.
fn join(path: &ImagePath, target: &str) -> Option<ImagePath> {
    let mut parts: Vec<&str> = Vec::new();
    let parent = path.parent();
    if !target.starts_with('/') {
        parts.extend(parent.iter().flat_map(|it| it.as_str().split('/')));
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    ImagePath::new(&parts.join("/")).and_then(merged).ok()
}

/// glibc's order of library names: numbers by their value (`_dl_cache_libcmp`).
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, right) = (number(&mut a), number(&mut b));
                if left != right {
                    return left.cmp(&right);
                }
            }
            (Some(x), None) if x.is_ascii_digit() => return Ordering::Greater,
            (None, Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(x), Some(y)) if x.is_ascii_digit() && !y.is_ascii_digit() => return Ordering::Greater,
            (Some(x), Some(y)) if !x.is_ascii_digit() && y.is_ascii_digit() => return Ordering::Less,
            (x, y) if x == y => {
                a = &a[1..];
                b = &b[1..];
            }
            (x, y) => return x.copied().unwrap_or(0).cmp(&y.copied().unwrap_or(0)),
        }
    }
}

fn number(text: &mut &[u8]) -> u64 {
    let mut value = 0_u64;
    while let Some((digit, rest)) = text.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        *text = rest;
    }
    value
}

fn write(found: &[SharedLibrary], generator: &str) -> Vec<u8> {
    let texts: BTreeSet<&str> = found.iter().flat_map(|it| [it.name.as_str(), it.path.as_str()]).collect();
    let (offsets, strings) = string_table(texts);
    let start = HEADER + ENTRY * found.len();
    let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let extension = (start + strings.len()).next_multiple_of(4);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(small(found.len()));
    bytes.extend(small(strings.len()));
    bytes.extend([LITTLE_ENDIAN, 0, 0, 0]);
    bytes.extend(small(extension));
    bytes.resize(HEADER, 0);
    for it in found {
        bytes.extend(it.flags.to_le_bytes());
        bytes.extend(small(start + offsets[it.name.as_str()]));
        bytes.extend(small(start + offsets[it.path.as_str()]));
        bytes.extend([0; 12]);
    }
    bytes.extend(strings);
    bytes.resize(extension, 0);
    // One section: who wrote this.
    bytes.extend(EXTENSION_MAGIC.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(small(extension + 24));
    bytes.extend(small(generator.len()));
    bytes.extend(generator.as_bytes());
    bytes
}

/// The strings with the ends that they share written once: sorted by their ends, backwards, the longer first.
fn string_table(texts: BTreeSet<&str>) -> (BTreeMap<&str, usize>, Vec<u8>) {
    let mut sorted: Vec<&str> = texts.into_iter().collect();
    sorted.sort_by(|a, b| {
        let differs = a.bytes().rev().zip(b.bytes().rev()).map(|(x, y)| y.cmp(&x)).find(|it| it.is_ne());
        differs.unwrap_or_else(|| b.len().cmp(&a.len()))
    });
    let mut offsets = BTreeMap::new();
    let mut bytes: Vec<u8> = Vec::new();
    let mut previous = "";
    for text in sorted {
        if !previous.is_empty() && previous.ends_with(text) {
            // The end of the previous one, before its NUL.
            offsets.insert(text, bytes.len() - 1 - text.len());
        } else {
            offsets.insert(text, bytes.len());
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        previous = text;
    }
    (offsets, bytes)
}
