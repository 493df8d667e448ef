//! What is wrong with a requirement.

use std::borrow::Cow;

use crate::values::ValueError;

/// What is wrong, and what to write instead where that is known.
pub(super) struct Fault {
    pub(super) rule: String,
    pub(super) hint: Option<Cow<'static, str>>,
}

impl From<String> for Fault {
    fn from(rule: String) -> Self {
        Self { rule, hint: None }
    }
}

impl From<ValueError> for Fault {
    fn from(error: ValueError) -> Self {
        Self::from(error.to_string())
    }
}
