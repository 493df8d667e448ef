//! One variant of a lock with its packages: what is built from.

use std::collections::HashMap;

use imgbuild_layer::FormatVersion;
use imgbuild_oci::Platform;

use crate::{
    CondaPackage, CondaSet, DebianPackage, DebianSet, Environment, Lock, LockError, PypiPackage, PypiSet,
    Variant,
};

/// A variant whose packages are all there.
#[derive(Debug, Clone)]
pub struct LockedVariant<'a> {
    /// The version of the lock.
    pub format: FormatVersion,
    /// The variant as the lock states it.
    pub variant: &'a Variant,
    /// Its Debian base.
    pub debian: Option<LockedSet<'a, DebianSet, DebianPackage>>,
    /// Its conda environment.
    pub conda: Option<LockedSet<'a, CondaSet, CondaPackage>>,
    /// Those of its conda packages whose post-link scripts run.
    pub post_link: Vec<&'a CondaPackage>,
    /// Its wheels.
    pub pypi: Option<LockedSet<'a, PypiSet, PypiPackage>>,
    /// All wheels of the lock, those among them that others were built with.
    pub wheels: &'a [PypiPackage],
    /// Its further environments.
    pub environments: Vec<LockedEnvironment<'a>>,
}

/// An environment beside the default one, whose packages are all there.
#[derive(Debug, Clone)]
pub struct LockedEnvironment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its conda packages.
    pub conda: Option<LockedSet<'a, CondaSet, CondaPackage>>,
    /// Those whose post-link scripts run.
    pub post_link: Vec<&'a CondaPackage>,
    /// Its wheels.
    pub pypi: Option<LockedSet<'a, PypiSet, PypiPackage>>,
}

/// What a variant has of one ecosystem.
#[derive(Debug, Clone)]
pub struct LockedSet<'a, S, P> {
    /// The set as the lock states it.
    pub set: &'a S,
    /// Its packages, in the order of the set.
    pub packages: Vec<&'a P>,
    /// The interpreters that compile its bytecode.
    pub compilers: Vec<LockedCompiler<'a, P>>,
}

/// An interpreter of some build machine.
#[derive(Debug, Clone)]
pub struct LockedCompiler<'a, P> {
    /// The build machine.
    pub host: Platform,
    /// Its packages.
    pub packages: Vec<&'a P>,
}

/// The packages of a lock by what variants call them.
struct Packages<'a> {
    debian: HashMap<String, &'a DebianPackage>,
    conda: HashMap<&'a str, &'a CondaPackage>,
    pypi: HashMap<String, &'a PypiPackage>,
}

impl Lock {
    /// The variant with this index, with its packages.
    ///
    /// # Errors
    ///
    /// When there is none, or it names a package that the lock does not list.
    pub fn variant(&self, index: usize) -> Result<LockedVariant<'_>, LockError> {
        let variant = self.variants.get(index).ok_or(LockError::NoVariant { index })?;
        self.packages().variant(self, variant)
    }

    /// All variants with their packages, in the order of the lock.
    ///
    /// # Errors
    ///
    /// When one names a package that the lock does not list.
    pub fn locked_variants(&self) -> Result<Vec<LockedVariant<'_>>, LockError> {
        let packages = self.packages();
        self.variants.iter().map(|variant| packages.variant(self, variant)).collect()
    }

    /// Checks that everything is listed that something is made of.
    pub(crate) fn check_packages(&self) -> Result<(), LockError> {
        let packages = self.packages();
        for variant in &self.variants {
            packages.variant(self, variant)?;
            // What is said of some packages of a set is said of packages that it has.
            let debian = variant.debian.iter();
            let of_debian =
                debian.flat_map(|set| absent(&set.packages, set.left_out.iter().chain(&set.configured)));
            let all =
                variant.conda.iter().chain(variant.environments.iter().filter_map(|it| it.conda.as_ref()));
            let of_conda = all.flat_map(|set| absent(&set.packages, set.post_link.iter()));
            if let Some(id) = of_debian.chain(of_conda).next() {
                return Err(missing(variant)(id));
            }
            let built = self.pypi.iter().filter_map(|package| package.build.as_ref());
            let mut requires = built.flat_map(|build| &build.requires);
            if let Some(id) = requires.find(|id| !packages.pypi.contains_key(id.as_str())) {
                return Err(missing(variant)(id));
            }
        }
        Ok(())
    }

    fn packages(&self) -> Packages<'_> {
        // Of two of one name the first counts.
        Packages {
            debian: self.debian.iter().rev().map(|package| (package.id(), package)).collect(),
            conda: self.conda.iter().rev().map(|package| (package.url.as_str(), package)).collect(),
            pypi: self.pypi.iter().rev().map(|package| (package.id(), package)).collect(),
        }
    }
}

impl<'a> Packages<'a> {
    fn variant(&self, lock: &'a Lock, variant: &'a Variant) -> Result<LockedVariant<'a>, LockError> {
        let missing = missing(variant);
        let debian = |id: &String| self.debian.get(id.as_str()).copied().ok_or_else(|| missing(id));
        let environments = variant.environments.iter().map(|environment| {
            let Environment { name, conda, pypi } = environment;
            self.environment(name, (conda.as_ref(), pypi.as_ref()), variant)
        });
        let environments = environments.collect::<Result<Vec<_>, _>>()?;
        let own = self.environment("", (variant.conda.as_ref(), variant.pypi.as_ref()), variant)?;
        let LockedEnvironment { name: _, conda, post_link, pypi } = own;
        Ok(LockedVariant {
            format: lock.version,
            variant,
            debian: variant
                .debian
                .as_ref()
                .map(|set| set_of(set, &set.packages, &set.compilers, debian))
                .transpose()?,
            conda,
            post_link,
            pypi,
            wheels: &lock.pypi,
            environments,
        })
    }

    fn environment(
        &self,
        name: &'a str,
        (conda, pypi): (Option<&'a CondaSet>, Option<&'a PypiSet>),
        variant: &'a Variant,
    ) -> Result<LockedEnvironment<'a>, LockError> {
        let missing = missing(variant);
        let of_conda = |url: &String| self.conda.get(url.as_str()).copied().ok_or_else(|| missing(url));
        let of_pypi = |id: &String| self.pypi.get(id.as_str()).copied().ok_or_else(|| missing(id));
        let scripts = conda.iter().flat_map(|set| &set.post_link);
        Ok(LockedEnvironment {
            name,
            post_link: scripts.map(of_conda).collect::<Result<_, _>>()?,
            conda: conda.map(|set| set_of(set, &set.packages, &set.compilers, of_conda)).transpose()?,
            pypi: pypi.map(|set| set_of(set, &set.packages, &[], of_pypi)).transpose()?,
        })
    }
}

fn set_of<'a, S, P>(
    set: &'a S,
    packages: &[String],
    compilers: &[crate::Compiler],
    find: impl Fn(&String) -> Result<&'a P, LockError>,
) -> Result<LockedSet<'a, S, P>, LockError> {
    let all = |names: &[String]| names.iter().map(&find).collect::<Result<Vec<_>, _>>();
    let compiler = |compiler: &crate::Compiler| {
        Ok(LockedCompiler { host: compiler.host, packages: all(&compiler.packages)? })
    };
    let compilers = compilers.iter().map(compiler).collect::<Result<_, LockError>>()?;
    Ok(LockedSet { set, packages: all(packages)?, compilers })
}

/// Those of some names that a set does not have.
fn absent<'a>(
    packages: &'a [String],
    names: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = &'a String> {
    names.filter(|name| !packages.contains(name))
}

fn missing(variant: &Variant) -> impl Fn(&String) -> LockError {
    let tag = variant.tags.first().map(ToString::to_string).unwrap_or_default();
    move |package| LockError::Missing { package: package.clone(), variant: tag.clone() }
}

impl<S, P: Clone> LockedSet<'_, S, P> {
    /// Its packages for themselves.
    pub fn owned(&self) -> Vec<P> {
        self.packages.iter().map(|package| (*package).clone()).collect()
    }
}

impl<'a> LockedVariant<'a> {
    /// The variant as one of its environments has it, as if that were the only one: without a name the default one. Nothing where
    /// it has none of that name.
    pub fn in_environment(&self, name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Self { environments: Vec::new(), ..self.clone() }) };
        let LockedEnvironment { name: _, conda, post_link, pypi } =
            self.environments.iter().find(|environment| environment.name == name)?.clone();
        Some(Self { conda, post_link, pypi, environments: Vec::new(), ..self.clone() })
    }

    /// The variant as each of its environments has it, the default one first.
    pub fn in_each_environment(&self) -> Vec<Self> {
        let names = std::iter::once(None).chain(self.environments.iter().map(|it| Some(it.name)));
        names.filter_map(|name| self.in_environment(name)).collect()
    }

    /// A lock of this variant alone, as this environment of it is, without wheels: what these stand on.
    pub fn beneath_wheels(&self, lock: &Lock) -> Lock {
        let conda = self.conda.as_ref().map(|conda| conda.set.clone());
        let variant = Variant { conda, pypi: None, environments: Vec::new(), ..self.variant.clone() };
        Lock { variants: vec![variant], pypi: Vec::new(), ..lock.clone() }
    }
}
