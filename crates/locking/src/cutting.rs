//! Which files of a variant are cut into several layers.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_image::VariantParts;
use imgbuild_layer::{FileSizes, Part, PartId};
use imgbuild_python::Cached;

/// The sizes of the files of large parts, by their paths in the image.
pub(crate) type Sizes = BTreeMap<PartId, FileSizes>;

/// The files that parts are cut by: those that they write, by their paths below their roots. Bytecode counts with its source, beside
/// which it stands.
pub(crate) fn cut_files(parts: &VariantParts, sizes: &Sizes) -> Result<Sizes, PathError> {
    let large = parts.parts.iter().filter_map(|part| Some((part, sizes.get(&part.id)?)));
    large.map(|(part, sizes)| Ok((part.id.clone(), of_part(part, parts, sizes)?))).collect()
}

fn of_part(part: &Part, parts: &VariantParts, sizes: &FileSizes) -> Result<FileSizes, PathError> {
    let excluded = parts.exclusions.get(&part.id);
    let is_written = |path: &ImagePath| excluded.is_none_or(|excluded| !excluded.contains(path));
    let mut files = FileSizes::new();
    for (path, size) in sizes.iter().filter(|(path, _)| is_written(path)) {
        let path = Cached::of(path).map_or_else(|| path.clone(), |cached| cached.source);
        let below = part.root.as_ref().and_then(|root| path.strip_prefix(root)).map(ImagePath::new);
        let sum = files.entry(below.transpose()?.unwrap_or(path)).or_insert(0);
        *sum = sum.saturating_add(*size);
    }
    Ok(files)
}
