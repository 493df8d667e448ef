//! Making the layers that the store does not have: downloads and layers side by side.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use imgbuild_archive::ImagePath;
use imgbuild_fetch::{Context, Event, verify_archives};
use imgbuild_layer::{
    Codec, Exclusions, Key, KeyHasher, Layer, LayerError, LayerWriter, Part, Repeated, Repetition, Source,
    write_layer,
};
use imgbuild_oci::Digest;
use imgbuild_store::{Kind, LayerRecord};
use tokio::sync::Semaphore;

use crate::archive_uses::ArchiveUses;
use crate::assembly::Assembly;
use crate::built_layer::BuiltLayer;
use crate::error::{MakeError, MakeFailure};
use crate::plan::{ImagePlan, PlannedLayer};

/// How many layers more than there are threads are claimed at once where machines share a cache: their archives come while others
/// are made. With many more, one machine would take all layers of an image, and the others would wait for it.
const CLAIMED_AHEAD: usize = 2;

/// Makes all layers of all variants that the store does not have, each once: first what comes from archives, side by
/// side, then what is made by running something in these, one after the other. Gives, for each variant, its layers.
///
/// # Errors
///
/// When a layer cannot be made.
pub async fn make(plans: &[ImagePlan], context: &Context) -> Result<Vec<Vec<BuiltLayer>>, MakeError> {
    let mut found: BTreeMap<Key, (LayerRecord, bool)> = BTreeMap::new();
    let mut missing: Vec<(&ImagePlan, &Arc<PlannedLayer>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for plan in plans {
        for planned in &plan.planned {
            if !seen.insert(planned.key) {
                continue;
            }
            match context.layers.layer(&planned.key)? {
                Some(record) => {
                    found.insert(planned.key, (record, true));
                }
                None => missing.push((plan, planned)),
            }
        }
    }
    let bytes = missing.iter().map(|(_, planned)| planned.weight).sum();
    context.reporter.event(Event::LayersPlanned { all: seen.len(), missing: missing.len(), bytes });
    // What is derived stays in its order, which is the one in which it is made.
    let (derived, mut streamed): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|(_, planned)| planned.derived().is_some());
    // The largest first: what is left at the end is then small, and no core waits long for another. After all of them the
    // base's state: it takes what it needs of the packages while they are written, and reads only what nobody has.
    streamed.sort_by_key(|(_, planned)| (planned.role.comes_last, std::cmp::Reverse(planned.weight)));
    let turns = Turns::new(context);
    let repetitions = Arc::new(Repetitions::new(&streamed));
    let archives = ArchiveUses::new(streamed.iter().chain(&derived).map(|(_, planned)| &***planned), context);
    let mut running: FuturesUnordered<_> = streamed
        .into_iter()
        .map(|(plan, planned)| {
            make_one((plan, planned), Vec::new(), &repetitions, &archives, &turns, context)
        })
        .collect();
    while let Some(made) = running.next().await {
        let (key, record, reused) = made?;
        found.insert(key, (record, reused));
    }
    // As long as it lives it holds what it waited for.
    drop(running);
    for (plan, planned) in derived {
        let below = plan.below(planned, &found);
        let made = make_one((plan, planned), below, &repetitions, &archives, &turns, context);
        let (key, record, reused) = made.await?;
        found.insert(key, (record, reused));
    }
    let built = |planned: &Arc<PlannedLayer>| {
        found.get(&planned.key).map(|(record, reused)| BuiltLayer {
            record: record.clone(),
            key: Some(planned.key),
            title: planned.title.clone(),
            weight: planned.weight,
            reused: *reused,
        })
    };
    Ok(plans.iter().map(|plan| plan.planned.iter().filter_map(built).collect()).collect())
}

/// The parts that several of the layers hold which are made.
struct Repetitions(HashMap<Digest, Repetition>);

impl Repetitions {
    fn new(layers: &[(&ImagePlan, &Arc<PlannedLayer>)]) -> Self {
        let none = Exclusions::new();
        let mut counts: HashMap<Digest, usize> = HashMap::new();
        for (plan, planned) in layers {
            for part in planned.ingredients.iter().map(|ingredient| ingredient.part()) {
                // What is read from no archive is made as quickly as it is kept.
                if part.archive.is_some() {
                    let excluded = plan.assembly.exclusions.get(&part.id).unwrap_or(&none);
                    *counts.entry(Self::key(part, excluded)).or_default() += 1;
                }
            }
        }
        let several = counts.into_iter().filter(|(_, count)| *count > 1);
        Self(several.map(|(key, _)| (key, Repetition::default())).collect())
    }

    fn of(&self, part: &Part, exclusions: &Exclusions) -> Option<&Repetition> {
        if self.0.is_empty() { None } else { self.0.get(&Self::key(part, exclusions)) }
    }

    /// What the entries of a part depend on.
    fn key(part: &Part, exclusions: &Exclusions) -> Digest {
        KeyHasher::new("entries of a part")
            .field("part", part.id.as_str())
            .field("recipe", part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str))
            .finish()
    }
}

/// Who may go on.
struct Turns {
    /// As many layers are made at once as there are threads.
    threads: Semaphore,
    /// Of those that other machines may make as well, only so many are claimed at once: what is still to be done is left to others.
    claims: Semaphore,
}

impl Turns {
    fn new(context: &Context) -> Self {
        let threads = context.threads.get() as usize;
        Self { threads: Semaphore::new(threads), claims: Semaphore::new(threads + CLAIMED_AHEAD) }
    }
}

async fn make_one(
    (plan, planned): (&ImagePlan, &Arc<PlannedLayer>),
    below: Vec<LayerRecord>,
    repetitions: &Arc<Repetitions>,
    archives: &ArchiveUses,
    turns: &Turns,
    context: &Context,
) -> Result<(Key, LayerRecord, bool), MakeError> {
    let (key, installed) = (planned.key, planned.weight);
    let mut turn = None;
    let mut found = None;
    if context.layers.knows_makers(installed) {
        // The semaphores are never closed, so a permit always comes.
        let claimed = turns.claims.acquire().await;
        (found, turn) = context.layers.claim(&key, installed, claimed).await;
        if found.is_none() && turn.is_none() {
            turn = Some(turns.claims.acquire().await);
        }
    }
    let _room = archives.room(planned).await;
    let (record, reused) = match found {
        Some(record) => (record, true),
        None => {
            let made = make_here((plan, planned), below, repetitions, turns, context).await;
            if !matches!(made, Ok((_, false))) {
                context.layers.release(&key);
            }
            made?
        }
    };
    drop(turn);
    archives.used(planned, context)?;
    context.reporter.event(Event::LayerFinished {
        title: planned.title.clone(),
        size: record.descriptor.size,
        installed,
    });
    Ok((key, record, reused))
}

async fn make_here(
    (plan, planned): (&ImagePlan, &Arc<PlannedLayer>),
    below: Vec<LayerRecord>,
    repetitions: &Arc<Repetitions>,
    turns: &Turns,
    context: &Context,
) -> Result<(LayerRecord, bool), MakeError> {
    futures::future::try_join_all(planned.archives().map(|archive| plan.archives.get(archive))).await?;
    let _turn = turns.threads.acquire().await;
    let (assembly, codec, planned) = (Arc::clone(&plan.assembly), plan.codec, Arc::clone(planned));
    let repetitions = Arc::clone(repetitions);
    let (own, task) = (context.clone(), LayerTask { assembly, planned, codec, below, repetitions });
    tokio::task::spawn_blocking(move || task.make(&own)).await?
}

/// A layer to be made by a thread that may block.
struct LayerTask {
    assembly: Arc<Assembly>,
    planned: Arc<PlannedLayer>,
    codec: Codec,
    below: Vec<LayerRecord>,
    repetitions: Arc<Repetitions>,
}

impl LayerTask {
    fn make(&self, context: &Context) -> Result<(LayerRecord, bool), MakeError> {
        let key = self.planned.key;
        let store = &context.store;
        let _exclusive = store.exclusive(Kind::Layer, &key.0)?;
        // Another build may have made it while this one waited.
        if let Some(record) = context.layers.layer(&key)? {
            return Ok((record, true));
        }
        verify_archives(self.planned.archives(), store)?;
        let (layer, writer, messages) = self.write(store.blob_writer()?, context)?;
        writer.commit(&layer.descriptor)?;
        let archives = self.planned.archives().map(|archive| archive.sha256).collect();
        let Layer { descriptor, diff_id, size, notes } = layer;
        let record = LayerRecord { descriptor, diff_id, size, archives, messages, notes };
        context.layers.put_layer(&key, &record)?;
        Ok((record, false))
    }

    fn write<W: Write>(&self, out: W, context: &Context) -> Result<(Layer, W, String), MakeError> {
        let (assembly, codec) = (&self.assembly, self.codec);
        let failed = |error| MakeFailure::Layer(Box::new(error));
        if let Some(derived) = self.planned.derived() {
            let writer = LayerWriter::new(out, codec, context.threads, &assembly.parents);
            let mut writer = writer.map_err(|error| failed(LayerError::Write(error)))?;
            let messages = derived.write(&self.below, context, &mut writer)?;
            let (layer, out) = writer.finish().map_err(|error| failed(LayerError::Write(error)))?;
            return Ok((layer, out, messages));
        }
        let none = Exclusions::new();
        let excluded = |source: &dyn Source| assembly.exclusions.get(&source.part().id).unwrap_or(&none);
        let sources = self.planned.ingredients.iter().filter_map(|ingredient| ingredient.as_source());
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
        let (layer, out) =
            write_layer(&sources, &assembly.parents, codec, context.threads, out).map_err(failed)?;
        Ok((layer, out, String::new()))
    }
}
