//! Saying what is in a folder that a command wrote to.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use super::found::{entry, entry_of, is_opaque, open};
use super::staging::MADE;
use super::{answer, copied, expect};
use crate::channel::Channel;
use crate::wire::{Answer, Ask, Failure, FolderEntry, FolderEntryKind, Step};

/// Lists the folder, then opens what the outside asks for.
pub(super) fn run(channel: &Channel, folder: &OwnedFd) -> Result<(), Failure> {
    let made = match open(folder, b"made", OFlags::RDONLY) {
        Ok(file) => {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut std::fs::File::from(file), &mut text)
                .step(|| format!("read `{MADE}`"))?;
            text.split_terminator('\0').map(str::to_owned).collect()
        }
        Err(_) => Vec::new(),
    };
    answer(channel, &Answer::Made(made))?;
    if let Ok(tree) = open(folder, copied::TREE.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) {
        for found in copied::changes(folder, &tree)?.chunks(256) {
            answer(channel, &Answer::Found(found.to_vec()))?;
        }
        answer(channel, &Answer::Done)?;
        return serve(channel, &tree);
    }
    let upper = match open(folder, b"upper", OFlags::RDONLY | OFlags::DIRECTORY) {
        // No command was run.
        Err(Errno::NOENT) => return answer(channel, &Answer::Done),
        upper => upper.step(|| "open what was written".to_owned())?,
    };
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let found = list(&upper, &path, &mut waiting)
            .step(|| format!("read `/{}`", String::from_utf8_lossy(&path)))?;
        answer(channel, &Answer::Found(found))?;
    }
    answer(channel, &Answer::Done)?;
    serve(channel, &upper)
}

/// Opens what the outside asks for.
fn serve(channel: &Channel, upper: &OwnedFd) -> Result<(), Failure> {
    loop {
        let Ok((Ask::Open(path), _)) = expect(channel) else { return Ok(()) };
        let shown = || format!("open `/{}`", String::from_utf8_lossy(&path));
        let file = open(upper, &path, OFlags::RDONLY).step(shown)?;
        channel.send_with(&Answer::Opened, &[file.as_fd()]).step(|| "answer the outside".to_owned())?;
    }
}

/// What is in one folder. Its own folders are left for later.
fn list(upper: &OwnedFd, path: &[u8], waiting: &mut Vec<Vec<u8>>) -> rustix::io::Result<Vec<FolderEntry>> {
    let here = if path.is_empty() { b".".as_slice() } else { path };
    let folder = open(upper, here, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut found = Vec::new();
    if !path.is_empty() {
        let opaque = is_opaque(&folder);
        found.push(entry(path.to_vec(), FolderEntryKind::Directory { opaque }, &rustix::fs::fstat(&folder)?));
    }
    for item in Dir::read_from(&folder)? {
        let item = item?;
        let name = item.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let mut inner = path.to_vec();
        if !inner.is_empty() {
            inner.push(b'/');
        }
        inner.extend(name.to_bytes());
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            waiting.push(inner);
        } else {
            found.push(entry_of(inner, &stat, &folder, name)?);
        }
    }
    Ok(found)
}
