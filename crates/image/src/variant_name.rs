//! How variants are called.

use imgbuild_spec::Variant;

/// How messages call a variant: by its first tag and platform, and by the environment that is spoken of, where that is not the
/// default one.
pub fn variant_name(variant: &Variant) -> String {
    let tag = variant.tags.first().map(ToString::to_string).unwrap_or_default();
    let environment = variant.environment.as_ref();
    let environment = environment.map(|name| format!(", environment {name}")).unwrap_or_default();
    format!("{}:{tag} ({}){environment}", variant.name, variant.platform)
}
