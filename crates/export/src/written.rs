//! What comes of an export.

use imgbuild_lock::LockedVariant;

/// A text, and what is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What of the lock has no place in it, each in a sentence.
    pub left_out: Vec<String>,
}

/// What the file is of.
pub(crate) fn head(name: &str, variant: &LockedVariant<'_>) -> String {
    format!("# Written by `imgbuild export` from the lock of {name}, for {}.\n", variant.variant.platform)
}
