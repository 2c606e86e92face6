use super::*;
use crate::{Digest, IssuedBefore, Reach, Reason, TargetKind, Timestamp};

const KEY: DigestKey = DigestKey::from_bytes([5; 16]);
const POSITION: Position = Position { epoch: 0xfeed, seq: 42 };

fn changes(count: u64) -> Vec<Change> {
    let change = |n: u64| Change {
        target: Digest::from_bytes(u128::from(n).to_le_bytes()),
        name: None,
        kind: TargetKind::Session,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::LOGIN,
        retain_until: Timestamp::from_secs(5_000),
        reason: Reason::BackchannelLogout,
        revoked_at: Timestamp::from_secs(1_000 + n),
    };
    (0..count).map(change).collect()
}

fn written(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = SnapshotWriter::begin(&KEY, POSITION, changes.len(), &mut out);
    writer.add(changes.iter().copied(), &mut out);
    writer.finish(&mut out);
    out
}

/// Reads in pieces of this size, to the end.
fn read(bytes: &[u8], piece: usize) -> Result<(Vec<Change>, Snapshot), SnapshotError> {
    let (mut reader, mut changes, mut told) = (SnapshotReader::new(), Vec::new(), None);
    for mut bytes in bytes.chunks(piece) {
        while let Some(part) = reader.read(&mut bytes)? {
            match part {
                SnapshotPart::Head { about, .. } => told = Some(about),
                SnapshotPart::Changes(block) => changes.extend(block),
            }
        }
        assert!(bytes.is_empty());
    }
    let snapshot = reader.finish()?;
    assert_eq!(told, Some(changes.len()));
    Ok((changes, snapshot))
}

#[test]
fn what_is_written_is_read_in_pieces_of_any_size() {
    for count in [0, 1, 3] {
        let (changes, bytes) = (changes(count), written(&changes(count)));
        let snapshot = Snapshot { position: POSITION, changes: count };
        for piece in 1..=bytes.len() {
            assert_eq!(read(&bytes, piece), Ok((changes.clone(), snapshot)), "{piece}");
        }
    }
}

#[test]
fn the_key_comes_first() {
    let bytes = written(&[]);
    let part = SnapshotReader::new().read(&mut bytes.as_slice()).unwrap();
    assert!(
        matches!(part, Some(SnapshotPart::Head { key, .. }) if key.as_bytes() == KEY.as_bytes())
    );
}

/// A checker opens under it before the rest is there.
#[test]
fn a_damaged_key_is_never_given_out() {
    let bytes = written(&changes(3));
    for bit in 0..HEAD_BYTES * 8 {
        let mut odd = bytes.clone();
        odd[bit / 8] ^= 1 << (bit % 8);
        assert!(SnapshotReader::new().read(&mut odd.as_slice()).is_err(), "{bit}");
    }
}

#[test]
fn many_changes_take_several_blocks_below_the_limit() {
    let count = 2 * BLOCK_CHANGES as u64 + 1;
    let bytes = written(&changes(count));
    let (found, snapshot) = read(&bytes, 10_000).unwrap();
    assert_eq!((found, snapshot.changes), (changes(count), count));
}

#[test]
fn a_block_of_the_worst_kind_is_below_the_limit() {
    let named = |change: Change| change.named(crate::KeyName::from_bytes([1; 16]));
    let worst: Vec<_> = changes(BLOCK_CHANGES as u64).into_iter().map(named).collect();
    assert!(Change::pack(&worst).len() <= BLOCK_BYTES);
}

#[test]
fn a_snapshot_cut_anywhere_is_refused() {
    let bytes = written(&changes(3));
    for length in 0..bytes.len() {
        assert_eq!(read(&bytes[..length], 7), Err(SnapshotError::Truncated), "{length}");
    }
}

#[test]
fn any_flipped_bit_is_noticed() {
    let bytes = written(&changes(3));
    for bit in 0..bytes.len() * 8 {
        let mut odd = bytes.clone();
        odd[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&odd, 64).is_err(), "{bit}");
    }
}

#[test]
fn each_fault_has_a_name() {
    let (bytes, end) = (written(&changes(3)), written(&changes(3)).len());
    let with = |at: usize, new: &[u8]| {
        let mut odd = bytes.clone();
        odd.splice(at..(at + new.len()).min(end), new.iter().copied());
        odd
    };
    let rehashed = |mut odd: Vec<u8>| {
        odd.truncate(end - 16);
        let mut digest = SipHasher13::new_with_key(KEY.as_bytes());
        digest.write(&odd);
        odd.extend(digest_bytes(&digest));
        odd
    };
    for (odd, error) in [
        (b"<html>".to_vec(), SnapshotError::Foreign),
        (with(7, &[3]), SnapshotError::Version(3)),
        (with(8, &[6]), SnapshotError::Digest),
        (with(56, &0x0010_0001_u32.to_le_bytes()), SnapshotError::BlockTooLong(0x0010_0001)),
        (with(60, &[9]), SnapshotError::Pack(PackError::Version(9))),
        (with(end - 1, &[!bytes[end - 1]]), SnapshotError::Digest),
        (with(end - 24, &[4]), SnapshotError::Digest),
        (rehashed(with(end - 24, &[4])), SnapshotError::Count { told: 4, found: 3 }),
        (with(end, &[0]), SnapshotError::Trailing),
    ] {
        assert_eq!(read(&odd, 13), Err(error));
    }
}

#[test]
fn an_error_is_final() {
    let mut reader = SnapshotReader::new();
    assert_eq!(reader.read(&mut b"x".as_slice()).unwrap_err(), SnapshotError::Foreign);
    let bytes = written(&[]);
    assert_eq!(reader.read(&mut bytes.as_slice()).unwrap_err(), SnapshotError::Foreign);
    assert_eq!(reader.finish(), Err(SnapshotError::Foreign));
}

/// Other programs read this: it must never change under version 2.
#[test]
fn frozen_bytes() {
    let expected = "5349474e4f555402\
         05050505050505050505050505050505\
         edfe0000000000002a00000000000000\
         01000000000000001afb28cf495f5abe\
         22000000\
         02730100ffffffffe80300000100\
         0000000000000000000000000000000088130000\
         00000000\
         0100000000000000\
         752cb69852976591f56e75ce98544509";
    let bytes = written(&changes(1));
    let found = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(found, expected);
}
