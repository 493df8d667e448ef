//! From locked images to a text.

use imgbuild_lock::LockedVariant;

use crate::error::ExportError;
use crate::format::Format;
use crate::wheel::Locations;
use crate::written::Written;
use crate::{conda_files, pixi, pylock, requirements};

/// Writes locked images, each with its name, in the form of another tool.
///
/// # Errors
///
/// When the form holds less than that, or nothing of it, or it is not known where a wheel is.
pub fn export(
    variants: &[(String, LockedVariant<'_>)],
    format: Format,
    locations: &Locations,
) -> Result<Written, ExportError> {
    let names = || variants.iter().map(|(name, _)| format!("`{name}`")).collect();
    let Some((name, variant)) = variants.first() else { return Err(ExportError::None { variants: names() }) };
    if variants.len() > 1 && !format.holds_several() {
        return Err(ExportError::Several { variants: names() });
    }
    for (name, variant) in variants {
        let (has_conda, has_wheels) = (variant.conda.is_some(), variant.pypi.is_some());
        let what = match format {
            Format::Environment | Format::EnvironmentWithBuilds | Format::Explicit if !has_conda => "conda",
            Format::Requirements | Format::Pylock if !has_wheels => "PyPI",
            Format::Pixi if !has_conda && !has_wheels => "conda or PyPI",
            _ => continue,
        };
        return Err(ExportError::Nothing { variant: name.clone(), what });
    }
    let mut written = match format {
        Format::Environment => conda_files::environment(name, variant, false),
        Format::EnvironmentWithBuilds => conda_files::environment(name, variant, true),
        Format::Explicit => conda_files::explicit(name, variant, locations)?,
        Format::Requirements => requirements::write(name, variant),
        Format::Pylock => pylock::write(name, variant, locations)?,
        Format::Pixi => pixi::write(variants, locations)?,
    };
    if let Some(conda) = variant.conda.as_ref().filter(|_| !format.has_conda()) {
        let count = conda.packages.len();
        written.left_out.push(format!("the {count} packages of conda: this form has wheels alone"));
    }
    let debian = variant.debian.iter().map(|set| set.packages.len()).sum::<usize>();
    if debian > 0 {
        written
            .left_out
            .push(format!("the {debian} packages of Debian: no form but imgbuild's own has them"));
    }
    Ok(written)
}
