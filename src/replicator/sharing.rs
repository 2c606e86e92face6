//! What the rest of the service may know of the sharing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::journal::Seq;
use crate::redis::Epoch;
use crate::settings::Acknowledge;

/// How this instance stands to the others. Alone, or sharing a Redis with them.
#[derive(Clone, Debug)]
pub struct Sharing(Option<Arc<Shared>>);

/// An answer was to wait for Redis, and Redis did not take it in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is in the journal and in force here, but Redis has not confirmed it (acknowledge)")]
pub struct NotShared;

/// A time until when the log was read, as it seems.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vouched(u64);

/// Whether logouts of the others reach this instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no connection; why, if that is known.
    Apart(Option<Arc<str>>),
    /// What is in Redis is being read.
    Loading,
    /// Both sides have what the other has.
    Sharing(Epoch),
}

#[derive(Debug)]
pub(super) struct Shared {
    started: Instant,
    /// Milliseconds from the start to when nothing newer was in Redis; 0 is never.
    fresh_at: AtomicU64,
    /// The same, before it was seen that the log which was read is still the one.
    read_at: AtomicU64,
    /// Whether what the connected server says counts.
    is_master: AtomicBool,
    state: ArcSwap<State>,
    confirmed: watch::Sender<Seq>,
    acknowledge: Acknowledge,
}

impl Sharing {
    /// Without Redis.
    #[must_use]
    pub const fn alone() -> Self {
        Self(None)
    }

    pub(super) const fn with(shared: Arc<Shared>) -> Self {
        Self(Some(shared))
    }

    /// How much this instance may have missed: no logout that another one acknowledged longer ago
    /// than this is unknown here. Alone there is nothing to miss.
    #[must_use]
    pub fn staleness(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |shared| shared.staleness())
    }

    /// How the connection stands; none without Redis.
    #[must_use]
    pub fn state(&self) -> Option<Arc<State>> {
        self.0.as_ref().map(|shared| shared.state.load_full())
    }

    /// Waits until an entry of the journal may be acknowledged as the settings say.
    pub async fn acknowledged(&self, seq: Seq) -> Result<(), NotShared> {
        match &self.0 {
            Some(shared) if shared.acknowledge != Acknowledge::Journal => {
                shared.confirmed(seq).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits until an entry of the journal is in Redis. For the end of the service; nothing is lost
    /// if Redis is away, the next start puts it there.
    pub async fn drained(&self, seq: Seq) -> Result<(), NotShared> {
        match &self.0 {
            Some(shared) => shared.confirmed(seq).await,
            None => Ok(()),
        }
    }
}

impl Shared {
    pub(super) fn new(acknowledge: Acknowledge) -> Self {
        Self {
            started: Instant::now(),
            fresh_at: AtomicU64::new(0),
            read_at: AtomicU64::new(0),
            is_master: AtomicBool::new(true),
            state: ArcSwap::from_pointee(State::Apart(None)),
            confirmed: watch::Sender::new(0),
            acknowledge,
        }
    }

    pub(super) const fn acknowledge(&self) -> Acknowledge {
        self.acknowledge
    }

    pub(super) fn enter(&self, state: State) {
        self.state.store(Arc::new(state));
    }

    pub(super) fn confirm(&self, seq: Seq) {
        self.confirmed.send_replace(seq);
    }

    pub(super) fn confirmed_seq(&self) -> Seq {
        *self.confirmed.borrow()
    }

    /// Nothing newer was there when it was asked for at this time. That alone says little: a log
    /// that was just deleted has nothing newer either.
    pub(super) fn caught_up(&self, asked: Instant) {
        let since = asked.duration_since(self.started).as_millis();
        self.read_at.fetch_max(u64::try_from(since).unwrap_or(u64::MAX).max(1), Ordering::AcqRel);
    }

    /// What may be vouched for if the log turns out to be whole in what is looked at from now on.
    pub(super) fn vouch(&self) -> Vouched {
        Vouched(self.read_at.load(Ordering::Acquire))
    }

    /// The log was whole, and nobody else has anything to put back. Only counts if the server is
    /// what the others write to.
    pub(super) fn fresh(&self, Vouched(read_at): Vouched) {
        if self.is_master.load(Ordering::Acquire) {
            self.fresh_at.fetch_max(read_at, Ordering::AcqRel);
        }
    }

    pub(super) fn believe(&self, is_master: bool) {
        self.is_master.store(is_master, Ordering::Release);
    }

    pub(super) fn staleness(&self) -> Duration {
        match self.fresh_at.load(Ordering::Acquire) {
            // An instance that never heard of the others may have missed everything.
            0 => Duration::MAX,
            fresh_at => self.started.elapsed().saturating_sub(Duration::from_millis(fresh_at)),
        }
    }

    async fn confirmed(&self, seq: Seq) -> Result<(), NotShared> {
        let mut confirmed = self.confirmed.subscribe();
        let reached = confirmed.wait_for(|confirmed| *confirmed >= seq).await;
        reached.map(drop).map_err(|_| NotShared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_only_a_whole_log_on_a_master_makes_fresh() {
        let shared = Shared::new(Acknowledge::Journal);
        let never = |shared: &Shared| shared.staleness() == Duration::MAX;
        shared.fresh(shared.vouch());
        assert!(never(&shared), "nothing was read");
        shared.caught_up(Instant::now());
        assert!(never(&shared), "nothing was looked at");
        let vouched = shared.vouch();
        shared.believe(false);
        shared.fresh(vouched);
        assert!(never(&shared), "it may be no master");
        shared.believe(true);
        shared.fresh(vouched);
        assert!(shared.staleness() < Duration::from_secs(5));
        // What was known later is not forgotten for what was asked earlier.
        let before = shared.fresh_at.load(Ordering::Relaxed);
        shared.fresh(Vouched(1));
        assert_eq!(shared.fresh_at.load(Ordering::Relaxed), before);
    }
}
