//! Layers whose files come to lie over those of others: a source takes its bytecode with it.

use std::collections::BTreeSet;
use std::io::{self, Read};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, SinkError, SourceError, WriteOptions};

use crate::bytecode;
use crate::cached::{Cached, FOLDER};
use crate::inspection::Emit;
use crate::target::Target;

/// What a layer needs to know whose files may lie over those of lower layers.
pub struct Overriding<'a> {
    /// The Pythons of the image.
    pub targets: &'a [Target],
    /// Finds the bytecode that lower layers hold. It is asked only where a source may lie over another.
    pub lower: &'a dyn Fn() -> Result<BTreeSet<ImagePath>, SourceError>,
}

impl Overriding<'_> {
    /// Writes what `emit` gives, with the bytecode that belongs to it. What lower layers hold of a source that is written or
    /// removed, for whichever Python, is taken away where nothing takes its place.
    ///
    /// # Errors
    ///
    /// When `emit` or the sink fails, no bytecode can be made, or lower layers cannot be read.
    pub fn write(&self, emit: &Emit<'_>, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let mut over = OverridingSink::new(sink);
        with_bytecode(self.targets, emit, &mut over)?;
        over.finish(self.lower)
    }
}

/// The Pythons one after the other, each around those behind it.
fn with_bytecode(targets: &[Target], emit: &Emit<'_>, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
    let Some((target, rest)) = targets.split_first() else { return emit(&Exclusions::new(), sink) };
    let inner = |left_out: &Exclusions, sink: &mut dyn EntrySink| {
        let emit = |more: &Exclusions, sink: &mut dyn EntrySink| {
            emit(&left_out.union(more).cloned().collect(), sink)
        };
        with_bytecode(rest, &emit, sink)
    };
    bytecode::write(target, None, &inner, sink).map(|_| ())
}

/// Notes what passes, as far as it lies over bytecode.
struct OverridingSink<'a> {
    sink: &'a mut dyn EntrySink,
    /// The sources that are written or removed.
    sources: BTreeSet<ImagePath>,
    /// The bytecode that is written.
    written: BTreeSet<ImagePath>,
    /// What hides all that lower layers hold below it.
    hiding: BTreeSet<ImagePath>,
    /// Bytecode that is removed, and its folders: something may take its place.
    removed: BTreeSet<ImagePath>,
}

impl<'a> OverridingSink<'a> {
    fn new(sink: &'a mut dyn EntrySink) -> Self {
        let (sources, written) = (BTreeSet::new(), BTreeSet::new());
        Self { sink, sources, written, hiding: BTreeSet::new(), removed: BTreeSet::new() }
    }

    fn finish(self, lower: &dyn Fn() -> Result<BTreeSet<ImagePath>, SourceError>) -> Result<(), SourceError> {
        let Self { sink, sources, written, mut hiding, removed } = self;
        for path in removed {
            let is_filled = written.iter().any(|it| it.strip_prefix(&path).is_some());
            let head = match is_filled {
                true => EntryHead::emptied(path.clone()),
                false => EntryHead::removed(path.clone()),
            };
            if !written.contains(&path) {
                sink.put(&head, &mut io::empty())?;
                hiding.insert(path);
            }
        }
        if sources.is_empty() {
            return Ok(());
        }
        for path in lower()? {
            let is_overridden = Cached::of(&path).is_some_and(|cached| sources.contains(&cached.source));
            let is_hidden = hiding.contains(&path) || path.ancestors().any(|it| hiding.contains(&it));
            if is_overridden && !is_hidden && !written.contains(&path) {
                sink.put(&EntryHead::removed(path), &mut io::empty())?;
            }
        }
        Ok(())
    }
}

impl EntrySink for OverridingSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = head.path.clone();
        let is_bytecode = Cached::of(&path).is_some();
        match head.kind {
            EntryKind::Directory => return self.sink.put(head, body),
            EntryKind::Removed if is_bytecode || path.file_name() == FOLDER => {
                self.removed.insert(path);
                return Ok(());
            }
            _ if is_bytecode => {
                self.written.insert(path);
            }
            _ => {
                if path.as_str().ends_with(".py") {
                    self.sources.insert(path.clone());
                }
                self.hiding.insert(path);
            }
        }
        self.sink.put(head, body)
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}
