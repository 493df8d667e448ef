//! What environment files and other tools' locks may ask of us.

/// The most bytes of another tool's lock: programs write these, and those of large projects have some megabytes.
pub(crate) const LOCK_LIMIT: usize = 16 << 20;

/// How deep selectors of an environment file may stand in one another.
pub(crate) const SELECTOR_DEPTH: usize = 8;
