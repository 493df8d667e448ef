//! A package whose record names what was made of its sources, too.
//!
//! CEP 32: `files` of a record "MUST include files that were not initially part of the package but were generated during the
//! installation process". Without them a package that is removed or replaced inside an image leaves its bytecode behind.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Part, RecipeHash, SinkError, Source,
    SourceError, WriteOptions,
};
use rattler_conda_types::PrefixRecord;
use rattler_conda_types::prefix_record::{PathType, PathsEntry};

use crate::package_error::PackageError;

/// A package and its bytecode, as one source.
pub(crate) struct Recorded<S> {
    inner: S,
    part: Part,
    /// Where the package's record is.
    record: ImagePath,
    prefix: ImagePath,
}

impl<S: Source> Recorded<S> {
    /// Wraps what adds bytecode to the package whose record is `record`, in the environment at `prefix`.
    pub(crate) fn new(inner: S, record: ImagePath, prefix: ImagePath) -> Self {
        let mut part = inner.part().clone();
        let recipe = KeyHasher::new("recorded bytecode").field("inner", part.recipe.0.as_bytes());
        part.recipe = RecipeHash(recipe.finish());
        Self { inner, part, record, prefix }
    }

    /// The record with files that it does not name yet.
    fn completed(&self, record: &[u8], bytecode: BTreeSet<ImagePath>) -> Result<Vec<u8>, PackageError> {
        let read = |error: serde_json::Error| PackageError::Meta(error.into());
        let mut record: PrefixRecord = serde_json::from_slice(record).map_err(read)?;
        let known: BTreeSet<PathBuf> = record.files.iter().cloned().collect();
        let below = bytecode.iter().filter_map(|path| path.strip_prefix(&self.prefix)).map(PathBuf::from);
        for path in below.filter(|path| !known.contains(path)) {
            record.files.push(path.clone());
            record.paths_data.paths.push(PathsEntry {
                relative_path: path,
                original_path: None,
                path_type: PathType::PycFile,
                no_link: false,
                sha256: None,
                sha256_in_prefix: None,
                size_in_bytes: None,
                file_mode: None,
                prefix_placeholder: None,
            });
        }
        record.files.sort();
        record.paths_data.paths.sort_by(|a, b| a.relative_path.cmp(&b.relative_path));
        let mut json = Vec::new();
        record.write_to(&mut json, true).map_err(PackageError::Meta)?;
        Ok(json)
    }
}

impl<S: Source> Source for Recorded<S> {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.inner.claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let mut held = RecordSink { path: &self.record, record: None, bytecode: BTreeSet::new(), sink };
        self.inner.write(exclusions, &mut held)?;
        let RecordSink { record, bytecode, sink, .. } = held;
        let Some((head, record)) = record else { return Ok(()) };
        let json = self.completed(&record, bytecode).map_err(SourceError::archive)?;
        let head = EntryHead { kind: EntryKind::File { size: json.len() as u64 }, ..head };
        Ok(sink.put(&head, &mut json.as_slice())?)
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        self.inner.rewritten()
    }
}

/// Keeps the record back, and passes everything else on.
struct RecordSink<'a> {
    path: &'a ImagePath,
    record: Option<(EntryHead, Vec<u8>)>,
    bytecode: BTreeSet<ImagePath>,
    sink: &'a mut dyn EntrySink,
}

impl EntrySink for RecordSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if head.path == *self.path {
            let mut record = Vec::new();
            // We have written it ourselves.
            let read = |error| SinkError::Read { path: head.path.clone(), error };
            body.read_to_end(&mut record).map_err(read)?;
            self.record = Some((head.clone(), record));
            return Ok(());
        }
        if head.path.as_str().ends_with(".pyc") && !matches!(head.kind, EntryKind::Directory) {
            self.bytecode.insert(head.path.clone());
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
