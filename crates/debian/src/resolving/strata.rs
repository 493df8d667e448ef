//! Which packages every base has, which only Debian's Python needs, and which were added: each of these is planned by itself, so that
//! the base is the same layers whatever stands on it.

use std::collections::BTreeSet;

use imgbuild_layer::Role;
use imgbuild_lock::DebianPackage;

use crate::package::stanza::field;
use crate::resolving::dependencies::{Dependencies, is_essential};
use crate::resolving::packages::default_packages;
use crate::resolving::resolve::{ResolveError, priority};
use crate::role::{BASE, BASE_ADDED, BASE_PYTHON};

/// What each package is to the image, in their order.
pub(crate) fn roles(packages: &[DebianPackage], suite: &str) -> Result<Vec<Role>, ResolveError> {
    let dependencies = Dependencies::read(packages)?;
    let of_suite = default_packages(suite);
    let is_default =
        |index: &usize| of_suite.contains(&packages[*index].name) || is_essential(&packages[*index]);
    let is_python = |index: &usize| is_python(&packages[*index].name);
    let rank = |index: usize| priority(field(&packages[index].record, "Priority"));
    let closure = |roots: &dyn Fn(&usize) -> bool| -> BTreeSet<usize> {
        dependencies.closure_of_first((0..packages.len()).filter(roots), rank)
    };
    let (base, python) = (closure(&is_default), closure(&is_python));
    let role = |index: usize| match () {
        () if base.contains(&index) => BASE,
        () if python.contains(&index) => BASE_PYTHON,
        () => BASE_ADDED,
    };
    Ok((0..packages.len()).map(role).collect())
}

/// `python3`, `python3.13`, and the name `python`.
fn is_python(name: &str) -> bool {
    let minor = name.strip_prefix("python3").map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    name == "python-is-python3" || minor.is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imgbuild_lock::DebianFacts;
    use imgbuild_oci::Digest;

    use super::*;

    fn package(name: &str, record: &str) -> DebianPackage {
        DebianPackage {
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: "amd64".to_owned(),
            archive: "debian".to_owned(),
            filename: format!("pool/{name}.deb"),
            size: 1,
            sha256: Digest::of(name),
            facts: DebianFacts::default(),
            record: format!("Package: {name}\n{record}"),
        }
    }

    fn roles_of(packages: &[DebianPackage]) -> BTreeMap<&str, &'static str> {
        let roles = roles(packages, "trixie").unwrap();
        packages.iter().zip(roles).map(|(it, role)| (it.name.as_str(), role.name)).collect()
    }

    #[test]
    fn what_is_added_moves_nothing_of_the_base() {
        let base = [
            package("base-files", "Essential: yes\nPriority: required\nPre-Depends: awk"),
            package("mawk", "Priority: required\nProvides: awk\nDepends: libc6"),
            package("libc6", "Priority: optional"),
            package("tini", "Depends: libc6"),
        ];
        let expected =
            BTreeMap::from([("base-files", "base"), ("mawk", "base"), ("libc6", "base"), ("tini", "base")]);
        assert_eq!(roles_of(&base), expected);
        // Another awk, which meets the same dependency, a library that only Python needs, and one that both others need.
        let more = [
            package("gawk", "Priority: optional\nProvides: awk\nDepends: libc6, libreadline8"),
            package("libreadline8", "Depends: libc6"),
            package("python3", "Depends: python3.13, libc6"),
            package("python3.13", "Depends: libexpat1"),
            package("python3-yaml", "Depends: python3"),
            package("libexpat1", ""),
        ];
        let all: Vec<DebianPackage> = base.iter().chain(&more).cloned().collect();
        let found = roles_of(&all);
        assert!(expected.iter().all(|(name, role)| found[name] == *role), "{found:?}");
        let of = |role: &str| found.iter().filter(|it| *it.1 == role).map(|it| *it.0).collect::<Vec<_>>();
        assert_eq!(of("base-python"), ["libexpat1", "python3", "python3.13"]);
        assert_eq!(of("base-added"), ["gawk", "libreadline8", "python3-yaml"]);
    }
}
