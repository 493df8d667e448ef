//! What an index and its wheels may ask of us: one place, each limit with its reason.

/// The most members of a wheel. The largest real ones have some ten thousand.
pub(crate) const MOST_MEMBERS: u64 = 200_000;

/// The most bytes of one file of a wheel's metadata.
pub(crate) const TEXT_LIMIT: u64 = 64 << 20;

/// The most bytes of the directory of a wheel that is read from afar: one of a hundred thousand long names.
pub(crate) const DIRECTORY_LIMIT: u64 = 64 << 20;

/// The most bytes of an index's page of one project.
pub(crate) const PAGE_LIMIT: u64 = 64 << 20;

/// The most bytes of such a page that is read for attestations alone. Those of the largest projects have some 10 MB.
pub(crate) const OFFERS_PAGE_LIMIT: u64 = 24 << 20;

/// How many such pages are in memory at once.
pub(crate) const PAGES_AT_ONCE: usize = 2;

/// How many times its own size a wheel may unpack to: no real one packs better.
pub(crate) const MOST_RATIO: u64 = 100;

/// How many bytes every wheel may unpack to beyond that: a small file of zeros is no attack.
pub(crate) const ALWAYS_ALLOWED: u64 = 64 << 20;
