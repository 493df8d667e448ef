//! What files of advisories may ask of us.

/// The most bytes of one file of advisories. Debian's tracker, which is the largest, has 70 MB.
pub(crate) const LARGEST_FILE: u64 = 1 << 30;
/// The most files of one zip. OSV's of all ecosystems together has some 500,000.
pub(crate) const MOST_FILES: u64 = 4 << 20;
/// How deep a folder of advisories may be.
pub(crate) const DEEPEST_FOLDER: usize = 32;
