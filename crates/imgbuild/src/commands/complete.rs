//! `imgbuild push --complete`.

use std::path::Path;

use imgbuild_build::chosen;
use imgbuild_distribution::{Completion, Destination, DistributionError, Incomplete, MadeFrom, completed};
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
    let all = Spec::load(path)?.variants(context.host)?;
    let lock = known_lock(&all, &lock_path(path))?;
    let lock = lock.ok_or_else(|| Plain::NoLock(path.display().to_string()))?;
    let only = arguments.only.iter().cloned().collect();
    let chosen = chosen(&all, &only, &arguments.platform)?;
    let variants: Vec<Variant> = chosen.into_iter().map(|index| all[index].clone()).collect();
    let publishing = arguments.rules.publishing(&arguments.targets, false)?;
    let groups = groups(&variants);
    let firsts: Vec<&Variant> = groups.iter().map(|group| &variants[group[0]]).collect();
    let destinations = publishing.destinations(&firsts).map_err(DistributionError::from)?;
    let platforms = groups.iter().map(|group| group.iter().map(|index| variants[*index].platform).collect());
    let images: Vec<(Vec<Platform>, Vec<Destination>)> = platforms.zip(destinations).collect();
    let made_from = MadeFrom { label: LOCK_LABEL, lock: &Digest::of(&lock.text) };
    // Of some platforms no image is made: it would take the place of that for all.
    let joining = arguments.platform.is_empty().then_some(&publishing);
    let completion = completed(&images, made_from, joining, &context).await?;
    report(&completion, arguments.json, global)?;
    match completion.incomplete.len() {
        0 => Ok(()),
        missing => {
            let several_platforms = groups.iter().any(|group| group.len() > 1);
            let all = missing + completion.there.len();
            Err(Plain::Incomplete { missing, all, several_platforms }.into())
        }
    }
}

fn report(completion: &Completion, json: bool, global: &Global) -> Result<(), Failure> {
    if json {
        let incomplete = |it: &Incomplete| match it {
            Incomplete::Missing(reference) => json!({ "reference": reference.to_string(), "why": "missing" }),
            Incomplete::Stale(reference) => {
                json!({ "reference": reference.to_string(), "why": "other lock" })
            }
            Incomplete::Lacking(reference, platforms) => {
                json!({ "reference": reference.to_string(), "why": "other platforms", "lacking": platforms })
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
        Incomplete::Lacking(reference, platforms) => {
            let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
            format!("{reference} is there, but not for {}\n", platforms.join(" and "))
        }
    });
    print(&there.chain(incomplete).collect::<String>())?;
    if !global.quiet {
        say(&cleaned(pushing::summary(&completion.joined, None, false).trim_start()));
    }
    Ok(())
}
