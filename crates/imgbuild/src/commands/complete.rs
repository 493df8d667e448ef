//! `imgbuild push --complete`.

use std::path::Path;

use imgbuild_distribution::{Completion, Destination, DistributionError, Incomplete, completed};
use imgbuild_image::{LOCK_LABEL, groups};
use imgbuild_locking::{known_lock, lock_path};
use imgbuild_oci::{Digest, Platform};
use imgbuild_spec::{Spec, Variant};
use serde_json::json;

use super::{context, print, print_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::output::say;
use crate::progress::reporter;
use crate::pushing;
use crate::registry_arguments::PushArguments;
use crate::shown::cleaned;

pub(crate) async fn run(arguments: &PushArguments, global: &Global) -> Result<(), Failure> {
    let path = Path::new(&arguments.image);
    let context = context(path, false, reporter(global))?;
    let spec = Spec::load(path)?;
    let variants = spec.variants(context.host)?;
    let lock = known_lock(&variants, &lock_path(path))?;
    let lock = lock.ok_or_else(|| Plain::NoLock(path.display().to_string()))?;
    let publishing = arguments.rules.publishing(&arguments.targets);
    let groups = groups(&variants);
    let firsts: Vec<&Variant> = groups.iter().map(|group| &variants[group[0]]).collect();
    let destinations = publishing.destinations(&firsts).map_err(DistributionError::from)?;
    let platforms = groups.iter().map(|group| group.iter().map(|index| variants[*index].platform).collect());
    let all: Vec<(Vec<Platform>, Vec<Destination>)> = platforms.zip(destinations).collect();
    let completion = completed(&all, LOCK_LABEL, &Digest::of(&lock.text), &context).await?;
    report(&completion, arguments.json, global)?;
    match completion.incomplete.len() {
        0 => Ok(()),
        missing => Err(Plain::Incomplete { missing, all: missing + completion.there.len() }.into()),
    }
}

fn report(completion: &Completion, json: bool, global: &Global) -> Result<(), Failure> {
    if json {
        let incomplete = |it: &Incomplete| match it {
            Incomplete::Missing(reference) => json!({ "reference": reference.to_string(), "why": "missing" }),
            Incomplete::Stale(reference) => {
                json!({ "reference": reference.to_string(), "why": "other lock" })
            }
        };
        return print_json(&json!({
            "there": completion.there.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "incomplete": completion.incomplete.iter().map(incomplete).collect::<Vec<_>>(),
            "joined": completion.joined.iter().map(pushing::as_json).collect::<Vec<_>>(),
        }));
    }
    let there = completion.there.iter().map(|reference| format!("{reference} is there\n"));
    let incomplete = completion.incomplete.iter().map(|it| match it {
        Incomplete::Missing(reference) => format!("{reference} is missing\n"),
        Incomplete::Stale(reference) => format!("{reference} was made from another lock\n"),
    });
    print(&there.chain(incomplete).collect::<String>())?;
    if !global.quiet {
        say(&cleaned(pushing::summary(&completion.joined, false).trim_start()));
    }
    Ok(())
}
