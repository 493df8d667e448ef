//! How much may come into a sandbox.

/// The most connections to published ports at once.
pub(crate) const MOST_CONNECTIONS: usize = 512;

/// The most ports that are published.
pub const MOST_PUBLISHED: usize = 16;
