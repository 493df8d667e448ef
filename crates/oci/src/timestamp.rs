//! Points in time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time as the image specification writes it: RFC 3339, in UTC.
///
/// Those that imgbuild makes are whole seconds; those of foreign images keep their fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// A number of seconds that is beyond the years that RFC 3339 can write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` seconds since 1970 is not a time between the years 1970 and 9999")]
pub struct TimestampError(pub i64);

impl Timestamp {
    /// So many seconds after the start of 1970.
    ///
    /// # Errors
    ///
    /// When the time is before 1970 or after 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self, TimestampError> {
        let time = jiff::Timestamp::from_second(seconds).ok().filter(|_| seconds >= 0);
        time.map(Self).ok_or(TimestampError(seconds))
    }

    /// The seconds since the start of 1970.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_rfc_3339() {
        for (seconds, text) in [(0, "1970-01-01T00:00:00Z"), (1_709_210_096, "2024-02-29T12:34:56Z")] {
            assert_eq!(Timestamp::from_seconds(seconds).unwrap().to_string(), text);
            assert_eq!(Timestamp::from_seconds(seconds).unwrap().seconds(), seconds);
        }
        for seconds in [-1, i64::MAX, 253_402_300_800] {
            assert_eq!(Timestamp::from_seconds(seconds), Err(TimestampError(seconds)));
        }
    }

    #[test]
    fn foreign_times_keep_their_fractions() {
        for text in ["\"2024-02-29T12:34:56.123456789Z\"", "\"0001-01-01T00:00:00Z\""] {
            let time: Timestamp = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&time).unwrap(), text);
        }
    }
}
