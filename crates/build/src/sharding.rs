//! The images that one of many machines makes.

use std::path::Path;

use imgbuild_image::{MakeError, variant_name};
use imgbuild_lock::{Lock, LockedVariant};
use imgbuild_locking::{known_lock, lock_path};
use imgbuild_shard::weights::UNKNOWN_BYTES;
use imgbuild_shard::{Image, Package, Platforms, Shard, split};
use imgbuild_spec::Variant;

use crate::error::BuildError;

/// Those of the chosen variants that one machine builds, in order.
///
/// # Errors
///
/// When the lock is damaged.
pub(crate) fn of_shard(
    variants: &[Variant],
    chosen: &[usize],
    lock: &Lock,
    shard: Shard,
    platforms: Platforms,
) -> Result<Vec<usize>, BuildError> {
    let mut shards = shards(variants, chosen, lock, (shard.count(), platforms))?;
    let index = usize::try_from(shard.index()).unwrap_or(usize::MAX);
    Ok(if index < shards.len() { shards.swap_remove(index) } else { Vec::new() })
}

/// Which of the chosen variants each of so many machines builds; nothing where there is no lock, or it is stale.
///
/// # Errors
///
/// When the lock is damaged.
pub fn planned_shards(
    spec_path: &Path,
    variants: &[Variant],
    chosen: &[usize],
    (count, platforms): (u32, Platforms),
) -> Result<Option<Vec<Vec<usize>>>, BuildError> {
    let Some(locked) = known_lock(variants, &lock_path(spec_path))? else { return Ok(None) };
    shards(variants, chosen, &locked.lock, (count, platforms)).map(Some)
}

fn shards(
    variants: &[Variant],
    chosen: &[usize],
    lock: &Lock,
    (count, platforms): (u32, Platforms),
) -> Result<Vec<Vec<usize>>, BuildError> {
    let locked = lock.locked_variants().map_err(MakeError::from)?;
    let image = |index: &usize| locked.get(*index).map(|locked| image(&variants[*index], locked));
    let images: Vec<Image> = chosen.iter().filter_map(image).collect();
    let shards = split(&images, count, platforms).into_iter();
    Ok(shards.map(|shard| shard.into_iter().map(|place| chosen[place]).collect()).collect())
}

/// A variant as it counts for the split.
fn image(variant: &Variant, locked: &LockedVariant<'_>) -> Image {
    let archives = locked.archives().into_iter();
    let archives = archives
        .map(|archive| Package { sha256: archive.sha256, bytes: archive.size.unwrap_or(UNKNOWN_BYTES) });
    let layers = locked.variant.existing().into_iter().flat_map(|base| &base.layers);
    let layers = layers.map(|layer| Package { sha256: layer.digest, bytes: layer.size });
    let tags: Vec<&str> = variant.tags.iter().map(imgbuild_oci::Tag::as_str).collect();
    Image {
        name: variant_name(variant),
        tag: format!("{}:{}", variant.name, tags.join(",")),
        packages: archives.chain(layers).collect(),
    }
}
