//! How much of its disk a run takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of what an open store has written and not removed, now and at most so far.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Disk {
    pub(crate) fn add(&self, bytes: u64) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    /// What there is now, and what there was at most.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.now.load(Ordering::Relaxed), self.peak.load(Ordering::Relaxed))
    }

    pub(crate) fn remove(&self, bytes: u64) {
        // What was there before this run is not counted, and may be removed by it.
        let less = |now: u64| Some(now.saturating_sub(bytes));
        let _before = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// The bytes of a file that is being written, which count until it is given up.
#[derive(Debug)]
pub(crate) struct Counted {
    disk: Arc<Disk>,
    bytes: u64,
}

impl Counted {
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self { disk, bytes: 0 }
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.disk.add(bytes);
    }

    /// The file stays.
    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.disk.remove(self.bytes);
    }
}
