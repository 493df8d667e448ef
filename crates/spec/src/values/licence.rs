//! Licences that are allowed, and packages that need none of them.

use imgbuild_document::{ValueError, checked_text, printable};
use imgbuild_licence::AllowedLicence;

checked_text!(
    /// One licence of SPDX's list, with an exception or without.
    LicenceText, check_licence, String
);

checked_text!(
    /// A package by its name, or by its ecosystem, a slash and its name.
    PackageReference, check_package, String
);

checked_text!(
    /// Why something is as it is.
    Reason, check_reason, String
);

impl LicenceText {
    /// The licence that it is.
    pub fn licence(&self) -> Option<AllowedLicence> {
        AllowedLicence::read(self.as_str()).ok()
    }
}

fn check_licence(text: &str) -> Result<(), ValueError> {
    AllowedLicence::read(text).map(|_| ()).map_err(|_| {
        ValueError::new(format!("`{}` is no licence of SPDX's list", text.escape_default())).hint(
            "write one identifier of https://spdx.org/licenses, like `MIT`, or one that packages have for their own, like \
             `LicenseRef-Terms-Of-Use`; what is under no such licence is allowed by its name, in `except`",
        )
    })
}

fn check_package(text: &str) -> Result<(), ValueError> {
    let plain = |it: &str| !it.is_empty() && printable(it) && !it.contains(char::is_whitespace);
    let is_named = match text.split_once('/') {
        Some((kind, name)) => {
            ["apk", "conda", "debian", "pypi"].contains(&kind) && plain(name) && !name.contains('/')
        }
        None => plain(text),
    };
    if is_named {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not the name of a package", text.escape_default()))
        .hint("write its name, like `numpy`, or with its ecosystem: `conda/`, `pypi/`, `debian/` or `apk/`, behind which `*` stands for all of it"))
}

fn check_reason(text: &str) -> Result<(), ValueError> {
    if !text.trim().is_empty() && printable(text) {
        return Ok(());
    }
    Err(ValueError::new("there is no reason here").hint("say in a line why this is allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_by_themselves_or_with_their_ecosystem() {
        for good in
            ["numpy", "conda/numpy", "debian/*", "debian/libstdc++6", "pypi/ruamel.yaml", "libc6:i386"]
        {
            assert!(good.parse::<PackageReference>().is_ok(), "{good}");
        }
        for bad in ["", "/", "npm/left-pad", "conda/", "conda/a/b", "a b"] {
            assert!(bad.parse::<PackageReference>().is_err(), "{bad}");
        }
    }
}
