//! How variants are called.

use imgbuild_spec::Variant;

/// How messages call a variant: by its first tag and platform, and by the environment that is spoken of, where that is not the
/// default one.
pub fn variant_name(variant: &Variant) -> String {
    image_name(&[variant])
}

/// The same of variants that make one image, which differ in their platforms.
pub fn image_name(variants: &[&Variant]) -> String {
    let Some(variant) = variants.first() else { return String::new() };
    let platforms: Vec<String> = variants.iter().map(|it| it.platform.to_string()).collect();
    let tag = variant.tags.first().map(ToString::to_string).unwrap_or_default();
    let environment = variant.environment.as_ref();
    let environment = environment.map(|name| format!(", environment {name}")).unwrap_or_default();
    format!("{}:{tag} ({}){environment}", variant.name, platforms.join(", "))
}
