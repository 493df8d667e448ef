//! What a requirement may ask of us.

/// The most bytes of one requirement, with its markers.
pub(crate) const REQUIREMENT_LIMIT: usize = 16 << 10;

/// How deep parentheses of a marker may stand in one another.
pub(crate) const MARKER_DEPTH: usize = 32;

/// How many requirements files may be named, each counted as often as it is: more than any list needs.
pub(crate) const MOST_FILES: usize = 128;

/// How deep requirements files may stand in one another.
pub(crate) const FILE_DEPTH: usize = 16;
