//! How much things count when images are split among machines.
//!
//! Whoever changes one changes which machine builds what: all machines of one build run the same version.

/// Bytes that an image counts beside its packages: what one costs of which all layers are there, its checks most of all.
pub const IMAGE_BYTES: u64 = 16 << 20;

/// Bytes that an archive counts whose size the lock does not have.
pub const UNKNOWN_BYTES: u64 = 1 << 20;

/// Parts of a hundred by which the busiest machine may be busier than it must be, where all of them together have less to do for it.
pub const SLACK: u64 = 20;

/// Parts of a hundred by which the busiest machine, or all of them together, may be busier for it that platforms of one tag are built by
/// one.
pub const TOGETHER: u64 = 10;
