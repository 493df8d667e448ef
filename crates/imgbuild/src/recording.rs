//! What happens in a build, with its times, for its page.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use imgbuild_fetch::{Event, Reporter};
use imgbuild_report::Timed;

/// Passes on what happens, and keeps it.
pub(crate) struct Recorder {
    next: Arc<dyn Reporter>,
    start: Instant,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Timed>,
    /// The blobs that are on their way.
    sending: BTreeSet<String>,
}

impl Kept {
    /// Whether an event says anything new. There are thousands that only a bar knows what to do with.
    fn wants(&mut self, event: &Event) -> bool {
        match event {
            Event::DownloadProgressed { .. } => false,
            // The first says when it was begun.
            Event::BlobProgressed { digest, .. } => self.sending.insert(digest.clone()),
            _ => true,
        }
    }
}

impl Recorder {
    /// One that begins now.
    pub(crate) fn new(next: Arc<dyn Reporter>) -> Self {
        Self { next, start: Instant::now(), kept: Mutex::default() }
    }

    /// What has happened until now.
    pub(crate) fn events(&self) -> Vec<Timed> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }
}

impl Reporter for Recorder {
    fn event(&self, event: Event) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.wants(&event) {
            kept.events.push(Timed { after: self.start.elapsed(), event: event.clone() });
        }
        drop(kept);
        self.next.event(event);
    }
}
