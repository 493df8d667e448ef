//! What files of a machine may ask of us.

/// The most bytes of a file that describes devices: those of a machine with eight GPUs have some ten thousand.
pub(crate) const SPEC_LIMIT: usize = 4 << 20;

/// The most bytes of a library that are looked at for its name. The largest of NVIDIA's driver has 200 MB; its name stands in the first
/// ones, or with a table at the end.
pub(crate) const LIBRARY_LIMIT: u64 = 1 << 30;

/// The most bytes of the table in which a library's name stands.
pub(crate) const NAMES_LIMIT: u64 = 16 << 20;

/// The most entries of a table of a library.
pub(crate) const MOST_ENTRIES: u64 = 4096;
