//! Which packages of a set are written as if they were configured, and which dpkg itself configures.

use std::collections::BTreeSet;

use imgbuild_lock::DebianPackage;

use crate::package::examine::Examined;
use crate::package::scripts::UnknownScripts;
use crate::resolving::dependencies::{Dependencies, is_essential};
use crate::resolving::locking_error::LockDebianError;

/// The identifiers of the packages that dpkg itself configures, sorted: those whose scripts are not known, and those
/// that depend on one of them.
///
/// # Errors
///
/// When there are some and `allowed` is not set, or when dpkg and apt themselves need one of them.
pub(crate) fn configured(
    packages: &[DebianPackage],
    examined: &[Examined],
    allowed: bool,
) -> Result<Vec<String>, LockDebianError> {
    let unknown: Vec<Option<UnknownScripts>> = examined.iter().map(|it| it.scripts.check().err()).collect();
    let errors = |among: &BTreeSet<usize>| -> Vec<UnknownScripts> {
        let named = unknown.iter().enumerate().filter(|(index, _)| among.contains(index));
        named.filter_map(|(_, unknown)| unknown.clone()).collect()
    };
    let all: BTreeSet<usize> = (0..packages.len()).collect();
    if !allowed && unknown.iter().any(Option::is_some) {
        return Err(LockDebianError::Configure(errors(&all)));
    }
    let dependencies = Dependencies::read(packages)?;
    let known = all.iter().copied().filter(|it| unknown[*it].is_none()).collect();
    let known = dependencies.closed(known);
    let needed = |it: &usize| is_essential(&packages[*it]) || packages[*it].name == "apt";
    let first: Vec<usize> = all.difference(&known).copied().filter(needed).collect();
    if !first.is_empty() {
        return Err(LockDebianError::Foundation(errors(&dependencies.closure(first))));
    }
    Ok(all.difference(&known).map(|it| packages[*it].id()).collect())
}
