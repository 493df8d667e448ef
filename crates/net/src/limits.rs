//! What a server may ask of us: one place, each limit with its reason.

/// The most bytes of an index of a conda channel, as it comes and decompressed. The largest public one has about 0.4 GB.
pub(crate) const INDEX_LIMIT: u64 = 1 << 30;

/// The most bytes that a piece of a sharded index is decompressed to, in memory. The largest public one has about 10 MB.
pub(crate) const PIECE_LIMIT: u64 = 128 << 20;

/// The largest window of zstd, as a power of two: that of `zstd --ultra -22`.
pub(crate) const ZSTD_WINDOW: u32 = 27;

/// How many bytes of an answer have to come in each second, over a whole period. It is a twentieth of what a modem did.
pub(crate) const LEAST_PACE: u64 = 256;

/// How long a server may take for its answer to a body that has gone to it whole, in seconds: a registry may check some gigabytes
/// first.
pub(crate) const ANSWER_PATIENCE: u64 = 600;

/// How long a server may take for the head of an answer, and over what time its pace is measured, in seconds.
pub(crate) const PATIENCE: u64 = 60;
