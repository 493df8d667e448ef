//! How much of a base a lock holds.

/// The most bytes of what a lock holds of a base, before it is packed.
pub(crate) const MOST_CONTENT: u64 = 64 << 20;

/// The most bytes that it takes in the lock.
pub(crate) const MOST_PACKED: usize = 1 << 20;
