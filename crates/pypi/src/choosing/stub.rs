//! What conda provides, as uv is told of it: for every distribution a wheel of nothing but metadata.
//!
//! A constraint that names such a wheel holds the distribution at its version, also at one that no index has, and uv lists
//! it only where something requires it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use flate2::Crc;
use pep440_rs::Version;
use url::Url;

use crate::choosing::dependency::Dependency;
use crate::choosing::environment::Environment;
use crate::choosing::provided::ProvidedPackage;
use crate::wheel::metadata::Metadata;

/// Writes the wheels into a folder, and gives the lines of a constraints file that hold all of it. `metadata` is that of
/// the distributions of which an extra is wanted.
pub(crate) fn constraints(
    provided: &[ProvidedPackage],
    metadata: &BTreeMap<String, Metadata>,
    environment: &Environment,
    folder: &Path,
) -> io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut lines = Vec::new();
    for package in provided {
        // What has no version that uv reads is found out when a wheel of its name is chosen.
        let Some(version) = package.known_version(metadata) else { continue };
        let stem = format!("{}-{version}", package.name.replace('-', "_"));
        let path = folder.join(format!("{stem}-py3-none-any.whl"));
        let metadata = metadata.get(&package.name);
        std::fs::write(&path, wheel(&stem, &text(package, &version, metadata, environment)))?;
        let url = Url::from_file_path(&path).map_err(|()| io::Error::other("the folder is relative"))?;
        lines.push(format!("{} @ {url}", package.name));
        let is_provided = |name: &str| provided.iter().any(|package| package.name == name);
        // conda's packagers leave some requirements out on purpose. Where such a package comes all the same, it is one that
        // fits.
        for text in metadata.map(|it| it.requires_dist.as_slice()).unwrap_or_default() {
            let Some(it) = Dependency::of_metadata(text) else { continue };
            let held = it.holds(environment, &[]) && !is_provided(&it.name);
            if let Some(versions) = it.versions.as_ref().filter(|it| held && !it.is_empty()) {
                lines.push(format!("{} {versions}", it.name));
            }
        }
    }
    Ok(lines)
}

/// Metadata with the requirements of extras alone: what else the distribution requires is conda's matter.
fn text(
    package: &ProvidedPackage,
    version: &Version,
    metadata: Option<&Metadata>,
    environment: &Environment,
) -> String {
    let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {version}\n", package.name);
    let Some(metadata) = metadata else { return text };
    for extra in &metadata.extras {
        text += &format!("Provides-Extra: {extra}\n");
    }
    for requirement in &metadata.requires_dist {
        let Some(it) = Dependency::of_metadata(requirement) else { continue };
        if requirement.contains("extra") && !it.holds(environment, &[]) {
            text += &format!("Requires-Dist: {}\n", requirement.replace('\n', " "));
        }
    }
    text
}

/// The bytes of a wheel with this metadata.
fn wheel(stem: &str, metadata: &str) -> Vec<u8> {
    let folder = format!("{stem}.dist-info");
    let format = "Wheel-Version: 1.0\nGenerator: imgbuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = format!("{folder}/METADATA,,\n{folder}/WHEEL,,\n{folder}/RECORD,,\n");
    zip(&[
        (format!("{folder}/METADATA"), metadata),
        (format!("{folder}/WHEEL"), format),
        (format!("{folder}/RECORD"), &record),
    ])
}

/// A zip of stored members (APPNOTE 4.3). Its readers are uv's, and it lives as long as one run of it.
fn zip(members: &[(String, &str)]) -> Vec<u8> {
    const DATE: u16 = 1 << 5 | 1;
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    let narrow = |numbers: &[u16]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let wide =
        |numbers: &[usize]| numbers.iter().flat_map(|it| (*it as u32).to_le_bytes()).collect::<Vec<u8>>();
    for (name, content) in members {
        let mut crc = Crc::new();
        crc.update(content.as_bytes());
        let head = [
            narrow(&[20, 0x0800, 0, 0, DATE]),
            wide(&[crc.sum() as usize, content.len(), content.len()]),
            narrow(&[name.len() as u16, 0]),
        ]
        .concat();
        let offset = file.len();
        file.extend([b"PK\x03\x04".as_slice(), &head, name.as_bytes(), content.as_bytes()].concat());
        directory.extend([b"PK\x01\x02".as_slice(), &narrow(&[0x0314]), &head].concat());
        directory.extend([narrow(&[0, 0, 0]), wide(&[0o100_644 << 16, offset])].concat());
        directory.extend(name.as_bytes());
    }
    let (size, offset, count) = (directory.len(), file.len(), members.len() as u16);
    file.extend(directory);
    let end = [narrow(&[0, 0, count, count]), wide(&[size, offset]), narrow(&[0])].concat();
    file.extend([b"PK\x05\x06".as_slice(), &end].concat());
    file
}
