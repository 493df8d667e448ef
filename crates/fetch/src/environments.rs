//! The environments of a variant, with what is locked of each.

use imgbuild_environment::EnvironmentName;
use imgbuild_lock::LockedVariant;
use imgbuild_spec::Variant;

/// A variant and its lock as each of its environments has them, as if that were the only one: the default one first.
pub fn in_each_environment<'a>(
    locked: &LockedVariant<'a>,
    variant: &Variant,
) -> Vec<(LockedVariant<'a>, Variant)> {
    let with_lock = |variant: Variant| {
        let name = variant.environment.as_ref().map(EnvironmentName::as_str);
        Some((locked.in_environment(name)?, variant))
    };
    // A lock that lacks one is not that of the spec, and is refused before.
    variant.in_each_environment().into_iter().filter_map(with_lock).collect()
}
