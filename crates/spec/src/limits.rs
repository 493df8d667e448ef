//! What a spec may ask of us.

/// The most combinations of a matrix: each is solved and made on its own.
pub(crate) const MOST_COMBINATIONS: usize = 4096;

/// The fewest layers that `[layers] budget` may allow.
pub(crate) const LEAST_BUDGET: i64 = 8;

/// The most layers that `[layers] budget` may allow: engines refuse more than 127.
pub(crate) const MOST_BUDGET: i64 = 120;

/// The least that `[layers] max-layer` may be, in bytes: twice the size from which a package has a layer of its own.
pub(crate) const LEAST_LAYER: u64 = 16 << 20;

/// The most seconds that a check may be given: those of a day.
pub(crate) const MOST_CHECK_SECONDS: i64 = 86_400;
