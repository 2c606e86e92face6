//! What must hold for any bytes that claim to come from a service. The fuzz targets in `fuzz/` call
//! these too.

use signout_checker::{
    Change, Checker, Cursor, Digest, DigestKey, FeedEvent, IssuedBefore, Loading, Policy, Position,
    Reach, Reason, Snapshot, SnapshotError, SnapshotPart, SnapshotReader, SnapshotWriter,
    TargetKind, Timestamp,
};

type Read = (Vec<Change>, Result<Snapshot, SnapshotError>);

/// Bytes of a snapshot, behind one that says in how large pieces they come.
pub(crate) fn feed_snapshot(input: &[u8]) {
    let Some((&piece, bytes)) = input.split_first() else { return };
    let (changes, end) = read(bytes, bytes.len().max(1));
    assert!(changes.len() <= bytes.len() / 20, "more changes than bytes can tell");
    // Where the network cuts does not show.
    assert_eq!(read(bytes, usize::from(piece).max(1)), (changes.clone(), end));
    if let Ok(snapshot) = end {
        assert_eq!(changes.len() as u64, snapshot.changes);
        written_anew(bytes, &changes, snapshot);
    }
    what_is_known_stays_known(bytes);
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let (mut reader, mut found) = (SnapshotReader::new(), Vec::new());
    for mut bytes in bytes.chunks(piece) {
        loop {
            match reader.read(&mut bytes) {
                Ok(Some(SnapshotPart::Changes(changes))) => found.extend(changes),
                Ok(Some(SnapshotPart::Head { .. })) => {}
                Ok(None) => break,
                Err(error) => return (found, Err(error)),
            }
        }
        assert!(bytes.is_empty(), "the reader left bytes");
    }
    (found, reader.finish())
}

/// What was read as whole says the same when it is written again.
fn written_anew(bytes: &[u8], changes: &[Change], snapshot: Snapshot) {
    let key = bytes.get(8..24).and_then(|key| <[u8; 16]>::try_from(key).ok());
    let key = DigestKey::from_bytes(key.expect("a whole snapshot has a key"));
    let mut again = Vec::new();
    let mut writer = SnapshotWriter::begin(&key, snapshot.position, changes.len(), &mut again);
    writer.add(changes.iter().copied(), &mut again);
    writer.finish(&mut again);
    assert_eq!(read(&again, again.len()), (changes.to_vec(), Ok(snapshot)));
}

fn what_is_known_stays_known(mut bytes: &[u8]) {
    let known = Change {
        target: Digest::from_bytes([7; 16]),
        name: None,
        kind: TargetKind::Session,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::ALL,
        retain_until: Timestamp::MAX,
        reason: Reason::Admin,
        revoked_at: Timestamp::from_secs(0),
    };
    let checker = Checker::new(Policy::default());
    let key = bytes.get(8..24).and_then(|key| <[u8; 16]>::try_from(key).ok()).unwrap_or_default();
    let index = checker.open(&DigestKey::from_bytes(key)).expect("the first key");
    index.apply_change(&known);
    let mut loading = Loading::into_checker(&checker);
    while let Ok(Some(news)) = loading.read(&mut bytes) {
        assert!(news.iter().all(|change| index.covers(change)));
    }
    assert!(index.covers(&known));
}

/// The name of an event, its id and its data, with line feeds between them.
pub(crate) fn feed_change(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (name, id, data) = (part(), part(), part());
    let Ok(Some(event)) = FeedEvent::decode(name, id, data) else { return };
    // Once written, it is read and written as the same for ever.
    let written = decoded(&event.to_frame());
    let again: Vec<_> = written.iter().flat_map(|event| decoded(&event.to_frame())).collect();
    assert_eq!(written, again);
    assert!(!written.is_empty());
    // A cursor never goes back, and never to another journal.
    let start = Position { epoch: 0xabc, seq: 5 };
    let mut cursor = Cursor::at(start);
    let _ = cursor.step(&event);
    assert_eq!(cursor.position().epoch, start.epoch);
    assert!(cursor.position().seq >= start.seq);
}

fn decoded(frames: &str) -> Vec<FeedEvent> {
    let event = |frame: &str| {
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
        let [name, id, data] =
            ["event: ", "id: ", "data: "].map(|name| field(name).unwrap_or_default());
        FeedEvent::decode(name, id, data).expect("our own").expect("a known event")
    };
    frames.split_terminator("\n\n").map(event).collect()
}
