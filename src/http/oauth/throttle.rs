//! How often a client may be wrong (RFC 6749, section 2.3.1; RFC 7662, section 4).
//!
//! Two buckets for each configured client, and one for all names that are nobody's: what strangers
//! send cannot make this grow.
//!
//! **Wrong keys** are answered 429 instead of 401 beyond a bucket. The right key is let in all the
//! while: a name is no secret, and a lock on it would be a switch by which anybody turns off an API's
//! questions. Nor is a lock needed against guessing: a key has 16 bytes or more, and even a hundred
//! thousand guesses a second are 2^42 in a year. One costs a hash, less than the request that brings
//! it.
//!
//! **Unknown tokens** are what costs: each is a signature to verify, and each text that is not found
//! is a guess at one that is registered. Beyond the bucket a client that is known is not answered at
//! all, but for tokens that are at hand without that work: so an API that passes on what strangers
//! send it still learns what it needs about its own users. Other clients notice nothing.
//!
//! Deliberately absent: addresses, since behind a proxy all have the same one, and a header that says
//! otherwise is the sender's; buckets that several instances share; and a limit on right answers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::api_key::ApiKeys;
use super::super::pace::{Pace, TooFast};

/// For people who correct a configuration, and fleets that start with a wrong one.
const WRONG_KEYS: (u32, Duration) = (30, Duration::from_secs(1));
/// Two hundred a second: no API has so many users whose tokens expire unnoticed, and the signatures cost
/// a hundredth of one core.
const UNKNOWN_TOKENS: (u32, Duration) = (2_000, Duration::from_millis(5));

/// The buckets of all clients.
#[derive(Debug)]
pub(in crate::http) struct Throttle {
    clients: HashMap<Box<str>, Buckets>,
    nobody: Buckets,
}

#[derive(Debug)]
struct Buckets {
    wrong_keys: Pace,
    unknown_tokens: Pace,
}

impl Throttle {
    /// One for each of these keys.
    pub(in crate::http) fn new(keys: &ApiKeys) -> Self {
        let clients = keys.names().map(|name| (name.into(), Buckets::full())).collect();
        Self { clients, nobody: Buckets::full() }
    }

    /// Somebody gave this name and a key that is not its own.
    pub(super) fn wrong_key(&self, name: &str, now: Instant) -> Result<(), TooFast> {
        self.of(name).wrong_keys.take(now).map(drop)
    }

    /// Whether a client may ask about a token that is not at hand.
    pub(super) fn may_ask(&self, client: &str, now: Instant) -> Result<(), TooFast> {
        self.of(client).unknown_tokens.look(now)
    }

    /// It did, and there is no such token.
    pub(super) fn unknown_token(&self, client: &str, now: Instant) {
        // Requests that looked at the same time may find it empty: a few more than there should be.
        let _ = self.of(client).unknown_tokens.take(now);
    }

    fn of(&self, name: &str) -> &Buckets {
        self.clients.get(name).unwrap_or(&self.nobody)
    }
}

impl Buckets {
    const fn full() -> Self {
        Self {
            wrong_keys: Pace::new(WRONG_KEYS.0, WRONG_KEYS.1),
            unknown_tokens: Pace::new(UNKNOWN_TOKENS.0, UNKNOWN_TOKENS.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn throttle() -> Throttle {
        let key = |name: &str| {
            format!(
                "[[api_key]]\nname = {name:?}\nkey = \"the key of {name}\"\nscopes = [\"check\"]\n"
            )
        };
        let settings = Settings::from_toml(&(key("orders-api") + &key("stock-api"))).unwrap();
        Throttle::new(&ApiKeys::new(settings.settings.api_keys))
    }

    #[test]
    fn intro_6_who_is_wrong_too_often_is_told_to_wait() {
        let (throttle, start) = (throttle(), Instant::now());
        let wrong = |name: &str, after: f64| {
            let now = start + Duration::from_secs_f64(after);
            throttle.wrong_key(name, now).map_err(|too_fast| too_fast.retry_after.as_secs_f64())
        };
        for _ in 0..30 {
            assert_eq!(wrong("orders-api", 0.0), Ok(()));
        }
        for (name, after, expected) in [
            ("orders-api", 0.0, Err(1.0)),
            ("orders-api", 0.25, Err(0.75)),
            ("stock-api", 0.25, Ok(())),
            ("nobody", 0.25, Ok(())),
            ("orders-api", 1.0, Ok(())),
            ("orders-api", 1.0, Err(1.0)),
        ] {
            assert_eq!(wrong(name, after), expected, "{name} {after}");
        }
    }

    #[test]
    fn intro_6_names_of_nobody_share_one_bucket() {
        let (throttle, now) = (throttle(), Instant::now());
        let told =
            (0..1_000).filter(|number| throttle.wrong_key(&number.to_string(), now).is_err());
        assert_eq!(told.count(), 970);
        assert_eq!(throttle.clients.len(), 2);
    }

    #[test]
    fn intro_6_unknown_tokens_are_counted_and_looks_are_not() {
        let (throttle, start) = (throttle(), Instant::now());
        let ask = |client: &str, after: u64| {
            throttle.may_ask(client, start + Duration::from_millis(after)).is_ok()
        };
        for _ in 0..5_000 {
            assert!(ask("orders-api", 0));
        }
        for _ in 0..2_000 {
            assert!(ask("orders-api", 0));
            throttle.unknown_token("orders-api", start);
        }
        for (client, after, expected) in [
            ("orders-api", 0, false),
            ("orders-api", 1, false),
            ("stock-api", 1, true),
            ("orders-api", 5, true),
        ] {
            assert_eq!(ask(client, after), expected, "{client} {after}");
        }
        // Wrong keys in its name are another matter.
        assert!(throttle.wrong_key("orders-api", start).is_ok());
    }
}
