//! What a cache may cost in time and memory, each with its reason.

use std::time::Duration;

/// How many keys are asked for at once.
pub(super) const ASKED_AT_ONCE: usize = 8;

/// How many layers are put at once: each holds some parts in memory.
pub(super) const PUT_AT_ONCE: usize = 4;

/// The size of the parts in which large objects are written, in bytes. What is no larger is written by one request.
pub(super) const PART: usize = 8 << 20;

/// How many parts of an object are on their way at once.
pub(super) const PARTS: usize = 4;

/// How long a server of objects may say nothing, or take no more of what it is sent. A cache saves time, and so has little.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How many bytes a second a server has to take of the end of what it is sent: the system has taken that from us already, and shows
/// nothing of it on its way.
pub(super) const SENT_PACE: u64 = 256 << 10;

/// How long it may say nothing where a machine of a cloud is told who it is: that is near, or nobody is there.
pub(super) const METADATA_PATIENCE: Duration = Duration::from_secs(2);

/// How long a request is tried again at most.
pub(super) const RETRIED_FOR: Duration = Duration::from_secs(30);

/// The installed size in bytes from which a layer has a lease. Two requests take some 100 ms, in which as much is written and
/// compressed; to make less twice costs less than to ask.
pub(super) const LEASED_FROM: u64 = 16 << 20;

/// How often the holder of a lease says that it lives.
pub(super) const RENEWED_EVERY: Duration = Duration::from_secs(3);

/// After what time without a word a holder is taken for dead: five times as long, for networks stumble and machines are busy.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(15);

/// How often who waits for a layer looks whether it is there.
pub(super) const POLLED_EVERY: Duration = Duration::from_secs(1);

/// How long one waits for a layer of this installed size in bytes, at most: half a minute, and as long as a slow machine needs to
/// fetch, compress and send it, at 16 MiB in a second. Who has waited that long makes it, whoever else does.
pub(super) fn waited_for(installed: u64) -> Duration {
    Duration::from_secs(30 + (installed >> 24))
}

/// How long taking back all leases may take at the end of a build that fails.
pub(super) const RELEASED_WITHIN: Duration = Duration::from_secs(3);
