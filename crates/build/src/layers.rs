//! Making the layers that the store does not have: downloads and layers side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use layer::{
    Codec, Exclusions, Key, Layer, LayerError, LayerPlan, LayerWriter, Part, Policy, Role, Source, layer_key,
    write_layer,
};
use store::{Kind, LayerRecord};
use tokio::sync::Semaphore;

use crate::assembly::Assembly;
use crate::built_layer::BuiltLayer;
use crate::derived::Derived;
use crate::foundation::Foundation;
use crate::locked_package::{LockedPackage, verify_archives};
use crate::package_archives::PackageArchives;
use crate::{BuildError, Context, Event};

/// A layer of a variant, before it is known whether the store has it.
pub(crate) struct Planned {
    pub(crate) key: Key,
    pub(crate) title: String,
    pub(crate) weight: u64,
    role: Role,
    parts: Vec<usize>,
}

/// What is in a layer, for people: all its parts.
fn title(parts: &[Part], plan: &LayerPlan) -> String {
    let titles: Vec<&str> = plan.parts.iter().map(|index| parts[*index].title.as_str()).collect();
    titles.join(", ")
}

/// Plans the layers of a variant and computes their keys.
///
/// # Errors
///
/// When there are more layers than the budget allows.
pub(crate) fn plan(assembly: &Assembly, policy: &Policy, codec: Codec) -> Result<Vec<Planned>, BuildError> {
    let parts = assembly.parts();
    let none = Exclusions::new();
    let exclusions = |index: usize| assembly.exclusions.get(&parts[index].id).unwrap_or(&none);
    let planned = layer::plan(&parts, policy)?.into_iter().map(|plan| {
        let keyed: Vec<_> = plan.parts.iter().map(|index| (&parts[*index], exclusions(*index))).collect();
        Planned {
            key: layer_key(&keyed, &assembly.parents, codec),
            title: title(&parts, &plan),
            role: plan.role.role(),
            weight: keyed.iter().map(|(part, _)| part.weight).sum(),
            parts: plan.parts,
        }
    });
    Ok(planned.collect())
}

/// A variant's sources and what gets their archives.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) assembly: Arc<Assembly>,
    pub(crate) planned: Arc<[Planned]>,
    pub(crate) archives: PackageArchives,
    pub(crate) codec: Codec,
}

impl Work {
    /// What makes a layer by running something; nothing for the layers of sources.
    fn derived(&self, planned: &Planned) -> Option<&dyn Derived> {
        let [only] = planned.parts.as_slice() else { return None };
        let index = only.checked_sub(self.assembly.sources.len())?;
        self.assembly.derived.get(index).map(|derived| &**derived)
    }

    /// The layers that one that is derived stands on, of those that are there.
    fn below(&self, planned: &Planned, found: &BTreeMap<Key, (LayerRecord, bool)>) -> Vec<LayerRecord> {
        let Some(derived) = self.derived(planned) else { return Vec::new() };
        let before = self.planned.iter().take_while(|it| it.key != planned.key);
        let below = before.filter(|it| derived.stands_on(it.role));
        let below = below.filter_map(|it| found.get(&it.key)).map(|(record, _)| record.clone());
        self.assembly.foundation.iter().flat_map(Foundation::records).chain(below).collect()
    }
}

/// Makes all layers of all variants that the store does not have, each once: first what comes from archives, side by
/// side, then what is made by running something in these, one after the other. Gives, for each variant, its layers.
///
/// # Errors
///
/// When a layer cannot be made.
pub(crate) async fn make(works: &[Work], context: &Context) -> Result<Vec<Vec<BuiltLayer>>, BuildError> {
    let mut found: BTreeMap<Key, (LayerRecord, bool)> = BTreeMap::new();
    let mut missing: Vec<(usize, usize)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (work_index, work) in works.iter().enumerate() {
        for (layer_index, planned) in work.planned.iter().enumerate() {
            if !seen.insert(planned.key) {
                continue;
            }
            match context.store.layer(&planned.key)? {
                Some(record) => {
                    found.insert(planned.key, (record, true));
                }
                None => missing.push((work_index, layer_index)),
            }
        }
    }
    // The largest first: what is left at the end is then small, and no core waits long for another. After all of them the
    // base's state: it takes what it needs of the packages while they are written, and reads only what nobody has.
    missing.sort_by_key(|(work, layer)| {
        let planned = &works[*work].planned[*layer];
        (planned.role == Role::BaseState, std::cmp::Reverse(planned.weight))
    });
    let bytes = missing.iter().map(|(work, layer)| works[*work].planned[*layer].weight).sum();
    context.reporter.event(Event::LayersPlanned { all: seen.len(), missing: missing.len(), bytes });
    let is_derived =
        |(work, layer): &(usize, usize)| works[*work].derived(&works[*work].planned[*layer]).is_some();
    let (mut derived, streamed): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_derived);
    let permits = Arc::new(Semaphore::new(context.threads.get() as usize));
    let mut running: FuturesUnordered<_> = streamed
        .into_iter()
        .map(|(work, layer)| make_one(&works[work], layer, Vec::new(), Arc::clone(&permits), context))
        .collect();
    while let Some(made) = running.next().await {
        let (key, record, reused) = made?;
        found.insert(key, (record, reused));
    }
    derived.sort_unstable();
    for (work, layer) in derived {
        let below = works[work].below(&works[work].planned[layer], &found);
        let made = make_one(&works[work], layer, below, Arc::clone(&permits), context);
        let (key, record, reused) = made.await?;
        found.insert(key, (record, reused));
    }
    let finished = |planned: &Planned| {
        found.get(&planned.key).map(|(record, reused)| BuiltLayer {
            record: record.clone(),
            title: planned.title.clone(),
            weight: planned.weight,
            reused: *reused,
        })
    };
    Ok(works.iter().map(|work| work.planned.iter().filter_map(finished).collect()).collect())
}

async fn make_one(
    work: &Work,
    layer: usize,
    below: Vec<LayerRecord>,
    permits: Arc<Semaphore>,
    context: &Context,
) -> Result<(Key, LayerRecord, bool), BuildError> {
    let planned = &work.planned[layer];
    let needed: Vec<LockedPackage> =
        planned.parts.iter().flat_map(|index| work.assembly.archives(*index).iter().cloned()).collect();
    futures::future::try_join_all(needed.iter().map(|one| work.archives.get(one))).await?;
    // The semaphore is never closed, so a permit always comes.
    let _permit = permits.acquire().await;
    let (own, making) = (context.clone(), Making { work: work.clone(), layer, below, needed });
    let made = tokio::task::spawn_blocking(move || making.make(&own)).await?;
    let (record, reused) = made?;
    context.reporter.event(Event::LayerFinished {
        title: planned.title.clone(),
        size: record.descriptor.size,
        installed: planned.weight,
    });
    Ok((planned.key, record, reused))
}

/// A layer that is being made.
struct Making {
    work: Work,
    layer: usize,
    below: Vec<LayerRecord>,
    needed: Vec<LockedPackage>,
}

impl Making {
    fn make(&self, context: &Context) -> Result<(LayerRecord, bool), BuildError> {
        let key = self.work.planned[self.layer].key;
        let store = &context.store;
        let _exclusive = store.exclusive(Kind::Layer, &key.0)?;
        // Another build may have made it while this one waited.
        if let Some(record) = store.layer(&key)? {
            return Ok((record, true));
        }
        verify_archives(&self.needed, store)?;
        let (layer, writer, messages) = self.write(store.blob_writer()?, context)?;
        writer.commit(&layer.descriptor)?;
        let archives = self.needed.iter().map(LockedPackage::sha256).collect();
        let Layer { descriptor, diff_id, size, notes } = layer;
        let record = LayerRecord { descriptor, diff_id, size, archives, messages, notes };
        store.put_layer(&key, &record)?;
        Ok((record, false))
    }

    fn write<W: Write>(&self, out: W, context: &Context) -> Result<(Layer, W, String), BuildError> {
        let (assembly, codec) = (&self.work.assembly, self.work.codec);
        let planned = &self.work.planned[self.layer];
        let failed = |error| BuildError::Layer(Box::new(error));
        if let Some(derived) = self.work.derived(planned) {
            let writer = LayerWriter::new(out, codec, context.threads, &assembly.parents);
            let mut writer = writer.map_err(|error| failed(LayerError::Write(error)))?;
            let messages = derived.write(&self.below, context, &mut writer)?;
            let (layer, out) = writer.finish().map_err(|error| failed(LayerError::Write(error)))?;
            return Ok((layer, out, messages));
        }
        let none = Exclusions::new();
        let source = |index: &usize| {
            let source = assembly.sources[*index].as_ref();
            (source, assembly.exclusions.get(&source.part().id).unwrap_or(&none))
        };
        let sources: Vec<(&dyn Source, &Exclusions)> = planned.parts.iter().map(source).collect();
        let (layer, out) =
            write_layer(&sources, &assembly.parents, codec, context.threads, out).map_err(failed)?;
        Ok((layer, out, String::new()))
    }
}
