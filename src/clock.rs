//! The one place that reads the wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use signout_checker::Timestamp;

/// Tells the time. Everything that decides takes a [`Timestamp`] instead; only whoever starts a
/// decision holds a clock.
///
/// A clock that runs ahead refuses fresh logout tokens as expired; one that runs behind refuses
/// them as issued in the future, once the difference exceeds the provider's leeway.
pub trait Clock: Send + Sync + 'static {
    /// Time since 1970-01-01T00:00:00Z.
    fn since_epoch(&self) -> Duration;

    /// A time that may lag behind, but that no step of the wall clock can have moved ahead. Used
    /// for forgetting, which must never happen early.
    fn settled(&self) -> Timestamp;

    /// The time, in whole seconds.
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.since_epoch().as_secs())
    }
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    started_at: Duration,
}

impl SystemClock {
    /// Notes where the wall clock and the monotonic clock stand now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: wall() }
    }
}

impl Clock for SystemClock {
    fn since_epoch(&self) -> Duration {
        wall()
    }

    fn settled(&self) -> Timestamp {
        let monotonic = self.started_at.saturating_add(self.started.elapsed());
        Timestamp::from_secs(monotonic.min(wall()).as_secs())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn wall() -> Duration {
    // Before 1970 every token is issued in the future, and refused as such.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_a_step_ahead_does_not_settle() {
        let clock = SystemClock {
            started: Instant::now(),
            // As if the wall clock had jumped an hour ahead after the start.
            started_at: wall().saturating_sub(Duration::from_secs(3_600)),
        };
        let lag = clock.now().since(clock.settled());
        assert!(lag >= Duration::from_secs(3_599), "{lag:?}");
    }
}
