//! How many blobs move at once: more where each waits for a distant registry, fewer where a registry has had enough.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::CONNECTIONS;

/// From which time of a round trip on waiting costs more than moving.
const DISTANT: Duration = Duration::from_millis(20);

/// After how many blobs without a trouble a lane comes back that was taken away.
const CALM: u32 = 8;

/// How many blobs move at once.
pub(crate) struct Lanes {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    width: usize,
    /// The troubles of the registry that were taken into account.
    troubles: u32,
    /// How many blobs have moved since the last one.
    calm: u32,
    is_widened: bool,
}

impl State {
    /// How many there are where nothing is wrong.
    fn most(&self) -> usize {
        if self.is_widened { 2 * CONNECTIONS } else { CONNECTIONS }
    }
}

impl Lanes {
    /// To a registry that has had so many troubles until now: they count no more.
    pub(crate) fn new(troubles: u32) -> Self {
        let state = State { width: CONNECTIONS, troubles, calm: 0, is_widened: false };
        Self { permits: Semaphore::new(CONNECTIONS), state: Mutex::new(state) }
    }

    /// A round trip has taken so long: one to a distant registry means twice as many lanes.
    pub(crate) fn measured(&self, round_trip: Duration) {
        // No thread leaves it half changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if round_trip >= DISTANT && !state.is_widened {
            state.is_widened = true;
            state.width += CONNECTIONS;
            self.permits.add_permits(CONNECTIONS);
        }
    }

    /// A lane, when one is free. `troubles` is how often the registry had a trouble until now: each takes a lane away, but for
    /// the last. Some blobs without any bring one back.
    pub(crate) async fn enter(&self, troubles: u32) -> Option<SemaphorePermit<'_>> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let new = troubles.saturating_sub(state.troubles) as usize;
            let lost = new.min(state.width.saturating_sub(1));
            // Those that are in use are not taken away: the next time is soon enough.
            let forgotten = self.permits.forget_permits(lost);
            state.width -= forgotten;
            state.troubles = troubles.saturating_sub(u32::try_from(lost - forgotten).unwrap_or(0));
            state.calm = if new > 0 { 0 } else { state.calm + 1 };
            if state.calm > CALM && state.width < state.most() {
                state.calm = 0;
                state.width += 1;
                self.permits.add_permits(1);
            }
        }
        // It is never closed.
        self.permits.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn free(lanes: &Lanes, troubles: u32) -> usize {
        let entered = lanes.enter(troubles).await;
        let free = lanes.permits.available_permits() + 1;
        drop(entered);
        free
    }

    #[tokio::test]
    async fn a_distant_registry_gets_more_and_a_troubled_one_fewer() {
        let lanes = Lanes::new(0);
        assert_eq!(free(&lanes, 0).await, CONNECTIONS);
        lanes.measured(Duration::from_millis(5));
        assert_eq!(free(&lanes, 0).await, CONNECTIONS);
        lanes.measured(Duration::from_millis(50));
        lanes.measured(Duration::from_millis(50));
        assert_eq!(free(&lanes, 0).await, 2 * CONNECTIONS);
        assert_eq!(free(&lanes, 3).await, 2 * CONNECTIONS - 3);
        assert_eq!(free(&lanes, 3).await, 2 * CONNECTIONS - 3);
        // One always remains.
        assert_eq!(free(&lanes, 100).await, 1);
    }

    #[tokio::test]
    async fn lanes_come_back_when_the_troubles_are_over() {
        // What was before counts no more.
        let lanes = Lanes::new(7);
        assert_eq!(free(&lanes, 7).await, CONNECTIONS);
        assert_eq!(free(&lanes, 9).await, CONNECTIONS - 2);
        for _ in 0..CALM {
            assert_eq!(free(&lanes, 9).await, CONNECTIONS - 2);
        }
        assert_eq!(free(&lanes, 9).await, CONNECTIONS - 1);
        // A further trouble begins the count anew.
        assert_eq!(free(&lanes, 10).await, CONNECTIONS - 2);
        for _ in 0..10 * CALM {
            free(&lanes, 10).await;
        }
        assert_eq!(free(&lanes, 10).await, CONNECTIONS);
    }
}
