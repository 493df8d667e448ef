//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A number of bytes: `500MB`, `20GB`, `1TB`, or plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// What is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It has no number.
    #[error("it is not a number and a unit, such as `20GB`")]
    Number,
    /// Its unit is not known.
    #[error("its unit is none of B, KB, MB, GB, TB")]
    Unit,
    /// It is more than there can be.
    #[error("it is too large")]
    Large,
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        if digits.is_empty() {
            return Err(SizeError::Number);
        }
        let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "" | "B" => 1,
            "K" | "KB" => 1000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "T" | "TB" => 1_000_000_000_000,
            _ => return Err(SizeError::Unit),
        };
        let number: u64 = digits.trim_end().parse().map_err(|_| SizeError::Number)?;
        number.checked_mul(unit).map(Self).ok_or(SizeError::Large)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size, such as \"20GB\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(|error| E::custom(format_args!("`{text}` is no size: {error}")))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                u64::try_from(bytes).map(ByteSize).map_err(|_| E::custom("a size is not less than nothing"))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_units() {
        for (text, wanted) in [
            ("0", Ok(0)),
            ("7", Ok(7)),
            ("7B", Ok(7)),
            ("500MB", Ok(500_000_000)),
            ("500 mb", Ok(500_000_000)),
            ("20G", Ok(20_000_000_000)),
            ("1TB", Ok(1_000_000_000_000)),
            ("", Err(SizeError::Number)),
            ("GB", Err(SizeError::Number)),
            ("-1GB", Err(SizeError::Number)),
            ("1.5GB", Err(SizeError::Number)),
            ("1GiB", Err(SizeError::Unit)),
            ("99999999999TB", Err(SizeError::Large)),
        ] {
            assert_eq!(text.parse(), wanted.map(ByteSize), "{text}");
        }
    }
}
