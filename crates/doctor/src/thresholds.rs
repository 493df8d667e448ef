//! Below what a machine is not fine, and how long a look may take: one place, each with its reason.

use std::time::Duration;

/// How long a look at files or at the kernel may take: a folder of a file server that is gone answers never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server may take for its answer. One that needs longer makes builds no pleasure.
pub(crate) const SERVER_PATIENCE: Duration = Duration::from_secs(5);

/// The most servers that are asked at once, and that are named: a file of credentials may have hundreds.
pub(crate) const MOST_SERVERS: usize = 32;

/// The free bytes that a build needs at least: the Debian base and a Python have some 0.2 GB of archives and layers, and an image
/// with PyTorch some ten.
pub(crate) const LEAST_FREE: u64 = 1_000_000_000;

/// The free bytes of the folder for temporary files: what is rewritten there is one package's file.
pub(crate) const LEAST_TEMPORARY: u64 = 100_000_000;

/// The files that can still be made on the disk of the cache. A layer that is unpacked to be run has some thousand.
pub(crate) const LEAST_FILES: u64 = 10_000;

/// The files that a process has open at once: connections, archives, layers, on all cores.
pub(crate) const LEAST_OPEN: u64 = 256;

/// The memory that a build needs at least: it takes 0.3 GB, and a channel's index while it solves.
pub(crate) const LEAST_MEMORY: u64 = 500_000_000;

/// The address space of a process: indexes and archives are mapped, and threads have stacks.
pub(crate) const LEAST_ADDRESSES: u64 = 4_000_000_000;

/// The size of a file: a layer with CUDA's libraries has some gigabytes.
pub(crate) const LEAST_FILE_SIZE: u64 = 4_000_000_000;

/// How far a clock may be from others, in seconds: what AWS allows for signed requests is 900, and certificates and indexes are dated
/// to the second.
pub(crate) const CLOCK_TOLERANCE: i64 = 300;

/// When this program was not there yet, in seconds since 1970 (2026-01-01): a clock before that is none.
pub(crate) const FIRST_TIME: i64 = 1_767_225_600;
