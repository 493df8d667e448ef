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
}

impl Pace {
    /// The pace of an answer that begins now, looked at once in each period.
    pub fn new(period: Duration) -> Self {
        Self { period, since: Instant::now(), bytes: 0 }
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
