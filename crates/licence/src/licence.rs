//! The licence of a package.

use imgbuild_oci::Digest;
use spdx::{Expression, LicenseItem, ParseMode};

use crate::terms;

/// What stands for "nothing is known": of setuptools where nobody filled it in, and of SPDX.
const NOTHING: [&str; 4] = ["", "UNKNOWN", "NOASSERTION", "NONE"];

/// How long a name may be that is shown of a text that is none.
const LONGEST_NAME: usize = 80;

/// How expressions are read: identifiers that the list calls deprecated are in packages that are older than that.
const MODE: ParseMode = ParseMode { allow_deprecated: true, ..ParseMode::STRICT };

/// The licence of a package, as far as its own words say it.
#[derive(Clone)]
pub struct Licence {
    said: String,
    expression: Option<(String, Expression)>,
}

/// A licence that SPDX's list does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CustomLicence {
    /// Its identifier: `LicenseRef-` and more.
    pub identifier: String,
    /// What is known of it: the package's own words.
    pub text: String,
}

impl Licence {
    /// What a package says its licence is; nothing where it says nothing.
    pub fn read(said: &str) -> Option<Self> {
        let said = said.trim();
        if NOTHING.iter().any(|nothing| said.eq_ignore_ascii_case(nothing)) {
            return None;
        }
        // A text that is no expression may still be built of names and operators: the parser has the last word.
        let parsed = |it: String| Expression::parse_mode(&it, MODE).ok().map(|parsed| (it, parsed));
        let expression = terms::expression(said).and_then(parsed);
        Some(Self { said: said.to_owned(), expression })
    }

    /// What a package says its licence is, in its own words: no list of licences, which grows, has a part in it.
    pub fn stated(said: &str) -> Option<Self> {
        Self::read(said).map(|it| Self { expression: None, ..it })
    }

    /// What the licence of a package of Debian is: there the form is sure (`debian/copyright`, as machines read it), so that a name that
    /// only the package knows stands for a licence of its own, in an expression with others.
    pub fn read_debian(said: &str) -> Option<Self> {
        let read = Self::read(said)?;
        if read.expression.is_some() {
            return Some(read);
        }
        let parsed = |it: String| Expression::parse_mode(&it, MODE).ok().map(|parsed| (it, parsed));
        let expression = terms::of_debian(&read.said, own_identifier).and_then(parsed);
        Some(Self { expression, ..read })
    }

    /// The package's own words.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// A name for it that fits into a line: the expression, or how the package's own words begin.
    pub fn name(&self) -> String {
        if let Some((expression, _)) = &self.expression {
            return expression.clone();
        }
        let line = self.said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let is_all = line == self.said && line.chars().count() <= LONGEST_NAME;
        if is_all {
            line.to_owned()
        } else {
            format!("{}…", line.chars().take(LONGEST_NAME).collect::<String>())
        }
    }

    /// It as an expression of SPDX's list, where it is one.
    pub fn expression(&self) -> Option<&str> {
        self.expression.as_ref().map(|(text, _)| text.as_str())
    }

    /// Its identifier in SPDX's list, where it is one licence of it and nothing else.
    pub fn identifier(&self) -> Option<&str> {
        let expression = self.expression()?;
        spdx::license_id(expression).filter(|it| it.name == expression).map(|_| expression)
    }

    /// It as an expression in any case: one that SPDX's list does not have gets an identifier of its own, which depends on nothing
    /// but the package's words.
    pub fn as_expression(&self) -> String {
        self.expression().map_or_else(|| own_identifier(&self.said), str::to_owned)
    }

    /// The licences of [`Self::as_expression`] that SPDX's list does not have.
    pub fn custom(&self) -> Vec<CustomLicence> {
        let Some((_, expression)) = &self.expression else {
            return vec![CustomLicence { identifier: own_identifier(&self.said), text: self.said.clone() }];
        };
        let own = expression.requirements().filter_map(|it| match &it.req.license {
            LicenseItem::Other(own) => Some(own.to_string()),
            LicenseItem::Spdx { .. } => None,
        });
        own.map(|identifier| CustomLicence { text: identifier.clone(), identifier }).collect()
    }

    pub(crate) fn parsed(&self) -> Option<&Expression> {
        self.expression.as_ref().map(|(_, parsed)| parsed)
    }
}

/// An identifier for a text that is none: its letters and digits, and where others are lost by that, a hash of it.
fn own_identifier(text: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' };
    let words: String = text.chars().take(LONGEST_NAME).map(plain).collect();
    let words = words.split('-').filter(|it| !it.is_empty()).collect::<Vec<_>>().join("-");
    let is_told = text.split(' ').collect::<Vec<_>>().join("-") == words;
    match (is_told, words.is_empty()) {
        (true, false) => format!("LicenseRef-{words}"),
        (_, is_empty) => {
            let hash = Digest::of(text).hex();
            let between = if is_empty { "" } else { "-" };
            format!("LicenseRef-{words}{between}{}", &hash[..8])
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        Licence::read(text).map_or_else(|| "nothing".to_owned(), |it| it.as_expression())
    }

    #[test]
    fn what_means_one_licence_is_read_as_it() {
        let meant = [
            ("MIT", "MIT"),
            ("mit", "MIT"),
            (" bsd-3-clause\n", "BSD-3-Clause"),
            ("MIT AND (Apache-2.0 OR BSD-3-Clause)", "MIT AND (Apache-2.0 OR BSD-3-Clause)"),
            ("GPL-3.0-only WITH GCC-exception-3.1", "GPL-3.0-only WITH GCC-exception-3.1"),
            // Identifiers that the list has replaced.
            ("GPL-2.0", "GPL-2.0-only"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("Apache-2.0+", "Apache-2.0+"),
            // Full names of the list.
            ("MIT License", "MIT"),
            ("Apache License 2.0", "Apache-2.0"),
            ("GNU General Public License v2.0 or later", "GPL-2.0-or-later"),
            // Classifiers of Python.
            ("License :: OSI Approved :: MIT License", "MIT"),
            ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
            ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
            // Short names of Debian.
            ("Expat", "MIT"),
            ("GPL-2+ and LGPL-2.1", "GPL-2.0-or-later AND LGPL-2.1-only"),
            ("GPL-2+ or Artistic-2", "GPL-2.0-or-later OR Artistic-2.0"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            // Of conda's packages.
            ("BSD 3-Clause", "BSD-3-Clause"),
            ("Apache 2.0 AND MIT", "Apache-2.0 AND MIT"),
            ("LicenseRef-NVIDIA-End-User-License-Agreement", "LicenseRef-NVIDIA-End-User-License-Agreement"),
            ("MIT AND LicenseRef-Terms", "MIT AND LicenseRef-Terms"),
        ];
        for (text, expression) in meant {
            assert_eq!(Licence::read(text).unwrap().expression(), Some(expression), "{text}");
        }
    }

    #[test]
    fn what_could_mean_several_stays_a_name() {
        let names = [
            ("BSD", "LicenseRef-BSD"),
            ("BSD License", "LicenseRef-BSD-License"),
            ("Apache Software License", "LicenseRef-Apache-Software-License"),
            ("GPL", "LicenseRef-GPL"),
            ("MIT/Apache-2.0", "LicenseRef-MIT-Apache-2.0-ec5c82d8"),
            ("MIT, BSD-3-Clause", "LicenseRef-MIT-BSD-3-Clause-09d768e3"),
            ("GPL-2+ with Autoconf exception", "LicenseRef-GPL-2-with-Autoconf-exception-acd7edf0"),
            ("MIT OR", "LicenseRef-MIT-OR"),
            ("(MIT", "LicenseRef-MIT-81cb5ffc"),
            ("MIT OR Nope", "LicenseRef-MIT-OR-Nope"),
            ("LicenseRef-a_b", "LicenseRef-LicenseRef-a-b-1eea2f89"),
            ("許可", "LicenseRef-2113d7e3"),
        ];
        for (text, identifier) in names {
            let licence = Licence::read(text).unwrap();
            assert_eq!(licence.expression(), None, "{text}");
            assert_eq!(licence.name(), text);
            assert_eq!(licence.as_expression(), identifier);
            assert_eq!(
                licence.custom(),
                [CustomLicence { identifier: identifier.to_owned(), text: text.to_owned() }]
            );
        }
        for text in ["", " ", "UNKNOWN", "NOASSERTION", "none"] {
            assert_eq!(read(text), "nothing");
        }
    }

    #[test]
    fn debians_own_names_stand_in_expressions() {
        let read = |text: &str| Licence::read_debian(text).unwrap();
        let gcc = read("GPL-2+ and (public-domain or Expat) and LGPL-2.1+ with SIM exception");
        let expression = "GPL-2.0-or-later AND (LicenseRef-public-domain OR MIT) AND LicenseRef-LGPL-2.1-with-SIM-exception-d4aae28c";
        assert_eq!(gcc.expression(), Some(expression));
        assert_eq!(gcc.custom().len(), 2);
        assert_eq!(
            read("GPL-2+ and (Expat or x) and Expat and GPL-2.0+ and Expat").expression(),
            Some("GPL-2.0-or-later AND (MIT OR LicenseRef-x) AND MIT")
        );
        assert_eq!(read("GPL-2+, and Expat").expression(), None);
        assert_eq!(read("Expat and").expression(), None);
    }

    #[test]
    fn of_a_whole_text_the_first_line_is_its_name() {
        let text = format!("\n  Copyright (c) 2026 {}\n\nPermission is hereby granted", "x".repeat(100));
        let licence = Licence::read(&text).unwrap();
        assert_eq!(licence.name(), format!("Copyright (c) 2026 {}…", "x".repeat(61)));
        assert_eq!(licence.said(), text.trim());
    }

    proptest! {
        /// Whatever a package says, what becomes of it is an expression, and reading that again changes nothing.
        #[test]
        fn every_text_becomes_an_expression(text in "[ -~\n(]{0,40}|(MIT|GPL-2\\+|Expat|and|OR|WITH|\\(|\\)|x| ){1,9}") {
            if let Some(licence) = Licence::read(&text) {
                let expression = licence.as_expression();
                let again = Licence::read(&expression).unwrap();
                prop_assert_eq!(again.expression(), Some(expression.as_str()));
            }
        }
    }
}
