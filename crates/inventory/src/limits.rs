//! How much of an image is read to tell what is in it.

/// The most bytes of one file that says something of packages. The largest real ones, records of conda's packages with a hundred
/// thousand files, have some twenty megabytes.
pub(crate) const METADATA_FILE: u64 = 32 << 20;
/// The most bytes of all such files of one layer.
pub(crate) const METADATA_BYTES: u64 = 128 << 20;
/// The most paths that such files of one layer may list together: as many lines may stand in a few kilobytes that are compressed.
pub(crate) const LISTED_PATHS: usize = 1 << 20;
/// The most packages that one layer may say.
pub(crate) const LAYER_PACKAGES: usize = 1 << 16;
