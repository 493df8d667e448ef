//! Trying again.

use std::time::Duration;

use crate::NetError;

/// How often and when to try again: after twice the time that was waited before, without jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// How often to try again.
    pub retries: u32,
    /// How long to wait the first time.
    pub first: Duration,
    /// The longest time to wait, also when the server asks for more.
    pub most: Duration,
}

impl Default for Schedule {
    /// Four times, after half a second, one, two and four.
    fn default() -> Self {
        Self { retries: 4, first: Duration::from_millis(500), most: Duration::from_secs(60) }
    }
}

impl Schedule {
    /// How long to wait after the failure number `failure`, the first being 0.
    pub(crate) fn delay(&self, failure: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failure));
        asked.unwrap_or(doubled).min(self.most)
    }
}

/// Counts the failures of one request.
#[derive(Debug)]
pub struct Retry {
    schedule: Schedule,
    failures: u32,
}

impl Retry {
    /// Nothing has failed yet.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, failures: 0 }
    }

    /// The last attempt brought something: the count starts anew.
    pub fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Whether one more failure is waited after.
    pub fn may_retry(&self) -> bool {
        self.failures < self.schedule.retries
    }

    /// Waits after a failure that may pass; any other failure, and one too many, is given back.
    ///
    /// # Errors
    ///
    /// With what is not tried again.
    pub async fn wait(&mut self, error: NetError) -> Result<(), NetError> {
        if !error.is_transient() || !self.may_retry() {
            return Err(error);
        }
        let asked = match &error {
            NetError::Status { retry_after, .. } => *retry_after,
            _ => None,
        };
        let delay = self.schedule.delay(self.failures, asked);
        tracing::debug!("{error}; trying again in {delay:?}");
        tokio::time::sleep(delay).await;
        self.failures += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_doubles_up_to_the_most() {
        let schedule = Schedule { most: Duration::from_secs(3), ..Schedule::default() };
        let delays: Vec<_> = (0..5).map(|failure| schedule.delay(failure, None).as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(schedule.delay(0, Some(Duration::from_secs(2))).as_secs(), 2);
        assert_eq!(schedule.delay(0, Some(Duration::from_secs(9))).as_secs(), 3);
        assert_eq!(schedule.delay(u32::MAX, None).as_secs(), 3);
    }
}
