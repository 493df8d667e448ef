//! What commands left, as the entries of a layer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink};

use crate::SandboxError;
use crate::outside::RunningSandbox;
use crate::wire::{Answer, Ask, FolderEntry, FolderEntryKind};

/// Asks the inside for everything, and gives it to the sink in the order of its paths.
pub(crate) fn write(
    inside: &RunningSandbox,
    timestamp: i64,
    cleaned: &dyn Fn(&ImagePath) -> bool,
    sink: &mut dyn EntrySink,
) -> Result<(), SandboxError> {
    let found = collect(inside, cleaned)?;
    let mut links = BTreeMap::new();
    for (path, found) in &found {
        let head = |kind| EntryHead {
            path: path.clone(),
            kind,
            mode: found.mode,
            owner: Owner { uid: found.uid, gid: found.gid },
            mtime: found.mtime.min(timestamp),
        };
        let mut put = |head: &EntryHead| sink.put(head, &mut io::empty());
        match &found.kind {
            FolderEntryKind::Directory { opaque } => {
                put(&head(EntryKind::Directory))?;
                if *opaque {
                    put(&EntryHead::emptied(path.clone()))?;
                }
            }
            FolderEntryKind::Symlink(target) => {
                let target = String::from_utf8(target.clone())
                    .map_err(|_| left(path, "its target is not valid UTF-8"))?;
                put(&head(EntryKind::Symlink { target }))?;
            }
            FolderEntryKind::Whiteout => put(&EntryHead::removed(path.clone()))?,
            FolderEntryKind::File { size } => match found.inode.and_then(|inode| links.get(&inode)) {
                Some(target) => {
                    let target = ImagePath::clone(target);
                    put(&head(EntryKind::Hardlink { target }))?;
                }
                None => {
                    links.extend(found.inode.map(|inode| (inode, path.clone())));
                    let head = head(EntryKind::File { size: *size });
                    sink.put(&head, &mut file(inside, path)?)?;
                }
            },
            // What talks through it has ended.
            FolderEntryKind::Special => {}
        }
    }
    Ok(())
}

/// Everything that belongs into the layer.
fn collect(
    inside: &RunningSandbox,
    cleaned: &dyn Fn(&ImagePath) -> bool,
) -> Result<BTreeMap<ImagePath, FolderEntry>, SandboxError> {
    let mut all = BTreeMap::new();
    let mut made = Vec::new();
    loop {
        match inside.answer()?.0 {
            Answer::Done => break,
            Answer::Made(paths) => made = paths,
            Answer::Found(found) => {
                for found in found {
                    let path = image_path(&found)?;
                    if !cleaned(&path) {
                        all.insert(path, found);
                    }
                }
            }
            _ => return Err(SandboxError::Lost),
        }
    }
    // What lies below something that is cleaned, is cleaned as well.
    let kept: BTreeMap<_, _> = all
        .iter()
        .filter(|(path, _)| path.ancestors().all(|ancestor| all.contains_key(&ancestor)))
        .map(|(path, found)| (path.clone(), found.clone()))
        .collect();
    Ok(without_made(kept, &made))
}

/// What was made only to be mounted on goes where nothing was put into it: the innermost first.
fn without_made(
    mut all: BTreeMap<ImagePath, FolderEntry>,
    made: &[String],
) -> BTreeMap<ImagePath, FolderEntry> {
    let made: BTreeSet<ImagePath> = made.iter().filter_map(|path| ImagePath::new(path).ok()).collect();
    for path in made.iter().rev() {
        let empty = match all.get(path).map(|found| &found.kind) {
            Some(FolderEntryKind::Directory { .. }) => {
                !all.keys().any(|other| other.strip_prefix(path).is_some())
            }
            Some(FolderEntryKind::File { size }) => *size == 0,
            _ => false,
        };
        if empty {
            all.remove(path);
        }
    }
    all
}

fn image_path(found: &FolderEntry) -> Result<ImagePath, SandboxError> {
    let refused = |reason: &str| SandboxError::Left {
        path: format!("/{}", String::from_utf8_lossy(&found.path)),
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(&found.path).map_err(|_| refused("its name is not valid UTF-8"))?;
    let path = ImagePath::new(text).map_err(|error| refused(&format!("its path {}", error.rule)))?;
    if path.file_name().starts_with(".wh.") {
        return Err(refused("its name is that of a whiteout"));
    }
    Ok(path)
}

fn left(path: &ImagePath, reason: &str) -> SandboxError {
    SandboxError::Left { path: path.to_string(), reason: reason.to_owned() }
}

fn file(inside: &RunningSandbox, path: &ImagePath) -> Result<File, SandboxError> {
    inside.ask(&Ask::Open(path.as_str().as_bytes().to_vec()))?;
    match inside.answer()? {
        (Answer::Opened, mut files) => match files.pop() {
            Some(file) => Ok(file.into()),
            None => Err(SandboxError::Lost),
        },
        _ => Err(SandboxError::Lost),
    }
}
