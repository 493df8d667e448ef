//! What a file of text may ask of us: one place, each limit with its reason.

/// The most bytes of a spec, and of each text that it names.
pub const FILE_LIMIT: usize = 4 << 20;

/// How deep lists and tables of YAML may stand in each other: a reader calls itself for each. Locks have six.
pub(crate) const MOST_NESTED: usize = 24;

/// How often a document is read again without what could not be read: who has made more mistakes has made the same one often.
pub(crate) const MOST_READINGS: usize = 64;

/// The most bytes of a line that is drawn: columns are counted in 16 bits there, and nobody reads a longer one.
pub(crate) const LONGEST_LINE: usize = 4096;
