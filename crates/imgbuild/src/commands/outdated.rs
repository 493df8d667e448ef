//! `imgbuild outdated`.

use std::process::ExitCode;

use imgbuild_lock::{Change, Changes, Reason};
use imgbuild_locking::{Purpose, lock_path, outdated};
use serde_json::{Value, json};

use super::lock::reason;
use super::{context, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::lock_arguments::OutdatedArguments;
use crate::progress::reporter;

/// How the command ends where something is newer: nothing failed, and yet there is something to do.
const OUTDATED: u8 = 3;

/// The kinds of what a lock holds, as changes name them, and what people call them.
const KINDS: [(&str, &str); 4] =
    [("base", "bases"), ("debian", "Debian packages"), ("conda", "conda packages"), ("pypi", "wheels")];

pub(crate) async fn run(arguments: &OutdatedArguments, global: &Global) -> Result<ExitCode, Failure> {
    let (spec, variants) = read_spec(&arguments.spec, Purpose::Lock)?;
    let path = lock_path(&arguments.spec);
    let context = context(&arguments.spec, false, reporter(global))?;
    let changes = outdated(&spec, &variants, &path, &context).await?;
    drop(context);
    if arguments.json {
        print_json(&as_json(&changes))?;
    } else if changes.0.is_empty() {
        print(&format!("{} has the newest of all that the spec allows\n", path.display()))?;
    } else {
        print(&listed(&changes))?;
    }
    Ok(if changes.0.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(OUTDATED) })
}

fn of_kind<'a>(changes: &'a Changes, kind: &str) -> Vec<&'a Change> {
    changes.0.iter().filter(|change| change.kind() == kind).collect()
}

fn listed(changes: &Changes) -> String {
    let mut text = String::new();
    for (kind, title) in KINDS {
        let changes = of_kind(changes, kind);
        if changes.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{title}\n"));
        text.extend(changes.into_iter().map(line));
    }
    text
}

fn line(change: &Change) -> String {
    let list = |versions: &std::collections::BTreeSet<String>| {
        versions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let (name, before, after) = (change.name(), list(&change.before), list(&change.after));
    let moved = match (before.is_empty(), after.is_empty()) {
        (true, _) => format!("{after}, which is not there yet"),
        (_, true) => format!("{before} -> not needed any more"),
        _ => format!("{before} -> {after}"),
    };
    let tool = if change.reason == Reason::Tool { " (in no image: only to build with)" } else { "" };
    format!("  {name} {moved}{tool}\n")
}

fn as_json(changes: &Changes) -> Value {
    let change = |change: &Change| {
        json!({
            "name": change.name(),
            "reason": reason(change.reason),
            "before": change.before,
            "after": change.after,
        })
    };
    let all = KINDS.map(|(kind, _)| {
        let changes: Vec<Value> = of_kind(changes, kind).into_iter().map(change).collect();
        (kind.to_owned(), Value::from(changes))
    });
    let outdated = !changes.0.is_empty();
    let mut value = json!({ "outdated": outdated });
    if let Some(object) = value.as_object_mut() {
        object.extend(all);
    }
    value
}
