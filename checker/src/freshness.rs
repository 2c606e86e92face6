//! Until when everything that was decided is known.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An instant that only moves forward. Readers take no lock: two plain loads.
///
/// No clock is read here, so the instants count from the first one that was vouched for.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    base: OnceLock<Instant>,
    /// Nanoseconds from `base`, and one; 0 before anything was vouched for. Reaches 584 years.
    known: AtomicU64,
}

impl Freshness {
    /// Whatever the caller wrote before is seen by whoever reads a staleness that counts from here.
    pub(crate) fn vouch(&self, as_of: Instant) {
        let since = as_of.saturating_duration_since(*self.base.get_or_init(|| as_of));
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.known.fetch_max(nanos.saturating_add(1), Ordering::Release);
    }

    /// Time since the last instant that was vouched for: zero if that is not yet over,
    /// [`Duration::MAX`] if there is none.
    pub(crate) fn staleness(&self, now: Instant) -> Duration {
        let known = self.known.load(Ordering::Acquire);
        let (Some(since), Some(base)) = (known.checked_sub(1), self.base.get()) else {
            return Duration::MAX;
        };
        now.saturating_duration_since(*base).saturating_sub(Duration::from_nanos(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ever_moves_forward() {
        let (freshness, start) = (Freshness::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        assert_eq!(freshness.staleness(at(100)), Duration::MAX);
        for (as_of, staleness) in [(50, 50), (60, 40), (10, 40), (60, 40), (99, 1), (200, 0)] {
            freshness.vouch(at(as_of));
            assert_eq!(freshness.staleness(at(100)), Duration::from_secs(staleness), "{as_of}");
        }
        assert_eq!(freshness.staleness(start), Duration::ZERO);
    }
}
