//! `imgbuild lock`.

use ::build::{Upgrade, check_lock, current_lock, lock_path, notes, renew_lock, vendor};
use serde_json::json;
use spec::Spec;

use super::{context, print, print_json};
use crate::arguments::{Global, LockArguments};
use crate::failure::Failure;
use crate::progress::reporter;

pub(crate) async fn run(arguments: &LockArguments, global: &Global) -> Result<(), Failure> {
    let spec = Spec::load(&arguments.spec)?;
    let variants = spec.variants(super::host()?)?;
    let path = lock_path(&arguments.spec);
    if arguments.check {
        check_lock(&variants, &path)?;
        if arguments.json {
            return print_json(&json!({ "lock": path, "stale": false }));
        }
        return print(&format!("{} is up to date\n", path.display()));
    }
    let upgrade = match &arguments.upgrade {
        None => Upgrade::Keep,
        Some(packages) if packages.is_empty() => Upgrade::All,
        Some(packages) => Upgrade::Packages(packages.iter().cloned().collect()),
    };
    let context = context(&arguments.spec, arguments.offline, reporter(global))?;
    let locked = match &arguments.vendor {
        // Who asks for the archives of a lock does not ask for another lock.
        Some(_) if upgrade == Upgrade::Keep => current_lock(&spec, &variants, &path, false, &context).await?,
        _ => renew_lock(&spec, &variants, &path, &upgrade, &context).await?,
    };
    let kept = match &arguments.vendor {
        Some(folder) => Some(vendor(&locked.lock, &variants, folder, &context).await?),
        None => None,
    };
    let notes = notes(&spec, &variants, &context);
    drop(context);
    let changes = locked.changes.unwrap_or_default().0;
    if arguments.json {
        let change = |change: &lock::Change| json!({ "package": change.package, "before": change.before, "after": change.after });
        let changes: Vec<_> = changes.iter().map(change).collect();
        let kept = kept.map(|kept| json!({ "archives": kept.archives, "added": kept.added }));
        return print_json(&match kept {
            Some(kept) => json!({ "lock": path, "changes": changes, "notes": notes, "vendored": kept }),
            None => json!({ "lock": path, "changes": changes, "notes": notes }),
        });
    }
    if !global.quiet {
        eprint!("{}", notes.iter().map(|note| format!("note: {note}\n")).collect::<String>());
    }
    let packages = locked.lock.conda.len() + locked.lock.debian.len();
    let mut text: String = changes.iter().map(|change| format!("{change}\n")).collect();
    text.push_str(&format!("{}: {packages} packages, {} changed\n", path.display(), changes.len()));
    if let (Some(kept), Some(folder)) = (kept, &arguments.vendor) {
        let (archives, added) = (kept.archives, kept.added);
        text.push_str(&format!("{}: {archives} archives, {added} added\n", folder.display()));
    }
    print(&text)
}
