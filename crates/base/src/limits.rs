//! How much of a base a lock holds, and how much is read of it.

/// The most bytes of what a lock holds of a base, before it is packed.
pub(crate) const MOST_CONTENT: u64 = 64 << 20;

/// The most bytes that it takes in the lock.
pub(crate) const MOST_PACKED: usize = 1 << 20;

/// The most bytes that are read of what a distribution says of itself, as of those of conda's packages.
pub(crate) const MOST_METADATA: u64 = 16 << 20;

/// How many folders are tried for a virtual environment.
pub(crate) const MOST_ENVIRONMENTS: u32 = 1000;

/// How many virtual environments may stand on one another.
pub(crate) const MOST_NESTED: usize = 64;
