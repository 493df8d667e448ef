//! What to write into a spec where builds for CUDA cannot be had.

use imgbuild_conda::{NearestBuild, ProcessorOnly, Unbuilt, Unmet};
use imgbuild_spec::Variant;

use crate::virtual_packages::what_to_write;

/// What to do where builds for the processor were found in an image for CUDA.
pub(crate) fn for_processor_only(
    packages: &[ProcessorOnly],
    unbuilt: &[Unbuilt],
    unmet: &[Unmet],
    variant: &Variant,
) -> String {
    let wished = packages.iter().filter_map(|package| package.wanted_by.as_ref());
    let mut ways: Vec<String> = wished
        .map(|wish| match &wish.package {
            None => format!("leave out `{}`", wish.requirement),
            Some(package) => format!("take another version than `{package}`"),
        })
        .collect();
    ways.extend(for_nearest(unbuilt));
    ways.extend(what_to_write(unmet, variant));
    ways.push("an image for the processor alone has no `cuda`".to_owned());
    ways.dedup();
    ways.join("; ")
}

/// What to write to have the nearest builds; nothing where there are none.
pub(crate) fn for_nearest(unbuilt: &[Unbuilt]) -> Option<String> {
    let way = |build: &NearestBuild| {
        let (major, minor) = build.cuda;
        match &build.python {
            Some(python) if !build.same_python => format!("`python = \"{python}\"`"),
            _ => format!("`cuda = \"{major}.{minor}\"`"),
        }
    };
    let mut ways: Vec<String> = unbuilt.iter().flat_map(|it| &it.nearest).map(way).collect();
    ways.dedup();
    (!ways.is_empty()).then(|| format!("write {}, for which there are builds", ways.join(" or ")))
}
