//! When to ask again, and when to stop. Pure: ages come in, waits go out.

use std::time::Duration;

use crate::provider::Retry;

/// The first wait; each is twice the one before. There is no jitter: one instance asks for one
/// client, four tokens at a time.
const SHORTEST: Duration = Duration::from_millis(500);
/// A provider that restarts is back within this.
const LONGEST: Duration = Duration::from_secs(16);
/// From the client's request on. Access tokens of most providers live for five minutes, and a client
/// that was told 200 long ago should not have its token turn up in a provider's log much later.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait after so many failures, of which the last says `retry`, for a token that has
/// waited for `age` by now. `None`: no longer.
pub(super) fn wait(failures: u32, retry: Retry, age: Duration) -> Option<Duration> {
    let Retry::After(asked) = retry else { return None };
    let doubled =
        SHORTEST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let wait = doubled.min(LONGEST).max(asked);
    (age.saturating_add(wait) < PATIENCE).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const AT_ONCE: Retry = Retry::After(Duration::ZERO);

    #[test]
    fn waits_double_up_to_a_limit() {
        let waits = |failures| wait(failures, AT_ONCE, SECOND).unwrap().as_millis();
        let expected = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000];
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 40].map(waits), expected);
    }

    #[test]
    fn the_provider_may_ask_for_more_and_not_for_less() {
        assert_eq!(wait(3, Retry::After(SECOND), SECOND), Some(2 * SECOND));
        assert_eq!(wait(3, Retry::After(30 * SECOND), SECOND), Some(30 * SECOND));
        for forever in [PATIENCE, Duration::MAX] {
            assert_eq!(wait(3, Retry::After(forever), SECOND), None);
        }
    }

    #[test]
    fn it_ends() {
        assert_eq!(wait(1, Retry::Never, Duration::ZERO), None);
        let (mut age, mut failures) = (Duration::ZERO, 1);
        while let Some(wait) = wait(failures, AT_ONCE, age) {
            (age, failures) = (age + wait, failures + 1);
        }
        assert!(age < PATIENCE, "{age:?}");
        assert_eq!(failures, 12, "attempts at a provider that refuses connections");
    }
}
