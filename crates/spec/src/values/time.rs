//! The time after which packages are left out.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{Literal, ValueError, as_text};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Packages that were made at this time or later do not exist for the solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutOff(Timestamp);

impl CutOff {
    /// The time.
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl FromStr for CutOff {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || {
            ValueError::new(format!("`{}` is not a time", text.escape_default()))
                .hint("write a day, like `2024-05-01` (its beginning in UTC), or a time, like `2024-05-01T12:00:00Z`")
        };
        if text.len() == "2024-05-01".len() {
            let date: Date = text.parse().map_err(|_| error())?;
            let zoned = date.to_zoned(TimeZone::UTC).map_err(|_| error())?;
            return Ok(Self(zoned.timestamp()));
        }
        text.parse().map(Self).map_err(|_| error())
    }
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

as_text!(CutOff, Literal);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning_in_utc() {
        assert_eq!("2024-05-01".parse::<CutOff>().unwrap().to_string(), "2024-05-01T00:00:00Z");
        assert_eq!(
            "2024-05-01T12:00:00+02:00".parse::<CutOff>().unwrap().to_string(),
            "2024-05-01T10:00:00Z"
        );
        for bad in ["", "yesterday", "2024-13-01", "2024-05-01T12:00:00", "2024-5-1"] {
            assert!(bad.parse::<CutOff>().is_err(), "{bad}");
        }
    }
}
