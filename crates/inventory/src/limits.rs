//! How much of an image is read to tell what is in it.

/// The most bytes of one file that says something of packages. The largest real ones, records of conda's packages with a hundred
/// thousand files, have some twenty megabytes.
pub(crate) const METADATA_FILE: u64 = 64 << 20;
/// The most bytes of all such files of one layer.
pub(crate) const METADATA_BYTES: u64 = 512 << 20;
