//! Where apt takes packages from inside the image.

use std::io;

use layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, KeyHasher, Kind, Owner, Part, PartId,
    RecipeHash, Role, Source, SourceError,
};

use crate::mirror::Mirror;

/// `/etc/apt/sources.list.d/debian.sources`: a part of its own, because a base is the same from whatever mirror it was
/// built, and only who builds the image knows which one its users shall have.
#[derive(Debug, Clone)]
pub struct AptSources {
    path: ImagePath,
    text: String,
    timestamp: i64,
    part: Part,
}

impl AptSources {
    /// The sources of `suite` at `mirror`, with the time `timestamp`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Never: the path is a constant.
    pub fn new(suite: &str, mirror: &Mirror, timestamp: i64) -> Result<Self, layer::PathError> {
        let text = mirror.apt_sources(suite);
        let recipe = KeyHasher::new("apt sources")
            .field("text", &text)
            .field("timestamp", timestamp.to_string())
            .finish();
        let part = Part {
            id: PartId::new("debian-state", "apt-sources"),
            title: "apt's sources".to_owned(),
            recipe: RecipeHash(recipe),
            role: Role::BaseState,
            weight: text.len() as u64,
            root: None,
        };
        Ok(Self { path: ImagePath::new("etc/apt/sources.list.d/debian.sources")?, text, timestamp, part })
    }
}

impl Source for AptSources {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        Ok(vec![Claim { path: self.path.clone(), kind: Kind::File }])
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        if exclusions.contains(&self.path) {
            return Ok(());
        }
        let kind = EntryKind::File { size: self.text.len() as u64 };
        let head = EntryHead {
            path: self.path.clone(),
            kind,
            mode: 0o644,
            owner: Owner::ROOT,
            mtime: self.timestamp,
        };
        Ok(sink.put(&head, &mut io::Cursor::new(&self.text))?)
    }
}
