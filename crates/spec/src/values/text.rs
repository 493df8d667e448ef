//! Texts that programs are given.

use serde::{Deserialize, Deserializer};

use super::{ValueError, checked_text};
use crate::decode::Literal;

checked_text!(
    /// An argument of a program, the value of a variable of the image, or of a label.
    ProgramText, check, String
);

/// The value of a variable of an environment file, as it is written there.
#[derive(Debug)]
pub(crate) struct VariableValue(pub(crate) ProgramText);

impl<'de> Deserialize<'de> for VariableValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Literal::deserialize(deserializer)?.0.parse::<ProgramText>();
        read.map(Self).map_err(|error| serde::de::Error::custom(error.with_hint()))
    }
}

fn check(text: &str) -> Result<(), ValueError> {
    if !text.contains('\0') {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` holds a NUL, and no program can be given that", text.escape_default()))
        .hint("a NUL ends the text for whoever reads it: leave it out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_nul_cannot_be_given() {
        for good in ["", " ", "a\nb", "'\"\\$`", "é\u{1b}[31m"] {
            assert!(good.parse::<ProgramText>().is_ok(), "{good:?}");
        }
        for bad in ["\0", "a\0", "a\0b"] {
            assert!(bad.parse::<ProgramText>().is_err(), "{bad:?}");
        }
    }
}
