//! Tells whoever follows what is refused, in the order of the journal: the feed and the snapshot.
//!
//! While there are subscribers the `hub` receives every commit of the revoker's thread and puts it,
//! encoded once, into a ring that all subscribers read. Whatever a subscriber finds missing before
//! the next item of the ring, for whatever reason, it reads from the journal; that is also how it
//! begins. What it cannot have that way ends its stream with a reset.
//!
//! There is no queue for each subscriber, and nobody waits for a slow one.

mod crowd;
mod frames;
mod hub;
mod item;
mod metrics;
mod ring;
mod snapshot;
mod subscriber;

pub use hub::Hub;
pub use metrics::Metrics;
pub use snapshot::Snapshot;
pub use subscriber::Subscriber;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signout_checker::Issuer;
use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::journal::Position;
use crate::replicator::Sharing;
use crate::revoker::{Revoker, RevokerError};
use crate::settings::Issuers;
use crowd::Seats;
use frames::Terms;
use item::{Item, Pulse};
use ring::Ring;

/// How often every subscriber hears that nothing is missing.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A stream ends after this, lest the clocks of both sides drift apart.
const LONGEST_STREAM: Duration = Duration::from_secs(3_600);
/// What was published lately, for subscribers that are a moment behind.
const RING_BYTES: usize = 8 << 20;
/// Entries that a subscriber may be behind. A snapshot costs less then.
const FARTHEST_BEHIND: u64 = 100_000;
/// Snapshots on their way at a time: each keeps the journal from committing for some part of the
/// time.
const SNAPSHOTS: usize = 4;

/// What a feed is made of.
pub struct Parts {
    /// Where it comes from.
    pub revoker: Revoker,
    /// How much of what other instances took may be unknown here.
    pub sharing: Sharing,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// `feed.max_subscribers`.
    pub max_subscribers: u32,
    /// What is counted.
    pub metrics: Metrics,
}

/// The way in. Clones are one.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// Who may see what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Digests and names only.
    Anybody,
    /// What was taken here for these issuers, also as it is called.
    Trusted(Issuers),
}

/// Why nobody is told anything now. It may be asked again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `feed.max_subscribers` are there.
    #[error("there are as many subscribers as feed.max_subscribers allows")]
    Full,
    /// As many snapshots as may be are on their way.
    #[error("{SNAPSHOTS} other snapshots are being sent")]
    Busy,
    /// The service ends.
    #[error("the service is stopping")]
    Stopping,
    /// The journal cannot be asked.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] RevokerError),
}

struct Shared {
    revoker: Revoker,
    sharing: Sharing,
    clock: Arc<dyn Clock>,
    terms: Terms,
    ring: Mutex<Ring>,
    news: watch::Sender<News>,
    seats: Seats,
    snapshots: Arc<Semaphore>,
    metrics: Metrics,
}

/// What wakes subscribers.
#[derive(Clone, Copy, Debug)]
struct News {
    /// The end of the ring.
    end: u64,
    is_over: bool,
}

impl Feed {
    /// A feed that nobody follows yet. Its hub is to be run.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Hub) {
        let Parts { revoker, sharing, clock, max_subscribers, metrics } = parts;
        let shared = Arc::new(Shared {
            terms: Terms::new(revoker.index().key(), revoker.position().epoch),
            revoker,
            sharing,
            clock,
            ring: Mutex::new(Ring::new(RING_BYTES)),
            news: watch::Sender::new(News { end: 0, is_over: false }),
            seats: Seats::new(max_subscribers, metrics.clone()),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            metrics,
        });
        (Self(Arc::clone(&shared)), Hub::new(shared))
    }

    /// Everything behind a position, or from now on. `asked` is when the request came.
    pub async fn subscribe(
        &self,
        after: Option<Position>,
        audience: Audience,
        asked: Instant,
    ) -> Result<Subscriber, Refused> {
        self.0.stay_open()?;
        let seat = self.0.seats.take(&audience).ok_or(Refused::Full)?;
        Subscriber::new(Arc::clone(&self.0), seat, after, audience, asked).await
    }

    /// Everything that is refused now.
    pub async fn snapshot(&self) -> Result<Snapshot, Refused> {
        self.0.stay_open()?;
        let permit = Arc::clone(&self.0.snapshots).try_acquire_owned();
        Snapshot::new(Arc::clone(&self.0), permit.map_err(|_| Refused::Busy)?).await
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.0.news.send_modify(|news| news.is_over = true);
    }
}

impl Audience {
    /// Whether it sees whom this issuer's revocations are about.
    fn sees(&self, issuer: &Issuer) -> bool {
        match self {
            Self::Anybody => false,
            Self::Trusted(Issuers::All) => true,
            Self::Trusted(Issuers::Only(issuers)) => issuers.contains(issuer),
        }
    }
}

impl Shared {
    fn stay_open(&self) -> Result<(), Refused> {
        if self.news.borrow().is_over { Err(Refused::Stopping) } else { Ok(()) }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, items: impl IntoIterator<Item = Item>) {
        let mut ring = self.ring();
        items.into_iter().for_each(|item| ring.push(item));
        let end = ring.end();
        drop(ring);
        self.news.send_if_modified(|news| std::mem::replace(&mut news.end, end) != end);
    }

    /// Sees what is known now. The time comes first and the position last, so that everything
    /// decided before the time, as far as the staleness says, is at or before the position.
    async fn pulse(&self) -> Result<Pulse, RevokerError> {
        let at = Instant::now();
        let (staleness, time) = (self.sharing.staleness(), self.clock.settled());
        // What was followed is in force before it is in the journal: wait for it to be there.
        let seq = self.revoker.written().await?.seq;
        Ok(Pulse { at, staleness, seq, time })
    }
}

#[cfg(test)]
mod tests;
