//! What another tool's lock may ask of us.

/// The most bytes of another tool's lock: programs write these, and those of large projects have some megabytes.
pub(crate) const LOCK_LIMIT: usize = 16 << 20;
