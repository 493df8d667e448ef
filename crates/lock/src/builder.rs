//! A lock in the making.

use std::collections::BTreeMap;

use imgbuild_layer::FormatVersion;
use imgbuild_oci::Digest;

use crate::{CondaPackage, DebianPackage, Lock, PypiPackage, Variant};

/// A lock in the making: what several variants have is in it once, in the order that the file has.
#[derive(Debug, Clone)]
pub struct LockBuilder {
    version: FormatVersion,
    variants: Vec<Variant>,
    debian: BTreeMap<(String, String, String), DebianPackage>,
    conda: BTreeMap<(String, String), CondaPackage>,
    pypi: BTreeMap<String, PypiPackage>,
}

impl LockBuilder {
    /// A lock of this version, with nothing in it yet.
    pub fn new(version: FormatVersion) -> Self {
        let (debian, conda, pypi) = Default::default();
        Self { version, variants: Vec::new(), debian, conda, pypi }
    }

    /// Adds Debian packages.
    pub fn add_debian(&mut self, packages: impl IntoIterator<Item = DebianPackage>) {
        let key = |it: &DebianPackage| (it.name.clone(), it.architecture.clone(), it.version.clone());
        self.debian.extend(packages.into_iter().map(|package| (key(&package), package)));
    }

    /// Adds conda packages.
    pub fn add_conda(&mut self, packages: impl IntoIterator<Item = CondaPackage>) {
        let key = |it: &CondaPackage| (it.name().to_owned(), it.url.clone());
        self.conda.extend(packages.into_iter().map(|package| (key(&package), package)));
    }

    /// Adds wheels.
    pub fn add_pypi(&mut self, packages: impl IntoIterator<Item = PypiPackage>) {
        self.pypi.extend(packages.into_iter().map(|package| (package.id(), package)));
    }

    /// Adds a variant, whose packages are there.
    pub fn add_variant(&mut self, variant: Variant) {
        self.variants.push(variant);
    }

    /// The Debian packages that are there so far.
    pub fn debian(&self) -> impl Iterator<Item = &DebianPackage> {
        self.debian.values()
    }

    /// A lock of one variant alone, with the packages that are there so far but wheels: what these are locked over. It stands in
    /// no file.
    pub fn beneath_wheels(&self, variant: Variant) -> Lock {
        let variants = vec![variant];
        Self { variants, pypi: BTreeMap::new(), ..self.clone() }.finish(Digest::of(""))
    }

    /// The lock, made for what `inputs` is a hash of.
    pub fn finish(self, inputs: Digest) -> Lock {
        let mut lock = Lock {
            version: self.version,
            inputs,
            variants: self.variants,
            debian: self.debian.into_values().collect(),
            conda: self.conda.into_values().collect(),
            pypi: self.pypi.into_values().collect(),
        };
        if !lock.version.has_bill_of_materials() {
            leave_out(&mut lock);
        }
        lock
    }
}

/// Leaves out what locks of older versions did not say.
fn leave_out(lock: &mut Lock) {
    lock.variants.iter_mut().filter_map(|it| it.debian.as_mut()).for_each(|set| set.requested.clear());
    lock.debian.iter_mut().for_each(|package| package.facts.licence = None);
    for PypiPackage { facts, .. } in &mut lock.pypi {
        (facts.licence, facts.author) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::sample;

    #[test]
    fn a_lock_of_an_older_version_says_no_more_than_such_locks_did() {
        let lock = sample();
        let finished = |version| {
            let mut builder = LockBuilder::new(version);
            builder.add_debian(lock.debian.iter().cloned());
            builder.add_conda(lock.conda.iter().cloned());
            builder.add_pypi(lock.pypi.iter().cloned());
            lock.variants.iter().for_each(|variant| builder.add_variant(variant.clone()));
            builder.finish(lock.inputs).to_text().unwrap()
        };
        let [three, four] = [FormatVersion::Three, FormatVersion::Four].map(finished);
        let new: Vec<&str> = four.lines().filter(|line| !three.contains(line)).collect();
        let of_wheel = ["licence = \"MIT\"", "author = \"A <a@b.example>\""];
        let said = ["version = 4", "requested = [\"base-files\"]", "licence = \"GPL-2+\""];
        assert_eq!(new, [&said[..], &of_wheel, &of_wheel].concat());
    }

    #[test]
    fn a_lock_that_is_built_of_its_packages_is_itself() {
        let mut lock = sample();
        lock.pypi.sort_by_key(PypiPackage::id);
        let mut builder = LockBuilder::new(lock.version);
        for _ in 0..2 {
            builder.add_debian(lock.debian.iter().rev().cloned());
            builder.add_conda(lock.conda.iter().rev().cloned());
            builder.add_pypi(lock.pypi.iter().rev().cloned());
        }
        let mut alone = builder.clone();
        lock.variants.iter().for_each(|variant| builder.add_variant(variant.clone()));
        assert_eq!(builder.finish(lock.inputs), lock);
        alone.add_variant(lock.variants[0].clone());
        let beneath = alone.beneath_wheels(Variant { pypi: None, ..lock.variants[0].clone() });
        assert_eq!((beneath.variants.len(), beneath.pypi.len()), (1, 0));
    }
}
