//! What others may ask of us: one place, each limit with its reason.

/// The most bytes of an entry of a shared cache: it is a manifest, and as long as those may be.
pub(crate) const ENTRY_LIMIT: u64 = 4 << 20;

/// The most bytes of a lease of a shared cache that are read: ours has fewer than 100.
pub(crate) const LEASE_LIMIT: u64 = 1 << 10;

/// The most bytes that are read of what a bucket says of a refusal.
pub(crate) const ERROR_LIMIT: usize = 64 << 10;

/// How many bytes of an object of a bucket have to come in each second: making a layer anew is then not slower.
pub(crate) const LEAST_PACE: u64 = 16 << 10;

/// The most bytes of what is said of an image: as much as BuildKit reads.
pub(crate) const ATTESTATION_LIMIT: u64 = 40 << 20;

/// The most things that are said of an image and looked at.
pub(crate) const MOST_ATTESTATIONS: usize = 64;
