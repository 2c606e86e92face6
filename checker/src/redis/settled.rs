//! A clock that a step of the server's clock cannot move ahead. Pure.

use std::time::{Duration, Instant};

use crate::Timestamp;

/// Verifiers' clocks may be behind the server's by this much.
const MARGIN: Duration = Duration::from_secs(3_600);
/// The server's clock may gain this much on ours between two looks.
const DRIFT: Duration = Duration::from_millis(100);

/// By which clock marks are forgotten: that of the Redis server, an hour late, and never faster than
/// time goes by here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled(Option<(u64, Instant)>);

impl Settled {
    /// Takes what the server's clock shows, in milliseconds since 1970, and says what is over.
    pub(super) fn show(&mut self, millis: u64, now: Instant) -> Timestamp {
        let millis = match self.0 {
            None => millis,
            Some((before, at)) => {
                let passed = now.saturating_duration_since(at).saturating_add(DRIFT).as_millis();
                millis.min(before.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
            }
        };
        self.0 = Some((millis, now));
        Timestamp::from_secs(millis / 1_000).minus(MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_a_clock_that_jumps_makes_nothing_forgotten() {
        let (mut settled, start) = (Settled::default(), Instant::now());
        let mut shows = |secs: u64, after: u64| {
            settled.show(secs * 1_000, start + Duration::from_secs(after)).as_secs()
        };
        assert_eq!(shows(1_000_000, 0), 1_000_000 - 3_600);
        assert_eq!(shows(1_000_010, 10), 1_000_010 - 3_600);
        // A year ahead: it goes on as time goes by.
        assert_eq!(shows(32_000_000, 20), 1_000_020 - 3_600);
        // Back: followed at once, since that forgets less.
        assert_eq!(shows(900_000, 30), 900_000 - 3_600);
    }
}
