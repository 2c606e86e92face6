//! How far a follower of the feed has come.

use crate::{FeedEvent, Part, Position, ResetReason};

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
pub struct Cursor {
    known: Position,
    begun: Option<Begun>,
}

/// A large act of which some parts are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begun {
    previous: u64,
    of: u32,
    /// Parts known.
    known: u32,
}

impl Cursor {
    /// Everything up to here is known, by a whole snapshot or by the feed.
    #[must_use]
    pub const fn at(position: Position) -> Self {
        Self { known: position, begun: None }
    }

    /// Everything up to here is known: what `?after=` takes.
    #[must_use]
    pub const fn position(self) -> Position {
        self.known
    }

    /// Looks at the next event, and moves over it if it is to be applied.
    pub fn step(&mut self, event: &FeedEvent) -> Step {
        let (at, previous) = match event {
            FeedEvent::Reset(reason) => return Step::Reset(*reason),
            FeedEvent::Heartbeat { at, heartbeat } => (at, heartbeat.previous),
            FeedEvent::Changes { at, previous, .. } | FeedEvent::Part { at, previous, .. } => {
                (at, *previous)
            }
        };
        if at.epoch != self.known.epoch {
            return Step::Reset(ResetReason::UnknownPosition);
        }
        if previous > self.known.seq {
            return Step::Missing;
        }
        match event {
            FeedEvent::Changes { .. } if at.seq <= self.known.seq => return Step::Repeated,
            FeedEvent::Part { part, .. } => {
                let step = self.part(*part, at.seq, previous);
                if step != Step::Apply {
                    return step;
                }
            }
            _ => {}
        }
        self.known.seq = self.known.seq.max(at.seq);
        Step::Apply
    }

    /// The parts before this one have to be known.
    fn part(&mut self, part: Part, seq: u64, previous: u64) -> Step {
        let Part { number, of } = part;
        // Of the others it cannot be told: entries that do not matter may lie between what came
        // before the act, where they stand, and what is known.
        if part.is_last() && seq <= self.known.seq {
            return Step::Repeated;
        }
        let is_same = |begun: &Begun| begun.previous == previous && begun.of == of;
        let known = self.begun.filter(is_same).map_or(0, |begun| begun.known);
        if number > known {
            return Step::Missing;
        }
        if number < known {
            return Step::Repeated;
        }
        self.begun = Some(Begun { previous, of, known: number + 1 });
        Step::Apply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Change, Digest, FeedChange, Heartbeat, IssuedBefore, Reach, Reason, TargetKind, Timestamp,
    };
    use std::time::Duration;

    const EPOCH: u64 = 7;

    fn change() -> FeedChange {
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
        change.into()
    }

    fn changes(epoch: u64, seq: u64, previous: u64) -> FeedEvent {
        FeedEvent::Changes { at: Position { epoch, seq }, previous, changes: vec![change()] }
    }

    fn part(seq: u64, previous: u64, number: u32, of: u32) -> FeedEvent {
        let (at, part) = (Position { epoch: EPOCH, seq }, Part { number, of });
        FeedEvent::Part { at, previous, part, changes: vec![change()] }
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

    /// Steps through events from 10 on, and tells what they meant and where that led.
    fn walk(events: &[FeedEvent]) -> (Vec<Step>, u64) {
        let mut cursor = Cursor::at(Position { epoch: EPOCH, seq: 10 });
        let steps = events.iter().map(|event| cursor.step(event)).collect();
        (steps, cursor.position().seq)
    }

    #[test]
    fn a_large_act_counts_when_all_its_parts_are_known() {
        let [zero, one, two] = [part(10, 10, 0, 3), part(10, 10, 1, 3), part(15, 10, 2, 3)];
        for (events, steps, seq) in [
            (
                vec![&zero, &one, &two, &two, &one, &zero],
                vec![
                    Step::Apply,
                    Step::Apply,
                    Step::Apply,
                    Step::Repeated,
                    Step::Repeated,
                    Step::Repeated,
                ],
                15,
            ),
            (vec![&zero, &two], vec![Step::Apply, Step::Missing], 10),
            (vec![&one, &two], vec![Step::Missing, Step::Missing], 10),
            (vec![&two], vec![Step::Missing], 10),
            (
                vec![&zero, &zero, &one, &zero, &two],
                vec![Step::Apply, Step::Repeated, Step::Apply, Step::Repeated, Step::Apply],
                15,
            ),
            // Another act, or the same in other parts.
            (vec![&zero, &part(10, 10, 1, 4)], vec![Step::Apply, Step::Missing], 10),
            (
                vec![&zero, &changes(EPOCH, 12, 10), &one],
                vec![Step::Apply, Step::Apply, Step::Apply],
                12,
            ),
            (vec![&part(11, 11, 0, 2)], vec![Step::Missing], 10),
            (vec![&part(9, 9, 0, 2), &part(10, 9, 1, 2)], vec![Step::Apply, Step::Repeated], 10),
            // What came before the act lies behind what is known.
            (vec![&part(8, 8, 0, 2), &part(12, 8, 1, 2)], vec![Step::Apply, Step::Apply], 12),
        ] {
            let events: Vec<_> = events.into_iter().cloned().collect();
            assert_eq!(walk(&events), (steps, seq), "{events:?}");
        }
    }
}
