//! The first pass over a part that holds bytecode: what of it is valid.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::num::NonZero;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, SinkError, SourceError, WriteOptions};

use crate::cached::Optimization;
use crate::limits::SOURCE_LIMIT;
use crate::links::Links;
use crate::pyc::{HEAD, PycHead, Stamp, source_hash};
use crate::target::Target;

/// Gives the same entries each time, but for those that are excluded.
pub(crate) type Emit<'a> = dyn Fn(&Exclusions, &mut dyn EntrySink) -> Result<(), SourceError> + 'a;

/// What a part holds, as far as its bytecode depends on it.
pub(crate) struct Inspection<'a> {
    target: &'a Target,
    magic: Option<[u8; 4]>,
    files: BTreeMap<ImagePath, Stamp>,
    links: Links,
    /// What stands where bytecode belongs; its head, where it may be some.
    shipped: BTreeMap<ImagePath, Option<PycHead>>,
    /// How many threads may unpack what is only looked at.
    threads: NonZero<u32>,
}

/// What becomes of the bytecode that a part holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// It is valid, and stays.
    pub(crate) kept: BTreeSet<ImagePath>,
    /// It is left out.
    pub(crate) dropped: BTreeSet<ImagePath>,
    /// The sources of that which is left out, and is made anew.
    pub(crate) renewed: BTreeMap<ImagePath, BTreeSet<Optimization>>,
}

impl<'a> Inspection<'a> {
    pub(crate) fn new(target: &'a Target, magic: Option<[u8; 4]>, threads: NonZero<u32>) -> Self {
        let (files, links, shipped) = (BTreeMap::new(), Links::default(), BTreeMap::new());
        Self { target, magic, files, links, shipped, threads }
    }

    /// What is known of a source.
    fn stamp_of(&self, source: &ImagePath) -> Option<&Stamp> {
        self.files.get(source).or_else(|| self.files.get(&self.links.file(source)?))
    }

    /// Whether what stands where bytecode belongs is known not to be valid, by what was seen so far.
    pub(crate) fn is_stale(&self, path: &ImagePath) -> bool {
        let Some(head) = self.shipped.get(path) else { return false };
        match (self.target.tag.cached(path), head, self.magic) {
            (Some(cached), Some(head), Some(magic)) => {
                self.stamp_of(&cached.source).is_some_and(|stamp| !head.is_valid(magic, stamp))
            }
            _ => true,
        }
    }

    pub(crate) fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        for (path, head) in &self.shipped {
            let cached = self.target.tag.cached(path);
            // Without its source Python never takes it.
            let source = cached.and_then(|cached| Some((self.stamp_of(&cached.source)?, cached)));
            match (source, head, self.magic) {
                (Some((stamp, _)), Some(head), Some(magic)) if head.is_valid(magic, stamp) => {
                    verdict.kept.insert(path.clone());
                    continue;
                }
                (Some((_, cached)), ..) => {
                    verdict.renewed.entry(cached.source).or_default().insert(cached.optimization);
                }
                (None, ..) => {}
            }
            verdict.dropped.insert(path.clone());
        }
        verdict
    }

    fn stamp(&self, head: &EntryHead, size: u64, body: &mut dyn Read) -> Result<(Stamp, Vec<u8>), SinkError> {
        let mut stamp = Stamp { mtime: head.mtime, size, hash: None };
        let mut source = Vec::new();
        if let Some(magic) =
            self.magic.filter(|_| size <= SOURCE_LIMIT && head.path.as_str().ends_with(".py"))
        {
            body.read_to_end(&mut source)
                .map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
            stamp.hash = Some(source_hash(magic, self.target.tag.has_long_hash(), &source));
        }
        Ok((stamp, source))
    }
}

/// Reads a body to its end: whoever gives it may compare a hash.
pub(crate) fn pass_over(path: &ImagePath, body: &mut dyn Read) -> Result<(), SinkError> {
    let read = io::copy(body, &mut io::sink());
    read.map(|_| ()).map_err(|error| SinkError::Read { path: path.clone(), error })
}

impl EntrySink for Inspection<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = head.path.clone();
        self.look_at(head, &mut *body)?;
        pass_over(&path, body)
    }

    fn options(&self) -> WriteOptions {
        self.threads.into()
    }
}

impl Inspection<'_> {
    /// Learns what an entry says. Gives what was read of its body.
    pub(crate) fn look_at(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<Vec<u8>, SinkError> {
        let path = head.path.clone();
        if self.target.is_place(&path, &head.kind) {
            let (mut found, mut begun) = (None, Vec::new());
            // A file without anything behind its head is none.
            if matches!(head.kind, EntryKind::File { size } if size > HEAD as u64) {
                let mut bytes = [0; HEAD];
                body.read_exact(&mut bytes).map_err(|error| SinkError::Read { path: path.clone(), error })?;
                found = Some(PycHead::parse(&bytes));
                begun = bytes.to_vec();
            }
            if !matches!(head.kind, EntryKind::Removed | EntryKind::Emptied) {
                self.shipped.insert(path, found);
            }
            return Ok(begun);
        }
        match &head.kind {
            EntryKind::File { size } => {
                let (stamp, source) = self.stamp(head, *size, body)?;
                self.files.insert(path, stamp);
                return Ok(source);
            }
            EntryKind::Symlink { target } => self.links.symbolic(path, target),
            EntryKind::Hardlink { target } => self.links.hard(path, target.clone()),
            EntryKind::Directory | EntryKind::Removed | EntryKind::Emptied => {}
        }
        Ok(Vec::new())
    }
}
