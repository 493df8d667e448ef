//! The conda environments of an image: their packages, by the names of the files in `conda-meta`.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use serde::{Deserialize, Serialize};

/// Where conda keeps what it knows of a package.
const FOLDER: &str = "conda-meta";

/// A conda environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondaPrefix {
    /// Its folder.
    pub prefix: ImagePath,
    /// Its packages as `NAME-VERSION-BUILD`, sorted.
    pub packages: Vec<String>,
}

impl CondaPrefix {
    /// The version of a package.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.packages
            .iter()
            .filter_map(|package| parts(package))
            .find(|(found, _)| *found == name)
            .map(|it| it.1)
    }
}

/// Those of an image.
pub(super) fn all(merged: &Merged) -> Vec<CondaPrefix> {
    let mut found: BTreeMap<ImagePath, Vec<String>> = BTreeMap::new();
    let files = merged.iter().filter(|(_, node)| matches!(node.kind, NodeKind::File { .. }));
    for (path, _) in files {
        let Some(package) = path.file_name().strip_suffix(".json").filter(|it| parts(it).is_some()) else {
            continue;
        };
        let folder = path.parent().filter(|folder| folder.file_name() == FOLDER);
        if let Some(prefix) = folder.and_then(|folder| folder.parent()) {
            found.entry(prefix).or_default().push(package.to_owned());
        }
    }
    found.into_iter().map(|(prefix, packages)| CondaPrefix { prefix, packages }).collect()
}

/// Name and version of `NAME-VERSION-BUILD`. Neither version nor build has a hyphen.
fn parts(package: &str) -> Option<(&str, &str)> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._-+!".contains(it);
    let mut parts = package.rsplitn(3, '-');
    let (build, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = ![build, version, name].contains(&"") && package.chars().all(plain);
    is_whole.then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn packages_are_known_by_the_names_of_their_files() {
        assert_eq!(parts("ca-certificates-2024.7.4-hbcca054_0"), Some(("ca-certificates", "2024.7.4")));
        assert_eq!(parts("python-3.11.9-h955ad1f_0_cpython"), Some(("python", "3.11.9")));
        for text in ["history", "a-1", "-1-0", "a--0", "a-1-", "a\n-1-0", ""] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
