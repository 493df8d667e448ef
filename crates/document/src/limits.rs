//! What a file of text may ask of us: one place, each limit with its reason.

/// The most bytes of a spec, and of each text that it names.
pub const FILE_LIMIT: usize = 4 << 20;

/// How deep lists and tables of YAML may stand in each other: a reader calls itself for each. Locks have six.
pub(crate) const MOST_NESTED: usize = 24;
