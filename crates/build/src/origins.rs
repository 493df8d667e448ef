//! Where the images of a build come from.

use std::path::Path;

use imgbuild_attestation::Verifier;
use imgbuild_distribution::Origin;
use imgbuild_fetch::Context;
use imgbuild_image::MakeError;
use imgbuild_locking::{Locked, lock_path};
use imgbuild_oci::{Digest, Image};
use imgbuild_provenance::{Facts, SpecFile, predicate};
use imgbuild_spec::Variant;

use crate::attested::Publishers;
use crate::commit::commit;
use crate::error::BuildError;

/// Where the images of some variants come from, whose places in the lock are `chosen`, and who published what they are made of.
///
/// # Errors
///
/// When the spec cannot be read, or the lock is damaged.
pub(crate) async fn origins(
    spec_path: &Path,
    variants: &[Variant],
    (chosen, locked): (&[usize], &Locked),
    images: &[Image],
    verifier: &Verifier,
    context: &Context,
) -> Result<(Vec<Origin>, Publishers), BuildError> {
    let copied = variants.iter().flat_map(|variant| &variant.copy).map(|copy| copy.from.to_string());
    let found = commit(spec_path, &lock_path(spec_path), &copied.collect::<Vec<_>>());
    let bytes = std::fs::read(spec_path).map_err(MakeError::file(spec_path, "read"))?;
    let name = spec_path.file_name().unwrap_or(spec_path.as_os_str()).to_string_lossy().into_owned();
    let path = found.as_ref().map_or(name, |(_, path)| path.clone());
    let spec = SpecFile { path, digest: Digest::of(&bytes) };
    let mut publishers = Publishers::new();
    for (index, variant) in chosen.iter().zip(variants) {
        let of_lock = locked.lock.variant(*index).map_err(MakeError::from)?;
        publishers.of(&of_lock, variant, verifier, context).await;
    }
    let mut all = Vec::new();
    for ((index, variant), image) in chosen.iter().zip(variants).zip(images) {
        let of_lock = locked.lock.variant(*index).map_err(MakeError::from)?;
        let attestations = publishers.of_image(&of_lock, variant);
        let facts = Facts {
            name: &variant.name,
            spec: &spec,
            lock: Digest::of(&locked.text),
            commit: found.as_ref().map(|(commit, _)| commit),
            variables: &context.variables,
            attestations: &attestations,
            version: env!("CARGO_PKG_VERSION"),
        };
        let (image, name) = (image.digest(), variant.name.to_string());
        all.push(Origin { image, name, predicate: predicate(&of_lock, &facts) });
    }
    Ok((all, publishers))
}
