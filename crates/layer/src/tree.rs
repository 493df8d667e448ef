//! What stands where in what is written: what may come next, and which folders it needs.

use std::borrow::Cow;
use std::collections::HashMap;

use imgbuild_archive::{ImagePath, Owner, Whiteout};

use crate::limits::MOST_FOLDER_BYTES;
use crate::{EntryHead, EntryKind, Parents, SinkError};

/// The paths that are written so far.
pub(crate) struct Tree<'a> {
    parents: &'a Parents,
    seen: HashMap<ImagePath, PathState>,
    /// The bytes that the names of the folders have which no source stated.
    folder_bytes: u64,
}

/// What stands at a path so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PathState {
    Directory {
        mode: u32,
        owner: Owner,
    },
    /// A file, and what all of its names say of it.
    File {
        mode: u32,
        owner: Owner,
        mtime: i64,
    },
    Symlink,
    /// Nothing any more.
    Removed,
}

/// What is written for an entry: the folders that are not there yet, and then the entry itself, unless it is there.
pub(crate) struct Admitted<'h> {
    pub(crate) folders: Vec<EntryHead>,
    pub(crate) entry: Option<Cow<'h, EntryHead>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(parents: &'a Parents) -> Self {
        Self { parents, seen: HashMap::new(), folder_bytes: 0 }
    }

    /// Takes an entry, and says what is to be written for it.
    pub(crate) fn admit<'h>(&mut self, head: &'h EntryHead) -> Result<Admitted<'h>, SinkError> {
        if Whiteout::is_reserved(&head.path) {
            return Err(SinkError::Reserved { path: head.path.clone() });
        }
        let folders = self.folders(&head.path)?;
        let entry = self.entry(head)?;
        Ok(Admitted { folders, entry })
    }

    /// The folders above `path` that are not there yet.
    fn folders(&mut self, path: &ImagePath) -> Result<Vec<EntryHead>, SinkError> {
        let mut missing = Vec::new();
        // A folder that is there has all its own folders there.
        for folder in path.folders() {
            match self.seen.get(folder.as_str()) {
                Some(PathState::Directory { .. }) => break,
                Some(_) => {
                    let below = folder.to_path();
                    return Err(SinkError::BelowNonDirectory { path: path.clone(), below });
                }
                None => missing.push(folder.to_path()),
            }
        }
        let mut heads = Vec::with_capacity(missing.len());
        for folder in missing.into_iter().rev() {
            self.folder_bytes += folder.as_str().len() as u64;
            if self.folder_bytes > MOST_FOLDER_BYTES {
                return Err(SinkError::TooDeep { path: path.clone() });
            }
            let head = self.parents.head(folder);
            self.put_directory(&head);
            heads.push(head);
        }
        Ok(heads)
    }

    fn put_directory(&mut self, head: &EntryHead) {
        self.seen.insert(head.path.clone(), PathState::Directory { mode: head.mode, owner: head.owner });
    }

    fn entry<'h>(&mut self, head: &'h EntryHead) -> Result<Option<Cow<'h, EntryHead>>, SinkError> {
        let before = self.seen.get(&head.path).copied();
        let twice = || Err(SinkError::Twice { path: head.path.clone() });
        let after = match &head.kind {
            EntryKind::Directory => {
                // Packages share folders: they are written once, with the time that all folders have.
                let now = PathState::Directory { mode: head.mode, owner: head.owner };
                return match before {
                    Some(before) if before == now => Ok(None),
                    None | Some(PathState::Directory { .. }) => {
                        self.put_directory(head);
                        Ok(Some(Cow::Owned(EntryHead { mtime: 0, ..head.clone() })))
                    }
                    Some(_) => twice(),
                };
            }
            EntryKind::File { .. } => {
                PathState::File { mode: head.mode, owner: head.owner, mtime: head.mtime }
            }
            EntryKind::Symlink { .. } => PathState::Symlink,
            EntryKind::Hardlink { target } => match self.seen.get(target).copied() {
                Some(file @ PathState::File { .. }) => file,
                _ => return Err(SinkError::Hardlink { path: head.path.clone(), target: target.clone() }),
            },
            EntryKind::Removed => PathState::Removed,
            // It says something of a folder, which is there or comes later.
            EntryKind::Emptied => return Ok(Some(Cow::Borrowed(head))),
        };
        if before.is_some() {
            return twice();
        }
        self.seen.insert(head.path.clone(), after);
        Ok(Some(match (&head.kind, after) {
            // Some engines set what a link's head says, and by that change the file; others do not.
            (EntryKind::Hardlink { .. }, PathState::File { mode, owner, mtime }) => {
                Cow::Owned(EntryHead { mode, owner, mtime, ..head.clone() })
            }
            _ => Cow::Borrowed(head),
        }))
    }
}
