//! One stream of the feed: what its position lacks from the journal, then what is published.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use signout_checker::{FeedEvent, Heartbeat, Position, ResetReason};
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::crowd::Seat;
use super::item::{Item, Pulse, What};
use super::ring::Found;
use super::{Audience, FARTHEST_BEHIND, LONGEST_STREAM, News, Refused, Shared};
use crate::journal::Seq;

/// Targets read from the journal at a time: some 100 KiB of events.
const TARGETS: usize = 500;

/// Whoever follows the feed. Nothing is prepared for it before it asks.
pub struct Subscriber {
    shared: Arc<Shared>,
    news: watch::Receiver<News>,
    audience: Audience,
    asked: Instant,
    ends: tokio::time::Instant,
    /// Everything up to here that there is to tell was told.
    told: Seq,
    /// The last position that the client has heard of.
    heard: Seq,
    /// The journal is read until here.
    goal: Seq,
    /// The number of the next item in the ring.
    number: u64,
    /// What was read and not told yet.
    read: VecDeque<Item>,
    /// To be said once what it vouches for was told.
    opening: Option<Pulse>,
    /// To be said first.
    first: Option<Bytes>,
    is_over: bool,
    _seat: Seat,
}

impl Subscriber {
    pub(super) async fn new(
        shared: Arc<Shared>,
        seat: Seat,
        after: Option<Position>,
        audience: Audience,
        asked: Instant,
    ) -> Result<Self, Refused> {
        // What is committed behind the position of the pulse is in the ring from this number on, or
        // the items there show that it is not.
        let number = shared.ring().end();
        let pulse = shared.pulse().await?;
        let mut subscriber = Self {
            news: shared.news.subscribe(),
            shared,
            audience,
            asked,
            ends: tokio::time::Instant::now() + LONGEST_STREAM,
            told: pulse.seq,
            heard: pulse.seq,
            goal: pulse.seq,
            number,
            read: VecDeque::new(),
            opening: Some(pulse),
            first: None,
            is_over: false,
            _seat: seat,
        };
        if let Some(after) = after {
            subscriber.resume(after, &pulse);
        }
        Ok(subscriber)
    }

    /// Goes on behind a position that a client has reached.
    fn resume(&mut self, after: Position, now: &Pulse) {
        let known = after.epoch == self.shared.terms.epoch() && after.seq <= now.seq;
        if !known {
            self.first = Some(self.reset(ResetReason::UnknownPosition));
        } else if now.seq - after.seq > FARTHEST_BEHIND {
            self.first = Some(self.reset(ResetReason::TooFarBehind));
        } else if after.seq < now.seq {
            (self.told, self.heard) = (after.seq, after.seq);
            // Says that somebody is here, and vouches for nothing.
            let unsure = Pulse { staleness: Duration::MAX, seq: after.seq, ..*now };
            self.first = Some(self.heartbeat(&unsure));
        }
    }

    /// The next events; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.is_over() {
            let events = if let Some(item) = self.read.pop_front() {
                self.tell(&item)
            } else if self.told < self.goal {
                self.read_on().await;
                None
            } else if let Some(pulse) = self.opening.take() {
                Some(self.heartbeat(&pulse))
            } else {
                self.follow().await
            };
            if events.is_some() {
                return events;
            }
        }
        None
    }

    fn is_over(&self) -> bool {
        self.is_over || self.news.borrow().is_over || tokio::time::Instant::now() >= self.ends
    }

    /// Reads the next part of what it lacks.
    async fn read_on(&mut self) {
        match self.shared.revoker.read_revoking(self.told + 1, TARGETS).await {
            Ok(found) => {
                let sees_identifiers = self.audience != Audience::Anybody;
                let entries = found.entries.iter().map(|(seq, record)| (*seq, record));
                let items = self.shared.terms.items(self.heard, entries, sees_identifiers);
                self.read.extend(items);
                let (previous, seq) = (self.heard, found.next - 1);
                self.read.push_back(Item { previous, seq, what: What::Nothing });
            }
            Err(error) => {
                // Without the journal there is nothing to follow. The client will come back.
                tracing::debug!(%error, "a stream of the feed ends");
                self.is_over = true;
            }
        }
    }

    /// Waits for the next item. One before which something is missing is left where it is, until
    /// that was read.
    async fn follow(&mut self) -> Option<Bytes> {
        let found = self.shared.ring().find(self.number);
        match found {
            Found::Item(item) if self.lacks(&item) => {
                self.goal = item.seq;
                None
            }
            Found::Item(item) => {
                self.number += 1;
                self.tell(&item)
            }
            Found::Gone => Some(self.reset(ResetReason::Lagged)),
            Found::NotYet => {
                let number = self.number;
                let more = self.news.wait_for(|news| news.is_over || news.end > number);
                // Whatever ends the wait, what there is to do shows without it.
                drop(timeout_at(self.ends, more).await);
                None
            }
        }
    }

    /// Whether something is missing before an item, or in it: identifiers, because nobody was there
    /// who may see them when it was published.
    fn lacks(&self, item: &Item) -> bool {
        let is_whole = match &item.what {
            What::Changes(frames) => {
                frames.have_identifiers() || self.audience == Audience::Anybody
            }
            What::TooLarge | What::Nothing | What::Pulse(_) => true,
        };
        item.seq > self.told && (item.previous > self.heard || !is_whole)
    }

    fn tell(&mut self, item: &Item) -> Option<Bytes> {
        let events = match &item.what {
            What::Changes(frames) => {
                let events = frames.behind(self.told, &self.audience);
                if events.is_some() {
                    self.heard = item.seq;
                }
                events
            }
            What::TooLarge if item.seq > self.told => Some(self.reset(ResetReason::TooFarBehind)),
            What::TooLarge | What::Nothing => None,
            What::Pulse(pulse) => Some(self.heartbeat(pulse)),
        };
        self.told = self.told.max(item.seq);
        events
    }

    fn heartbeat(&mut self, pulse: &Pulse) -> Bytes {
        // A look that was older than the request is told as if it had been taken with it.
        let before = self.asked.saturating_duration_since(pulse.at);
        let heartbeat = Heartbeat {
            staleness: pulse.staleness.saturating_add(before),
            elapsed: pulse.at.saturating_duration_since(self.asked),
            time: pulse.time,
            previous: self.heard,
        };
        self.heard = self.told.max(pulse.seq);
        let at = self.shared.terms.position(self.heard);
        FeedEvent::Heartbeat { at, heartbeat }.to_frame().into()
    }

    /// The last event of a stream.
    fn reset(&mut self, reason: ResetReason) -> Bytes {
        self.is_over = true;
        self.shared.metrics.reset(reason);
        FeedEvent::Reset(reason).to_frame().into()
    }
}
