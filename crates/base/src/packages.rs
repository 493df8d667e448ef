//! The packages that dpkg knows in an image.

use imgbuild_archive::ImagePath;
use imgbuild_layer::Merged;
use serde::{Deserialize, Serialize};

pub(crate) const DPKG_STATUS: &str = "var/lib/dpkg/status";
/// Where images without dpkg keep the stanzas of their packages, one file each.
pub(crate) const DPKG_STATUS_FOLDER: &str = "var/lib/dpkg/status.d";

/// A package that dpkg knows as installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DpkgPackage {
    /// The name.
    pub name: String,
    /// The architecture.
    pub architecture: String,
    /// The version.
    pub version: String,
}

/// What dpkg's `status` says, and the files of `status.d`.
pub(crate) fn packages(merged: &Merged, status: Option<String>) -> Vec<DpkgPackage> {
    let mut packages: Vec<DpkgPackage> = status.iter().flat_map(|text| stanzas(text)).collect();
    if let Ok(folder) = ImagePath::new(DPKG_STATUS_FOLDER) {
        for (path, _) in merged.below(&folder) {
            let content = merged.content(path).map(String::from_utf8_lossy);
            packages.extend(content.iter().flat_map(|text| stanzas(text)));
        }
    }
    packages.sort();
    packages.dedup();
    packages
}

fn stanzas(text: &str) -> Vec<DpkgPackage> {
    let package = |stanza: &str| {
        let field = |name: &str| {
            let value = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(value.trim().to_owned())
        };
        // Removed packages whose configuration is left stand in the file as well.
        if field("Status").is_some_and(|status| !status.ends_with(" installed")) {
            return None;
        }
        let architecture = field("Architecture").unwrap_or_default();
        Some(DpkgPackage { name: field("Package")?, architecture, version: field("Version")? })
    };
    text.split("\n\n").filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let text = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n\
                    Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
                    Package: tzdata\nVersion: 2024a\n Version: no\n";
        let shown: Vec<_> = stanzas(text).iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        assert_eq!(shown, ["libc6 2.36-9", "tzdata 2024a"]);
    }
}
