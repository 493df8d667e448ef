//! conda's own files: the environment file, and the explicit list.

use std::fmt::Write as _;

use imgbuild_lock::{CondaPackage, CondaSet, LockedSet, LockedVariant};
use imgbuild_oci::Platform;
use imgbuild_secret::public;

use crate::error::ExportError;
use crate::requirements;
use crate::wheel::{From, Locations, from, is_path, location, wheels};
use crate::written::{Written, head};
use imgbuild_environment::yaml_text;

/// What conda calls a platform.
pub(crate) fn subdir(platform: Platform) -> &'static str {
    match platform {
        Platform::LinuxAmd64 => "linux-64",
        Platform::LinuxArm64 => "linux-aarch64",
    }
}

/// An environment file, as `conda env export` writes it: without builds (its `--no-builds`) it is solved, with them taken as it is.
pub(crate) fn environment(name: &str, variant: &LockedVariant<'_>, with_builds: bool) -> Written {
    let Some(conda) = &variant.conda else { return Written::default() };
    let mut written = Written { text: head(name, variant), left_out: Vec::new() };
    let text = &mut written.text;
    _ = writeln!(text, "name: {}\nchannels:", yaml_text(&conda.set.name));
    for channel in channels(conda) {
        _ = writeln!(text, "  - {}", yaml_text(&channel));
    }
    text.push_str("  - nodefaults\ndependencies:\n");
    for package in sorted(conda) {
        let (name, version) = (package.name(), package.version());
        let package = match with_builds {
            true => format!("{name}={version}={}", package.build()),
            false => format!("{name}={version}"),
        };
        _ = writeln!(text, "  - {}", yaml_text(&package));
    }
    let wheels = wheels(variant);
    if !wheels.is_empty() {
        text.push_str("  - pip:\n");
    }
    for package in wheels {
        // Hashes have no place in conda's file.
        let line = requirements::line(package);
        _ = writeln!(text, "      - {}", yaml_text(&line));
    }
    if !conda.set.variables.is_empty() {
        text.push_str("variables:\n");
    }
    for (name, value) in &conda.set.variables {
        _ = writeln!(text, "  {name}: {}", yaml_text(value));
    }
    if with_builds {
        _ = writeln!(text, "prefix: {}", yaml_text(&conda.set.prefix.to_string()));
    }
    written
}

/// An explicit list. Wheels stand in it as conda-lock writes them.
pub(crate) fn explicit(
    name: &str,
    variant: &LockedVariant<'_>,
    locations: &Locations,
) -> Result<Written, ExportError> {
    let mut written = Written::default();
    let platform = subdir(variant.variant.platform);
    written.text = format!("{}# platform: {platform}\n@EXPLICIT\n", head(name, variant));
    // What a package depends on comes before it.
    for package in variant.conda.iter().flat_map(|conda| &conda.packages) {
        _ = writeln!(written.text, "{}#sha256:{}", public(&package.url), package.sha256.hex());
    }
    for package in wheels(variant) {
        let name = &package.name;
        match from(package) {
            From::Index { filename, sha256, .. } => {
                let url = location(filename, sha256, locations)?;
                _ = writeln!(written.text, "# pip {name} @ {url}#sha256={}", sha256.hex());
            }
            From::File { location, sha256, .. } if !is_path(location) => {
                let (url, _) = location.split_once('#').unwrap_or((location, ""));
                _ = writeln!(written.text, "# pip {name} @ {url}#sha256={}", sha256.hex());
            }
            From::Git { url, commit, subdirectory } => {
                let below = subdirectory.map(|it| format!("#subdirectory={it}")).unwrap_or_default();
                _ = writeln!(written.text, "# pip {name} @ git+{url}@{commit}{below}");
            }
            From::File { location: path, .. } | From::Folder { path } => {
                written.left_out.push(format!("`{name}` ({path}): a list names no files of this machine"));
            }
        }
    }
    Ok(written)
}

/// The channels that the environment was solved with, as every machine knows them.
pub(crate) fn channels(conda: &LockedSet<'_, CondaSet, CondaPackage>) -> Vec<String> {
    let mut channels: Vec<String> = conda.set.channels.iter().map(|channel| public(channel)).collect();
    for package in &conda.packages {
        let channel = public(&package.channel);
        if !channels.iter().any(|known| known.trim_end_matches('/') == channel.trim_end_matches('/')) {
            channels.push(channel);
        }
    }
    channels
}

fn sorted<'a>(conda: &LockedSet<'a, CondaSet, CondaPackage>) -> Vec<&'a CondaPackage> {
    let mut packages = conda.packages.clone();
    packages.sort_by(|one, other| one.name().cmp(other.name()));
    packages
}
