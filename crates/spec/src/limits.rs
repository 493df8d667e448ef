//! What a spec may ask of us.

/// The most combinations of a matrix: each is solved and made on its own.
pub(crate) const MOST_COMBINATIONS: usize = 256;
