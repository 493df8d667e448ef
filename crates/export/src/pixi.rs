//! `pixi.lock`, version 6: what pixi and rattler read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use imgbuild_lock::{CondaPackage, LockedVariant, PypiPackage};
use imgbuild_secret::public;
use toml::Value;

use crate::conda_files::{channels, subdir};
use crate::error::ExportError;
use crate::wheel::{From, Locations, from, is_path, location, wheels};
use crate::written::Written;
use imgbuild_environment::yaml_text;

/// The fields of a record that such a lock has, beside those that the URL says and the hashes.
const FIELDS: [&str; 11] = [
    "depends",
    "constrains",
    "features",
    "track_features",
    "license",
    "license_family",
    "noarch",
    "legacy_bz2_size",
    "python_site_packages_path",
    "timestamp",
    "purls",
];

/// Where a wheel comes from, as such a lock names it.
fn key(package: &PypiPackage, locations: &Locations) -> Result<String, ExportError> {
    Ok(match from(package) {
        From::Index { filename, sha256, .. } => location(filename, sha256, locations)?,
        From::File { location, .. } if is_path(location) => format!("./{location}"),
        From::File { location, .. } => location.to_owned(),
        From::Git { url, commit, subdirectory } => {
            let below = subdirectory.map(|it| format!("?subdirectory={it}")).unwrap_or_default();
            format!("git+{url}{below}#{commit}")
        }
        From::Folder { path } => {
            if path == "." {
                "./".to_owned()
            } else {
                format!("./{path}")
            }
        }
    })
}

pub(crate) fn write(
    variants: &[(String, LockedVariant<'_>)],
    locations: &Locations,
) -> Result<Written, ExportError> {
    let mut environments: BTreeMap<String, Vec<&LockedVariant<'_>>> = BTreeMap::new();
    let is_one = variants.windows(2).all(|pair| pair[0].1.variant.keys == pair[1].1.variant.keys);
    for (_, variant) in variants {
        let tag = variant.variant.tags.first().map(ToString::to_string).unwrap_or_default();
        let name = if is_one { "default".to_owned() } else { environment(&tag) };
        environments.entry(name).or_default().push(variant);
    }
    let mut text = "version: 6\nenvironments:\n".to_owned();
    let (mut conda, mut pypi) = (BTreeMap::new(), BTreeMap::new());
    for (name, variants) in &environments {
        _ = writeln!(text, "  {}:\n    channels:", yaml_text(name));
        let named: Vec<String> = variants.iter().flat_map(|it| it.conda.iter().flat_map(channels)).collect();
        let mut seen = BTreeSet::new();
        for channel in named.iter().filter(|channel| seen.insert(*channel)) {
            _ = writeln!(text, "    - url: {}", yaml_text(channel));
        }
        if named.is_empty() {
            text.truncate(text.len() - 1);
            text.push_str(" []\n");
        }
        text.push_str("    packages:\n");
        for variant in variants {
            _ = writeln!(text, "      {}:", subdir(variant.variant.platform));
            for package in variant.conda.iter().flat_map(|set| &set.packages) {
                let url = public(&package.url);
                _ = writeln!(text, "      - conda: {}", yaml_text(&url));
                conda.insert(url, *package);
            }
            for package in wheels(variant) {
                let key = key(package, locations)?;
                _ = writeln!(text, "      - pypi: {}", yaml_text(&key));
                pypi.insert(key, package);
            }
        }
    }
    text.push_str("packages:\n");
    conda.iter().for_each(|(url, package)| conda_entry(&mut text, url, package));
    pypi.iter().for_each(|(key, package)| pypi_entry(&mut text, key, package));
    Ok(Written { text, left_out: Vec::new() })
}

/// The name of an environment, of a tag: pixi takes lower-case letters, digits and dashes.
fn environment(tag: &str) -> String {
    tag.to_ascii_lowercase().chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect()
}

fn conda_entry(text: &mut String, url: &str, package: &CondaPackage) {
    _ = writeln!(text, "- conda: {}\n  sha256: {}", yaml_text(url), yaml_text(&package.sha256.hex()));
    if let Some(md5) = package.text("md5") {
        _ = writeln!(text, "  md5: {}", yaml_text(md5));
    }
    for field in FIELDS {
        match package.record.get(field) {
            Some(Value::Array(items)) if items.is_empty() => _ = writeln!(text, "  {field}: []"),
            Some(Value::Array(items)) => {
                _ = writeln!(text, "  {field}:");
                for item in items.iter().filter_map(Value::as_str) {
                    _ = writeln!(text, "  - {}", yaml_text(item));
                }
            }
            Some(Value::String(value)) => _ = writeln!(text, "  {field}: {}", yaml_text(value)),
            Some(Value::Integer(value)) => _ = writeln!(text, "  {field}: {value}"),
            _ => {}
        }
    }
    if let Some(size) = package.size {
        _ = writeln!(text, "  size: {size}");
    }
}

fn pypi_entry(text: &mut String, key: &str, package: &PypiPackage) {
    let PypiPackage { name, version, facts, .. } = package;
    _ = writeln!(
        text,
        "- pypi: {}\n  name: {}\n  version: {}",
        yaml_text(key),
        yaml_text(name),
        yaml_text(version)
    );
    if let From::Index { sha256, .. } | From::File { sha256, .. } = from(package) {
        _ = writeln!(text, "  sha256: {}", yaml_text(&sha256.hex()));
    }
    if !facts.requires_dist.is_empty() {
        text.push_str("  requires_dist:\n");
    }
    for requirement in &facts.requires_dist {
        _ = writeln!(text, "  - {}", yaml_text(requirement));
    }
    if let Some(versions) = &facts.requires_python {
        _ = writeln!(text, "  requires_python: {}", yaml_text(versions));
    }
}
