//! What licences are called beside their identifiers.
//!
//! Only names that mean one licence: `BSD License`, `Apache Software License` and `GPL` are none of them, whatever they mean most of
//! the time.

/// Names and their identifiers, in lower case. SPDX's own full names are not here: those of the licence list are asked too.
const NAMES: &[(&str, &str)] = &[
    // Python's classifiers, without `License :: OSI Approved ::`, by the table of PEP 639 ("Mapping license classifiers to SPDX
    // identifiers"), which has those that mean one licence.
    ("academic free license (afl)", "AFL-3.0"),
    ("blue oak model license (blueoak-1.0.0)", "BlueOak-1.0.0"),
    ("boost software license 1.0 (bsl-1.0)", "BSL-1.0"),
    ("cc0 1.0 universal (cc0 1.0) public domain dedication", "CC0-1.0"),
    ("common development and distribution license 1.0 (cddl-1.0)", "CDDL-1.0"),
    ("eclipse public license 1.0 (epl-1.0)", "EPL-1.0"),
    ("eclipse public license 2.0 (epl-2.0)", "EPL-2.0"),
    ("european union public licence 1.0 (eupl 1.0)", "EUPL-1.0"),
    ("european union public licence 1.1 (eupl 1.1)", "EUPL-1.1"),
    ("european union public licence 1.2 (eupl 1.2)", "EUPL-1.2"),
    ("gnu affero general public license v3", "AGPL-3.0-only"),
    ("gnu affero general public license v3 or later (agplv3+)", "AGPL-3.0-or-later"),
    ("gnu general public license v2 (gplv2)", "GPL-2.0-only"),
    ("gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"),
    ("gnu general public license v3 (gplv3)", "GPL-3.0-only"),
    ("gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"),
    ("gnu lesser general public license v2 (lgplv2)", "LGPL-2.0-only"),
    ("gnu lesser general public license v2 or later (lgplv2+)", "LGPL-2.0-or-later"),
    ("gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"),
    ("gnu lesser general public license v3 or later (lgplv3+)", "LGPL-3.0-or-later"),
    ("historical permission notice and disclaimer (hpnd)", "HPND"),
    ("isc license (iscl)", "ISC"),
    ("mit no attribution license (mit-0)", "MIT-0"),
    ("mozilla public license 1.0 (mpl)", "MPL-1.0"),
    ("mozilla public license 1.1 (mpl 1.1)", "MPL-1.1"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("open software license 3.0 (osl-3.0)", "OSL-3.0"),
    ("postgresql license", "PostgreSQL"),
    ("python software foundation license", "PSF-2.0"),
    ("the unlicense (unlicense)", "Unlicense"),
    ("universal permissive license (upl)", "UPL-1.0"),
    ("zero-clause bsd (0bsd)", "0BSD"),
    ("zlib/libpng license", "Zlib"),
    // Debian's short names where they differ from SPDX's (copyright-format/1.0, "Short name"). A version without `.0`, and `+` for
    // "or later", are read by a rule.
    ("expat", "MIT"),
    ("gfdl-niv-1.1", "GFDL-1.1-no-invariants-only"),
    ("gfdl-niv-1.1+", "GFDL-1.1-no-invariants-or-later"),
    ("gfdl-niv-1.2", "GFDL-1.2-no-invariants-only"),
    ("gfdl-niv-1.2+", "GFDL-1.2-no-invariants-or-later"),
    ("gfdl-niv-1.3", "GFDL-1.3-no-invariants-only"),
    ("gfdl-niv-1.3+", "GFDL-1.3-no-invariants-or-later"),
    ("w3c-software", "W3C"),
    ("zope-1.1", "ZPL-1.1"),
    ("zope-2.0", "ZPL-2.0"),
    ("zope-2.1", "ZPL-2.1"),
    // The short names of Fedora's older guidelines ("Good Licenses"), which wheels and conda's older packages use as well.
    ("agplv3", "AGPL-3.0-only"),
    ("agplv3+", "AGPL-3.0-or-later"),
    ("asl 2.0", "Apache-2.0"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("lgplv2", "LGPL-2.0-only"),
    ("lgplv2+", "LGPL-2.0-or-later"),
    ("lgplv2.1", "LGPL-2.1-only"),
    ("lgplv2.1+", "LGPL-2.1-or-later"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv3+", "LGPL-3.0-or-later"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2.0", "MPL-2.0"),
    // Other words for the same name and version, as conda's packages and wheels have them.
    ("2-clause bsd", "BSD-2-Clause"),
    ("3-clause bsd", "BSD-3-Clause"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache 2.0 license", "Apache-2.0"),
    ("apache license 2", "Apache-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("bsd 2-clause license", "BSD-2-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd 3-clause license", "BSD-3-Clause"),
    ("boost software license", "BSL-1.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("mozilla public license 2.0", "MPL-2.0"),
    ("the apache license, version 2.0", "Apache-2.0"),
    ("the mit license", "MIT"),
    ("the mit license (mit)", "MIT"),
    ("the unlicense", "Unlicense"),
];

/// How licences' classifiers begin.
const CLASSIFIERS: [&str; 2] = ["License :: OSI Approved :: ", "License :: "];

/// The identifier of a licence by its name.
pub(crate) fn identifier(name: &str) -> Option<&'static str> {
    let name = CLASSIFIERS.iter().find_map(|it| name.strip_prefix(it)).unwrap_or(name);
    let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, it)| *it);
    known.or_else(|| full_name(name))
}

/// The identifier of a licence by its full name in SPDX's list, where no other has that name.
fn full_name(name: &str) -> Option<&'static str> {
    let current = |it: &&spdx::License| it.flags & spdx::flags::IS_DEPRECATED == 0;
    let mut fitting = spdx::identifiers::LICENSES.iter().filter(current);
    let mut fitting = fitting.by_ref().filter(|it| it.full_name.eq_ignore_ascii_case(name));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Some(one.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_a_licence_that_is_in_use() {
        for (name, identifier) in NAMES {
            let found = spdx::license_id(identifier);
            assert!(found.is_some_and(|it| !it.is_deprecated()), "{name}: {identifier}");
            assert_eq!(*name, name.to_lowercase());
        }
    }
}
