//! Which Python an image gets, and from where.

use std::str::FromStr as _;

use imgbuild_spec::Suite;
use pep440_rs::{Version, VersionSpecifiers};

use crate::draft::Draft;
use crate::literal;

/// The versions that are taken from conda, the most usual ones first.
const CONDAS: [&str; 6] = ["3.12", "3.11", "3.10", "3.13", "3.14", "3.9"];

/// The Python of conda where nobody says which.
pub(crate) const USUAL: &str = CONDAS[0];

/// Major and minor of a version.
pub(crate) fn minor(version: &str) -> Option<String> {
    let mut parts = version.trim().split('.');
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let (major, minor) = (parts.next().filter(is_number)?, parts.next().filter(is_number)?);
    Some(format!("{major}.{minor}"))
}

/// The version that fits what a project requires (PEP 440), of those that are easily had.
pub(crate) fn fitting(requires: &str) -> Option<&'static str> {
    let specifiers = VersionSpecifiers::from_str(requires).ok()?;
    let debians = std::iter::once(Suite::default()).chain(Suite::ALL).map(Suite::python);
    // Its newest patch release: `>=3.9.2` means 3.9 as well.
    let fits =
        |version: &&str| Version::from_str(&format!("{version}.99")).is_ok_and(|it| specifiers.contains(&it));
    debians.chain(CONDAS).find(fits)
}

/// Sets the Python: Debian's own where a release has this version, and where `suite` says no other one; else conda's.
pub(crate) fn set(draft: &mut Draft, version: Option<&str>, suite: Option<Suite>, place: &str) {
    let version = version.unwrap_or_else(|| suite.unwrap_or_default().python());
    match Suite::with_python(version).filter(|it| suite.is_none_or(|suite| suite == *it)) {
        Some(suite) => {
            let table = format!("{{ version = {}, from = \"debian\" }}", literal::text(version));
            draft.set_literal("python", table, place);
            draft.set("base.debian", suite.as_str(), place);
        }
        None => draft.set("python", version, place),
    }
}

/// Sets conda's Python, where an image has one of its own.
pub(crate) fn set_of_conda(draft: &mut Draft, version: &str, place: &str) {
    let table = format!("{{ version = {}, from = \"conda\" }}", literal::text(version));
    draft.set_literal("python", table, place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_chosen_that_fits() {
        for (requires, version) in [
            (">=3.8", "3.13"),
            ("<3.13", "3.11"),
            ("<3.11,>=3.9", "3.10"),
            ("==3.12.*", "3.12"),
            (">=3.9.2,<3.10", "3.9"),
        ] {
            assert_eq!(fitting(requires), Some(version), "{requires}");
        }
        assert_eq!((fitting("<3"), fitting("three")), (None, None));
        assert_eq!(
            (minor("3.11.4-slim").as_deref(), minor("3"), minor("latest")),
            (Some("3.11"), None, None)
        );
    }
}
