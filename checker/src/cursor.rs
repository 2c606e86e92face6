//! How far a follower of the feed has come.

use crate::{FeedEvent, Position, ResetReason};

/// What an event means to a follower that stands where a [`Cursor`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is to be applied must be applied"]
pub enum Step {
    /// It continues what is known: apply its changes, or vouch for what its heartbeat says.
    Apply,
    /// All of it is known.
    Repeated,
    /// Something that came before it is not known: connect again, behind the cursor's position.
    Missing,
    /// The feed cannot go on from here, or is of another journal: load the snapshot.
    Reset(ResetReason),
}

/// The position of a follower, and the one rule of the feed: nothing counts that does not continue
/// what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(Position);

impl Cursor {
    /// Everything up to here is known, by a whole snapshot or by the feed.
    #[must_use]
    pub const fn at(position: Position) -> Self {
        Self(position)
    }

    /// Everything up to here is known: what `?after=` takes.
    #[must_use]
    pub const fn position(self) -> Position {
        self.0
    }

    /// Looks at the next event, and moves over it if it is to be applied.
    pub fn step(&mut self, event: &FeedEvent) -> Step {
        let (at, previous) = match event {
            FeedEvent::Reset(reason) => return Step::Reset(*reason),
            FeedEvent::Heartbeat { at, heartbeat } => (at, heartbeat.previous),
            FeedEvent::Changes { at, previous, .. } => (at, *previous),
        };
        let known = &mut self.0;
        if at.epoch != known.epoch {
            return Step::Reset(ResetReason::UnknownPosition);
        }
        if previous > known.seq {
            return Step::Missing;
        }
        // All parts of a large act but the last stand at the entry before it, and so at what is
        // known: whether they are known too cannot be told, and they may be applied again.
        let is_part = at.seq == previous;
        if matches!(event, FeedEvent::Changes { .. }) && at.seq <= known.seq && !is_part {
            return Step::Repeated;
        }
        known.seq = known.seq.max(at.seq);
        Step::Apply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Digest, Heartbeat, IssuedBefore, Reach, Reason, TargetKind, Timestamp};
    use std::time::Duration;

    const EPOCH: u64 = 7;

    fn changes(epoch: u64, seq: u64, previous: u64) -> FeedEvent {
        let change = Change {
            target: Digest::from_bytes([1; 16]),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: Timestamp::MAX,
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(1),
        };
        FeedEvent::Changes { at: Position { epoch, seq }, previous, changes: vec![change.into()] }
    }

    fn heartbeat(epoch: u64, seq: u64, previous: u64) -> FeedEvent {
        let (staleness, elapsed) = (Duration::ZERO, Duration::ZERO);
        let heartbeat = Heartbeat { staleness, elapsed, time: Timestamp::MAX, previous };
        FeedEvent::Heartbeat { at: Position { epoch, seq }, heartbeat }
    }

    #[test]
    fn only_what_continues_counts() {
        let unknown = Step::Reset(ResetReason::UnknownPosition);
        for (event, step, seq) in [
            (changes(EPOCH, 11, 10), Step::Apply, 11),
            (changes(EPOCH, 15, 10), Step::Apply, 15),
            (changes(EPOCH, 15, 4), Step::Apply, 15),
            (changes(EPOCH, 10, 9), Step::Repeated, 10),
            (changes(EPOCH, 3, 2), Step::Repeated, 10),
            (changes(EPOCH, 12, 11), Step::Missing, 10),
            (changes(EPOCH + 1, 11, 10), unknown, 10),
            // Parts of a large act.
            (changes(EPOCH, 10, 10), Step::Apply, 10),
            (changes(EPOCH, 8, 8), Step::Apply, 10),
            (changes(EPOCH, 11, 11), Step::Missing, 10),
            (heartbeat(EPOCH, 10, 10), Step::Apply, 10),
            (heartbeat(EPOCH, 20, 9), Step::Apply, 20),
            (heartbeat(EPOCH, 9, 9), Step::Apply, 10),
            (heartbeat(EPOCH, 20, 11), Step::Missing, 10),
            (heartbeat(EPOCH + 1, 10, 10), unknown, 10),
            (FeedEvent::Reset(ResetReason::Lagged), Step::Reset(ResetReason::Lagged), 10),
        ] {
            let mut cursor = Cursor::at(Position { epoch: EPOCH, seq: 10 });
            assert_eq!(cursor.step(&event), step, "{event:?}");
            assert_eq!(cursor.position(), Position { epoch: EPOCH, seq }, "{event:?}");
        }
    }
}
