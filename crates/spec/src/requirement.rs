//! Requirements and channels, with who asked for them.

use secret::SecretText;

use crate::decode::Located;
use crate::source::{Origin, Source};
use crate::values::ChannelName;

/// A package that was asked for.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// As it was written: conda's match spec, or the name of a Debian package.
    pub text: SecretText,
    /// Where it was written.
    pub origin: Origin,
}

/// A conda channel that packages may come from.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name, URL or path.
    pub name: ChannelName,
    /// Where it was written; nothing for the default channel.
    pub origin: Option<Origin>,
}

impl Requirement {
    pub(crate) fn new<T>(located: &Located<T>, source: &Source) -> Self
    where
        for<'a> SecretText: From<&'a T>,
    {
        Self { text: SecretText::from(&located.value), origin: located.origin(source) }
    }
}

impl Channel {
    pub(crate) fn new(located: Located<ChannelName>, source: &Source) -> Self {
        Self { origin: Some(located.origin(source)), name: located.value }
    }
}

impl<T> Located<T> {
    pub(crate) fn origin(&self, source: &Source) -> Origin {
        Origin::new(source, self.span.clone(), self.key.clone())
    }
}
