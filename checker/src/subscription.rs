//! The feed on its way into a checker.

use std::time::Instant;

use crate::sweep::Sweep;
use crate::{
    Applied, Change, Checker, Cursor, FeedEvent, Heartbeat, Position, ResetReason, Snapshot, Step,
    Timestamp,
};

/// Applies events of the feed to a [`Checker`], and vouches for what is known after them. Outlives
/// connections: it knows behind which position the next one has to begin.
///
/// Does no I/O and reads no clock. Whoever has the connection
///
/// 1. loads a snapshot ([`Loading`](crate::Loading)) and makes a subscription [at](Self::at) it, or at
///    the position of a state file;
/// 2. [notes](Self::asking) the instant, and sends a request for what is behind
///    [`position`](Self::position);
/// 3. hands every event to [`take`](Self::take), and goes by what it [says](Taken);
/// 4. when the stream ends or is odd, goes on at 2.
#[derive(Debug)]
pub struct Subscription {
    checker: Checker,
    cursor: Cursor,
    asked: Option<Instant>,
    sweep: Sweep,
    census: Option<Census>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the stream may have to end"]
#[non_exhaustive]
pub enum Taken {
    /// Its changes are applied. Here are those that altered the index, for whoever keeps them.
    Applied(Vec<Change>),
    /// Everything up to an instant is known, by a heartbeat. The checker was told so.
    Alive {
        /// The last snapshot told less than is known; reported once.
        shortfall: Option<Shortfall>,
    },
    /// It was known.
    Repeated,
    /// Something before it is missing: end this stream and ask again.
    Missing,
    /// End this stream, load the snapshot.
    Reset(ResetReason),
}

/// A whole snapshot, and what came after it, told of fewer targets than are known and not over. What
/// is known was kept. Whoever runs the service should look at what it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Targets that are revoked here.
    pub known: u64,
    /// Changes that the snapshot had, and those since.
    pub told: u64,
}

/// Holds a snapshot's count against what is known, once what was over at its time has left the index.
#[derive(Clone, Copy, Debug)]
struct Census {
    told: u64,
    /// Parts that were gone over since the snapshot.
    swept: usize,
}

impl Subscription {
    /// Everything up to this position is known to the checker.
    #[must_use]
    pub fn at(checker: &Checker, position: Position) -> Self {
        let cursor = Cursor::at(position);
        let (checker, sweep) = (checker.clone(), Sweep::default());
        Self { checker, cursor, asked: None, sweep, census: None }
    }

    /// A whole snapshot was loaded: it goes on behind that.
    pub fn loaded(&mut self, snapshot: &Snapshot) {
        self.cursor = Cursor::at(snapshot.position);
        self.census = Some(Census { told: snapshot.changes, swept: 0 });
    }

    /// A request for what is behind [`position`](Self::position) is about to be sent, at this instant.
    /// Events that come in from now on are answers to it.
    pub fn asking(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Everything up to here is known.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.cursor.position()
    }

    /// Takes the next event of the stream, which came in at `arrived`, the present instant.
    ///
    /// A checker without an index stands nowhere, and nothing is vouched for: what it lacks comes with
    /// the snapshot.
    pub fn take(&mut self, event: FeedEvent, arrived: Instant) -> Taken {
        if self.checker.index().is_none() {
            return Taken::Reset(ResetReason::UnknownPosition);
        }
        match self.cursor.step(&event) {
            Step::Repeated => return Taken::Repeated,
            Step::Missing => return Taken::Missing,
            Step::Reset(reason) => return Taken::Reset(reason),
            Step::Apply => {}
        }
        match event {
            FeedEvent::Changes { changes, .. } | FeedEvent::Part { changes, .. } => {
                self.apply(changes.into_iter().map(|told| told.change).collect())
            }
            FeedEvent::Heartbeat { heartbeat, .. } => self.heartbeat(&heartbeat, arrived),
            FeedEvent::Reset(reason) => Taken::Reset(reason),
        }
    }

    fn apply(&mut self, mut changes: Vec<Change>) -> Taken {
        let Some(index) = self.checker.index() else {
            return Taken::Reset(ResetReason::UnknownPosition);
        };
        let count = changes.len();
        changes.retain(|change| index.apply_change(change) != Applied::Unchanged);
        if let Some(census) = &mut self.census {
            census.told += count as u64;
        }
        self.checker.observer().applied(count);
        Taken::Applied(changes)
    }

    fn heartbeat(&mut self, heartbeat: &Heartbeat, arrived: Instant) -> Taken {
        let as_of = self.asked.and_then(|asked| heartbeat.as_of(asked, arrived));
        if let Some(as_of) = as_of {
            self.checker.vouch(as_of);
        }
        Taken::Alive { shortfall: self.expire(heartbeat.time) }
    }

    fn expire(&mut self, time: Timestamp) -> Option<Shortfall> {
        let index = self.checker.index()?;
        self.sweep.step(index, time);
        let census = self.census.as_mut()?;
        census.swept += 1;
        if census.swept < Sweep::PARTS {
            return None;
        }
        let Census { told, .. } = self.census.take()?;
        let known = index.total() as u64;
        if known <= told {
            return None;
        }
        self.checker.observer().shrunk(known, told);
        Some(Shortfall { known, told })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Digest, DigestKey, IssuedBefore, Policy, Reach, Reason, SnapshotReader, SnapshotWriter,
        TargetKind,
    };

    const AT: Position = Position { epoch: 1, seq: 10 };
    const KEY: DigestKey = DigestKey::from_bytes([1; 16]);

    fn change(n: u8, retain_until: u64) -> Change {
        Change {
            target: Digest::from_bytes([n; 16]),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: Timestamp::from_secs(retain_until),
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(1),
        }
    }

    fn changes(seq: u64, changes: &[Change]) -> FeedEvent {
        let changes = changes.iter().map(|&change| change.into()).collect();
        FeedEvent::Changes { at: Position { seq, ..AT }, previous: seq - 1, changes }
    }

    fn heartbeat(seq: u64, time: u64) -> FeedEvent {
        let heartbeat = Heartbeat {
            staleness: Duration::from_secs(1),
            elapsed: Duration::from_secs(5),
            time: Timestamp::from_secs(time),
            previous: seq,
        };
        FeedEvent::Heartbeat { at: Position { seq, ..AT }, heartbeat }
    }

    fn open() -> (Checker, Subscription) {
        let checker = Checker::new(Policy::default());
        checker.open(&KEY).unwrap();
        let subscription = Subscription::at(&checker, AT);
        (checker, subscription)
    }

    fn snapshot_of(changes: u8) -> Snapshot {
        let mut bytes = Vec::new();
        let mut writer = SnapshotWriter::begin(&KEY, AT, changes.into(), &mut bytes);
        writer.add((0..changes).map(|n| change(n, 9_999)), &mut bytes);
        writer.finish(&mut bytes);
        let (mut reader, mut rest) = (SnapshotReader::new(), &bytes[..]);
        while reader.read(&mut rest).unwrap().is_some() {}
        reader.finish().unwrap()
    }

    const ALIVE: Taken = Taken::Alive { shortfall: None };

    #[test]
    fn changes_are_applied_and_what_is_new_is_told() {
        let (checker, mut subscription) = open();
        let (now, one, two) = (Instant::now(), change(1, 9_999), change(2, 9_999));
        assert_eq!(subscription.take(changes(11, &[one]), now), Taken::Applied(vec![one]));
        assert_eq!(subscription.take(changes(12, &[one, two]), now), Taken::Applied(vec![two]));
        assert_eq!(subscription.take(changes(12, &[one, two]), now), Taken::Repeated);
        assert_eq!(subscription.take(changes(14, &[one]), now), Taken::Missing);
        assert_eq!(subscription.position(), Position { seq: 12, ..AT });
        assert!(checker.index().unwrap().covers(&two));
    }

    #[test]
    fn i13_only_heartbeats_that_continue_vouch() {
        let (checker, mut subscription) = open();
        let asked = Instant::now();
        let at = |secs| asked + Duration::from_secs(secs);
        // Nobody knows when it was asked for.
        assert_eq!(subscription.take(heartbeat(10, 1), at(7)), ALIVE);
        assert_eq!(checker.staleness(at(7)), Duration::MAX);
        subscription.asking(asked);
        assert_eq!(subscription.take(heartbeat(11, 1), at(7)), Taken::Missing);
        assert_eq!(checker.staleness(at(7)), Duration::MAX);
        assert_eq!(subscription.take(heartbeat(10, 1), at(7)), ALIVE);
        assert_eq!(checker.staleness(at(7)), Duration::from_secs(3));
    }

    #[test]
    fn a_checker_without_key_needs_the_snapshot() {
        let checker = Checker::new(Policy::default());
        let mut subscription = Subscription::at(&checker, AT);
        let asked = Instant::now();
        subscription.asking(asked);
        for event in [changes(11, &[change(1, 2)]), heartbeat(10, 1)] {
            let taken = subscription.take(event, asked + Duration::from_secs(7));
            assert_eq!(taken, Taken::Reset(ResetReason::UnknownPosition));
        }
        assert_eq!(checker.staleness(asked), Duration::MAX);
    }

    #[test]
    fn a_smaller_snapshot_is_reported_once_and_not_obeyed() {
        for (known, told, shortfall) in
            [(3, 3, None), (3, 4, None), (3, 2, Some(Shortfall { known: 4, told: 3 }))]
        {
            let (checker, mut subscription) = open();
            let index = checker.index().unwrap();
            for n in 0..known {
                index.apply_change(&change(n, 9_999));
            }
            // Over, so nobody will be told of it.
            index.apply_change(&change(100, 900));
            subscription.loaded(&snapshot_of(told));
            let now = Instant::now();
            let late = change(99, 9_999);
            assert_eq!(subscription.take(heartbeat(10, 1_000), now), ALIVE);
            assert_eq!(subscription.take(changes(11, &[late]), now), Taken::Applied(vec![late]));
            for n in 2..Sweep::PARTS as u64 {
                assert_eq!(subscription.take(heartbeat(11, 1_000 + n), now), ALIVE);
            }
            assert_eq!(subscription.take(heartbeat(11, 1_060), now), Taken::Alive { shortfall });
            for n in 0..30 {
                assert_eq!(subscription.take(heartbeat(11, 1_200 + n), now), ALIVE);
            }
            assert!((0..known).all(|n| index.covers(&change(n, 9_999))));
        }
    }
}
