//! What was asked for, as it was written.

use imgbuild_secret::SecretText;

use crate::decode::Located;
use crate::source::{Origin, Source};

/// A package that was asked for.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// As it was written: conda's match spec, or the name of a Debian package.
    pub text: SecretText,
    /// Where it was written.
    pub origin: Origin,
}

impl Requirement {
    /// What a value of a file asks for.
    pub fn new<T>(located: &Located<T>, source: &Source) -> Self
    where
        for<'a> SecretText: From<&'a T>,
    {
        Self { text: SecretText::from(&located.value), origin: located.origin(source) }
    }
}
