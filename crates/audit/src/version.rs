//! Versions, in the order of their ecosystem.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::apk_version::ApkVersion;

/// Whose versions they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Debian's, which its derivatives have too (`deb-version(7)`).
    Debian,
    /// Python's (PEP 440).
    Python,
    /// Alpine's, which Wolfi has too (`apk-package(5)`).
    Apk,
}

impl Order {
    /// How two versions stand to one another; nothing where one of them is none.
    pub(crate) fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        match self {
            Self::Debian => {
                let read = |it: &str| imgbuild_debian::Version::from_str(it).ok();
                Some(read(one)?.cmp(&read(other)?))
            }
            Self::Apk => {
                let read = |it: &str| ApkVersion::from_str(it).ok();
                Some(read(one)?.cmp(&read(other)?))
            }
            Self::Python => {
                let read = |it: &str| pep440_rs::Version::from_str(it).ok();
                Some(read(one)?.cmp(&read(other)?))
            }
        }
    }
}
