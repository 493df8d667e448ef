//! Servers that trickle: a byte now and then keeps every timeout for the next bytes from running out.

use std::time::{Duration, Instant};

/// How many bytes have to come in each second, over a whole period. It is a twentieth of what a modem did.
const LEAST: u64 = 256;

/// An answer that comes too slowly.
#[derive(Debug, thiserror::Error)]
#[error("it came with less than {LEAST} bytes in a second")]
pub(crate) struct TooSlow;

/// How fast an answer comes.
#[derive(Debug)]
pub(crate) struct Pace {
    period: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// The pace of an answer that begins now, looked at once in each period.
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, since: Instant::now(), bytes: 0 }
    }

    /// Some bytes have come.
    pub(crate) fn came(&mut self, bytes: usize) -> Result<(), TooSlow> {
        self.bytes += bytes as u64;
        let passed = self.since.elapsed();
        if passed < self.period {
            return Ok(());
        }
        let wanted = passed.as_secs_f64() * LEAST as f64;
        let slow = (self.bytes as f64) < wanted;
        *self = Self::new(self.period);
        if slow { Err(TooSlow) } else { Ok(()) }
    }
}
