//! Shares what is revoked with other instances, through Redis.
//!
//! The journal is the truth of this host, Redis a copy that all hosts write and read. Redis may be
//! down, lose its last writes, all of them, or go back to an older state: whatever it lost is put
//! back from the journals, and nothing that an instance knew is ever forgotten here.
//!
//! One connection lasts until anything at all is odd. Then everything is dropped and begun anew:
//! compare how far the log was read with what is there; if it continues, go on, else read all of it
//! and put back what it lacks. There is no other recovery. While it lasts, three tasks share it,
//! each with a link of its own: the `follower` reads, the `passer` writes, the `watcher` looks
//! whether what was read is still there.

mod ended;
mod fold;
mod follower;
mod found;
mod join;
mod log_ends;
mod loss;
mod metrics;
mod offer;
mod passer;
mod sharing;
mod watcher;

pub use join::{JoinError, Volatile, join};
pub use metrics::Metrics;
pub use sharing::{NotShared, Sharing, State};

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use signout_checker::DigestKey;
use signout_checker::log::{Loss, Reading, Standing};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::redis::{DirectKeys, Epoch, Founding, Head, InstanceId, Link, Naming, Redis};
use crate::revoker::{Inbox, Policies, Revoker};
use crate::settings::Acknowledge;
use ended::Ended;
use fold::Fold;
use follower::{Follower, Log};
use log_ends::LogEnds;
use loss::log_after;
use offer::Terms;
use passer::{Links, Passer};
use sharing::Shared;
use watcher::{Watched, Watcher};

/// The first pause before it is tried again, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that lasted this long was a good one.
const LASTED: Duration = Duration::from_secs(5);
/// How often the gauges are set.
const GAUGES_EVERY: Duration = Duration::from_millis(500);

/// What a [`Replicator`] is made of.
pub struct Parts {
    /// The way to Redis.
    pub redis: Redis,
    /// Whether there are denylist keys by name.
    pub direct_keys: DirectKeys,
    /// When a logout is answered.
    pub acknowledge: Acknowledge,
    /// This host's truth.
    pub revoker: Revoker,
    /// How each provider's tokens are remembered.
    pub policies: Policies,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
}

/// Shares what one instance revokes with the others.
pub struct Replicator {
    redis: Redis,
    revoker: Revoker,
    inbox: Inbox,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shared: Arc<Shared>,
    terms: Terms,
    key: DigestKey,
    instance: InstanceId,
    memory: Memory,
}

/// What outlives a connection.
#[derive(Debug)]
struct Memory {
    /// How far the log was read; absent until all of it was, and the journal was compared with it.
    reading: Option<Reading>,
    /// What Redis lost, and in which epoch that was noticed, until somebody begins a new one.
    lost: Option<(Epoch, Loss)>,
    /// Whether keys vanished that were not all written anew yet.
    keys_vanished: bool,
    ends: Arc<Mutex<LogEnds>>,
    watched: Watched,
}

/// What a connection begins with.
struct Opened {
    link: Link,
    head: Head,
    reading: Reading,
    /// Whether the log is to be read as a whole, and the journal to be compared with it.
    anew: bool,
    keys_vanished: bool,
}

impl Replicator {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { redis, direct_keys, acknowledge, revoker, policies, clock, metrics } = parts;
        let key = revoker.index().key().clone();
        let naming = (direct_keys == DirectKeys::Write).then(|| Naming::new(&key));
        Self {
            redis,
            inbox: revoker.commits(),
            clock,
            metrics,
            shared: Arc::new(Shared::new(acknowledge)),
            terms: Terms { key: key.clone(), naming, policies },
            key,
            instance: InstanceId::from_bits(revoker.position().epoch),
            revoker,
            memory: Memory {
                reading: None,
                lost: None,
                keys_vanished: false,
                ends: Arc::default(),
                watched: Watched::default(),
            },
        }
    }

    /// What the rest of the service may know of it.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        Sharing::with(Arc::clone(&self.shared))
    }

    /// Shares until it is dropped.
    pub async fn run(mut self) {
        let gauges =
            set_gauges(self.revoker.clone(), Arc::clone(&self.shared), self.metrics.clone());
        tokio::join!(gauges, self.keep_connected());
    }

    async fn keep_connected(&mut self) -> Infallible {
        let mut pause = PAUSE;
        let mut told = None;
        loop {
            let began = Instant::now();
            let ended = unless_panicked(Box::pin(self.connection(&mut told))).await;
            self.metrics.up(false);
            self.metrics.ended(&ended);
            self.shared.enter(State::Apart(Some(ended.to_string().into())));
            if told.as_ref() != Some(&ended) {
                tracing::warn!(reason = %ended, "apart from Redis; logouts are taken all the same");
            }
            told = Some(ended);
            if began.elapsed() >= LASTED {
                pause = PAUSE;
            }
            tokio::time::sleep(pause.mul_f64(jitter())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, from the first look to whatever ends it.
    async fn connection(&mut self, told: &mut Option<Ended>) -> Result<Infallible, Ended> {
        let Opened { link, head, reading, anew, keys_vanished } = self.open().await?;
        let log = Arc::new(Log {
            reading: watch::Sender::new(reading),
            ends: Arc::clone(&self.memory.ends),
            fold: ArcSwapOption::from(anew.then(|| Arc::new(Fold::before(self.revoker.index())))),
        });
        let ended = self.share(link, &head, Arc::clone(&log), anew, keys_vanished, told);
        let ended = Box::pin(ended).await;
        let compared = log.fold.load().is_none();
        self.memory.keys_vanished &= !compared;
        self.memory.reading = compared.then(|| *log.reading.borrow());
        if let Err(Ended::Lost(loss)) = ended {
            self.memory.lost = Some((head.epoch, loss));
        }
        ended
    }

    async fn share(
        &mut self,
        mut link: Link,
        head: &Head,
        log: Arc<Log>,
        anew: bool,
        keys_vanished: bool,
        told: &mut Option<Ended>,
    ) -> Result<Infallible, Ended> {
        let epoch = head.epoch;
        let follower =
            Follower { revoker: &self.revoker, shared: &self.shared, log: Arc::clone(&log) };
        if anew {
            *self.memory.ends.lock().unwrap_or_else(PoisonError::into_inner) = LogEnds::default();
            self.shared.enter(State::Loading);
            follower.load(&mut link, head).await?;
        }
        let (mut writing, mut watching) =
            tokio::try_join!(self.redis.connect(), self.redis.connect())?;
        self.shared.enter(State::Sharing(epoch));
        self.metrics.up(true);
        *told = None;
        tracing::info!(%epoch, seq = log.reading.borrow().seq, "sharing through Redis");
        let passer = Passer {
            revoker: &self.revoker,
            shared: &self.shared,
            terms: &self.terms,
            clock: &*self.clock,
            metrics: &self.metrics,
            inbox: &mut self.inbox,
            log: Arc::clone(&log),
            epoch,
            next: self.shared.confirmed_seq() + 1,
            held_until: 0,
            keys_vanished,
            links: Links::from_bits(random()?),
        };
        let watcher = Watcher {
            redis: &self.redis,
            revoker: &self.revoker,
            shared: &self.shared,
            terms: &self.terms,
            clock: &*self.clock,
            metrics: &self.metrics,
            log: Arc::clone(&log),
            instance: self.instance,
            epoch,
            links: Links::from_bits(random()?),
            watched: &mut self.memory.watched,
        };
        tokio::select! {
            ended = follower.follow(&mut link) => ended,
            ended = passer.pass_on(&mut writing) => ended,
            ended = watcher.watch(&mut watching) => ended,
        }
    }

    /// Connects, and holds what is there against what was read.
    async fn open(&mut self) -> Result<Opened, Ended> {
        let mut link = self.redis.connect().await?;
        let founding = Founding { key: self.key.clone(), epoch: Epoch::from_bits(random()?) };
        let mut head = link.found(&founding).await?;
        if head.key.as_bytes() != self.key.as_bytes() {
            return Err(Ended::OtherDeployment);
        }
        let read = self.memory.reading;
        let standing = read.map_or(Standing::Renewed, |reading| reading.against(&head));
        let noticed = self.memory.lost.take().filter(|(epoch, _)| *epoch == head.epoch);
        let lost = match standing {
            Standing::Lost(loss) => Some(loss),
            Standing::Continues | Standing::Renewed => noticed.map(|(_, loss)| loss),
        };
        if let Some(loss) = lost {
            // One that ended the last connection was counted then.
            if matches!(standing, Standing::Lost(_)) && noticed != Some((head.epoch, loss)) {
                self.metrics.ended(&Ended::Lost(loss));
            }
            let new = Epoch::from_bits(random()?);
            tracing::warn!(%loss, epoch = %new, "Redis lost data: what is missing is put back");
            head = link.renew(head.epoch, new, log_after(loss)).await?.ok_or(Loss::Emptied)?;
        } else if read.is_some() && head.epoch == founding.epoch {
            let loss = Loss::Emptied;
            self.metrics.ended(&Ended::Lost(loss));
            tracing::warn!(%loss, epoch = %head.epoch, "Redis lost data: what is missing is put back");
        }
        self.memory.keys_vanished |= lost == Some(Loss::Evicted);
        let continues = |reading: &Reading| reading.against(&head) == Standing::Continues;
        let reading = read.filter(continues);
        Ok(Opened {
            link,
            reading: reading.unwrap_or_else(|| Reading::beginning(&head)),
            anew: reading.is_none(),
            head,
            keys_vanished: self.memory.keys_vanished,
        })
    }
}

/// A connection that panics has ended like any other, and everything is compared anew: an instance
/// that had silently stopped to share would be worse than the panic.
async fn unless_panicked(
    mut connection: Pin<Box<impl Future<Output = Result<Infallible, Ended>>>>,
) -> Ended {
    let poll = |context: &mut Context<'_>| {
        // What the panic left half done is the connection's own, and dropped with it.
        catch_unwind(AssertUnwindSafe(|| connection.as_mut().poll(context)))
            .unwrap_or(Poll::Ready(Err(Ended::Panicked)))
    };
    let Err(ended) = poll_fn(poll).await;
    ended
}

/// How far behind Redis is, and how much this instance may have missed.
async fn set_gauges(revoker: Revoker, shared: Arc<Shared>, metrics: Metrics) {
    let mut ticks = tokio::time::interval(GAUGES_EVERY);
    let mut oldest = None;
    loop {
        ticks.tick().await;
        metrics.stale(shared.staleness());
        let (committed, confirmed) = (revoker.position().seq, shared.confirmed_seq());
        // The entry that is watched is the newest of when the watch began.
        let (watched, since) = match oldest {
            Some((seq, since)) if confirmed < seq => (seq, since),
            _ => (committed, Instant::now()),
        };
        oldest = Some((watched, since));
        let waits = if confirmed < committed { since.elapsed() } else { Duration::ZERO };
        metrics.behind(committed.saturating_sub(confirmed), waits);
    }
}

fn random() -> Result<u64, Ended> {
    getrandom::u64().map_err(|_| Ended::NoRandom)
}

/// Between a half and one and a half, so that instances do not come back all at once.
fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    0.5 + f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn i18_a_panic_ends_a_connection_and_nothing_else() {
        let panics = Box::pin(async { panic!("on purpose") });
        assert_eq!(unless_panicked(panics).await, Ended::Panicked);
        let fails = Box::pin(async { Err(Ended::Renewed) });
        assert_eq!(unless_panicked(fails).await, Ended::Renewed);
    }
}
