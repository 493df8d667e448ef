//! Licences that a spec does not allow, known before anything is made.

use imgbuild_audit::Judgement;
use imgbuild_image::{MakeError, variant_name};
use imgbuild_inventory::Inventory;
use imgbuild_lock::{Lock, LockedVariant};
use imgbuild_spec::Variant;

use crate::error::BuildError;

/// Whether a lock says the licences of all packages of its image: of wheels and Debian's packages since format version 4, and of none
/// in an existing image.
pub fn tells_licences(locked: &LockedVariant<'_>) -> bool {
    locked.format.has_bill_of_materials() && locked.variant.existing().is_none()
}

/// Refuses images with packages whose licences the spec does not allow, as their lock says them; and gives a note of each of which it
/// does not say all.
pub(crate) fn check_licences(
    variants: &[Variant],
    chosen: &[usize],
    lock: &Lock,
) -> Result<Vec<String>, BuildError> {
    let mut notes = Vec::new();
    for index in chosen {
        let Some(rules) = &variants[*index].licences else { continue };
        let locked = lock.variant(*index).map_err(MakeError::from)?;
        let name = variant_name(&variants[*index]);
        if tells_licences(&locked) {
            Judgement::new(rules, &Inventory::of_lock(&locked, &[])).check(rules, Some(name))?;
        } else {
            let why = match locked.variant.existing() {
                Some(_) => "its base is an image, whose packages no lock says".to_owned(),
                None => format!("a lock of format version {} does not say all", locked.format.number()),
            };
            notes.push(format!("the licences of `{name}` are not judged here: {why}; `imgbuild licenses` does it, by its files"));
        }
    }
    Ok(notes)
}
