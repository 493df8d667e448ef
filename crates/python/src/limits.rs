//! What sources and their interpreter may ask of us: one place, each limit with its reason.

/// The most bytes of a source that is compiled: a larger one is data, and is left without bytecode.
pub(crate) const SOURCE_LIMIT: u64 = 32 << 20;

/// The most bytes of an interpreter's answer: bytecode is a few times as large as its source.
pub(crate) const ANSWER_LIMIT: u64 = 1 << 30;
