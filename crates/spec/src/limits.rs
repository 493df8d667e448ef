//! What a spec and the files that it names may ask of us: one place, each limit with its reason.

/// The most bytes of a spec, and of each text that it names.
pub(crate) const FILE_LIMIT: usize = 4 << 20;

/// The most bytes of another tool's lock: programs write these, and those of large projects have some megabytes.
pub(crate) const LOCK_LIMIT: usize = 16 << 20;

/// The most combinations of a matrix: each is solved and made on its own.
pub(crate) const MOST_COMBINATIONS: usize = 256;

/// The most bytes of one requirement, with its markers.
pub(crate) const REQUIREMENT_LIMIT: usize = 16 << 10;

/// How deep lists and tables of YAML may stand in each other: a reader calls itself for each. Locks have six.
pub(crate) const MOST_NESTED: usize = 24;
