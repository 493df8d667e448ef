//! Versions of Alpine's packages, in the order of `apk version` (`apk-package(5)`): `1.2.3b_rc1-r4`.
//!
//! A number, further ones behind dots, a letter, suffixes with or without a number, the hash of a commit, and the number of the package's
//! own revision.

use std::cmp::Ordering;
use std::str::FromStr;

/// What comes before the version that it is a suffix of, and what comes behind it, each in its order.
const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const BEHIND: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApkVersion(Vec<Part>);

/// A part of a version. Where two versions part ways, the one is the later one whose part stands first here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// The first number.
    First(String),
    /// A number behind a dot.
    Further(String),
    Letter(char),
    /// By its place in [`BEFORE`], which is below 0, or in [`BEHIND`].
    Suffix(i8),
    /// The number of a suffix.
    Number(String),
    Commit(String),
    Revision(String),
    End,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoApkVersion;

impl Part {
    fn rank(&self) -> u8 {
        match self {
            Self::First(_) | Self::Further(_) => 0,
            Self::Letter(_) => 1,
            Self::Suffix(_) => 2,
            Self::Number(_) => 3,
            Self::Commit(_) => 4,
            Self::Revision(_) => 5,
            Self::End => 6,
        }
    }

    fn is_before(&self) -> bool {
        matches!(self, Self::Suffix(place) if *place < 0)
    }
}

impl FromStr for ApkVersion {
    type Err = NoApkVersion;

    fn from_str(text: &str) -> Result<Self, NoApkVersion> {
        let (first, mut rest) = digits(text).ok_or(NoApkVersion)?;
        let mut parts = vec![Part::First(first.to_owned())];
        while let Some((number, behind)) =
            rest.strip_prefix('.').map(|it| digits(it).ok_or(NoApkVersion)).transpose()?
        {
            parts.push(Part::Further(number.to_owned()));
            rest = behind;
        }
        if let Some(letter) = rest.chars().next().filter(char::is_ascii_lowercase) {
            parts.push(Part::Letter(letter));
            rest = &rest[1..];
        }
        while let Some(behind) = rest.strip_prefix('_') {
            let end = behind.find(|it: char| !it.is_ascii_lowercase()).unwrap_or(behind.len());
            parts.push(Part::Suffix(place(&behind[..end]).ok_or(NoApkVersion)?));
            rest = &behind[end..];
            if let Some((number, behind)) = digits(rest) {
                parts.push(Part::Number(number.to_owned()));
                rest = behind;
            }
        }
        if let Some(behind) = rest.strip_prefix('~') {
            let end = behind.find(|it: char| !matches!(it, '0'..='9' | 'a'..='f')).unwrap_or(behind.len());
            if end == 0 {
                return Err(NoApkVersion);
            }
            parts.push(Part::Commit(behind[..end].to_owned()));
            rest = &behind[end..];
        }
        if let Some((number, behind)) = rest.strip_prefix("-r").and_then(digits) {
            parts.push(Part::Revision(number.to_owned()));
            rest = behind;
        }
        parts.push(Part::End);
        if rest.is_empty() { Ok(Self(parts)) } else { Err(NoApkVersion) }
    }
}

/// The digits that a text begins with, of which there must be one, and what comes behind them.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn place(suffix: &str) -> Option<i8> {
    let at = |all: &[&str]| i8::try_from(all.iter().position(|it| *it == suffix)?).ok();
    at(&BEFORE).map(|it| it - 4).or_else(|| at(&BEHIND))
}

impl Ord for ApkVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let differing = self.0.iter().zip(&other.0).map(|(one, other)| order(one, other));
        differing.into_iter().find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for ApkVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn order(one: &Part, other: &Part) -> Ordering {
    match (one, other) {
        // Behind a nought they count as fractions do: 1.02 comes before 1.1.
        (Part::Further(one), Part::Further(other)) if one.starts_with('0') || other.starts_with('0') => {
            one.cmp(other)
        }
        (Part::First(one), Part::First(other))
        | (Part::Further(one), Part::Further(other))
        | (Part::Number(one), Part::Number(other))
        | (Part::Revision(one), Part::Revision(other)) => numbers(one, other),
        (Part::Letter(one), Part::Letter(other)) => one.cmp(other),
        (Part::Suffix(one), Part::Suffix(other)) => one.cmp(other),
        (Part::Commit(one), Part::Commit(other)) => one.cmp(other),
        // `1.0_rc1` comes before `1.0`.
        _ if one.is_before() => Ordering::Less,
        _ if other.is_before() => Ordering::Greater,
        _ => other.rank().cmp(&one.rank()),
    }
}

/// Numbers of any length.
fn numbers(one: &str, other: &str) -> Ordering {
    let [one, other] = [one, other].map(|it| it.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ApkVersion {
        text.parse().unwrap_or_else(|NoApkVersion| panic!("{text}"))
    }

    /// Each is before all that follow.
    #[test]
    fn versions_are_in_the_order_of_apk() {
        let rows: [&[&str]; 9] = [
            &["0.9.9", "0.10", "1.0", "1.0.1", "1.1", "9", "10", "20240101"],
            &[
                "2.0_alpha",
                "2.0_alpha1",
                "2.0_alpha2",
                "2.0_beta",
                "2.0_pre1",
                "2.0_rc1",
                "2.0_rc1-r1",
                "2.0",
                "2.0-r0",
                "2.0-r1",
                "2.0-r10",
            ],
            &[
                "2.0",
                "2.0_cvs1",
                "2.0_svn1",
                "2.0_git20240101",
                "2.0_hg1",
                "2.0_p1",
                "2.0_p2",
                "2.0_p10",
                "2.0a",
                "2.0b",
                "2.0.1",
            ],
            // Behind a nought as fractions.
            &["1.001", "1.01", "1.02", "1.09", "1.1", "1.2", "1.10"],
            &["1.0.2g-r3", "1.0.2h", "1.0.2h-r0", "1.0.2z", "1.1.0"],
            &["3.1_rc1", "3.1_rc1_git20240101", "3.1_rc2", "3.1_git1_rc1", "3.1_git1"],
            &["1.0_pre20191002222144-r0", "1.0_pre20210530193627-r0", "1.0_pre99999999999999999999999-r0"],
            &["4", "4-r0", "4_p1", "4b", "4.0"],
            &["1.2~aaa", "1.2~aab", "1.2~aab-r1"],
        ];
        for row in rows {
            for (number, one) in row.iter().enumerate() {
                for (other, text) in row.iter().enumerate() {
                    assert_eq!(version(one).cmp(&version(text)), number.cmp(&other), "{one} and {text}");
                }
            }
        }
        assert_eq!(version("1.2-r03").cmp(&version("1.2-r3")), Ordering::Equal);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for wrong in [
            "",
            "a",
            "1.",
            "1..2",
            "1_",
            "1_foo",
            "1.0bc",
            "1-1",
            "1-r",
            "1.0-r1-r2",
            "1.0 ",
            "1:1.0",
            "v1.0",
            "1.0B",
            "1-r1_p1",
            "1~",
            "1~12X",
            "1a1",
            "1a.1",
            "1__p",
            "1_1_p",
        ] {
            assert!(wrong.parse::<ApkVersion>().is_err(), "{wrong}");
        }
    }
}
