//! Packages that another tool has locked.

use std::collections::BTreeSet;

use futures::FutureExt;
use imgbuild_conda::{LockedError, LockedLookup, Record};
use imgbuild_environment::{LockedList, LockedPackages};
use imgbuild_image::variant_name;
use imgbuild_spec::{CondaPackages, Variant};

use crate::error::{LockFailure, LockSpecError};
use crate::virtual_packages::what_to_write;

/// The records of locked packages.
pub(crate) async fn take(
    variant: &Variant,
    locked: &LockedPackages,
    taking: &LockedLookup<'_>,
) -> Result<Vec<Record>, LockSpecError> {
    let records = taking.records(&locked.packages).boxed().await;
    records.map_err(|error| locked_error(variant, locked, error))
}

/// Refuses to upgrade what only the tool that wrote a lock can.
pub(crate) fn check_upgrade(variants: &[Variant], names: &BTreeSet<String>) -> Result<(), LockSpecError> {
    let views: Vec<Variant> = variants.iter().flat_map(Variant::in_each_environment).collect();
    for conda in views.iter().filter_map(|variant| variant.conda.as_ref()) {
        let CondaPackages::Locked(locked) = &conda.packages else { continue };
        if let Some(name) = names.iter().find(|name| locked.version(name).is_some()) {
            return Err(LockFailure::LockedElsewhere { name: name.clone(), file: locked.file.clone() }.into());
        }
    }
    Ok(())
}

/// What an export asks for is what it lists, as conda sees it that reads one. Other locks do not say what was asked for.
pub(crate) fn exported(locked: &LockedPackages) -> Vec<String> {
    match &locked.packages {
        LockedList::Archives(_) => Vec::new(),
        LockedList::Builds(builds) => {
            builds.iter().map(|it| format!("{}={}={}", it.name, it.version, it.build)).collect()
        }
    }
}

/// An error with what to do.
pub(crate) fn locked_error(variant: &Variant, locked: &LockedPackages, error: LockedError) -> LockSpecError {
    let help = match &error {
        LockedError::Builds { .. } => Some(
            "an export with builds holds for the platform and the channels that it was made with: set `platforms` and `channels`, or export with `--no-builds`".to_owned(),
        ),
        LockedError::Virtual(unmet) => what_to_write(std::slice::from_ref(unmet), variant).map(|what| {
            match unmet.name.as_str() {
                "__cuda" => format!("{what}, or leave the key out"),
                _ => format!("{what}; or lock for an older system"),
            }
        }),
        LockedError::ProcessorOnly { cuda, .. } => Some(format!(
            "lock again for CUDA: `CONDA_OVERRIDE_CUDA={cuda}` for conda, `[system-requirements] cuda = \"{cuda}\"` for pixi; or leave `cuda` out of the spec"
        )),
        _ => None,
    };
    let file = locked.file.clone();
    LockFailure::Locked { file, variant: variant_name(variant), error: Box::new(error), help }.into()
}
