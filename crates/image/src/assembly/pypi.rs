//! Wheels as ingredients.

use imgbuild_fetch::Context;
use imgbuild_layer::Ownership;
use imgbuild_lock::{LockedSet, PypiPackage, PypiSet};
use imgbuild_spec::Variant;

use super::{Assembly, Ecosystem, prefix_ownership};
use crate::error::{MakeError, MakeFailure};
use crate::wheel_sources;

/// The wheels of a variant.
pub(super) struct Pypi<'a> {
    pub(super) locked: &'a LockedSet<'a, PypiSet, PypiPackage>,
    pub(super) of_lock: &'a imgbuild_lock::Variant,
    pub(super) variant: &'a Variant,
    pub(super) context: &'a Context,
}

impl Ecosystem for Pypi<'_> {
    fn add(&self, assembly: &mut Assembly) -> Result<(), MakeError> {
        let Self { locked: pypi, of_lock: locked, variant, context } = *self;
        let set = pypi.set;
        let conda = locked.conda.as_ref().filter(|conda| conda.prefix == set.prefix);
        let python = assembly.python.take().ok_or(MakeFailure::NoPython)?;
        let ownership = match conda {
            Some(_) => prefix_ownership(variant, &assembly.base)?,
            // As with a manager of conda: who has pip in an environment wants to change it.
            None if set.requested.iter().any(|name| name == "pip") => {
                Ownership::of_user(assembly.base.user_number(variant)?)
            }
            None => Ownership::Root,
        };
        if conda.is_none() {
            assembly.base.check_prefix(&set.prefix)?;
        }
        if conda.is_none() {
            assembly.parents.insert_tree(set.prefix.clone(), ownership.folder_mode(), ownership.owner());
        }
        let layout = wheel_sources::layout(set, conda, &python)?;
        let is_virtual = conda.is_none();
        assembly.target(python.target(&layout));
        let sources =
            wheel_sources::sources(&pypi.packages, layout, is_virtual, &python, locked.timestamp, context)?;
        sources.into_iter().for_each(|(source, archives)| assembly.add(ownership.source(source), archives));
        assembly.exclude(&set.excluded);
        assembly.python = Some(python);
        Ok(())
    }
}
