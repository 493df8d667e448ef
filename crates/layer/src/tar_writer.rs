//! Writing tar archives: POSIX ustar, with PAX records where ustar has no room.
//!
//! We write our own because every byte of the output is ours to keep: no GNU extensions, no user names, no times of
//! records, no padding beyond the two blocks that end an archive. The format is POSIX.1-2017, `pax`, "ustar
//! Interchange Format" and "pax Header Block".

use std::io::{self, Read, Write};

use crate::{EntryHead, EntryKind, SinkError};
use imgbuild_archive::{ImagePath, Whiteout};

const BLOCK: usize = 512;
/// The largest numbers that fit into ustar's octal fields of 12 and 8 bytes.
const LARGEST_12: u64 = 0o77777777777;
const LARGEST_8: u32 = 0o7777777;

/// How many bytes are gathered: most files are small, and what takes them asks its price for each write.
const GATHERED: usize = 128 * 1024;

/// Writes entries as a tar archive.
#[derive(Debug)]
pub struct TarWriter<W> {
    inner: W,
    buffer: Box<[u8]>,
    /// How much of the buffer is to be written.
    filled: usize,
}

impl<W: Write> TarWriter<W> {
    /// Starts an archive.
    pub fn new(inner: W) -> Self {
        Self { inner, buffer: vec![0; GATHERED].into_boxed_slice(), filled: 0 }
    }

    /// Appends an entry. It is not checked against those before it.
    ///
    /// # Errors
    ///
    /// When the body fails or has another size than the head says, or the archive cannot be written.
    pub fn append(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let whiteout = match head.kind {
            EntryKind::Removed => Some(Whiteout::Removes(head.path.clone())),
            EntryKind::Emptied => Some(Whiteout::Opaque(Some(head.path.clone()))),
            _ => None,
        };
        if let Some(whiteout) = whiteout {
            let removal = |error| SinkError::Removal { path: head.path.clone(), error };
            let path = whiteout.path().map_err(removal)?;
            // All of them are the same, whoever removed what.
            let file = EntryHead { kind: EntryKind::File { size: 0 }, ..EntryHead::removed(path) };
            return self.append_head(&file).map_err(SinkError::Write);
        }
        self.append_head(head).map_err(SinkError::Write)?;
        if let EntryKind::File { size } = head.kind {
            self.append_body(&head.path, size, body)?;
        }
        Ok(())
    }

    /// Ends the archive.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.write(&[0; 2 * BLOCK])?;
        self.pass_on()?;
        Ok(self.inner)
    }

    /// Writes what was gathered.
    fn pass_on(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.buffer[..self.filled])?;
        self.filled = 0;
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.filled == self.buffer.len() {
                self.pass_on()?;
            }
            let room = &mut self.buffer[self.filled..];
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
        }
        Ok(())
    }

    fn append_head(&mut self, head: &EntryHead) -> io::Result<()> {
        let name = match head.kind {
            EntryKind::Directory => format!("{}/", head.path.as_str()),
            _ => head.path.as_str().to_owned(),
        };
        let link = match &head.kind {
            EntryKind::Symlink { target } => target.as_str(),
            EntryKind::Hardlink { target } => target.as_str(),
            _ => "",
        };
        let mut records = Vec::new();
        let split = split_name(&name);
        if split.is_none() {
            pax_record(&mut records, "path", &name);
        }
        if link.len() > 100 || !link.is_ascii() {
            pax_record(&mut records, "linkpath", link);
        }
        let numbers = [
            ("size", head.size() > LARGEST_12, head.size().to_string()),
            (
                "mtime",
                u64::try_from(head.mtime).map_or(true, |mtime| mtime > LARGEST_12),
                head.mtime.to_string(),
            ),
            ("uid", head.owner.uid > LARGEST_8, head.owner.uid.to_string()),
            ("gid", head.owner.gid > LARGEST_8, head.owner.gid.to_string()),
        ];
        for (key, needed, value) in &numbers {
            if *needed {
                pax_record(&mut records, key, value);
            }
        }
        if !records.is_empty() {
            self.append_pax(head, &records)?;
        }
        let (prefix, name) = split.unwrap_or(("", &name));
        let block =
            Header { prefix, name, link, typeflag: typeflag(&head.kind), head, size: head.size() }.block();
        self.write(&block)
    }

    /// The extended header of the entry that follows.
    fn append_pax(&mut self, head: &EntryHead, records: &[u8]) -> io::Result<()> {
        let pax = EntryHead { mode: 0o644, mtime: 0, owner: imgbuild_archive::Owner::ROOT, ..head.clone() };
        let size = records.len() as u64;
        let header =
            Header { prefix: "", name: "PaxHeaders/entry", link: "", typeflag: b'x', head: &pax, size };
        self.write(&header.block())?;
        self.write(records)?;
        self.pad(size)
    }

    fn append_body(&mut self, path: &ImagePath, size: u64, body: &mut dyn Read) -> Result<(), SinkError> {
        let wrong_size = |more| SinkError::Size { path: path.clone(), declared: size, more };
        let unreadable = |error| SinkError::Read { path: path.clone(), error };
        let mut left = size;
        while left > 0 {
            if self.filled == self.buffer.len() {
                self.pass_on().map_err(SinkError::Write)?;
            }
            let room = &mut self.buffer[self.filled..];
            let want = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = read_some(body, &mut room[..want]).map_err(unreadable)?;
            if read == 0 {
                return Err(wrong_size(false));
            }
            self.filled += read;
            left -= read as u64;
        }
        if read_some(body, &mut [0]).map_err(unreadable)? > 0 {
            return Err(wrong_size(true));
        }
        self.pad(size).map_err(SinkError::Write)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        if over > 0 { self.write(&[0; BLOCK][over..]) } else { Ok(()) }
    }
}

fn read_some(body: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match body.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

const fn typeflag(kind: &EntryKind) -> u8 {
    match kind {
        EntryKind::File { .. } | EntryKind::Removed | EntryKind::Emptied => b'0',
        EntryKind::Hardlink { .. } => b'1',
        EntryKind::Symlink { .. } => b'2',
        EntryKind::Directory => b'5',
    }
}

/// Parts a name into ustar's `prefix` (155 bytes) and `name` (100 bytes); nothing where it does not fit.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= 100 {
        return Some(("", name));
    }
    // The slash of a folder's end stays with its name.
    let inner = name.strip_suffix('/').unwrap_or(name);
    let fits = |at: usize| at <= 155 && name.len() - at - 1 <= 100 && at > 0;
    let at = inner.match_indices('/').map(|(at, _)| at).find(|at| fits(*at))?;
    Some((&name[..at], &name[at + 1..]))
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn pax_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

struct Header<'a> {
    prefix: &'a str,
    name: &'a str,
    link: &'a str,
    typeflag: u8,
    head: &'a EntryHead,
    size: u64,
}

impl Header<'_> {
    fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let owner = self.head.owner;
        // Numbers that do not fit stand in the extended header; here they are nought.
        let small = |number: u32| if number > LARGEST_8 { 0 } else { u64::from(number) };
        let large = |number: u64| if number > LARGEST_12 { 0 } else { number };
        text(&mut block[0..100], self.name);
        octal(&mut block[100..108], u64::from(self.head.mode & 0o7777));
        octal(&mut block[108..116], small(owner.uid));
        octal(&mut block[116..124], small(owner.gid));
        octal(&mut block[124..136], large(self.size));
        octal(&mut block[136..148], large(u64::try_from(self.head.mtime).unwrap_or(0)));
        block[156] = self.typeflag;
        text(&mut block[157..257], self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
        text(&mut block[345..500], self.prefix);
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut block[148..155], sum);
        block
    }
}

/// Zero-padded octal digits and a NUL.
fn octal(field: &mut [u8], number: u64) {
    let digits = field.len() - 1;
    let text = format!("{number:0digits$o}");
    field[..digits].copy_from_slice(&text.as_bytes()[..digits]);
    field[digits] = 0;
}

/// As much of a text as fits. What is not ASCII stands in the extended header, and here as `_`.
fn text(field: &mut [u8], text: &str) {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = if from.is_ascii() { from } else { b'_' };
    }
}
