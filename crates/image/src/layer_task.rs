//! Making layers from what their archives and the layers below hold: the part that blocks a thread.

use std::num::NonZero;
use std::sync::Arc;

use imgbuild_fetch::{Context, Event, verify_archives};
use imgbuild_layer::{
    Codec, Exclusions, Key, Layer, LayerError, LayerWriter, Repeated, Source, WriteOptions, write_layer,
    write_pieces,
};
use imgbuild_python::Cached;
use imgbuild_store::{BlobWriter, Kind, LayerRecord};

use crate::assembly::Assembly;
use crate::derived::Derived;
use crate::error::{MakeError, MakeFailure};
use crate::plan::PlannedLayer;
use crate::repetitions::Repetitions;

/// A layer that is there, and whether it was.
pub(crate) type Found = (Key, LayerRecord, bool);

/// A layer that was written, its blob, and what was left to be shown to whoever installs.
type Written = (Layer, BlobWriter, String);

/// Layers to be made by a thread that may block: one, or several pieces of the same.
pub(crate) struct LayerTask {
    pub(crate) assembly: Arc<Assembly>,
    pub(crate) layers: Vec<Arc<PlannedLayer>>,
    pub(crate) codec: Codec,
    /// How many of them compress.
    pub(crate) threads: NonZero<u32>,
    pub(crate) below: Vec<LayerRecord>,
    pub(crate) repetitions: Arc<Repetitions>,
}

impl LayerTask {
    /// The layers, in their order: those that are there, and those that are made.
    pub(crate) fn make(&self, context: &Context) -> Result<Vec<Found>, MakeError> {
        let Some(first) = self.layers.first() else { return Ok(Vec::new()) };
        let store = &context.store;
        // Whoever makes other pieces of the same waits as well: their bytecode is compiled once.
        let lock = first.piece.as_ref().map_or(first.key, |piece| piece.whole);
        let _exclusive = store.exclusive(Kind::Layer, &lock.0)?;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for planned in &self.layers {
            // Another build may have made it while this one waited.
            match context.layers.layer(&planned.key)? {
                Some(record) => found.push((planned.key, record, true)),
                None => missing.push(&**planned),
            }
        }
        for planned in &missing {
            context.reporter.event(Event::LayerStarted { title: planned.title.clone() });
        }
        if !missing.is_empty() {
            verify_archives(first.archives(), store)?;
            let written: Vec<_> = missing.iter().zip(self.write(&missing, context)?).collect();
            // Who waits for the first, on another machine, looks for the others when it is there.
            for (planned, written) in written.into_iter().rev() {
                found.push((planned.key, self.keep(planned, written, context)?, false));
            }
        }
        let place = |key: &Key| self.layers.iter().position(|planned| planned.key == *key);
        found.sort_by_key(|(key, ..)| place(key));
        Ok(found)
    }

    fn keep(
        &self,
        planned: &PlannedLayer,
        (layer, writer, messages): Written,
        context: &Context,
    ) -> Result<LayerRecord, MakeError> {
        writer.commit(&layer.descriptor)?;
        let archives = planned.archives().map(|archive| archive.sha256).collect();
        let Layer { descriptor, diff_id, size, notes } = layer;
        let record = LayerRecord { descriptor, diff_id, size, archives, messages, notes };
        context.layers.put_layer(&planned.key, &record)?;
        Ok(record)
    }

    fn write(&self, layers: &[&PlannedLayer], context: &Context) -> Result<Vec<Written>, MakeError> {
        let Some(first) = layers.first() else { return Ok(Vec::new()) };
        if let Some(derived) = first.derived() {
            return Ok(vec![self.run(derived, context)?]);
        }
        let options = |can_restart| WriteOptions { threads: self.threads, can_restart };
        let mut written = self.write_sources(layers, options(true), context)?;
        // Mostly it is one source of many, and it knows now that it has to look first.
        for can_restart in [true, false] {
            if written.as_ref().is_err_and(LayerError::is_restart) {
                written = self.write_sources(layers, options(can_restart), context)?;
            }
        }
        let written = written.map_err(|error| MakeFailure::Layer(Box::new(error)))?;
        Ok(written.into_iter().map(|(layer, blob)| (layer, blob, String::new())).collect())
    }

    /// Writes layers of sources; that one cannot be written may mean that all have to be written anew.
    fn write_sources(
        &self,
        layers: &[&PlannedLayer],
        options: WriteOptions,
        context: &Context,
    ) -> Result<Result<Vec<(Layer, BlobWriter)>, LayerError>, MakeError> {
        let (Some(first), assembly) = (layers.first(), &self.assembly) else { return Ok(Ok(Vec::new())) };
        let none = Exclusions::new();
        let excluded = |source: &dyn Source| assembly.exclusions.get(&source.part().id).unwrap_or(&none);
        let sources = first.ingredients.iter().filter_map(|ingredient| ingredient.as_source());
        let sources: Vec<(&dyn Source, &Exclusions)> = sources.map(|it| (it, excluded(it))).collect();
        // A disk that is full is told when a layer cannot be written.
        let file = || context.store.unnamed_file().ok();
        let repeated: Vec<Option<Repeated<'_>>> = sources
            .iter()
            .map(|(source, exclusions)| {
                let repetition = self.repetitions.of(source.part(), exclusions)?;
                Some(Repeated::new(*source, repetition, &file))
            })
            .collect();
        let once = |((source, exclusions), repeated)| match repeated {
            Some(repeated) => (repeated as &dyn Source, exclusions),
            None => (source, exclusions),
        };
        let sources: Vec<(&dyn Source, &Exclusions)> =
            sources.iter().copied().zip(repeated.iter().map(Option::as_ref)).map(once).collect();
        let blob = || context.store.blob_writer();
        let (parents, codec) = (&assembly.parents, self.codec);
        let pieces = layers.iter().filter_map(|planned| Some(&planned.piece.as_ref()?.piece));
        let pieces = pieces.map(|piece| Ok((piece, blob()?))).collect::<Result<Vec<_>, MakeError>>()?;
        if pieces.is_empty() {
            return Ok(write_layer(&sources, parents, codec, options, blob()?).map(|written| vec![written]));
        }
        let beside = |path: &_| Cached::of(path).map(|cached| cached.source);
        Ok(write_pieces(&sources, beside, parents, codec, options, pieces))
    }

    /// Writes a layer that is made over those below.
    fn run(&self, derived: &dyn Derived, context: &Context) -> Result<Written, MakeError> {
        let failed = |error| MakeFailure::Layer(Box::new(LayerError::Write(error)));
        let blob = context.store.blob_writer()?;
        let writer = LayerWriter::new(blob, self.codec, self.threads, &self.assembly.parents);
        let mut writer = writer.map_err(failed)?;
        let messages = derived.write(&self.below, context, &mut writer)?;
        let (layer, blob) = writer.finish().map_err(failed)?;
        Ok((layer, blob, messages))
    }
}
