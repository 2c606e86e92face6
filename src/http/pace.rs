//! How fast something may be done that others pay for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket of permits that fills again with time. One lock and one time, whatever happens.
#[derive(Debug)]
pub(super) struct Pace {
    at_once: u32,
    every: Duration,
    /// When the bucket is full again: no count to keep in step with a clock.
    full_at: Mutex<Option<Instant>>,
}

/// May be done now.
#[derive(Debug)]
pub(super) struct Permit(());

/// Not before this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooFast {
    pub(super) retry_after: Duration,
}

impl Pace {
    /// So many at once, and then one each time this has gone by.
    pub(super) const fn new(at_once: u32, every: Duration) -> Self {
        Self { at_once, every, full_at: Mutex::new(None) }
    }

    /// One permit, if there is one.
    pub(super) fn take(&self, now: Instant) -> Result<Permit, TooFast> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.next(*full_at, now)?;
        *full_at = Some(next);
        Ok(Permit(()))
    }

    /// Whether there is one, which stays where it is.
    pub(super) fn look(&self, now: Instant) -> Result<(), TooFast> {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.next(*full_at, now).map(drop)
    }

    /// When the bucket would be full again after one more.
    fn next(&self, full_at: Option<Instant>, now: Instant) -> Result<Instant, TooFast> {
        let next = full_at.unwrap_or(now).max(now) + self.every;
        let retry_after = next.duration_since(now).saturating_sub(self.every * self.at_once);
        if retry_after.is_zero() { Ok(next) } else { Err(TooFast { retry_after }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(50);

    #[test]
    fn a_burst_and_then_one_after_the_other() {
        let pace = Pace::new(200, EVERY);
        let start = Instant::now();
        let taken = |now| std::iter::from_fn(|| pace.take(now).ok()).take(1_000).count();
        for (later, expected) in [
            (Duration::ZERO, 200),
            (Duration::ZERO, 0),
            (EVERY / 2, 0),
            (EVERY, 1),
            (EVERY * 4, 3),
            (Duration::from_secs(3_600), 200),
        ] {
            assert_eq!(taken(start + later), expected, "{later:?}");
        }
    }

    #[test]
    fn it_says_when_and_a_look_takes_nothing() {
        let pace = Pace::new(2, EVERY);
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(pace.look(now), Ok(()));
        }
        assert!(pace.take(now).is_ok() && pace.take(now).is_ok());
        let retry_after = EVERY;
        assert_eq!(pace.look(now), Err(TooFast { retry_after }));
        assert_eq!(pace.take(now + EVERY / 5).unwrap_err().retry_after, EVERY / 5 * 4);
        assert_eq!(pace.look(now + EVERY), Ok(()));
    }
}
