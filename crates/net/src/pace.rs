//! Servers that trickle: a byte now and then keeps every timeout for the next bytes from running out.

use std::time::{Duration, Instant};

use crate::limits::LEAST_PACE;

/// An answer that comes too slowly.
#[derive(Debug, thiserror::Error)]
#[error("it came with less than {LEAST_PACE} bytes in a second")]
pub struct TooSlow;

/// How fast an answer comes.
#[derive(Debug)]
pub struct Pace {
    period: Duration,
    since: Instant,
    bytes: u64,
    /// Since when nobody waits for it.
    resting: Option<Instant>,
}

impl Pace {
    /// The pace of an answer that begins now, looked at once in each period.
    pub fn new(period: Duration) -> Self {
        Self { period, since: Instant::now(), bytes: 0, resting: None }
    }

    /// Nobody waits for the next bytes: whoever reads has something else to do, and that time does not count.
    pub(crate) fn rest(&mut self) {
        self.resting.get_or_insert_with(Instant::now);
    }

    /// They are waited for again.
    pub(crate) fn go_on(&mut self) {
        if let Some(resting) = self.resting.take() {
            self.since += resting.elapsed();
        }
    }

    /// Some bytes have come.
    ///
    /// # Errors
    ///
    /// When there were too few of them in a whole period.
    pub fn came(&mut self, bytes: usize) -> Result<(), TooSlow> {
        self.bytes += bytes as u64;
        let passed = self.since.elapsed();
        if passed < self.period {
            return Ok(());
        }
        let wanted = passed.as_secs_f64() * LEAST_PACE as f64;
        let slow = (self.bytes as f64) < wanted;
        *self = Self::new(self.period);
        if slow { Err(TooSlow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace since a time that is longer ago than its period.
    fn old(resting: bool) -> Pace {
        let before = Instant::now() - Duration::from_secs(90);
        Pace { since: before, resting: resting.then_some(before), ..Pace::new(Duration::from_secs(60)) }
    }

    #[test]
    fn only_the_time_counts_in_which_somebody_waits() {
        assert!(old(false).came(1).is_err());
        assert!(old(false).came(90 * 1024).is_ok());
        let mut pace = old(true);
        pace.go_on();
        assert!(pace.came(1).is_ok());
    }
}
