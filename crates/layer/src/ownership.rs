//! Whom an environment's files belong to.

use std::io::Read;

use imgbuild_archive::{ImagePath, Owner};

use crate::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Part, RecipeHash, SinkError, Source,
    SourceError, WriteOptions,
};

/// Whom a tree of files belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Root alone changes it.
    #[default]
    Root,
    /// A user changes it, and whoever is in group 0: the group has the user's rights, and what is made in a folder has the
    /// folder's group. So it serves the user in any group, and any user in group 0, which is what `OpenShift` starts images as.
    Shared {
        /// The user's number.
        uid: u32,
    },
}

impl Ownership {
    /// Of an image's user: root shares nothing.
    pub fn of_user(uid: u32) -> Self {
        if uid == 0 { Self::Root } else { Self::Shared { uid } }
    }

    /// Whom a file belongs to.
    pub fn owner(self) -> Owner {
        match self {
            Self::Root => Owner::ROOT,
            Self::Shared { uid } => Owner { uid, gid: 0 },
        }
    }

    /// The mode of a folder.
    pub fn folder_mode(self) -> u32 {
        self.mode(&EntryKind::Directory, 0o755)
    }

    /// An entry as it belongs to them.
    pub fn head(self, head: &EntryHead) -> EntryHead {
        EntryHead { mode: self.mode(&head.kind, head.mode), owner: self.owner(), ..head.clone() }
    }

    fn mode(self, kind: &EntryKind, mode: u32) -> u32 {
        let shared = mode | (mode & 0o700) >> 3;
        match (self, kind) {
            (Self::Root, _) | (_, EntryKind::Symlink { .. }) => mode,
            (Self::Shared { .. }, EntryKind::Directory) => shared | 0o2000,
            (Self::Shared { .. }, _) => shared,
        }
    }

    /// A source whose files belong to them: the same source where these are root's.
    pub fn source(self, source: Box<dyn Source>) -> Box<dyn Source> {
        match self {
            Self::Root => source,
            Self::Shared { uid } => {
                let part = source.part();
                let recipe = KeyHasher::new("shared")
                    .field("recipe", part.recipe.0.as_bytes())
                    .field("uid", uid.to_string())
                    .finish();
                let part = Part { recipe: RecipeHash(recipe), ..part.clone() };
                Box::new(OwnedSource { source, ownership: self, part })
            }
        }
    }
}

/// A source around a source, whose files belong to somebody.
struct OwnedSource {
    source: Box<dyn Source>,
    ownership: Ownership,
    part: Part,
}

impl Source for OwnedSource {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.source.claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.source.write(exclusions, &mut OwnedSink { ownership: self.ownership, below: None, sink })
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        self.source.rewritten()
    }
}

/// A sink that gives what it takes to somebody.
pub struct OwnedSink<'a> {
    /// Whom it belongs to.
    pub ownership: Ownership,
    /// The folder that is theirs, with all below it; nothing where all is.
    pub below: Option<&'a ImagePath>,
    /// What takes the entries.
    pub sink: &'a mut dyn EntrySink,
}

impl EntrySink for OwnedSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let is_theirs =
            self.below.is_none_or(|root| head.path == *root || head.path.strip_prefix(root).is_some());
        if is_theirs { self.sink.put(&self.ownership.head(head), body) } else { self.sink.put(head, body) }
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ownership: Ownership, kind: EntryKind, mode: u32) -> String {
        let path = ImagePath::new("opt/conda/x").unwrap();
        let head = ownership.head(&EntryHead { path, kind, mode, owner: Owner::ROOT, mtime: 0 });
        format!("{:o} {}:{}", head.mode, head.owner.uid, head.owner.gid)
    }

    #[test]
    fn the_group_may_do_what_the_user_may() {
        let file = || EntryKind::File { size: 0 };
        let user = Ownership::of_user(1000);
        assert_eq!(of(user, file(), 0o644), "664 1000:0");
        assert_eq!(of(user, file(), 0o755), "775 1000:0");
        assert_eq!(of(user, file(), 0o600), "660 1000:0");
        assert_eq!(of(user, file(), 0o444), "444 1000:0");
        assert_eq!(of(user, EntryKind::Directory, 0o755), "2775 1000:0");
        assert_eq!(of(user, EntryKind::Symlink { target: "y".to_owned() }, 0o777), "777 1000:0");
        assert_eq!(user.folder_mode(), 0o2775);
    }

    #[test]
    fn root_shares_nothing() {
        let root = Ownership::of_user(0);
        assert_eq!(root, Ownership::Root);
        assert_eq!(of(root, EntryKind::File { size: 0 }, 0o644), "644 0:0");
        assert_eq!((root.folder_mode(), root.owner()), (0o755, Owner::ROOT));
    }
}
