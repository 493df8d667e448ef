//! Licences that a spec does not allow, known before anything is made.

use imgbuild_audit::Judgement;
use imgbuild_image::{MakeError, variant_name};
use imgbuild_inventory::Inventory;
use imgbuild_lock::{Lock, LockedVariant};
use imgbuild_spec::{ExceptedPackage, Variant};

use crate::error::BuildError;

/// Whether a lock says the licences of all packages of its image: of wheels and Debian's packages since format version 4, and of none
/// in an existing image.
pub fn tells_licences(locked: &LockedVariant<'_>) -> bool {
    locked.format.has_bill_of_materials() && locked.variant.existing().is_none()
}

/// Refuses images with packages whose licences the spec does not allow, as their lock says them; and gives notes: of images of which it
/// does not say all, and of exceptions that none of them needs.
pub(crate) fn check_licences(
    variants: &[Variant],
    chosen: &[usize],
    lock: &Lock,
) -> Result<Vec<String>, BuildError> {
    let (mut notes, mut unused) = (Vec::new(), None::<Vec<&ExceptedPackage>>);
    for index in chosen {
        let Some(rules) = &variants[*index].licences else { continue };
        let locked = lock.variant(*index).map_err(MakeError::from)?;
        let name = variant_name(&variants[*index]);
        let judgement = Judgement::new(rules, &Inventory::of_lock(&locked, &[]));
        let not_needed =
            |it: &&ExceptedPackage| judgement.unused.iter().any(|other| other.package == it.package);
        let so_far = unused.take().unwrap_or_else(|| rules.except.iter().collect());
        unused = Some(so_far.into_iter().filter(not_needed).collect());
        if tells_licences(&locked) {
            judgement.check(rules, Some(name))?;
        } else {
            judgement.of_what_is_said().check(rules, Some(name.clone()))?;
            let why = match locked.variant.existing() {
                Some(_) => "its base is an image, whose packages no lock says".to_owned(),
                None => format!("a lock of format version {} does not say all", locked.format.number()),
            };
            notes.push(format!("what the lock does not say of the licences of `{name}` is not judged here: {why}; `imgbuild licenses` reads its files"));
        }
    }
    // Where not all is known, an exception may be of what is not.
    let is_known = notes.is_empty();
    notes.extend(unused.into_iter().flatten().filter(|_| is_known).map(|it| {
        format!("no package is `{}`, which {}:{} excepts", it.package, it.origin.file(), it.origin.line())
    }));
    Ok(notes)
}
