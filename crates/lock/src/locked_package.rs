//! What a lock says of packages of every ecosystem.

use imgbuild_oci::Digest;

use crate::{CondaPackage, DebianPackage, LockedSet, LockedVariant, PypiPackage};

/// An archive that a lock names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// What messages call it.
    pub name: String,
    /// The hash of its file.
    pub sha256: Digest,
    /// The size of its file in bytes, where the lock has it.
    pub size: Option<u64>,
    /// Where it lies in a folder that people keep archives in, such as `pypi/six-1.17.0-py2.py3-none-any.whl`.
    pub place: String,
}

/// The last second of the year 9999: a larger time is in milliseconds.
const LAST_SECOND: i64 = 253_402_300_799;

/// A package of a lock.
pub trait LockedPackage {
    /// Its archive.
    fn archive(&self) -> Archive;

    /// When it was made, in seconds since 1970, where it says so.
    fn timestamp(&self) -> Option<i64>;
}

impl LockedPackage for CondaPackage {
    fn archive(&self) -> Archive {
        let name = self.file_name().to_owned();
        let place = format!("conda/{}/{name}", self.text("subdir").unwrap_or("noarch"));
        Archive { name, sha256: self.sha256, size: self.size, place }
    }

    /// Times are in milliseconds; those of old records are in seconds.
    fn timestamp(&self) -> Option<i64> {
        let time = self.record.get("timestamp")?.as_integer()?;
        Some(if time > LAST_SECOND { time / 1000 } else { time })
    }
}

impl LockedPackage for DebianPackage {
    fn archive(&self) -> Archive {
        let name = self.id();
        // As apt calls the files of its cache.
        let place = format!("debian/{}.deb", name.replace(':', "%3a"));
        Archive { name, sha256: self.sha256, size: Some(self.size), place }
    }

    fn timestamp(&self) -> Option<i64> {
        Some(self.facts.timestamp)
    }
}

impl LockedPackage for PypiPackage {
    fn archive(&self) -> Archive {
        let name = self.filename.clone();
        let place = format!("pypi/{name}");
        Archive { name, sha256: self.sha256, size: self.size, place }
    }

    fn timestamp(&self) -> Option<i64> {
        Some(self.facts.timestamp)
    }
}

impl<S, P: LockedPackage> LockedSet<'_, S, P> {
    /// The packages of the set, and those of the interpreters that compile for it.
    pub fn all_packages(&self) -> impl Iterator<Item = &P> {
        let compilers = self.compilers.iter().flat_map(|compiler| &compiler.packages);
        self.packages.iter().chain(compilers).copied()
    }
}

/// The newest time of a set's packages, without those that compile for it.
fn newest<S, P: LockedPackage>(set: &Option<LockedSet<'_, S, P>>) -> Option<i64> {
    set.iter().flat_map(|set| &set.packages).filter_map(|package| package.timestamp()).max()
}

impl LockedVariant<'_> {
    /// The newest time of its packages, in seconds since 1970.
    pub fn newest(&self) -> Option<i64> {
        let environments = self.environments.iter().map(|it| newest(&it.conda).max(newest(&it.pypi))).max();
        newest(&self.debian).max(newest(&self.conda)).max(newest(&self.pypi)).max(environments.flatten())
    }

    /// Every archive that the variant is made of or with.
    pub fn archives(&self) -> Vec<Archive> {
        let debian = self.debian.iter().flat_map(LockedSet::all_packages).map(LockedPackage::archive);
        let others = &self.environments;
        let conda = self.conda.iter().chain(others.iter().filter_map(|it| it.conda.as_ref()));
        let conda = conda.flat_map(LockedSet::all_packages).map(LockedPackage::archive);
        let wheels = self.pypi.iter().chain(others.iter().filter_map(|it| it.pypi.as_ref()));
        let wheels = wheels.flat_map(LockedSet::all_packages).map(LockedPackage::archive);
        debian.chain(conda).chain(wheels).collect()
    }
}
