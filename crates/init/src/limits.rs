//! What a file that a spec is made from may ask of us.

/// How wide lines of comments are, in characters.
pub(crate) const WIDEST_LINE: usize = 100;

/// How much of a line is repeated where it is said that it is not taken over, in characters.
pub(crate) const MOST_REPEATED: usize = 120;

/// How often a draft is checked anew without what was wrong with it: each time tells all mistakes that can be told at once.
pub(crate) const MOST_CHECKS: usize = 64;

/// How many files a name with `*` may stand for.
pub(crate) const MOST_MATCHES: usize = 32;

/// How deep scripts in scripts (`bash -c "…"`) are read.
pub(crate) const MOST_NESTED: usize = 4;
