//! `imgbuild lock`.

use ::build::{Upgrade, check_lock, lock_path, renew_lock};
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
    let locked = renew_lock(&spec, &variants, &path, &upgrade, &context).await?;
    drop(context);
    let changes = locked.changes.unwrap_or_default().0;
    if arguments.json {
        let change = |change: &lock::Change| json!({ "package": change.package, "before": change.before, "after": change.after });
        let changes: Vec<_> = changes.iter().map(change).collect();
        return print_json(&json!({ "lock": path, "changes": changes }));
    }
    let packages = locked.lock.conda.len() + locked.lock.debian.len();
    let mut text: String = changes.iter().map(|change| format!("{change}\n")).collect();
    text.push_str(&format!("{}: {packages} packages, {} changed\n", path.display(), changes.len()));
    print(&text)
}
