//! `imgbuild cache`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use imgbuild_store::{Entry, Prune};
use serde_json::json;

use super::{print, print_json, store};
use crate::arguments::CacheCommand;
use crate::failure::{Failure, Plain};
use crate::words::{size, table};

pub(crate) fn run(command: &CacheCommand) -> Result<(), Failure> {
    match command {
        CacheCommand::Ls { json } => ls(*json),
        CacheCommand::Prune { days, max_size, all, json } => {
            let day = Duration::from_secs(24 * 60 * 60);
            let policy = match (all, max_size) {
                (true, _) => Prune::All,
                (false, Some(size)) => Prune::MaxSize(*size),
                (false, None) => {
                    Prune::UnusedFor(day.saturating_mul(u32::try_from(*days).unwrap_or(u32::MAX)))
                }
            };
            prune(policy, *json)
        }
        CacheCommand::Verify { json } => verify(*json),
    }
}

fn ls(as_json: bool) -> Result<(), Failure> {
    let store = store()?;
    let entries = store.ls().map_err(Plain::from)?;
    let used = |entry: &Entry| entry.used.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    if as_json {
        let entry = |entry: &Entry| json!({ "kind": entry.kind.to_string(), "name": entry.name, "size": entry.size, "used": used(entry) });
        return print_json(
            &json!({ "root": store.root(), "entries": entries.iter().map(entry).collect::<Vec<_>>() }),
        );
    }
    let mut rows = Vec::new();
    for kind in imgbuild_store::Kind::ALL {
        let of_kind: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == kind).collect();
        let bytes = of_kind.iter().map(|entry| entry.size).sum();
        rows.push(vec![kind.to_string(), of_kind.len().to_string(), size(bytes)]);
    }
    let all = entries.iter().map(|entry| entry.size).sum();
    rows.push(vec!["all".to_owned(), entries.len().to_string(), size(all)]);
    print(&format!("{}\n{}", store.root().display(), table(&rows)))
}

fn prune(policy: Prune, as_json: bool) -> Result<(), Failure> {
    let store = store()?;
    let pruned = store.prune(policy, SystemTime::now(), &*imgbuild_image::remover()).map_err(Plain::from)?;
    if as_json {
        return print_json(&json!({ "removed": pruned.removed.len(), "bytes": pruned.bytes }));
    }
    print(&format!("removed {} things, {}\n", pruned.removed.len(), size(pruned.bytes)))
}

fn verify(as_json: bool) -> Result<(), Failure> {
    let store = store()?;
    let verified = store.verify().map_err(Plain::from)?;
    let damaged: Vec<String> = verified
        .damaged
        .iter()
        .map(|damaged| format!("{} {}: {}", damaged.entry.kind, damaged.entry.name, damaged.reason))
        .collect();
    if as_json {
        print_json(&json!({ "checked": verified.checked, "damaged": damaged }))?;
    } else {
        let lines: String = damaged.iter().map(|line| format!("{line}\n")).collect();
        print(&format!("{lines}checked {} things\n", verified.checked))?;
    }
    if damaged.is_empty() { Ok(()) } else { Err(Plain::Damaged(damaged.len()).into()) }
}
