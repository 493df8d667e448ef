//! Sizes, as people write them.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{Literal, ValueError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::LEAST_LAYER;

/// A number of bytes, written with a unit: `512MB`, `512MiB`; or plainly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A text that says no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It has a unit that nobody knows.
    #[error("its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB")]
    Unit,
    /// It has no whole number.
    #[error("it is not a whole number and a unit, such as `20GB`")]
    Number,
    /// It is more than anything has.
    #[error("it is too large")]
    Large,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "" | "B" => 1,
            "K" | "KB" => 1000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "T" | "TB" => 1_000_000_000_000,
            "KIB" => 1 << 10,
            "MIB" => 1 << 20,
            "GIB" => 1 << 30,
            "TIB" => 1 << 40,
            _ => return Err(SizeError::Unit),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SizeError::Number);
        }
        let number: u64 = digits.parse().map_err(|_| SizeError::Number)?;
        number.checked_mul(unit).map(Self).ok_or(SizeError::Large)
    }
}

/// As people write it: with the largest unit that leaves a whole number.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000)];
        let binary = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match decimal.iter().chain(&binary).find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The most bytes that a layer of one package is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerSize(Size);

impl LayerSize {
    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0.bytes()
    }
}

impl FromStr for LayerSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let size: Size = text.parse().map_err(|error| {
            let hint = "write a whole number and a unit, such as `\"512MB\"`";
            ValueError::new(format!("`{}` is not a size: {error}", text.escape_default())).hint(hint)
        })?;
        if size.bytes() < LEAST_LAYER {
            let error = format!("layers cannot be held to {size}: an image would have too many");
            return Err(ValueError::new(error).hint(format!("write at least `\"{}\"`", Size(LEAST_LAYER))));
        }
        Ok(Self(size))
    }
}

impl Serialize for LayerSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LayerSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Literal::deserialize(deserializer)?;
        text.0.parse().map_err(|error: ValueError| serde::de::Error::custom(error.with_hint()))
    }
}

impl JsonSchema for LayerSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LayerSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_perhaps_a_unit() {
        let bytes = |text: &str| text.parse::<Size>().map(Size::bytes);
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("512MB"), Ok(512_000_000));
        assert_eq!(bytes("512mib"), Ok(512 << 20));
        assert_eq!(
            (bytes("3k"), bytes("3KB"), bytes("3KiB"), bytes("3B")),
            (Ok(3000), Ok(3000), Ok(3072), Ok(3))
        );
        assert_eq!((bytes("20GB"), bytes("1TiB")), (Ok(20_000_000_000), Ok(1 << 40)));
        for bad in ["", "MB", "1.5GB", "-1", "+1", "1 GB"] {
            assert_eq!(bytes(bad), Err(SizeError::Number), "{bad}");
        }
        assert_eq!(bytes("20 bananas"), Err(SizeError::Unit));
        assert_eq!(bytes("99999999TB"), Err(SizeError::Large));
    }

    #[test]
    fn a_size_is_shown_as_it_is_written() {
        for text in ["0", "999", "1KB", "512MB", "20GB", "3TB", "1500MB", "16MiB", "3KiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }
}
