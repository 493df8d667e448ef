//! Wheels as ingredients.

use imgbuild_archive::Owner;
use imgbuild_fetch::Context;
use imgbuild_lock::{LockedSet, PypiPackage, PypiSet};
use imgbuild_spec::Variant;

use super::{Assembly, Ecosystem, prefix_owner};
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
        let owner = match conda {
            Some(_) => prefix_owner(variant, &assembly.base)?,
            // As with a manager of conda: who has pip in an environment wants to change it.
            None if set.requested.iter().any(|name| name == "pip") => {
                assembly.base.owner(variant.image.user.as_ref())?
            }
            None => Owner::ROOT,
        };
        if conda.is_none() {
            assembly.base.check_prefix(&set.prefix)?;
        }
        if owner != Owner::ROOT {
            assembly.parents.insert_tree(set.prefix.clone(), owner);
        }
        let layout = wheel_sources::layout(set, conda, &python, owner)?;
        let is_virtual = conda.is_none();
        assembly.target(python.target(&layout));
        let sources =
            wheel_sources::sources(&pypi.packages, layout, is_virtual, &python, locked.timestamp, context)?;
        sources.into_iter().for_each(|(source, archives)| assembly.add(source, archives));
        assembly.exclude(&set.excluded);
        assembly.python = Some(python);
        Ok(())
    }
}
