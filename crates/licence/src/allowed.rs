//! Which licences are allowed.

use std::fmt;

use spdx::{LicenseReq, Licensee, ParseMode};

use crate::{Licence, terms};

/// A text that is no licence of SPDX's list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no identifier of SPDX's licence list")]
pub struct NotALicence(pub String);

/// A licence that is allowed: `MIT`, `GPL-3.0-only WITH GCC-exception-3.1`, `LicenseRef-Terms-Of-Use`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedLicence {
    licence: String,
    exception: Option<String>,
}

/// The licences that are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedLicences(pub Vec<AllowedLicence>);

/// Why a package is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It says nothing of its licence.
    Unsaid,
    /// What it says means no licence of SPDX's list, or several.
    Unclear,
    /// These licences, all of which it is under, are not allowed; of alternatives those that were found last.
    Forbidden(Vec<String>),
}

impl AllowedLicence {
    /// One licence, by its identifier or a name that means it, with an exception or without.
    ///
    /// # Errors
    ///
    /// When it is none, or several, such as `MIT OR Apache-2.0`.
    pub fn read(text: &str) -> Result<Self, NotALicence> {
        let wrong = || NotALicence(text.to_owned());
        let written = terms::expression(text.trim()).ok_or_else(wrong)?;
        let mode = ParseMode { allow_deprecated: true, ..ParseMode::STRICT };
        // Of one licence only, but for `+`, which says of a licence that a later one may be taken instead.
        Licensee::parse_mode(&written.replace('+', ""), mode).map_err(|_| wrong())?;
        let (licence, exception) = match written.split_once(" WITH ") {
            Some((licence, exception)) => (licence, Some(exception.to_owned())),
            None => (written.as_str(), None),
        };
        Ok(Self { licence: licence.to_owned(), exception })
    }

    /// Whether whoever may use what is under this licence may use what is under `wanted`. An exception only gives more, so that a
    /// licence that is allowed is allowed with any.
    fn permits(&self, wanted: &LicenseReq) -> bool {
        let exception = wanted.addition.as_ref().map(ToString::to_string);
        let fits = self.exception.is_none() || self.exception == exception;
        let licence = wanted.license.to_string();
        fits && (self.licence == licence || is_later(&self.licence, &licence))
    }
}

impl fmt::Display for AllowedLicence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.licence)?;
        self.exception.iter().try_for_each(|exception| write!(f, " WITH {exception}"))
    }
}

/// Whether `wanted` is a licence "or later", and `licence` that one or a later one of the same name.
fn is_later(licence: &str, wanted: &str) -> bool {
    let plain = |text: &str| {
        ["-or-later", "-only", "+"].iter().find_map(|end| text.strip_suffix(end).map(str::to_owned))
    };
    let Some(least) = wanted.strip_suffix("-or-later").or_else(|| wanted.strip_suffix('+')) else {
        return false;
    };
    let licence = plain(licence).unwrap_or_else(|| licence.to_owned());
    match (licence.rsplit_once('-'), least.rsplit_once('-')) {
        (Some((name, version)), Some((other, least))) => {
            name == other && numbers(least).is_some() && numbers(version) >= numbers(least)
        }
        _ => false,
    }
}

/// A version as numbers; nothing, which is less than any, where it is none.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|it| it.parse().ok()).collect()
}

impl AllowedLicences {
    /// Whether a package of this licence is allowed: of alternatives one must be, of all that apply together each.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn judge(&self, licence: Option<&Licence>) -> Result<(), Objection> {
        let expression = licence.ok_or(Objection::Unsaid)?.parsed().ok_or(Objection::Unclear)?;
        let permits = |wanted: &LicenseReq| self.0.iter().any(|it| it.permits(wanted));
        expression.evaluate_with_failures(permits).map_err(|failed| {
            let mut names: Vec<String> = Vec::new();
            for name in failed.iter().map(|it| it.req.to_string()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Objection::Forbidden(names)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(allowed: &[&str], licence: &str) -> Result<(), Objection> {
        let allowed = allowed.iter().map(|it| AllowedLicence::read(it).unwrap()).collect();
        AllowedLicences(allowed).judge(Licence::read(licence).as_ref())
    }

    fn forbidden(names: &[&str]) -> Result<(), Objection> {
        Err(Objection::Forbidden(names.iter().map(|it| (*it).to_owned()).collect()))
    }

    #[test]
    fn of_alternatives_one_must_be_allowed_and_of_all_that_apply_each() {
        let allowed = ["MIT", "apache 2.0"];
        assert_eq!(judge(&allowed, "MIT"), Ok(()));
        assert_eq!(judge(&allowed, "GPL-2.0-only OR Apache-2.0"), Ok(()));
        assert_eq!(judge(&allowed, "MIT AND Apache-2.0"), Ok(()));
        assert_eq!(judge(&allowed, "MIT AND GPL-2+"), forbidden(&["GPL-2.0-or-later"]));
        assert_eq!(judge(&allowed, "ISC OR 0BSD"), forbidden(&["ISC", "0BSD"]));
        assert_eq!(judge(&[], "MIT"), forbidden(&["MIT"]));
    }

    #[test]
    fn what_is_said_by_nobody_or_unclearly_is_not_allowed() {
        assert_eq!(judge(&["MIT"], "BSD"), Err(Objection::Unclear));
        assert_eq!(judge(&["MIT"], ""), Err(Objection::Unsaid));
    }

    #[test]
    fn or_later_means_the_later_ones_too() {
        assert_eq!(judge(&["GPL-3.0-only"], "GPL-2.0-or-later"), Ok(()));
        assert_eq!(judge(&["GPL-2.0-or-later"], "GPL-2.0-or-later"), Ok(()));
        assert_eq!(judge(&["GPL-2.0-only"], "GPL-3.0-or-later"), forbidden(&["GPL-3.0-or-later"]));
        assert_eq!(judge(&["LGPL-3.0-only"], "GPL-2.0-or-later"), forbidden(&["GPL-2.0-or-later"]));
        assert_eq!(judge(&["GPL-2.0-or-later"], "GPL-2.0-only"), forbidden(&["GPL-2.0-only"]));
    }

    #[test]
    fn an_exception_only_gives_more() {
        let gcc = "GPL-3.0-only WITH GCC-exception-3.1";
        assert_eq!(judge(&["GPL-3.0-only"], gcc), Ok(()));
        assert_eq!(judge(&[gcc], gcc), Ok(()));
        assert_eq!(judge(&[gcc], "GPL-3.0-only"), forbidden(&["GPL-3.0-only"]));
        assert_eq!(judge(&["LicenseRef-Terms"], "LicenseRef-Terms"), Ok(()));
    }

    #[test]
    fn one_licence_at_a_time_is_allowed() {
        for text in ["BSD", "MIT OR Apache-2.0", "(MIT)", "", "MIT WITH nothing"] {
            assert_eq!(AllowedLicence::read(text), Err(NotALicence(text.to_owned())));
        }
        let shown = |text: &str| AllowedLicence::read(text).unwrap().to_string();
        assert_eq!(shown("expat"), "MIT");
        assert_eq!(shown("GPL-3.0 with gcc-exception-3.1"), "GPL-3.0-only WITH GCC-exception-3.1");
        assert_eq!(shown("Apache-2.0+"), "Apache-2.0+");
    }
}
