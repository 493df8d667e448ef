//! Making the layers that the store does not have: downloads and layers side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use debian::Mirror;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use layer::{
    Codec, Exclusions, Key, Layer, LayerError, LayerPlan, LayerWriter, Part, Policy, Role, Source, layer_key,
    write_layer,
};
use lock::Lock;
use net::Locations;
use secret::{SecretText, SecretUrl};
use spec::{Base, Variant};
use store::{Kind, LayerRecord};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::assembly::{Assembly, Needed, archive_path, conda_url};
use crate::building::Building;
use crate::debian_base::{expanded, snapshot_mirror};
use crate::derived::Derived;
use crate::error::FetchFailure;
use crate::fetching::verify;
use crate::foundation::Foundation;
use crate::secrets::secrets;
use crate::wheel_index::WheelIndex;
use crate::{BuildError, Context, Event};

/// Gets the archives of one variant, from the mirrors that its spec names.
#[derive(Clone)]
pub(crate) struct Getter {
    context: Context,
    channels: Arc<[conda::Served]>,
    base: Option<DebianMirror>,
    wheels: Option<WheelIndex>,
    /// What builds those wheels of the lock anew that are nowhere.
    building: Option<Arc<Building>>,
    handle: Handle,
}

/// Where a Debian base comes from. The mirror is looked for when an archive is missing: a build that lacks none needs none.
#[derive(Clone)]
struct DebianMirror {
    /// The archives of a snapshot, which come before any other mirror.
    snapshot: Option<Mirror>,
    given: Option<SecretText>,
    suite: &'static str,
    /// The roots of further repositories, by name.
    repositories: BTreeMap<String, SecretUrl>,
}

impl Getter {
    /// A getter for a variant. It is made inside the runtime that will do the downloads.
    ///
    /// # Errors
    ///
    /// When a channel of the spec is none.
    pub(crate) fn new(variant: &Variant, context: &Context) -> Result<Self, BuildError> {
        let channels = match &variant.conda {
            None => Vec::new(),
            Some(conda) => {
                let names = conda.channels.iter().map(|channel| &channel.name);
                let settings = context.channel_settings()?;
                let (root, variables) = (&context.folder, &context.variables);
                let place = conda::Place { root, variables, settings: &settings };
                conda::serving_channels(names, &conda.mirrors, place)?
            }
        };
        let base = match &variant.base {
            Base::Scratch | Base::Layout(_) => None,
            Base::Debian(base) => Some(DebianMirror {
                snapshot: base
                    .snapshot
                    .as_ref()
                    .map(|snapshot| snapshot_mirror(snapshot, &context.variables))
                    .transpose()?,
                given: base.mirror.as_ref().map(|it| expanded(it.secret(), &context.variables)),
                suite: base.suite.as_str(),
                repositories: repositories(base, &context.variables)?,
            }),
        };
        let context = context.knowing(&secrets(variant, &channels, context));
        let (channels, handle) = (channels.into(), Handle::current());
        Ok(Self { context, channels, base, wheels: None, building: None, handle })
    }

    /// The same, which finds the wheels of the lock's variant with this index as well.
    ///
    /// # Errors
    ///
    /// When the settings of an index are damaged.
    pub(crate) fn with_wheels(
        self,
        lock: &Lock,
        index: usize,
        variant: &Variant,
    ) -> Result<Self, BuildError> {
        let wheels = WheelIndex::of_lock(lock, index, variant, &self.context)?;
        let building =
            wheels.clone().map(|wheels| Building::of_lock(lock, index, variant, wheels, &self.context));
        Ok(Self { wheels, building: building.map(Arc::new), ..self })
    }

    /// Where an archive is to be had; nothing where its URL is none.
    fn locations(&self, needed: &Needed) -> Result<Option<Locations>, BuildError> {
        match needed {
            Needed::Conda(package) => Ok(conda::locations(&self.channels, &package.url)
                .or_else(|| conda_url(package).map(Locations::from))),
            // See `WheelIndex`.
            Needed::Pypi(_) => Ok(None),
            Needed::Debian(package) => {
                let Some(base) = &self.base else { return Ok(None) };
                if let Some(root) = base.repositories.get(&package.archive) {
                    return Ok(debian::url(package, root).map(Locations::from));
                }
                let mirror = match &base.snapshot {
                    Some(snapshot) => snapshot.clone(),
                    None => Mirror::choose(base.given.as_ref(), &self.context.apt, base.suite)?,
                };
                Ok(debian::url(package, mirror.archive(&package.archive)).map(Locations::from))
            }
        }
    }

    /// Gets one archive into the store.
    pub(crate) async fn get(&self, needed: &Needed) -> Result<(), BuildError> {
        let (name, size) = match needed {
            Needed::Conda(package) => (package.file_name().to_owned(), package.size),
            Needed::Debian(package) => (package.id(), Some(package.size)),
            Needed::Pypi(package) => (package.filename.clone(), package.size),
        };
        let sha256 = needed.sha256();
        if self.context.store.archive(&sha256)?.is_some() {
            return Ok(());
        }
        let nowhere = || net::NetError::NotFound { url: name.clone() };
        let failed = |error: FetchFailure| BuildError::Fetch { name: name.clone(), error: Box::new(error) };
        if let Some(vendor) = &self.context.vendor {
            let (fetcher, vendor) = (self.context.fetcher.clone(), Arc::clone(vendor));
            let taken = tokio::task::spawn_blocking(move || fetcher.vendored(&vendor, &sha256)).await?;
            return taken.map_err(failed);
        }
        if let (Needed::Pypi(package), Some(building)) = (needed, &self.building)
            && let Some(build) = &package.build
        {
            let built = building.rebuild(package, build).await;
            return built.map_err(|error| BuildError::Rebuild { wheel: name, error: Box::new(error) });
        }
        if let (Needed::Pypi(package), Some(wheels)) = (needed, &self.wheels) {
            return wheels.get(package).await;
        }
        let from = self.locations(needed)?.ok_or_else(|| failed(nowhere().into()))?;
        let fetcher = match needed {
            Needed::Conda(_) => self.context.channel_fetcher()?,
            Needed::Debian(_) | Needed::Pypi(_) => self.context.fetcher.clone(),
        };
        let fetched = fetcher.archive(&name, from, sha256, size).await;
        fetched.map(|_| ()).map_err(|error| match (error, needed) {
            (FetchFailure::Net(net::NetError::NotFound { url }), Needed::Debian(_)) => {
                failed(FetchFailure::Gone(url))
            }
            (error, _) => failed(error),
        })
    }

    /// Gets archives and checks them, from a thread that may block.
    pub(crate) fn get_all(&self, needed: &[Needed]) -> Result<(), BuildError> {
        self.handle.block_on(async {
            for one in needed {
                self.get(one).await?;
            }
            Ok::<(), BuildError>(())
        })?;
        check(needed, &self.context)
    }
}

fn repositories(
    base: &spec::Debian,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, SecretUrl>, BuildError> {
    let root = |it: &spec::Repository| {
        Ok((it.name.to_string(), Mirror::new(&expanded(it.url.secret(), variables))?.main))
    };
    base.sources.iter().map(root).collect()
}

/// Checks that the archives are what the lock says: nothing is made of anything else.
pub(crate) fn check(needed: &[Needed], context: &Context) -> Result<(), BuildError> {
    for one in needed {
        let (name, sha256) = match one {
            Needed::Conda(package) => (package.file_name().to_owned(), package.sha256),
            Needed::Debian(package) => (package.id(), package.sha256),
            Needed::Pypi(package) => (package.filename.clone(), package.sha256),
        };
        let verified = verify(&archive_path(context, &sha256), &sha256);
        verified.map_err(|error| BuildError::Fetch { name, error: Box::new(error) })?;
    }
    Ok(())
}

/// A layer of a variant, before it is known whether the store has it.
pub(crate) struct Planned {
    pub(crate) key: Key,
    pub(crate) title: String,
    pub(crate) weight: u64,
    role: Role,
    parts: Vec<usize>,
}

/// A layer that is there.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What the store knows of it.
    pub record: LayerRecord,
    /// What is in it, for people.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether the store had it.
    pub reused: bool,
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
    pub(crate) getter: Getter,
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
pub(crate) async fn make(works: &[Work], context: &Context) -> Result<Vec<Vec<Finished>>, BuildError> {
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
        found.get(&planned.key).map(|(record, reused)| Finished {
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
    let needed: Vec<Needed> =
        planned.parts.iter().flat_map(|index| work.assembly.archives(*index).iter().cloned()).collect();
    futures::future::try_join_all(needed.iter().map(|one| work.getter.get(one))).await?;
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
    needed: Vec<Needed>,
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
        check(&self.needed, context)?;
        let (layer, writer, messages) = self.write(store.blob_writer()?, context)?;
        writer.commit(&layer.descriptor)?;
        let archives = self.needed.iter().map(Needed::sha256).collect();
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
