//! Virtual packages: what an image has beside packages, and what it lacks of it.

use std::collections::BTreeMap;
use std::fmt;

use rattler_conda_types::{
    GenericVirtualPackage, MatchSpec, Matches, PackageName, PackageRecord, Subdir, Version,
};

/// The virtual packages of a platform: from the spec and the base, never from the build machine.
///
/// `__linux` is the oldest kernel with long-term support that still had it when this was written: an image runs under
/// its user's kernel, which nobody knows. `cuda` is the newest CUDA that the driver supports, with the lowest compute capability of
/// the GPUs where that is known.
pub fn virtual_packages(
    subdir: Subdir,
    glibc: Option<&str>,
    cuda: Option<(&str, Option<&str>)>,
) -> BTreeMap<String, String> {
    let archspec = match subdir {
        Subdir::LinuxAarch64 => "aarch64",
        _ => "x86_64",
    };
    let fixed = [("__unix", "0"), ("__linux", "5.10"), ("__archspec", archspec)];
    let (cuda, capability) = cuda.unzip();
    let given = [("__glibc", glibc), ("__cuda", cuda), ("__cuda_arch", capability.flatten())];
    let given = given.into_iter().filter_map(|(name, version)| version.map(|version| (name, version)));
    fixed.into_iter().chain(given).map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

/// A virtual package as rattler's solver takes it; nothing where the version is none.
pub(crate) fn generic(name: &str, version: &str) -> Option<GenericVirtualPackage> {
    // conda's `__archspec` is version 1 with the architecture as its build string.
    let (number, build) = if name == "__archspec" { ("1", version) } else { (version, "0") };
    Some(GenericVirtualPackage {
        name: PackageName::try_from(name).ok()?,
        version: number.parse::<Version>().ok()?,
        build_string: build.parse().ok()?,
    })
}

/// A requirement on a virtual package that an image does not meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmet {
    /// Who requires it, as name, version and build; nothing where the environment itself does.
    pub package: Option<String>,
    /// What is required, such as `__glibc >=2.39`.
    pub requirement: String,
    /// The name of the virtual package.
    pub name: String,
    /// What the image has of it.
    pub found: Option<String>,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requirement = &self.requirement;
        match &self.package {
            Some(package) => write!(f, "`{package}` needs `{requirement}`, and ")?,
            None => write!(f, "`{requirement}` is asked for, and ")?,
        }
        match (self.name.as_str(), self.found.as_deref()) {
            ("__cuda", Some(found)) => write!(f, "the image's oldest driver supports CUDA {found}"),
            ("__cuda_arch", Some(found)) => {
                write!(f, "the image's oldest GPU has the compute capability {found}")
            }
            ("__cuda_arch", None) => f.write_str("the image is for no GPU that is named"),
            (_, found) => write!(f, "the image has {}", found.unwrap_or("none")),
        }
    }
}

impl Unmet {
    /// Whether a version of the virtual package would do.
    pub fn is_met_by(&self, version: &str) -> bool {
        virtual_requirement(&self.requirement).is_some_and(|(spec, name)| is_met(&spec, &name, version))
    }
}

/// A requirement that speaks of a virtual package, and the name of that.
pub(crate) fn virtual_requirement(requirement: &str) -> Option<(MatchSpec, String)> {
    // Most speak of a package: these need not be read.
    if !requirement.trim_start().starts_with("__") {
        return None;
    }
    let spec = crate::requirement::read(requirement).ok()?;
    let name = virtual_name(&spec)?.to_owned();
    Some((spec, name))
}

/// The name of the virtual package that a match spec speaks of.
pub(crate) fn virtual_name(spec: &MatchSpec) -> Option<&str> {
    spec.name.as_exact().map(PackageName::as_normalized).filter(|name| name.starts_with("__"))
}

/// Whether a requirement on a virtual package is met. What is no version meets nothing.
pub(crate) fn is_met(requirement: &MatchSpec, name: &str, version: &str) -> bool {
    generic(name, version).is_some_and(|package| requirement.matches(&package))
}

/// What a package requires of virtual packages, and these do not give: it depends on one, or allows only some versions of
/// it.
pub(crate) fn unmet(record: &PackageRecord, given: &BTreeMap<String, String>) -> Vec<Unmet> {
    let package = || format!("{}-{}-{}", record.name.as_normalized(), record.version, record.build);
    let of = |requirement: &String, must_be_there: bool| {
        let (spec, name) = virtual_requirement(requirement)?;
        let found = given.get(&name);
        if found.map_or(!must_be_there, |version| is_met(&spec, &name, version)) {
            return None;
        }
        let requirement = requirement.trim().to_owned();
        Some(Unmet { package: Some(package()), requirement, name, found: found.cloned() })
    };
    let depends = record.depends.iter().filter_map(|requirement| of(requirement, true));
    depends.chain(record.constrains.iter().filter_map(|requirement| of(requirement, false))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> BTreeMap<String, String> {
        virtual_packages(Subdir::Linux64, Some("2.36"), None)
    }

    fn record(depends: &[&str], constrains: &[&str]) -> PackageRecord {
        let name = PackageName::new_unchecked("a");
        let mut record = PackageRecord::new(name, "1.0".parse::<Version>().unwrap(), "0".parse().unwrap());
        record.depends = depends.iter().map(ToString::to_string).collect();
        record.constrains = constrains.iter().map(ToString::to_string).collect();
        record
    }

    #[test]
    fn what_an_image_lacks() {
        let shown = |depends: &[&str], constrains: &[&str]| {
            let found = unmet(&record(depends, constrains), &given());
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(
            shown(
                &["__glibc >=2.17,<3.0.a0", "__linux", "__unix", "__archspec 1 x86_64", "libc"],
                &["__cuda >=12"]
            ),
            none
        );
        assert_eq!(
            shown(&["__glibc >=2.39,<3.0.a0", "__cuda", "__win", "__archspec 1 x86_64_v3"], &["__linux >=6"]),
            [
                "`a-1.0-0` needs `__glibc >=2.39,<3.0.a0`, and the image has 2.36",
                "`a-1.0-0` needs `__cuda`, and the image has none",
                "`a-1.0-0` needs `__win`, and the image has none",
                "`a-1.0-0` needs `__archspec 1 x86_64_v3`, and the image has x86_64",
                "`a-1.0-0` needs `__linux >=6`, and the image has 5.10",
            ]
        );
        // In every form that conda knows.
        for text in ["__glibc>=2.39", "__glibc[version='>=2.39']", "__glibc =2.39", " __glibc  2.39.*"] {
            assert_eq!(shown(&[text], &[]).len(), 1, "{text}");
        }
    }

    #[test]
    fn whether_another_version_would_do() {
        let unmet = unmet(&record(&["__glibc >=2.39,<3.0.a0"], &[]), &given());
        assert_eq!(
            ["2.36", "2.39", "2.41", "3.1", "x y"].map(|it| unmet[0].is_met_by(it)),
            [false, true, true, false, false]
        );
    }
}
