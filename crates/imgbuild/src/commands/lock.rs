//! `imgbuild lock`.

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_image::vendor;
use imgbuild_layer::FormatVersion;
use imgbuild_lock::{Change, Reason};
use imgbuild_locking::{
    PackageUpgrade, Purpose, Upgrade, check_lock, current_lock, lock_path, notes, renew_lock,
};
use serde_json::json;

use super::{context, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::lock_arguments::LockArguments;
use crate::output::say;
use crate::progress::reporter;
use crate::shown::cleaned;

/// What JSON calls a reason.
pub(crate) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Requested => "requested",
        Reason::Needed => "needed",
        Reason::Tool => "tool",
    }
}

/// What is said of a lock that has not the latest format version.
fn format_note(version: FormatVersion, spec: &Path) -> Option<String> {
    let (kept, latest) = (version.number(), FormatVersion::LATEST.number());
    let note = format!(
        "the lock keeps format version {kept}, by which its images have the digests that they had; \
         `imgbuild lock {} --upgrade-format` moves it to version {latest}",
        spec.display()
    );
    (version != FormatVersion::LATEST).then_some(note)
}

/// How many changes are listed that nobody asked for.
const LISTED: usize = 20;

pub(crate) async fn run(arguments: &LockArguments, global: &Global) -> Result<(), Failure> {
    let (path_of_spec, upgraded) = arguments.spec_and_upgrade();
    let path_of_spec = path_of_spec.ok_or(Plain::NoSpec)?;
    let (spec, variants) = read_spec(path_of_spec, Purpose::Lock)?;
    let path = lock_path(path_of_spec);
    if arguments.check {
        check_lock(&variants, &path)?;
        if arguments.json {
            return print_json(&json!({ "lock": path, "stale": false }));
        }
        return print(&format!("{} is up to date\n", path.display()));
    }
    let upgrade = Upgrade { packages: package_upgrade(upgraded), format: arguments.upgrade_format };
    let context = context(path_of_spec, arguments.offline, reporter(global))?;
    let locked = match &arguments.vendor {
        // Who asks for the archives of a lock does not ask for another lock.
        Some(_) if upgrade == Upgrade::default() => {
            current_lock(&spec, &variants, &path, false, &context).await?
        }
        _ => renew_lock(&spec, &variants, &path, &upgrade, &context).await?,
    };
    let kept = match &arguments.vendor {
        Some(folder) => Some(vendor(&locked.lock, &variants, folder, &context).await?),
        None => None,
    };
    let mut notes = notes(&spec, &variants, &context);
    notes.extend(format_note(locked.lock.version, path_of_spec));
    drop(context);
    let changes = locked.changes.unwrap_or_default();
    let (changed, changes) = (changes.packages(), changes.0);
    let format = locked.lock.version.number();
    if arguments.json {
        let change = |change: &Change| json!({ "package": change.package, "reason": reason(change.reason), "before": change.before, "after": change.after });
        let changes: Vec<_> = changes.iter().map(change).collect();
        let kept = kept.map(|kept| json!({ "archives": kept.archives, "added": kept.added }));
        return print_json(&match kept {
            Some(kept) => {
                json!({ "lock": path, "format": format, "changes": changes, "notes": notes, "vendored": kept })
            }
            None => json!({ "lock": path, "format": format, "changes": changes, "notes": notes }),
        });
    }
    if !global.quiet {
        say(&cleaned(&notes.iter().map(|note| format!("note: {note}\n")).collect::<String>()));
    }
    let packages = locked.lock.conda.len() + locked.lock.debian.len() + locked.lock.pypi.len();
    let mut text = listed(&changes, global.verbose > 0);
    if let Some(before) = locked.format_before {
        text.push_str(&format!("~ format version {} -> {format}\n", before.number()));
    }
    text.push_str(&format!("{}: {packages} packages, {changed} changed\n", path.display()));
    if let (Some(kept), Some(folder)) = (kept, &arguments.vendor) {
        let (archives, added) = (kept.archives, kept.added);
        text.push_str(&format!("{}: {archives} archives, {added} added\n", folder.display()));
    }
    print(&text)
}

/// What packages may do, by the words behind `--upgrade`.
fn package_upgrade(words: Option<Vec<&String>>) -> PackageUpgrade {
    match words {
        None => PackageUpgrade::Keep,
        Some(packages) if packages.is_empty() => PackageUpgrade::All,
        Some(packages) => PackageUpgrade::Packages(packages.into_iter().cloned().collect()),
    }
}

/// The changes, a line for each: what was asked for, and of the rest no more than a person reads.
fn listed(changes: &[Change], all: bool) -> String {
    let others = changes.iter().filter(|change| change.reason != Reason::Requested).count();
    let is_listed = |change: &&Change| all || others <= LISTED || change.reason == Reason::Requested;
    let mut text: String = changes.iter().filter(is_listed).map(|change| format!("{change}\n")).collect();
    let mut summed: BTreeMap<(Reason, &str, &str), usize> = BTreeMap::new();
    for change in changes.iter().filter(|change| !is_listed(change)) {
        let sign = match (change.before.is_empty(), change.after.is_empty()) {
            (true, _) => "+",
            (_, true) => "-",
            _ => "~",
        };
        let ecosystem = change.package.split('/').next().unwrap_or_default();
        *summed.entry((change.reason, ecosystem, sign)).or_default() += 1;
    }
    for ((reason, ecosystem, sign), count) in summed {
        let what = match reason {
            Reason::Requested | Reason::Needed => "that nobody named",
            Reason::Tool => "in no image: only to build with",
        };
        let packages = if count == 1 { "package" } else { "packages" };
        text.push_str(&format!("{sign} {count} {packages} of {ecosystem} ({what}; `-v` lists them)\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_does_not_drown() {
        let change = |package: String, reason, before: &[&str]| Change {
            package,
            reason,
            before: before.iter().map(|&it| it.to_owned()).collect(),
            after: ["1".to_owned()].into(),
        };
        let mut changes = vec![change("conda/numpy".to_owned(), Reason::Requested, &[])];
        changes.extend((0..90).map(|number| change(format!("debian/lib{number}"), Reason::Needed, &[])));
        changes.push(change("conda/openssl".to_owned(), Reason::Needed, &["0"]));
        changes.push(change("pypi/setuptools".to_owned(), Reason::Tool, &[]));
        assert_eq!(
            listed(&changes, false),
            "+ conda/numpy 1\n\
             ~ 1 package of conda (that nobody named; `-v` lists them)\n\
             + 90 packages of debian (that nobody named; `-v` lists them)\n\
             + 1 package of pypi (in no image: only to build with; `-v` lists them)\n"
        );
        assert_eq!(listed(&changes, true).lines().count(), 93);
        changes.drain(1..91);
        assert_eq!(
            listed(&changes, false),
            "+ conda/numpy 1\n~ conda/openssl 0 -> 1\n+ pypi/setuptools 1 (in no image: only to build with)\n"
        );
    }
}
