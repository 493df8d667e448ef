//! The lock as a whole.

use std::collections::BTreeMap;

use imgbuild_layer::{Cut, FormatVersion, Threshold};
use imgbuild_oci::{Digest, Platform, Tag};
use serde::{Deserialize, Serialize};

use crate::{CondaPackage, CondaSet, DebianPackage, DebianSet, ImageBase, PypiPackage, PypiSet};

/// Everything that an image is made of, for every variant of a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// The version of its format, and of the rules by which its images are made. A lock of another version is refused, never guessed at.
    pub version: FormatVersion,
    /// A hash of what was asked for. When the spec's differs, the lock is stale.
    pub inputs: Digest,
    /// The variants, in the order of the spec's matrix and platforms.
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
    /// Every Debian package of any variant, once, sorted by name.
    #[serde(rename = "debian", default, skip_serializing_if = "Vec::is_empty")]
    pub debian: Vec<DebianPackage>,
    /// Every conda package of any variant, once, sorted by name.
    #[serde(rename = "conda", default, skip_serializing_if = "Vec::is_empty")]
    pub conda: Vec<CondaPackage>,
    /// Every wheel of any variant, once, sorted by identifier.
    #[serde(rename = "pypi", default, skip_serializing_if = "Vec::is_empty")]
    pub pypi: Vec<PypiPackage>,
}

/// One image: one combination of the matrix on one platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What it is built for.
    pub platform: Platform,
    /// Its combination of the matrix.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    /// When it counts as created, in seconds since 1970: the newest package's time, or `SOURCE_DATE_EPOCH`.
    pub timestamp: i64,
    /// From which installed size, in bytes, a package has a layer of its own.
    pub threshold: Threshold,
    /// How large packages are cut into several layers, where the spec asks for it.
    #[serde(rename = "cut", default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// Its Debian base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debian: Option<DebianSet>,
    /// The image that it stands on, where that is a file or folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<ImageBase>,
    /// The image of a registry that it stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageBase>,
    /// Its conda environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conda: Option<CondaSet>,
    /// Its wheels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pypi: Option<PypiSet>,
    /// Its further environments. What is said above of conda and wheels is the default one, which is on `PATH`.
    #[serde(rename = "environment", default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<Environment>,
}

impl Variant {
    /// The image that somebody else made and that it stands on.
    pub fn existing(&self) -> Option<&ImageBase> {
        self.layout.as_ref().or(self.image.as_ref())
    }
}

/// An environment of an image beside the default one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Environment {
    /// Its name, which no other of the image has.
    pub name: String,
    /// Its conda packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conda: Option<CondaSet>,
    /// Its wheels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pypi: Option<PypiSet>,
}

#[cfg(test)]
mod tests {
    use imgbuild_archive::ImagePath;
    use imgbuild_layer::{Cut, FileSizes, PartId};
    use insta::assert_snapshot;

    use crate::Lock;
    use crate::text::tests::sample;

    #[test]
    fn a_lock_says_where_packages_are_cut() {
        let mut lock = sample();
        assert!(!lock.to_text().unwrap().contains("cut"));
        let path = |text: &str| ImagePath::new(text).unwrap();
        let files = FileSizes::from([(path("bin/a"), 60), (path("lib/b.so"), 50), (path("lib/c.so"), 90)]);
        lock.variants[0].cuts.extend(Cut::new(&PartId::new("conda", "numpy"), &files, 100));
        let text = lock.to_text().unwrap();
        let begin = text.find("[[variant.cut]]").unwrap();
        let end = begin + text[begin..].find("\n\n").unwrap();
        assert_snapshot!(&text[begin..end], @r#"
        [[variant.cut]]
        part = "conda/numpy"
        sizes = [
            60,
            50,
            90,
        ]
        fences = [
            "lib/b.so",
            "lib/c.so",
        ]
        "#);
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        let wrong = text.replacen("\"lib/b.so\"", "\"lib/d.so\"", 1);
        assert!(
            Lock::parse(&wrong)
                .unwrap_err()
                .to_string()
                .contains("the pieces of `conda/numpy` contradict each other")
        );
    }
}
