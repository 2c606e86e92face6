//! Publishes every commit, once for all subscribers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::item::{Item, Pulse, What};
use super::{HEARTBEAT, Shared};
use crate::journal::Seq;
use crate::revoker::{Committed, Inbox};

/// To be run for as long as the feed is there. While nobody follows it receives nothing.
pub struct Hub(Arc<Shared>);

struct Publisher<'h> {
    shared: &'h Shared,
    inbox: Inbox,
    /// What is known here of the journal.
    reached: Seq,
    /// What subscribers must know to miss nothing before the next item.
    previous: Seq,
    /// The last look at what is known, if there was any.
    seen: Option<Pulse>,
    /// The same, until everything that it vouches for was published.
    due: Option<Pulse>,
}

impl Hub {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Publishes until it is dropped.
    pub async fn run(self) {
        loop {
            self.0.seats.somebody().await;
            Publisher::new(&self.0).publish_to_somebody().await;
            self.0.ring().clear();
        }
    }
}

impl<'h> Publisher<'h> {
    fn new(shared: &'h Shared) -> Self {
        let inbox = shared.revoker.commits();
        // What was committed before is for subscribers to read: they see that they lack it.
        let reached = shared.revoker.position().seq;
        Self { shared, inbox, reached, previous: reached, seen: None, due: None }
    }

    async fn publish_to_somebody(mut self) {
        let mut ticks = tokio::time::interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                committed = self.inbox.next() => match committed {
                    Some(committed) => self.publish(&committed),
                    // The revoker's thread has ended, and so will this task.
                    None => return std::future::pending().await,
                },
                _ = ticks.tick() => self.due = Some(self.look().await),
                () = self.shared.seats.nobody() => return,
            }
            self.beat();
        }
    }

    fn publish(&mut self, committed: &Committed) {
        let Committed { first, records } = committed;
        if *first > self.reached + 1 {
            // Commits were missed: those who know no more than this task read them.
            self.previous = first - 1;
        }
        let entries = (*first..).zip(records.iter()).filter(|(seq, _)| *seq > self.reached);
        let with_identifiers = self.shared.seats.anybody_is_trusted();
        let items = self.shared.terms.items(self.previous, entries, with_identifiers);
        self.previous = items.last().map_or(self.previous, |item| item.seq);
        self.reached = self.reached.max(first - 1 + records.len() as u64);
        if !items.is_empty() {
            self.shared.publish(items);
        }
    }

    /// While the journal cannot tell, knowledge ages.
    async fn look(&mut self) -> Pulse {
        let (now, time) = (Instant::now(), self.shared.clock.settled());
        let pulse = self.shared.pulse().await.unwrap_or_else(|_| {
            let never = Pulse { at: now, staleness: Duration::MAX, seq: self.reached, time };
            self.seen.map_or(never, |seen| seen.aged(now, time))
        });
        self.seen = Some(pulse);
        pulse
    }

    fn beat(&mut self) {
        if let Some(pulse) = self.due.take_if(|pulse| pulse.seq <= self.reached) {
            let (previous, seq) = (self.previous, self.previous.max(pulse.seq));
            self.previous = seq;
            self.shared.publish([Item { previous, seq, what: What::Pulse(pulse) }]);
        }
    }
}
