//! How variants are called.

use imgbuild_spec::Variant;

/// How messages call a variant: by its first tag and platform.
pub fn variant_name(variant: &Variant) -> String {
    let tag = variant.tags.first().map(ToString::to_string).unwrap_or_default();
    format!("{}:{tag} ({})", variant.name, variant.platform)
}
