//! Bytecode as a source around a source: the inner one's entries pass, and the `.pyc` files that they lack are added.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use imgbuild_archive::{ImagePath, TarReader};
use imgbuild_layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Kind, Part, RecipeHash, SinkError, Source,
    SourceError, WriteOptions,
};
use imgbuild_oci::Digest;
use imgbuild_store::Store;

use crate::assumption;
use crate::bytecode_error::BytecodeError;
use crate::compiling::CompilingSink;
use crate::inspection::{Emit, Inspection, Verdict, pass_over};
use crate::spool::Spool;
use crate::target::Target;

/// What was made, and what was left out without being made anew.
pub(crate) type Made = (Spool, BTreeSet<ImagePath>);

/// Writes what `emit` gives, with the bytecode that belongs to it: what is valid stays, and all other is made of the sources
/// among it, or left out. `places` are the paths that are known to be where bytecode belongs; nothing where nothing is known.
pub(crate) fn write(
    target: &Target,
    places: Option<BTreeSet<ImagePath>>,
    emit: &Emit<'_>,
    sink: &mut dyn EntrySink,
) -> Result<Made, SourceError> {
    let mut verdict = Verdict::default();
    if places.as_ref().is_none_or(|places| !places.is_empty()) {
        let mut inspection = Inspection::new(target, magic(target)?, sink.options().threads);
        emit(&Exclusions::new(), &mut inspection)?;
        verdict = inspection.judge();
        let unseen = places.into_iter().flatten().filter(|place| !verdict.kept.contains(place));
        verdict.dropped.extend(unseen.collect::<Vec<_>>());
    }
    write_judged(target, &verdict, None, emit, sink)
}

/// The same in one pass, where all bytecode is at `places` and is taken to be valid.
fn write_assuming(
    target: &Target,
    places: BTreeSet<ImagePath>,
    emit: &Emit<'_>,
    sink: &mut dyn EntrySink,
) -> Result<Made, SourceError> {
    let magic = magic(target)?;
    if magic.is_none() {
        return write(target, Some(places), emit, sink);
    }
    let verdict = Verdict { kept: places, ..Verdict::default() };
    write_judged(target, &verdict, Some(Inspection::new(target, magic, sink.options().threads)), emit, sink)
}

fn magic(target: &Target) -> Result<Option<[u8; 4]>, SourceError> {
    target.magic().map_err(|error| SourceError::archive(BytecodeError::from(error)))
}

/// Writes it as the verdict says; one that is only assumed is compared with what an inspection finds meanwhile.
fn write_judged(
    target: &Target,
    verdict: &Verdict,
    inspection: Option<Inspection<'_>>,
    emit: &Emit<'_>,
    sink: &mut dyn EntrySink,
) -> Result<Made, SourceError> {
    let failed = |error: BytecodeError| SourceError::archive(error);
    let first = |sink: &mut dyn EntrySink| match inspection {
        Some(inspection) => assumption::write(verdict, inspection, emit, sink),
        None => emit(&verdict.dropped, sink),
    };
    let Some(compiler) = &target.compiler else {
        let mut dropped = verdict.dropped.clone();
        first(&mut Valid { target, kept: &verdict.kept, dropped: &mut dropped, sink })?;
        return Ok((Spool::default(), dropped));
    };
    let mut pass = CompilingSink::new(target, compiler, verdict, &mut *sink);
    let mut written = first(&mut pass);
    if written.is_ok()
        && let Some(mut late) = pass.late()
    {
        written = emit(&verdict.dropped, &mut late);
    }
    if let Some(error) = pass.failure.take() {
        return Err(failed(error));
    }
    written?;
    let (mut made, dropped) = pass.finish().map_err(failed)?;
    made.put_all(sink)?;
    Ok((made, dropped))
}

/// Passes everything on but what stands where bytecode belongs and is none.
struct Valid<'a> {
    target: &'a Target,
    kept: &'a BTreeSet<ImagePath>,
    dropped: &'a mut BTreeSet<ImagePath>,
    sink: &'a mut dyn EntrySink,
}

impl EntrySink for Valid<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let removes = matches!(head.kind, EntryKind::Removed | EntryKind::Emptied);
        if removes || self.kept.contains(&head.path) || !self.target.is_place(&head.path, &head.kind) {
            return self.sink.put(head, body);
        }
        self.dropped.insert(head.path.clone());
        pass_over(&head.path, body)
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}

/// A source that gives its sources of Python with their bytecode.
pub struct Bytecode<S> {
    inner: S,
    part: Part,
    target: Target,
    store: Store,
    /// Whether not all of its bytecode is valid, as far as somebody has found out.
    is_refuted: AtomicBool,
}

impl<S: Source> Bytecode<S> {
    /// Wraps `inner`. What was compiled is kept in `store`.
    pub fn new(inner: S, target: Target, store: Store) -> Self {
        let mut part = inner.part().clone();
        let recipe = KeyHasher::new("bytecode").field("inner", part.recipe.0.as_bytes());
        part.recipe = RecipeHash(target.key(recipe).finish());
        Self { inner, part, target, store, is_refuted: AtomicBool::new(false) }
    }

    /// What the bytecode depends on: another budget or codec makes other layers of the same bytecode.
    fn key(&self, exclusions: &Exclusions) -> Digest {
        KeyHasher::new("bytecode of a part")
            .field("recipe", self.part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str))
            .finish()
    }

    fn write_kept(
        &self,
        kept: &File,
        exclusions: &Exclusions,
        sink: &mut dyn EntrySink,
    ) -> Result<(), SourceError> {
        let read = |error| SourceError::archive(BytecodeError::Cache(error));
        let copy = || {
            let file = kept.try_clone().map_err(|error| SourceError::archive(BytecodeError::Spool(error)))?;
            Ok::<_, SourceError>(file)
        };
        let mut reader = TarReader::new(BufReader::new(copy()?), u64::MAX);
        let mut places = exclusions.clone();
        // Two passes: a shipped file that is replaced must be left out before the replacement is reached.
        while let Some(head) = reader.next_entry().map_err(read)? {
            places.extend(head.path);
        }
        self.inner.write(&places, &mut FilterSink { places: &places, sink: &mut *sink })?;
        let mut file = copy()?;
        io::Seek::rewind(&mut file).map_err(|error| SourceError::archive(BytecodeError::Spool(error)))?;
        let mut reader = TarReader::new(BufReader::new(file), u64::MAX);
        while let Some(head) = reader.next_entry().map_err(read)? {
            // An empty entry stands for what was left out and not made anew.
            let (Some(path), true) = (head.path, head.size > 0) else { continue };
            let (mode, owner, mtime) = (head.mode, head.owner, head.mtime);
            let head = EntryHead { path, kind: EntryKind::File { size: head.size }, mode, owner, mtime };
            sink.put(&head, &mut reader.body())?;
        }
        Ok(())
    }

    fn write_anew(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<Made, SourceError> {
        let kind = |claim: &Claim| match claim.kind {
            Kind::File => EntryKind::File { size: 0 },
            Kind::Symlink => EntryKind::Symlink { target: String::new() },
        };
        let claims = self.inner.claims()?.into_iter();
        let places = claims.filter(|claim| self.target.is_place(&claim.path, &kind(claim)));
        let places: BTreeSet<ImagePath> =
            places.map(|claim| claim.path).filter(|path| !exclusions.contains(path)).collect();
        let emit = |dropped: &Exclusions, sink: &mut dyn EntrySink| {
            if dropped.is_empty() {
                return self.inner.write(exclusions, sink);
            }
            self.inner.write(&exclusions.union(dropped).cloned().collect(), sink)
        };
        if !places.is_empty() && sink.options().can_restart && self.is_likely_valid(&places)? {
            let written = write_assuming(&self.target, places, &emit, sink);
            self.is_refuted.store(matches!(written, Err(SourceError::Restart)), Ordering::Relaxed);
            return written;
        }
        write(&self.target, Some(places), &emit, sink)
    }

    /// Whether it is likely that all bytecode at these places is valid.
    fn is_likely_valid(&self, places: &BTreeSet<ImagePath>) -> Result<bool, SourceError> {
        if self.is_refuted.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let Some(rewritten) = self.inner.rewritten()? else { return Ok(false) };
        let rewritten: BTreeSet<ImagePath> = rewritten.into_iter().collect();
        let source = |place| Some(self.target.tag.cached(place)?.source);
        Ok(rewritten.is_empty() || !places.iter().filter_map(source).any(|it| rewritten.contains(&it)))
    }
}

impl<S: Source> Source for Bytecode<S> {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.inner.claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        if self.target.compiler.is_none() {
            return self.write_anew(exclusions, sink).map(|_| ());
        }
        let failed = |error: BytecodeError| SourceError::archive(error);
        let key = self.key(exclusions);
        match self.store.bytecode(&key).map_err(|error| failed(error.into()))? {
            Some(path) => {
                let file = File::open(path).map_err(|error| failed(error.into()))?;
                self.write_kept(&file, exclusions, sink)
            }
            None => {
                let (mut made, dropped) = self.write_anew(exclusions, sink)?;
                made.keep(&self.store, &key, &dropped).map_err(failed)
            }
        }
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        self.inner.rewritten()
    }
}

/// Passes everything on but what is replaced.
struct FilterSink<'a> {
    places: &'a Exclusions,
    sink: &'a mut dyn EntrySink,
}

impl EntrySink for FilterSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        match self.places.contains(&head.path) {
            true => pass_over(&head.path, body),
            false => self.sink.put(head, body),
        }
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}
