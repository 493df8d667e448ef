//! What an archive of Debian's may ask of us: one place, each limit with its reason.

/// How many bytes every package may unpack to beyond what its size allows: small ones have large tables.
pub(crate) const ALWAYS_ALLOWED: u64 = 64 << 20;

/// How many times its `Installed-Size` a package may unpack to.
pub(crate) const MOST_RATIO: u64 = 20;

/// The most bytes that the control files of a package may unpack to: those of the largest have a few megabytes.
pub(crate) const CONTROL_LIMIT: u64 = 64 << 20;

/// The most bytes of a `copyright` that is read for its licences: the largest real ones have some hundred kilobytes.
pub(crate) const COPYRIGHT_LIMIT: u64 = 4 << 20;

/// The most bytes of the names of a package's licences: libc6, which has some forty, has 700.
pub(crate) const LICENCES_LIMIT: usize = 16 << 10;

/// How many bytes of memory the xz decoder may have: `xz -9` needs 65 MiB.
pub(crate) const XZ_MEMORY: u64 = 128 << 20;

/// The largest window of zstd, as a power of two: that of `zstd --ultra`.
pub(crate) const ZSTD_WINDOW: u32 = 27;

/// The most bytes of an `InRelease`: real ones have some 200 kB.
pub(crate) const RELEASE_LIMIT: u64 = 8 << 20;

/// The most bytes of an unpacked index, where the `Release` does not say how many it has: Debian's largest has 60 MB.
pub(crate) const INDEX_LIMIT: u64 = 1 << 30;
