//! What an archive may ask of us: one place, each limit with its reason.
//!
//! Archives compress a thousand to one and better, so that what is small may cost much. The limits are far above what
//! real packages and images have, and low enough that none of them costs more than some hundred megabytes of memory.

/// The most components of one path. The deepest folders of real packages (nested `node_modules`) have some forty; every
/// folder above a path is looked up and may have to be kept.
pub const MOST_COMPONENTS: usize = 128;
/// The longest path in bytes: Linux's `PATH_MAX`, less its NUL.
pub const LONGEST_PATH: usize = 4095;
/// The longest component of a path in bytes: Linux's `NAME_MAX`.
pub const LONGEST_COMPONENT: usize = 255;

/// The most entries of one tar archive. The largest layers of real images have some hundred thousand.
pub const MOST_ENTRIES: u64 = 2 << 20;
/// The most bytes that the names and link targets of one tar archive may have together: each of them is kept. A million
/// paths of usual length have 80 MB.
pub const MOST_PATH_BYTES: u64 = 128 << 20;
/// The most bytes that the extended headers of one entry may have. One attribute of a file has 64 KiB at most.
pub const EXTENSION_LIMIT: u64 = 1 << 20;
/// The most bytes that the extended attributes of one tar archive may have together: each of them is kept.
pub const MOST_XATTR_BYTES: u64 = 64 << 20;

/// The most bytes of the end of a zip that holds its directory: one of a hundred thousand long names.
pub const ZIP_TAIL_LIMIT: u64 = 64 << 20;
