//! When a provider may be asked for its keys. Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::absent_kids::AbsentKids;

/// Time between an attempt and the next one that a token can cause, counted from the *beginning*
/// of the attempt and whether or not it succeeds. It is the whole budget of the unknown key ids:
/// two attempts a minute, whatever arrives.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);

/// Waits of the background loop while no key was ever fetched: the service and the provider are
/// often started together, and no token can make this loop turn.
const FIRST_KEYS: Backoff =
    Backoff { shortest: Duration::from_secs(1), longest: Duration::from_secs(30) };

/// Waits of the background loop once there are keys to fall back on: never less than the
/// [`COOL_DOWN`], after which a token with an unknown key id brings the next attempt forward.
const NEXT_KEYS: Backoff =
    Backoff { shortest: Duration::from_secs(60), longest: Duration::from_secs(5 * 60) };

/// The round that the start of the service causes.
const FIRST: Round = Round(1);

/// Which fetch, counted from one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Round(u64);

/// The answer to "this token needs keys that we do not hold".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// The last good fetch began after this very key id had been asked for, and did not bring it.
    Absent,
    /// Not now: the provider was asked a moment ago. The next round begins after this time.
    Later(Duration),
    /// Wait for this round to end. It may have begun already.
    WaitFor(Round),
}

/// Times and counts of one provider.
#[derive(Debug)]
pub(super) struct Schedule {
    begun: Round,
    running: bool,
    /// A token was promised a round that has not begun yet.
    promised: bool,
    cool_until: Option<Instant>,
    due: Instant,
    failures: u32,
    backoff: Backoff,
    absent: AbsentKids,
}

#[derive(Debug)]
struct Backoff {
    shortest: Duration,
    longest: Duration,
}

impl Schedule {
    /// The first round is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: Round::default(),
            running: false,
            promised: false,
            cool_until: None,
            due: now,
            failures: 0,
            backoff: FIRST_KEYS,
            absent: AbsentKids::default(),
        }
    }

    /// The round that began last. What a later round brings is newer than whatever is seen now.
    pub(super) fn begun(&self) -> Round {
        self.begun
    }

    /// When the background loop turns next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Time until a token may cause a round.
    pub(super) fn cooling(&self, now: Instant) -> Duration {
        self.cool_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// A token came with a key id that no key has, or there are no keys at all.
    pub(super) fn ask(&mut self, kid: Option<&str>, now: Instant) -> Permission {
        if kid.is_some_and(|kid| self.absent.contains(kid)) && !self.cooling(now).is_zero() {
            return Permission::Absent;
        }
        if self.running {
            return Permission::WaitFor(self.begun);
        }
        if let Some(kid) = kid {
            self.absent.ask(kid);
        }
        let cooling = self.cooling(now);
        if !self.promised && !cooling.is_zero() {
            // Nobody waits for it, but the provider's second try, or the next logout of this
            // provider, shall find the key.
            self.due = self.due.min(now + cooling);
            return Permission::Later(self.due.saturating_duration_since(now));
        }
        // Before the attempt, and not taken back if it fails.
        self.cool_until = Some(now + COOL_DOWN);
        self.promised = true;
        self.due = now;
        Permission::WaitFor(self.begun.next())
    }

    /// A round begins.
    pub(super) fn begin(&mut self, now: Instant) -> Round {
        self.begun = self.begun.next();
        self.running = true;
        self.promised = false;
        self.cool_until = Some(now + COOL_DOWN);
        self.absent.begin();
        self.begun
    }

    /// The round brought keys, good for `refresh_after`.
    pub(super) fn succeed(&mut self, now: Instant, refresh_after: Duration) {
        self.running = false;
        self.failures = 0;
        if self.begun == FIRST {
            // No token caused it: keys that changed just after the start are looked for at once.
            self.cool_until = None;
        }
        self.backoff = NEXT_KEYS;
        self.due = now + refresh_after;
        self.absent.succeed();
    }

    /// The round brought nothing. `dice` spreads the next attempts of many instances.
    pub(super) fn fail(&mut self, now: Instant, dice: u64) {
        self.running = false;
        self.due = now + self.backoff.wait(self.failures, dice);
        self.failures = self.failures.saturating_add(1);
        self.absent.fail();
    }
}

impl Round {
    fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl Backoff {
    /// Doubles per failure; up to half of it is taken off again at random.
    fn wait(&self, failures: u32, dice: u64) -> Duration {
        let doubled = self.shortest.saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX));
        let longest = doubled.min(self.longest);
        let fraction = f64::from((dice >> 32) as u32) / f64::from(u32::MAX);
        longest.mul_f64(1.0 - fraction / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn round(number: u64) -> Permission {
        Permission::WaitFor(Round(number))
    }

    /// A schedule after a first good round at `now`.
    fn fetched(now: Instant) -> Schedule {
        let mut schedule = Schedule::new(now);
        schedule.begin(now);
        schedule.succeed(now, 3600 * SECOND);
        schedule
    }

    #[test]
    fn jwt_8_cool_down_counts_from_the_beginning_even_if_the_attempt_fails() {
        let now = Instant::now();
        let mut schedule = fetched(now);
        let asked = now + 40 * SECOND;
        assert_eq!(schedule.ask(Some("a"), asked), round(2));
        schedule.begin(asked);
        schedule.fail(asked + 5 * SECOND, 0);
        assert_eq!(
            schedule.ask(Some("a"), asked + 6 * SECOND),
            Permission::Later(24 * SECOND),
            "30 s from the beginning"
        );
        assert_eq!(schedule.due(), asked + COOL_DOWN, "asked again as soon as it is allowed");
        assert_eq!(schedule.ask(Some("a"), asked + COOL_DOWN), round(3));
    }

    #[test]
    fn a22_two_rounds_a_minute_whatever_is_asked() {
        let start = Instant::now();
        let mut schedule = fetched(start);
        let mut begun = Vec::new();
        for millisecond in 0..600_000u64 {
            let now = start + 60 * SECOND + Duration::from_millis(millisecond);
            schedule.ask(Some(&millisecond.to_string()), now);
            if schedule.due() <= now {
                schedule.begin(now);
                begun.push(now);
                // The provider is down for the second half.
                if millisecond < 300_000 {
                    schedule.succeed(now, 3600 * SECOND);
                } else {
                    schedule.fail(now, u64::MAX);
                }
            }
        }
        assert_eq!(begun.len(), 20, "ten minutes");
        for at in &begun {
            let minute = *at..*at + 60 * SECOND;
            assert!(begun.iter().filter(|other| minute.contains(other)).count() <= 2);
        }
    }

    #[test]
    fn jwt_8_absent_only_after_a_round_that_began_later() {
        let now = Instant::now();
        let mut schedule = fetched(now);
        let now = now + 60 * SECOND;
        assert_eq!(schedule.ask(Some("before"), now), round(2));
        schedule.begin(now);
        assert_eq!(schedule.ask(Some("during"), now), round(2));
        schedule.succeed(now, 3600 * SECOND);
        assert_eq!(schedule.ask(Some("before"), now), Permission::Absent);
        assert_eq!(schedule.ask(Some("during"), now), Permission::Later(COOL_DOWN));
        let later = now + COOL_DOWN;
        assert_eq!(schedule.ask(Some("before"), later), round(3), "looked for again");
    }

    #[test]
    fn jwt_8_a_failed_round_makes_nothing_absent() {
        let now = Instant::now();
        let mut schedule = fetched(now);
        let now = now + 60 * SECOND;
        schedule.ask(Some("a"), now);
        schedule.begin(now);
        schedule.fail(now, 0);
        assert_eq!(schedule.ask(Some("a"), now), Permission::Later(COOL_DOWN));
    }

    #[test]
    fn jwt_8_a_token_without_kid_is_never_absent() {
        let now = Instant::now();
        let mut schedule = fetched(now);
        let now = now + 60 * SECOND;
        schedule.ask(None, now);
        schedule.begin(now);
        schedule.succeed(now, 3600 * SECOND);
        assert_eq!(schedule.ask(None, now), Permission::Later(COOL_DOWN));
    }

    #[test]
    fn waits_double_up_to_a_limit_and_are_spread() {
        let seconds = |backoff: &Backoff, dice| {
            (0..7).map(|failures| backoff.wait(failures, dice).as_secs_f64()).collect::<Vec<_>>()
        };
        assert_eq!(seconds(&FIRST_KEYS, 0), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(seconds(&FIRST_KEYS, u64::MAX), [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]);
        assert_eq!(seconds(&NEXT_KEYS, 0), [60.0, 120.0, 240.0, 300.0, 300.0, 300.0, 300.0]);
        assert_eq!(NEXT_KEYS.wait(0, u64::MAX), COOL_DOWN);
        assert!(NEXT_KEYS.wait(u32::MAX, 7) <= NEXT_KEYS.longest);
    }
}
