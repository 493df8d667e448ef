//! How much a registry may answer.

/// The most bytes of a manifest or a token of a registry.
pub(crate) const ANSWER_LIMIT: usize = 4 << 20;
