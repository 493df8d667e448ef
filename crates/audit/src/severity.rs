//! How bad a vulnerability is.

use std::fmt;
use std::str::FromStr;

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

    /// By a vector of CVSS 3.0 or 3.1, such as `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`; nothing where it is of another
    /// version, or none.
    pub(crate) fn of_vector(vector: &str) -> Option<Self> {
        let tenths = base_score(vector)?;
        Some(match tenths {
            0..40 => Self::Low,
            40..70 => Self::Medium,
            70..90 => Self::High,
            _ => Self::Critical,
        })
    }
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

/// The base score, in tenths: "CVSS v3.1 specification", 7.1, with the rounding of its appendix A, which is that of integers.
fn base_score(vector: &str) -> Option<u32> {
    let metrics = vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/"))?;
    let metric = |name: &str| metrics.split('/').find_map(|it| it.strip_prefix(name)?.strip_prefix(':'));
    let weight = |name: &str, table: &[(&str, f64)]| {
        let value = metric(name)?;
        table.iter().find(|(word, _)| *word == value).map(|(_, weight)| *weight)
    };
    let is_changed = match metric("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let vector = weight("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?;
    let complexity = weight("AC", &[("L", 0.77), ("H", 0.44)])?;
    let (low, high) = if is_changed { (0.68, 0.5) } else { (0.62, 0.27) };
    let privileges = weight("PR", &[("N", 0.85), ("L", low), ("H", high)])?;
    let interaction = weight("UI", &[("N", 0.85), ("R", 0.62)])?;
    let loss = |name: &str| weight(name, &[("H", 0.56), ("L", 0.22), ("N", 0.0)]);
    let sub_score = 1.0 - (1.0 - loss("C")?) * (1.0 - loss("I")?) * (1.0 - loss("A")?);
    let impact = if is_changed {
        7.52 * (sub_score - 0.029) - 3.25 * (sub_score - 0.02_f64).powi(15)
    } else {
        6.42 * sub_score
    };
    let exploitability = 8.22 * vector * complexity * privileges * interaction;
    if impact <= 0.0 {
        return Some(0);
    }
    let sum = impact + exploitability;
    let score = if is_changed { (1.08 * sum).min(10.0) } else { sum.min(10.0) };
    Some(rounded_up(score))
}

/// A score in tenths, rounded up. Its hundred-thousandths are looked at, so that what only floating point makes larger is not.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 10.
fn rounded_up(score: f64) -> u32 {
    ((score * 100_000.0).round() as u32).div_ceil(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_specifications_examples() {
        // "CVSS v3.1 examples", of FIRST.
        let examples = [
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H", 65),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 78),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
            ("CVSS:3.0/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 68),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O", 98),
        ];
        for (vector, tenths) in examples {
            assert_eq!(base_score(vector), Some(tenths), "{vector}");
        }
        for wrong in ["", "AV:N/AC:L", "CVSS:4.0/AV:N", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H"] {
            assert_eq!(base_score(wrong), None, "{wrong}");
        }
        assert_eq!(
            Severity::of_vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
            Some(Severity::Critical)
        );
    }
}
