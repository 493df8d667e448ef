//! How bad a vulnerability is.

use std::fmt;
use std::str::FromStr;

use cvss::Cvss;

/// How bad a vulnerability is, by the names of CVSS's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody says.
    Unknown,
    /// Up to 3.9.
    Low,
    /// Up to 6.9.
    Medium,
    /// Up to 8.9.
    High,
    /// More.
    Critical,
}

/// A text that is no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no severity: there are `low`, `medium`, `high` and `critical`")]
pub struct UnknownSeverity(pub String);

impl Severity {
    /// Those that a user may name.
    pub const NAMED: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// By the word of a database: GitHub's `MODERATE`, Debian's `low**` and `unimportant`.
    pub(crate) fn of_word(word: &str) -> Self {
        match word.trim_end_matches('*').to_ascii_lowercase().as_str() {
            "low" | "unimportant" | "negligible" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// By a vector of CVSS 3.0, 3.1 or 4.0, such as `CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N`; nothing where it
    /// is of another version, or none. Of CVSS 3 it is the base score, which is what databases state.
    pub(crate) fn of_vector(vector: &str) -> Option<Self> {
        // Some end in a `/`.
        let severity = match Cvss::from_str(vector.strip_suffix('/').unwrap_or(vector)).ok()? {
            Cvss::CvssV30(vector) | Cvss::CvssV31(vector) if is_whole(&vector) => vector.score().severity(),
            Cvss::CvssV40(vector) => vector.score().severity(),
            _ => return None,
        };
        Some(match severity {
            cvss::Severity::None | cvss::Severity::Low => Self::Low,
            cvss::Severity::Medium => Self::Medium,
            cvss::Severity::High => Self::High,
            cvss::Severity::Critical => Self::Critical,
        })
    }
}

/// Whether a vector of CVSS 3 says all that its base score is of: what it lacks would count as nothing.
fn is_whole(vector: &cvss::v3::Vector) -> bool {
    let cvss::v3::Vector { av, ac, pr, ui, s, c, i, a, .. } = vector;
    let exploitability = av.is_some() && ac.is_some() && pr.is_some() && ui.is_some();
    exploitability && s.is_some() && c.is_some() && i.is_some() && a.is_some()
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        Self::NAMED.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_specifications_examples() {
        // "CVSS v3.1 examples" and "CVSS v4.0 examples", of FIRST.
        let examples = [
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", Severity::Medium),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", Severity::Low),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", Severity::High),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Severity::Critical),
            ("CVSS:3.0/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity::Medium),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity::Low),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:H/A:H/", Severity::Critical),
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity::High),
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/", Severity::High),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity::Critical),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", Severity::Medium),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Severity::Low),
            // By the environment that a database says it is of.
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", Severity::High),
        ];
        for (vector, severity) in examples {
            assert_eq!(Severity::of_vector(vector), Some(severity), "{vector}");
        }
        let wrong = [
            "",
            "AV:N/AC:L",
            "CVSS:4.0/AV:N",
            "CVSS:3.1/AV:N",
            "CVSS:3.0/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:5.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:X",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ];
        for wrong in wrong {
            assert_eq!(Severity::of_vector(wrong), None, "{wrong}");
        }
    }
}
