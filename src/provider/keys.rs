//! The keys of one provider: what is held, and when it is looked for again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::freshness::STALE_LIMIT;
use super::http_client::TOTAL_TIMEOUT;
use super::schedule::{Permission, Round, Schedule};
use super::{Unavailable, VerifyError};
use crate::jose::{Compact, JoseError, KeyId, KeySet, VerifiedJws};

/// How long a token waits for new keys. The provider expects the answer to a logout within a
/// second, and the journal needs a part of it.
const PATIENCE: Duration = Duration::from_millis(800);

/// A round that outlasts [`PATIENCE`] ends within the client's own limit.
const SLOW_ROUND: Duration = TOTAL_TIMEOUT;

/// The cache of a provider's key set.
///
/// Readers load the current set without a lock. One background task replaces it whole, so that a
/// key which the provider withdrew is gone after the next good fetch; a fetch that fails leaves it
/// as it is. A token that needs a key which is not there asks for a fetch and waits for it.
#[derive(Debug)]
pub(super) struct Keys {
    held: ArcSwapOption<Held>,
    schedule: Mutex<Schedule>,
    /// A round was asked for earlier than the background task expects.
    hurry: Notify,
    /// The last round that ended, well or not.
    ended: watch::Sender<Round>,
}

/// Stands for one set of keys of one provider. Every good fetch brings another one, whether the keys
/// in it changed or not: what was verified under an older one has to be verified again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyEpoch(Round);

/// A set and where it stands in time.
#[derive(Debug)]
struct Held {
    set: KeySet,
    fetched_at: Instant,
    round: Round,
}

/// What the set at hand says about a token.
enum Look {
    Missing(Missing),
    Refused(JoseError),
    Verified(VerifiedJws),
}

/// What a token would need.
#[derive(Clone, Copy)]
enum Missing {
    EveryKey(Unavailable),
    Key(JoseError),
}

impl Keys {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            held: ArcSwapOption::empty(),
            schedule: Mutex::new(Schedule::new(now)),
            hurry: Notify::new(),
            ended: watch::Sender::new(Round::default()),
        }
    }

    /// Time since the last good fetch, if there was one.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.held.load().as_ref().map(|held| now.saturating_duration_since(held.fetched_at))
    }

    /// Which set a token would be verified with now, if there is one that may be used.
    pub(super) fn epoch(&self, now: Instant) -> Option<KeyEpoch> {
        let held = self.held.load();
        let held = held.as_ref()?;
        let usable = now.saturating_duration_since(held.fetched_at) <= STALE_LIMIT;
        usable.then_some(KeyEpoch(held.round))
    }

    /// Verifies with the keys at hand, and with newer ones if the token needs a key that is not
    /// there and the provider may be asked.
    pub(super) async fn verify(&self, token: &Compact<'_>) -> Result<VerifiedJws, VerifyError> {
        let arrived = Instant::now();
        // Taken before the set is looked at: a set of a later round is newer than this token.
        let begun = self.schedule().begun();
        let kid = token.header().key_id().map(KeyId::as_str);
        // At most three turns: a round that was begun for somebody else, one for this token, and
        // the cool-down after it.
        loop {
            let missing = match self.look(token, begun, Instant::now()) {
                Look::Verified(jws) => return Ok(jws),
                Look::Refused(error) => return Err(VerifyError::Refused(error)),
                Look::Missing(missing) => missing,
            };
            let permission = self.schedule().ask(kid, Instant::now());
            let retry_after = match (permission, missing) {
                (Permission::Absent, Missing::Key(error)) => {
                    return Err(VerifyError::Refused(error));
                }
                (Permission::Absent, Missing::EveryKey(_)) => SLOW_ROUND,
                (Permission::Later(wait), _) => {
                    self.hurry.notify_one();
                    wait.max(Duration::from_secs(1))
                }
                (Permission::WaitFor(round), _) => {
                    self.hurry.notify_one();
                    let mut ended = self.ended.subscribe();
                    let waited = ended.wait_for(|ended| *ended >= round);
                    if timeout_at(arrived + PATIENCE, waited).await.is_ok() {
                        continue;
                    }
                    SLOW_ROUND
                }
            };
            return Err(VerifyError::KeysUnavailable { why: missing.why(), retry_after });
        }
    }

    fn look(&self, token: &Compact<'_>, begun: Round, now: Instant) -> Look {
        let held = self.held.load();
        let Some(held) = held.as_ref() else {
            return Look::Missing(Missing::EveryKey(Unavailable::NeverFetched));
        };
        if now.saturating_duration_since(held.fetched_at) > STALE_LIMIT {
            return Look::Missing(Missing::EveryKey(Unavailable::TooOld));
        }
        match held.set.verify(token) {
            Ok(jws) => Look::Verified(jws),
            Err(error) if error.calls_for_refresh() && held.round <= begun => {
                Look::Missing(Missing::Key(error))
            }
            Err(error) => Look::Refused(error),
        }
    }

    /// Ends when a round is due. Only the background task waits here.
    pub(super) async fn due(&self) {
        loop {
            let due = self.schedule().due();
            if due <= Instant::now() {
                return;
            }
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.hurry.notified() => {}
            }
        }
    }

    /// A round begins.
    pub(super) fn begin(&self) -> Round {
        self.schedule().begin(Instant::now())
    }

    /// The round brought a set.
    pub(super) fn replace(&self, set: KeySet, round: Round, refresh_after: Duration) {
        let fetched_at = Instant::now();
        self.held.store(Some(Arc::new(Held { set, fetched_at, round })));
        self.schedule().succeed(fetched_at, refresh_after);
        self.ended.send_replace(round);
    }

    /// The round brought nothing.
    pub(super) fn keep(&self, round: Round, dice: u64) {
        self.schedule().fail(Instant::now(), dice);
        self.ended.send_replace(round);
    }

    /// Never held across an await. A panic leaves plain numbers behind, which are still good.
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Missing {
    fn why(self) -> Unavailable {
        match self {
            Self::EveryKey(why) => why,
            Self::Key(_) => Unavailable::NotLooked,
        }
    }
}
