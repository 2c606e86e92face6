//! Hostile bytes, without a fuzzer: valid ones that were bent, and noise.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml allows them in tests, but not in the functions beside them"
)]

mod bend;
mod bodies;

use std::hash::Hasher as _;
use std::time::Duration;

use bend::Dice;
use signout_checker::{
    Change, Digest, DigestKey, FeedChange, FeedEvent, Heartbeat, IssuedBefore, Issuer, KeyName,
    Part, Position, Reach, Reason, ResetReason, SessionId, SnapshotWriter, Target, TargetKind,
    Timestamp,
};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

const CASES: u32 = 100_000;
const AT: Position = Position { epoch: 0xabc, seq: 9 };
const KEY: [u8; 16] = [5; 16];

fn change(n: u8) -> Change {
    Change {
        target: Digest::from_bytes([n; 16]),
        name: (n % 2 == 0).then(|| KeyName::from_bytes([n; 16])),
        kind: TargetKind::ALL[usize::from(n) % 5],
        issued_before: [IssuedBefore::EVERYTHING, IssuedBefore::at(Timestamp::from_secs(7))]
            [usize::from(n) % 2],
        reach: Reach::LOGIN,
        retain_until: [Timestamp::MAX, Timestamp::from_secs(5_000)][usize::from(n) % 2],
        reason: Reason::ALL[usize::from(n) % Reason::ALL.len()],
        revoked_at: Timestamp::from_secs(1_000),
    }
}

/// A piece of 1 to 255 bytes in front, as `feed_snapshot` takes it.
fn snapshot(changes: u8) -> Vec<u8> {
    let mut bytes = vec![changes.wrapping_mul(37)];
    let mut writer = SnapshotWriter::begin(&DigestKey::from_bytes(KEY), AT, 1 << 40, &mut bytes);
    writer.add((0..changes).map(change), &mut bytes);
    writer.finish(&mut bytes);
    bytes
}

/// Makes both digests right again, so that what was bent is not thrown out by them alone.
fn rehash(bytes: &mut Vec<u8>) {
    let (Some(end), Some(key)) = (bytes.len().checked_sub(16), bytes.get(9..25)) else { return };
    let key = key.try_into().unwrap();
    let digest = |hashed: &[u8]| {
        let mut digest = SipHasher13::new_with_key(&key);
        digest.write(hashed);
        u128::from(digest.finish128()).to_le_bytes()
    };
    if let Some((fields, told)) =
        bytes.get_mut(1..57).and_then(|head| head.split_at_mut_checked(48))
    {
        told.copy_from_slice(&digest(fields)[..8]);
    }
    bytes.truncate(end);
    bytes.extend(digest(bytes.get(1..).unwrap_or_default()));
}

#[test]
fn snapshots_of_any_bytes() {
    let valid: Vec<_> = (0..6).map(snapshot).collect();
    for bytes in &valid {
        bodies::feed_snapshot(bytes);
    }
    let mut dice = Dice::new(1);
    for case in 0..CASES {
        let mut bytes = dice.bent(&valid);
        if case % 2 == 0 {
            rehash(&mut bytes);
        }
        bodies::feed_snapshot(&bytes);
    }
}

fn events() -> Vec<Vec<u8>> {
    let op = Issuer::parse("https://op.example").unwrap();
    let session = Target::Session(op.clone(), SessionId::parse("s \"1\"").unwrap());
    let told = |n, target| FeedChange { change: change(n), target };
    let changes = vec![
        told(0, None),
        told(1, Some(session)),
        told(4, Some(Target::Issuer(op))),
        told(3, None),
    ];
    let heartbeat = Heartbeat {
        staleness: Duration::from_millis(20),
        elapsed: Duration::from_secs(5),
        time: Timestamp::from_secs(1_700_000_000),
        previous: 9,
    };
    let part = Part { number: 1, of: 2 };
    let events = [
        FeedEvent::Heartbeat { at: AT, heartbeat },
        FeedEvent::Changes { at: AT, previous: 3, changes: changes.clone() },
        FeedEvent::Changes { at: AT, previous: 3, changes: vec![told(3, None)] },
        FeedEvent::Part { at: AT, previous: 3, part, changes },
        FeedEvent::Reset(ResetReason::Lagged),
    ];
    let plain = |event: &FeedEvent| {
        let frame = event.to_frame();
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
        ["event: ", "id: ", "data: "].map(|name| field(name).unwrap_or_default()).join("\n")
    };
    events.iter().map(|event| plain(event).into_bytes()).collect()
}

#[test]
fn events_of_any_bytes() {
    let valid = events();
    for bytes in &valid {
        bodies::feed_change(bytes);
    }
    let mut dice = Dice::new(2);
    for _ in 0..CASES {
        bodies::feed_change(&dice.bent(&valid));
    }
}

/// The cases are about something: many are taken, many are not.
#[test]
fn bent_events_are_taken_and_refused() {
    let (valid, mut dice) = (events(), Dice::new(3));
    let mut taken = 0;
    for _ in 0..1_000 {
        let bytes = dice.bent(&valid);
        let text = String::from_utf8_lossy(&bytes);
        let parts: Vec<_> = text.splitn(3, '\n').collect();
        if let [name, id, data] = parts[..] {
            taken += u32::from(matches!(FeedEvent::decode(name, id, data), Ok(Some(_))));
        }
    }
    assert!((100..900).contains(&taken), "{taken} of 1000");
}
