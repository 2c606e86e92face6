//! A service, as far as its feed and its snapshot go.

use std::sync::LazyLock;
use std::time::Duration;

use signout_checker::{
    Change, DigestKey, FeedEvent, Heartbeat, IssuedBefore, Issuer, JwtId, Part, Position, Reach,
    Reason, ResetReason, SessionId, SnapshotWriter, Subject, Target, Timestamp,
};

pub(crate) const KEY: DigestKey = DigestKey::from_bytes([6; 16]);
/// In the model's milliseconds: decided elsewhere, an act comes at most so much later.
pub(crate) const STALENESS: u64 = 5;

pub(crate) static TARGETS: LazyLock<[Target; 5]> = LazyLock::new(|| {
    let op = Issuer::parse("https://op.example").unwrap();
    [
        Target::Token(op.clone(), JwtId::parse("j1").unwrap()),
        Target::Token(op.clone(), JwtId::parse("j2").unwrap()),
        Target::Session(op.clone(), SessionId::parse("s1").unwrap()),
        Target::Session(op.clone(), SessionId::parse("s2").unwrap()),
        Target::Subject(op, Subject::parse("u1").unwrap()),
    ]
});
static DIGESTS: LazyLock<[signout_checker::Digest; 5]> =
    LazyLock::new(|| [0, 1, 2, 3, 4].map(|n| KEY.target(&TARGETS[n])));

/// An entry of the journal. Without changes it is one that does not matter to the feed.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) decided: u64,
    pub(crate) changes: Vec<Change>,
    in_parts: bool,
}

#[derive(Debug)]
pub(crate) struct Service {
    epoch: u64,
    pub(crate) acts: Vec<Act>,
    /// The feed has what comes behind this seq.
    kept_behind: u64,
}

fn staleness() -> Duration {
    Duration::from_millis(STALENESS)
}

/// The numbers of a change.
fn change(choice: u16) -> Change {
    let pick = |times: u16, among: u16| usize::from(choice / times % among);
    let target = pick(1, 5);
    Change {
        target: DIGESTS[target],
        name: None,
        kind: TARGETS[target].kind(),
        issued_before: [IssuedBefore::EVERYTHING, IssuedBefore::at(Timestamp::from_secs(100))]
            [pick(5, 2)],
        reach: [Reach::ALL, Reach::LOGIN][pick(10, 2)],
        retain_until: [Timestamp::MAX, Timestamp::from_secs(6_000)][pick(20, 2)],
        reason: [Reason::BackchannelLogout, Reason::Admin][pick(40, 2)],
        revoked_at: Timestamp::from_secs([600, 660][pick(80, 2)]),
    }
}

impl Service {
    pub(crate) fn new() -> Self {
        Self { epoch: 1, acts: Vec::new(), kept_behind: 0 }
    }

    pub(crate) fn act(&mut self, choice: u16, decided: u64) {
        let changes = (0..choice % 4).map(|n| change(choice / 4 + n * 37)).collect();
        self.acts.push(Act { decided, changes, in_parts: choice % 3 == 0 });
    }

    /// Forgets entries that streams could go on behind.
    pub(crate) fn trim(&mut self, choice: u16) {
        self.kept_behind = self.kept_behind.max(u64::from(choice) % (self.last() + 1));
    }

    /// Another instance answers: it knows the same and has numbered it for itself.
    pub(crate) fn replace(&mut self) {
        self.epoch += 1;
        self.acts.reverse();
        self.kept_behind = 0;
    }

    fn last(&self) -> u64 {
        self.acts.len() as u64
    }

    fn position(&self, seq: u64) -> Position {
        Position { epoch: self.epoch, seq }
    }

    /// The last entry before this one that mattered.
    fn previous(&self, seq: u64) -> u64 {
        let mattered = |&seq: &u64| {
            let index = usize::try_from(seq - 1).unwrap();
            !self.acts[index].changes.is_empty()
        };
        (1..seq).rev().find(mattered).unwrap_or(0)
    }

    /// What a new stream begins with.
    pub(crate) fn answer(&self, after: Position) -> Vec<FeedEvent> {
        if after.epoch != self.epoch || after.seq > self.last() {
            return vec![FeedEvent::Reset(ResetReason::UnknownPosition)];
        }
        if after.seq < self.kept_behind {
            return vec![FeedEvent::Reset(ResetReason::TooFarBehind)];
        }
        let behind = (after.seq + 1..=self.last()).flat_map(|seq| self.events(seq));
        let behind: Vec<_> = behind.collect();
        // What is known before the rest was read is as old as the client's position, and so unknown.
        let staleness = if behind.is_empty() { staleness() } else { Duration::MAX };
        let mut events = vec![self.heartbeat_at(after.seq, 0, staleness)];
        events.extend(behind);
        events
    }

    /// What the last entry sends to streams.
    pub(crate) fn news(&self) -> Vec<FeedEvent> {
        self.events(self.last())
    }

    pub(crate) fn heartbeat(&self, elapsed: u64) -> FeedEvent {
        self.heartbeat_at(self.last(), elapsed, staleness())
    }

    fn heartbeat_at(&self, seq: u64, elapsed: u64, staleness: Duration) -> FeedEvent {
        let heartbeat = Heartbeat {
            staleness,
            elapsed: Duration::from_millis(elapsed),
            time: Timestamp::from_secs(0),
            previous: self.previous(seq + 1),
        };
        FeedEvent::Heartbeat { at: self.position(seq), heartbeat }
    }

    fn events(&self, seq: u64) -> Vec<FeedEvent> {
        let act = &self.acts[usize::try_from(seq - 1).unwrap()];
        let previous = self.previous(seq);
        let of = u32::try_from(act.changes.len()).unwrap();
        if act.changes.is_empty() {
            return Vec::new();
        }
        if !act.in_parts || of < 2 {
            let changes = act.changes.iter().copied().map(Into::into).collect();
            return vec![FeedEvent::Changes { at: self.position(seq), previous, changes }];
        }
        let parts = (0..of).zip(&act.changes).map(|(number, &change)| {
            let part = Part { number, of };
            let at = self.position(if part.is_last() { seq } else { previous });
            FeedEvent::Part { at, previous, part, changes: vec![change.into()] }
        });
        parts.collect()
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = SnapshotWriter::begin(&KEY, self.position(self.last()), 0, &mut bytes);
        writer.add(self.acts.iter().flat_map(|act| act.changes.clone()), &mut bytes);
        writer.finish(&mut bytes);
        bytes
    }
}
