//! Making the layers that the store does not have: downloads and layers side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use imgbuild_fetch::{Context, Event};
use imgbuild_layer::Key;
use imgbuild_store::LayerRecord;
use tokio::sync::Semaphore;

use crate::archive_uses::ArchiveUses;
use crate::built_layer::BuiltLayer;
use crate::delivery::{Format, Output};
use crate::error::MakeError;
use crate::layer_task::{Found, LayerTask};
use crate::limits::PIECES_AT_ONCE;
use crate::plan::{ImagePlan, PlannedLayer};
use crate::repetitions::Repetitions;
use crate::space::SpaceNeeded;

/// How many layers more than there are threads are claimed at once where machines share a cache: their archives come while others
/// are made. With many more, one machine would take all layers of an image, and the others would wait for it.
const CLAIMED_AHEAD: usize = 2;

/// Makes all layers of all variants that the store does not have, each once: first what comes from archives, side by
/// side, then what is made by running something in these, one after the other. Gives, for each variant, its layers. `outputs` says where
/// the images will be written, for which there must be room as well.
///
/// # Errors
///
/// When a layer cannot be made, or the disk has no room for all that will be written.
pub async fn make(
    plans: &[ImagePlan],
    outputs: Option<(&Output, Format)>,
    context: &Context,
) -> Result<Vec<Vec<BuiltLayer>>, MakeError> {
    let LookUp { mut found, missing } = LookUp::of(plans, context)?;
    SpaceNeeded::of(plans, &found, outputs, context)?.check(outputs.map(|(output, _)| output), context)?;
    let bytes = missing.iter().map(|(_, planned)| planned.weight).sum();
    context.reporter.event(Event::LayersPlanned {
        all: found.len() + missing.len(),
        missing: missing.len(),
        bytes,
    });
    // What is derived stays in its order, which is the one in which it is made.
    let (derived, streamed): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|(_, planned)| planned.derived().is_some());
    let mut streamed = jobs(streamed);
    // The largest first: what is left at the end is then small, and no core waits long for another. After all of them the
    // base's state: it takes what it needs of the packages while they are written, and reads only what nobody has.
    streamed.sort_by_key(|job| (job.first.role.comes_last, std::cmp::Reverse(job.weight())));
    let derived: Vec<_> = derived.into_iter().map(|(plan, planned)| Job::of(plan, planned)).collect();
    let all = || {
        streamed.iter().chain(&derived).flat_map(|job| job.layers().map(move |planned| (job.plan, planned)))
    };
    let making = Making {
        turns: Turns::new(context),
        repetitions: Arc::new(Repetitions::new(all())),
        archives: ArchiveUses::new(all().map(|(_, planned)| &**planned), context),
        bytes,
        context,
    };
    let mut running: FuturesUnordered<_> =
        streamed.into_iter().map(|job| make_one(job, Vec::new(), &making)).collect();
    while let Some(made) = running.next().await {
        found.extend(made?.into_iter().map(|(key, record, reused)| (key, (record, reused))));
    }
    for job in derived {
        let below = job.plan.below(&job.first, &found);
        let made = make_one(job, below, &making).await?;
        found.extend(made.into_iter().map(|(key, record, reused)| (key, (record, reused))));
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

/// Which of the planned layers are there.
struct LookUp<'a> {
    found: BTreeMap<Key, (LayerRecord, bool)>,
    missing: Vec<(&'a ImagePlan, &'a Arc<PlannedLayer>)>,
}

impl<'a> LookUp<'a> {
    fn of(plans: &'a [ImagePlan], context: &Context) -> Result<Self, MakeError> {
        let (mut found, mut missing, mut seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        for (plan, planned) in plans.iter().flat_map(|plan| plan.planned.iter().map(move |it| (plan, it))) {
            if !seen.insert(planned.key) {
                continue;
            }
            match context.layers.layer(&planned.key)? {
                Some(record) => drop(found.insert(planned.key, (record, true))),
                None => missing.push((plan, planned)),
            }
        }
        Ok(Self { found, missing })
    }
}

/// What is made in one go: a layer, or several pieces of the same, for which its archives are read once.
struct Job<'a> {
    plan: &'a ImagePlan,
    first: Arc<PlannedLayer>,
    further: Vec<Arc<PlannedLayer>>,
}

impl<'a> Job<'a> {
    fn of(plan: &'a ImagePlan, planned: &Arc<PlannedLayer>) -> Self {
        Self { plan, first: Arc::clone(planned), further: Vec::new() }
    }

    fn layers(&self) -> impl Iterator<Item = &Arc<PlannedLayer>> {
        std::iter::once(&self.first).chain(&self.further)
    }

    fn weight(&self) -> u64 {
        self.layers().map(|planned| planned.weight).sum()
    }

    /// Whether a layer is one of those that are made with these.
    fn takes(&self, planned: &PlannedLayer) -> bool {
        self.first.is_piece_with(planned) && self.layers().count() < PIECES_AT_ONCE
    }
}

/// What is made together, of what is planned.
fn jobs<'a>(missing: Vec<(&'a ImagePlan, &'a Arc<PlannedLayer>)>) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job<'a>> = Vec::new();
    for (plan, planned) in missing {
        // The pieces of one cut follow each other.
        match jobs.last_mut().filter(|job| job.takes(planned)) {
            Some(job) => job.further.push(Arc::clone(planned)),
            None => jobs.push(Job::of(plan, planned)),
        }
    }
    jobs
}

/// What all layers that are made have in common.
struct Making<'a> {
    turns: Turns,
    repetitions: Arc<Repetitions>,
    archives: ArchiveUses,
    /// The installed size of all of them in bytes.
    bytes: u64,
    context: &'a Context,
}

impl Making<'_> {
    /// How many threads compress a layer: its share of those that there are, since others are made beside it.
    fn threads(&self, job: &Job<'_>) -> NonZero<u32> {
        let share = u128::from(self.context.threads.get()) * u128::from(job.weight());
        let share = share.div_ceil(u128::from(self.bytes.max(1)));
        NonZero::new(u32::try_from(share).unwrap_or(u32::MAX))
            .unwrap_or(NonZero::<u32>::MIN)
            .min(self.context.threads)
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
    job: Job<'_>,
    below: Vec<LayerRecord>,
    making: &Making<'_>,
) -> Result<Vec<Found>, MakeError> {
    let Making { turns, archives, context, .. } = making;
    // Whoever makes pieces together claims the first of them.
    let (key, installed) = (job.first.key, job.weight());
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
    let mut all: Vec<Found> = found.into_iter().map(|record| (key, record, true)).collect();
    let missing: Vec<_> = job.layers().skip(all.len()).cloned().collect();
    if !missing.is_empty() {
        let _room = archives.room(missing.iter().map(|planned| &**planned)).await;
        let made = make_here(&job, missing, below, making).await;
        let is_made = |(of, _, reused): &Found| *of == key && !reused;
        if all.is_empty() && !made.as_ref().is_ok_and(|made| made.iter().any(is_made)) {
            context.layers.release(&key);
        }
        all.extend(made?);
    }
    drop(turn);
    archives.used(job.layers().map(|planned| &**planned), context)?;
    for (planned, (_, record, _)) in job.layers().zip(&all) {
        context.reporter.event(Event::LayerFinished {
            title: planned.title.clone(),
            size: record.descriptor.size,
            installed: planned.weight,
        });
    }
    Ok(all)
}

/// Makes layers that are made in one go, and gives them in their order.
async fn make_here(
    job: &Job<'_>,
    layers: Vec<Arc<PlannedLayer>>,
    below: Vec<LayerRecord>,
    making: &Making<'_>,
) -> Result<Vec<Found>, MakeError> {
    let plan = job.plan;
    let archives = layers.first().into_iter().flat_map(|planned| planned.archives());
    futures::future::try_join_all(archives.map(|archive| plan.archives.get(archive))).await?;
    let _turn = making.turns.threads.acquire().await;
    let (assembly, codec, threads) = (Arc::clone(&plan.assembly), plan.codec, making.threads(job));
    let repetitions = Arc::clone(&making.repetitions);
    let (own, task) =
        (making.context.clone(), LayerTask { assembly, layers, codec, threads, below, repetitions });
    tokio::task::spawn_blocking(move || task.make(&own)).await?
}
