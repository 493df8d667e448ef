//! What is wrong with a requirement.

use std::borrow::Cow;

use imgbuild_document::ValueError;

/// What is wrong, and what to write instead where that is known.
pub(crate) struct Fault {
    pub(crate) rule: String,
    pub(crate) hint: Option<Cow<'static, str>>,
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
