//! The root in which packages are installed: the known ones, with their state.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Read};
use std::num::NonZero;
use std::path::Path;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{
    Codec, EntryHead, EntrySink, LayerError, LayerWriter, Parents, SinkError, Source, SourceError,
    WriteOptions,
};
use imgbuild_sandbox::Machine;

use super::tree::{Recorder, Tree};
use super::{Configuration, ConfigurationError};

impl Configuration {
    /// Unpacks the known packages and their state into the new folder `folder`, and gives what there is.
    pub(super) fn unpack(
        &self,
        machine: &Machine,
        folder: &Path,
        parents: &Parents,
    ) -> Result<Tree, ConfigurationError> {
        let failed = |error| ConfigurationError::File { path: folder.to_owned(), error };
        let (mut reader, writer) = io::pipe().map_err(failed)?;
        let (written, unpacked) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| self.write_root(writer, parents));
            let unpacked = machine.unpack(&mut reader, folder);
            // A writer that is still writing then learns that nobody reads.
            drop(reader);
            (writing.join(), unpacked)
        });
        let written = written.unwrap_or_else(|_| {
            Err(LayerError::Write(io::Error::other("the thread that wrote the root has failed")))
        });
        match (written, unpacked) {
            // Where nobody reads any more, the reader knows why.
            (Err(error), Err(unpacked)) if is_write(&error) => Err(unpacked.into()),
            (Err(error), _) => Err(ConfigurationError::Root(Box::new(error))),
            (Ok(_), Err(error)) => Err(error.into()),
            (Ok(tree), Ok(())) => Ok(tree),
        }
    }

    fn write_root(&self, out: io::PipeWriter, parents: &Parents) -> Result<Tree, LayerError> {
        let out = BufWriter::with_capacity(1 << 20, out);
        let writer = LayerWriter::new(out, Codec::None, NonZero::<u32>::MIN, parents);
        let mut writer = writer.map_err(LayerError::Write)?;
        let mut recorder = Recorder {
            tree: Tree::default(),
            inner: Some(&mut writer),
            timestamp: self.timestamp,
            other: None,
        };
        let failed = |source: &dyn Source, error| LayerError::Part { part: source.part().id.clone(), error };
        // The state has some files of packages as well, with another mode or owner.
        let claims = self.state.claims().map_err(|error| failed(&self.state, error))?;
        let of_state: BTreeSet<ImagePath> = claims.into_iter().map(|claim| claim.path).collect();
        for package in &self.known {
            let mut sink = FilterSink { paths: &of_state, inner: &mut recorder };
            let written = package.write(self.excluded(&package.part().id), &mut sink);
            written.map_err(|error| failed(package, error))?;
        }
        let written = self.state.write(self.excluded(&self.state.part().id), &mut recorder);
        written.map_err(|error| failed(&self.state, error))?;
        let tree = recorder.tree;
        let (_, out) = writer.finish().map_err(LayerError::Write)?;
        out.into_inner().map_err(|error| LayerError::Write(error.into_error()))?;
        Ok(tree)
    }
}

/// Passes on what does not stand at one of these paths.
struct FilterSink<'a> {
    paths: &'a BTreeSet<ImagePath>,
    inner: &'a mut dyn EntrySink,
}

impl EntrySink for FilterSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if self.paths.contains(&head.path) { Ok(()) } else { self.inner.put(head, body) }
    }

    fn options(&self) -> WriteOptions {
        self.inner.options()
    }
}

/// Whether what failed is the writing, and not a package.
fn is_write(error: &LayerError) -> bool {
    match error {
        LayerError::Write(_) => true,
        LayerError::Part { error, .. } => matches!(error, SourceError::Sink(SinkError::Write(_))),
    }
}
