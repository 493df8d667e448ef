//! What a Dockerfile may ask of us.

/// The most bytes of a word with its variables in their places: each may be made of earlier ones many times over.
pub(crate) const LONGEST_WORD: usize = 65_536;

/// How deep `${A:-${B:-…}}` is followed.
pub(crate) const MOST_NESTED: usize = 8;
