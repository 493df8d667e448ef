//! Small files that stand in no archive, as a source: what imgbuild itself adds to an image.

use std::collections::BTreeMap;
use std::io;

use crate::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Kind, Part, PartId, RecipeHash, Role,
    Source, SourceError,
};
use imgbuild_archive::{ImagePath, Owner};

/// A file, link or folder, with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file with a mode.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its mode.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: String,
    },
    /// A folder, which may be empty.
    Folder,
}

/// Files whose whole content is known beforehand.
#[derive(Debug, Clone)]
pub struct Files {
    part: Part,
    contents: BTreeMap<ImagePath, Content>,
    owner: Owner,
    mtime: i64,
}

impl Files {
    /// Files of one owner and time.
    pub fn new(
        id: PartId,
        title: String,
        role: Role,
        root: Option<ImagePath>,
        contents: BTreeMap<ImagePath, Content>,
        owner: Owner,
        mtime: i64,
    ) -> Self {
        let mut hasher = KeyHasher::new("files")
            .field("owner", format!("{}:{}", owner.uid, owner.gid))
            .field("mtime", mtime.to_le_bytes());
        for (path, content) in &contents {
            hasher = match content {
                Content::File { bytes, mode } => hasher
                    .field("file", path.as_str())
                    .field("mode", mode.to_le_bytes())
                    .field("bytes", bytes),
                Content::Symlink { target } => hasher.field("link", path.as_str()).field("target", target),
                Content::Folder => hasher.field("folder", path.as_str()),
            };
        }
        let weight = contents.values().map(|content| match content {
            Content::File { bytes, .. } => bytes.len() as u64,
            Content::Symlink { .. } | Content::Folder => 0,
        });
        let part = Part {
            id,
            title,
            recipe: RecipeHash(hasher.finish()),
            archive: None,
            role,
            weight: weight.sum(),
            root,
        };
        Self { part, contents, owner, mtime }
    }
}

impl Source for Files {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let kind = |content: &Content| match content {
            Content::File { .. } => Some(Kind::File),
            Content::Symlink { .. } => Some(Kind::Symlink),
            Content::Folder => None,
        };
        let claim = |(path, it): (&ImagePath, &Content)| Some(Claim { path: path.clone(), kind: kind(it)? });
        Ok(self.contents.iter().filter_map(claim).collect())
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        for (path, content) in self.contents.iter().filter(|(path, _)| !exclusions.contains(*path)) {
            let head = |kind, mode| EntryHead {
                path: path.clone(),
                kind,
                mode,
                owner: self.owner,
                mtime: self.mtime,
            };
            match content {
                Content::File { bytes, mode } => {
                    let kind = EntryKind::File { size: bytes.len() as u64 };
                    sink.put(&head(kind, *mode), &mut bytes.as_slice())?;
                }
                Content::Symlink { target } => {
                    let kind = EntryKind::Symlink { target: target.clone() };
                    sink.put(&head(kind, 0o777), &mut io::empty())?;
                }
                Content::Folder => sink.put(&head(EntryKind::Directory, 0o755), &mut io::empty())?,
            }
        }
        Ok(())
    }
}
