//! What the layers of an image may ask of us: one place, each limit with its reason.
//!
//! Archives compress a thousand to one and better, so that what is small may cost much. The limits are far above what
//! real packages and images have, and low enough that none of them costs more than some hundred megabytes of memory.

/// The most paths that the layers of an image may have together, with the folders that no layer states.
pub const MOST_PATHS: usize = 4 << 20;
/// The most bytes that the folders may have together that a layer does not state and that its paths stand in. Stated once
/// in a path of a hundred components, they would else take a hundred times its bytes.
pub const MOST_FOLDER_BYTES: u64 = 64 << 20;
/// The most bytes of one file of an image that are kept, such as dpkg's status. The largest real ones have some megabytes.
pub const FILE_LIMIT: u64 = 32 << 20;
/// The most bytes of all files of an image that are kept.
pub const MOST_KEPT_BYTES: u64 = 128 << 20;
