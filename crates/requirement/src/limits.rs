//! What a requirement may ask of us.

/// The most bytes of one requirement, with its markers.
pub(crate) const REQUIREMENT_LIMIT: usize = 16 << 10;
