//! One file for each command.

pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod conform;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod index;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod licences;
pub(crate) mod lock;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod matrix;
mod opening;
pub(crate) mod outdated;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sbom;
pub(crate) mod schema;
pub(crate) mod sign;
pub(crate) mod size;
pub(crate) mod tags;
pub(crate) mod verify;
pub(crate) mod why;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use imgbuild_distribution::{complete, missing, pull};
use imgbuild_fetch::{Context, Reporter};
use imgbuild_image::{MakeError, image_records, is_layout};
use imgbuild_locking::Purpose;
use imgbuild_oci::{Platform, Reference};
use imgbuild_registry::Registries;
use imgbuild_settings::{ByteSize, Settings};
use imgbuild_shard::{Shard, shard_of_this_machine};
use imgbuild_spec::{Spec, Variant};
use imgbuild_store::{Prune, Store};

use crate::arguments::Global;
use crate::choice_arguments::ShardArgument;
use crate::failure::{Failure, Plain};
use crate::output;
use crate::shown::cleaned;
use crate::words::size;

/// The variables of this process, and those of the settings that it lacks. What is no text says nothing to anybody.
fn variables() -> Result<BTreeMap<String, String>, Failure> {
    let environment = environment();
    Ok(Settings::of_machine(&environment)?.with_variables(environment))
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The variable that says how often a request is tried again; four times by default.
const RETRIES: &str = "IMGBUILD_HTTP_RETRIES";

/// The platform of this machine.
fn host() -> Result<Platform, Failure> {
    Platform::host().ok_or_else(|| MakeError::NoHost.into())
}

/// The settings of this machine.
fn settings() -> Result<Settings, Failure> {
    Ok(Settings::of_machine(&environment())?)
}

/// The store where the environment or the settings say it is.
fn store() -> Result<Store, Failure> {
    let folder = settings()?.cache.folder;
    let root = imgbuild_store::root(folder).map_err(Plain::from)?;
    Ok(Store::open(root).map_err(Plain::from)?)
}

/// Removes from the cache what was used longest ago, until it is as small as the settings want it; says so where it was larger. What
/// another build uses stays.
fn keep_within_size(global: &Global) -> Result<(), Failure> {
    let Some(ByteSize(most)) = settings()?.cache.size else { return Ok(()) };
    let pruned = store()?.prune(Prune::MaxSize(most), SystemTime::now(), &*imgbuild_image::remover());
    let bytes = pruned.map_err(Plain::from)?.bytes;
    if bytes > 0 && !global.quiet {
        output::say(&format!(
            "note: removed {} from the cache, which may have {}\n",
            size(bytes),
            size(most)
        ));
    }
    Ok(())
}

/// What a build works with on this machine.
fn context(spec: &Path, offline: bool, reporter: Arc<dyn Reporter>) -> Result<Context, Failure> {
    context_in(store()?, spec, offline, reporter)
}

/// The same with another store.
fn context_in(
    store: Store,
    spec: &Path,
    offline: bool,
    reporter: Arc<dyn Reporter>,
) -> Result<Context, Failure> {
    let mut options = imgbuild_net::Options { offline, ..imgbuild_net::Options::default() };
    if let Ok(retries) = std::env::var(RETRIES) {
        options.schedule.retries = retries.parse().map_err(|_| Plain::Retries(retries))?;
    }
    let client = imgbuild_net::Client::new(options).map_err(Plain::from)?;
    let client = client
        .with_layers([imgbuild_conda::credentials().map_err(Plain::from)?, imgbuild_conda::registries()]);
    // A clock before 1970 is no clock: signatures are then not valid yet, and say so.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let mut context = Context::new(store, client, reporter, host()?, i64::try_from(now).unwrap_or(i64::MAX));
    context.variables = variables()?;
    context.trusted_root = settings()?.sigstore.trusted_root;
    context.folder = spec.parent().map(Path::to_path_buf).unwrap_or_default();
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        context.source_date_epoch = Some(epoch.parse().map_err(|_| Plain::Epoch(epoch))?);
    }
    spoken_to().push(context.spoken_to());
    Ok(context)
}

/// The registries that this run speaks to, once it does. No thread leaves the list half changed.
fn spoken_to() -> MutexGuard<'static, Vec<Arc<OnceLock<Registries>>>> {
    static SPOKEN_TO: Mutex<Vec<Arc<OnceLock<Registries>>>> = Mutex::new(Vec::new());
    SPOKEN_TO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long registries may take to hear that nothing more will come of uploads.
const FAREWELL: Duration = Duration::from_secs(3);

/// Tells registries that nothing more will come of what was on its way to them: the run ends before its work is done.
pub(crate) async fn cancel_uploads() {
    let all: Vec<Registries> = spoken_to().iter().filter_map(|it| it.get().cloned()).collect();
    // Whoever does not hear it in time finds out by itself.
    let _heard = tokio::time::timeout(FAREWELL, join_all(all.iter().map(Registries::cancel_uploads))).await;
}

/// Makes an image local that is in a registry, or of which layers are: what a person names need not be here.
async fn make_local(image: &str, platform: Platform, global: &Global) -> Result<(), Failure> {
    let context = context(Path::new(""), false, crate::progress::reporter(global))?;
    let records = image_records(image, &[platform], &context.store)?;
    for record in &records {
        complete(record, &context).await?;
    }
    if let Some(reference) = in_registry(image).filter(|_| records.is_empty()) {
        pull(&reference, platform, &context).await?;
    }
    Ok(())
}

/// Whether anything has to be got to make an image local.
fn is_local(image: &str, platform: Platform, store: &Store) -> Result<bool, Failure> {
    let path = Path::new(image);
    if is_layout(path) || path.is_file() && !image.ends_with(".toml") {
        return Ok(true);
    }
    let records = image_records(image, &[platform], store)?;
    for record in &records {
        if !missing(record, store)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(!records.is_empty() || in_registry(image).is_none())
}

/// The image of a registry that a text names.
fn in_registry(text: &str) -> Option<Reference> {
    text.parse().ok().filter(|reference: &Reference| reference.registry().is_some())
}

/// The spec and its variants. Where it is wrong, all that is known to be wrong is told at once; what cannot be asked for
/// that, such as the store, is told when the spec is right.
fn read_spec(path: &Path, purpose: Purpose) -> Result<(Spec, Vec<Variant>), Failure> {
    let asked = || context(path, true, Arc::new(imgbuild_fetch::Silent)).ok();
    Ok(imgbuild_locking::read_spec(path, host()?, purpose, asked)?)
}

/// The part of a build that this machine has.
fn shard(argument: ShardArgument) -> Result<Shard, Failure> {
    match argument {
        ShardArgument::This(shard) => Ok(shard),
        ShardArgument::Auto => Ok(shard_of_this_machine(|name| std::env::var(name).ok())?),
    }
}

/// What people read goes to standard output.
fn print(text: &str) -> Result<(), Failure> {
    print_data(&cleaned(text))
}

/// Data goes to standard output as it is.
fn print_data(text: &str) -> Result<(), Failure> {
    Ok(output::print(text).map_err(Plain::from)?)
}

/// The same of what strangers have written: the secrets of their URLs are not shown.
fn print_public_json(mut value: serde_json::Value) -> Result<(), Failure> {
    fn public(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = imgbuild_secret::public(text),
            serde_json::Value::Array(all) => all.iter_mut().for_each(public),
            serde_json::Value::Object(all) => all.values_mut().for_each(public),
            _ => {}
        }
    }
    public(&mut value);
    print_json(&value)
}

fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print_data(&format!("{}\n", serde_json::to_string_pretty(value).map_err(Plain::from)?))
}
