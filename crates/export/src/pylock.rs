//! `pylock.toml` ("pylock.toml Specification", PEP 751).

use imgbuild_lock::{LockedVariant, PypiPackage};
use imgbuild_oci::{Digest, Platform};
use toml::{Table, Value};

use crate::error::ExportError;
use crate::wheel::{From, Locations, from, is_path, location, wheels};
use crate::written::{Written, head};

pub(crate) fn write(
    name: &str,
    variant: &LockedVariant<'_>,
    locations: &Locations,
) -> Result<Written, ExportError> {
    let machine = match variant.variant.platform {
        Platform::LinuxAmd64 => "x86_64",
        Platform::LinuxArm64 => "aarch64",
    };
    let environment = format!("sys_platform == 'linux' and platform_machine == '{machine}'");
    let mut text = head(name, variant);
    text.push_str("lock-version = \"1.0\"\n");
    text.push_str(&format!("environments = [{}]\n", Value::from(environment)));
    text.push_str("created-by = \"imgbuild\"\n");
    for package in wheels(variant) {
        text.push_str(&entry(package, locations)?);
    }
    Ok(Written { text, left_out: Vec::new() })
}

fn entry(package: &PypiPackage, locations: &Locations) -> Result<String, ExportError> {
    let mut text = format!("\n[[packages]]\nname = {}\n", Value::from(package.name.as_str()));
    let mut say = |key: &str, value: Value| text.push_str(&format!("{key} = {value}\n"));
    if !matches!(from(package), From::Git { .. } | From::Folder { .. }) {
        say("version", package.version.as_str().into());
    }
    if let Some(versions) = &package.facts.requires_python {
        say("requires-python", versions.as_str().into());
    }
    let is_wheel = package.build.is_none();
    match from(package) {
        From::Index { filename, sha256, size } => {
            let file = file(Some(filename), &location(filename, sha256, locations)?, (sha256, size));
            match is_wheel {
                true => say("wheels", Value::Array(vec![Value::Table(file)])),
                false => say("sdist", Value::Table(file)),
            }
        }
        From::File { location, sha256, size, subdirectory, .. } => {
            let (location, _) = location.split_once('#').unwrap_or((location, ""));
            let mut file = file(None, location, (sha256, size));
            if let Some(subdirectory) = subdirectory {
                file.insert("subdirectory".to_owned(), subdirectory.into());
            }
            // Of another lock's wheel nobody requires the URL.
            match (package.origin.is_none(), is_wheel) {
                (true, true) => say("wheels", Value::Array(vec![Value::Table(file)])),
                _ => say("archive", Value::Table(file)),
            }
        }
        From::Git { url, commit, subdirectory } => {
            let mut vcs = Table::from_iter(
                [("type", "git"), ("url", url), ("commit-id", commit)]
                    .map(|(key, value)| (key.to_owned(), value.into())),
            );
            if let Some(subdirectory) = subdirectory {
                vcs.insert("subdirectory".to_owned(), subdirectory.into());
            }
            say("vcs", Value::Table(vcs));
        }
        From::Folder { path } => {
            say("directory", Value::Table(Table::from_iter([("path".to_owned(), path.into())])))
        }
    }
    Ok(text)
}

fn file(name: Option<&str>, location: &str, (sha256, size): (&Digest, Option<u64>)) -> Table {
    let mut file = Table::new();
    if let Some(name) = name {
        file.insert("name".to_owned(), name.into());
    }
    let key = if is_path(location) { "path" } else { "url" };
    file.insert(key.to_owned(), location.into());
    if let Some(size) = size.and_then(|size| i64::try_from(size).ok()) {
        file.insert("size".to_owned(), size.into());
    }
    let hashes = Table::from_iter([("sha256".to_owned(), sha256.hex().into())]);
    file.insert("hashes".to_owned(), Value::Table(hashes));
    file
}
