//! How long a follower pauses before it tries again.
//!
//! Pure: the randomness is an argument. Pauses double from one attempt to the next and are spread,
//! so that ten thousand checkers whose service restarts do not come back in the same instant.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The first pause, before it is spread.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest, before it is spread.
const LONGEST: Duration = Duration::from_secs(30);
/// The pause behind an answer that only a person can change, such as a key that is refused.
const HOPELESS: Duration = Duration::from_secs(60);

/// A connection that lasted this long was a good one.
const GOOD: Duration = Duration::from_secs(5);

/// A pause that doubles with every failure in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: SHORTEST }
    }
}

impl Backoff {
    /// The pause behind one more failure. `random` is evenly spread over all numbers.
    pub(crate) fn pause(&mut self, random: u64) -> Duration {
        let pause = spread(self.next, random);
        self.next = self.next.saturating_mul(2).min(LONGEST);
        pause
    }

    /// The pause behind a failure that the next attempt will most likely meet again.
    pub(crate) fn hopeless(&mut self, random: u64) -> Duration {
        self.next = LONGEST;
        spread(HOPELESS, random)
    }

    /// There was a connection for so long. If it was a good one, the next failure is the first.
    pub(crate) fn lasted(&mut self, time: Duration) {
        if time >= GOOD {
            *self = Self::default();
        }
    }
}

/// Between a half and one and a half.
pub(crate) fn spread(pause: Duration, random: u64) -> Duration {
    // The upper half of the bits is plenty.
    let share = u32::try_from(random >> 32).unwrap_or(u32::MAX);
    let share = f64::from(share) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + share)
}

/// A number to spread pauses by. Hash maps are seeded from the system's randomness; that is good
/// enough here, and needs no crate.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread() {
        let middle = u64::MAX / 2;
        let mut backoff = Backoff::default();
        let pauses: Vec<_> =
            (0..12).map(|_| backoff.pause(middle).as_secs_f64().to_string()).collect();
        for (pause, millis) in pauses
            .iter()
            .zip([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
        {
            let pause: f64 = pause.parse().unwrap();
            assert!((pause * 1_000.0 - f64::from(millis)).abs() < 1.0, "{pauses:?}");
        }
        backoff.lasted(GOOD / 2);
        assert!(backoff.pause(0) > SHORTEST);
        backoff.lasted(GOOD);
        assert_eq!(backoff.pause(0), Duration::from_millis(25));
        assert_eq!(backoff.pause(u64::MAX), Duration::from_millis(150));
    }

    #[test]
    fn what_only_a_person_can_change_is_tried_seldom() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.hopeless(0), Duration::from_secs(30));
        assert_eq!(backoff.hopeless(u64::MAX), Duration::from_secs(90));
        assert_eq!(backoff.pause(0), Duration::from_secs(15));
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random(), random());
    }
}
