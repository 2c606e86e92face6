//! What is published, in the order of the journal.

use std::time::{Duration, Instant};

use signout_checker::Timestamp;

use super::frames::Frames;
use crate::journal::Seq;

/// Something for all subscribers.
#[derive(Debug)]
pub(super) struct Item {
    /// Whoever knows everything up to here misses nothing before this item.
    pub(super) previous: Seq,
    /// Whoever has had this item knows everything up to here.
    pub(super) seq: Seq,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Changes(Frames),
    /// An entry with more targets than an event holds.
    TooLarge,
    Pulse(Pulse),
    /// Nothing that refuses anything.
    Nothing,
}

/// What was known when. Everything decided before is at or before `seq`, here and elsewhere, as far
/// as the staleness says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    pub(super) at: Instant,
    pub(super) staleness: Duration,
    pub(super) seq: Seq,
    /// The settled time, for those who forget by it.
    pub(super) time: Timestamp,
}

impl Item {
    /// Memory, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.what {
                What::Changes(frames) => frames.bytes(),
                What::TooLarge | What::Pulse(_) | What::Nothing => 0,
            }
    }
}

impl Pulse {
    /// The same knowledge, seen later.
    pub(super) fn aged(&self, now: Instant, time: Timestamp) -> Self {
        let age = now.saturating_duration_since(self.at);
        Self { at: now, staleness: self.staleness.saturating_add(age), time, ..*self }
    }
}
