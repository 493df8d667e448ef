//! Wheels that somebody else has chosen, and what a spec says of them.

pub(crate) mod from_spec;
pub(crate) mod listed_packages;
pub(crate) mod pylock;
pub(crate) mod pylock_document;
pub(crate) mod pylock_error;
pub(crate) mod stated;
pub(crate) mod uv_lock;
