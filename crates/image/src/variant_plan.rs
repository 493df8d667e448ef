//! The plan of a variant of a lock.

use std::path::Path;

use imgbuild_copies::Copies;
use imgbuild_fetch::Context;
use imgbuild_lock::Lock;
use imgbuild_spec::Variant;

use crate::assembly::{Assembly, Extras};
use crate::delivery::Format;
use crate::error::MakeError;
use crate::plan::ImagePlan;
use crate::wheel_frontend::archives;

/// The plan of a variant of a lock, whose text is in the image. `folder` is that of the spec.
///
/// # Errors
///
/// When the lock is damaged, or what is copied cannot be read.
pub fn variant_plan(
    (lock, lock_text): (&Lock, &str),
    index: usize,
    variant: &Variant,
    folder: &Path,
    format: Format,
    context: &Context,
) -> Result<ImagePlan, MakeError> {
    let locked = lock.variant(index)?;
    let copies = Copies::read(folder, &variant.copy, locked.variant.timestamp)?;
    let assembly = Assembly::new(&locked, variant, Some(Extras { lock_text, copies }), context)?;
    let archives = || archives(lock, &locked, variant, context);
    ImagePlan::of_assembly(assembly, &locked, variant, format, archives)
}
