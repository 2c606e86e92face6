use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use signout_checker::{Issuer, JwtId, Reason, Revocation, SessionId, Target};

use super::*;

fn record(sid: &str, retain_until: u64) -> Record {
    let issuer = Issuer::parse("https://op.example").unwrap();
    let target = Target::Session(issuer, SessionId::parse(sid).unwrap());
    let until = Timestamp::from_secs(retain_until);
    let revocation = Revocation::of(target, Reason::BackchannelLogout, Timestamp::default(), until);
    Record::Revoked { revocations: vec![revocation], seen: None }
}

fn sids(journal: &Journal) -> Vec<String> {
    let mut sids = Vec::new();
    let entry = |record, _: Progress| match record {
        Record::Revoked { revocations, .. } => {
            sids.extend(revocations.iter().map(|r| match &r.target {
                Target::Session(_, sid) => sid.as_str().to_owned(),
                other => panic!("{other:?}"),
            }));
        }
        other => panic!("{other:?}"),
    };
    journal.replay(entry, |seq, error| panic!("{seq}: {error}")).unwrap();
    sids
}

#[test]
fn i1_comes_back_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let mut journal = Journal::open(&path).unwrap();
    let first = journal.commit(&[record("a", 100), record("b", 200)]).unwrap();
    let key = *journal.digest_key().as_bytes();
    drop(journal);

    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(sids(&journal), ["a", "b"]);
    assert_eq!(journal.digest_key().as_bytes(), &key);
    assert_eq!(journal.position(), first);
    assert_eq!(journal.commit(&[record("c", 300)]).unwrap().seq, first.seq + 1);
}

#[test]
fn only_this_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    Journal::open(&path).unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn refuses_a_second_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let _held = Journal::open(&path).unwrap();
    let refused = Journal::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
}

#[test]
fn i16_refuses_a_newer_format() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let journal = Journal::open(&path).unwrap();
    Meta { format: FORMAT + 1, digest_key: [0; 16], epoch: 1 }.store(&journal.db).unwrap();
    drop(journal);
    let refused = Journal::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::NewerFormat { found: 4, known: 3, .. }), "{refused}");
}

#[test]
fn i16_refuses_old_digests() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let journal = Journal::open(&path).unwrap();
    Meta { format: 2, digest_key: [0; 16], epoch: 1 }.store(&journal.db).unwrap();
    drop(journal);
    let refused = Journal::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::OldDigests { found: 2, .. }), "{refused}");
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    std::fs::write(&path, "my shopping list").unwrap();
    let refused = Journal::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Unreadable { .. } | OpenError::Io { .. }), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "my shopping list");
}

#[test]
fn i15_a_damaged_entry_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let mut journal = Journal::open(&path).unwrap();
    let records = [record("a", 100), record("b", 100), record("c", 100)];
    journal.commit(&records).unwrap();
    let write = journal.db.begin_write().unwrap();
    let mut bytes = block::encode(&records).unwrap();
    // The last byte of the second of three.
    let second = bytes.len() / 3 * 2 - 1;
    bytes[second] ^= 1;
    write.open_table(LOG).unwrap().insert(1, bytes.as_slice()).unwrap();
    write.commit().unwrap();

    let (mut read, mut damaged) = (0, Vec::new());
    let replayed = journal.replay(|_, _| read += 1, |seq, _| damaged.push(seq)).unwrap();
    assert_eq!((read, damaged), (2, vec![2]));
    assert_eq!(replayed, Replayed { read: 2, damaged: 1 });
}

#[test]
fn i4_expiry_takes_what_is_over_and_keeps_the_numbering() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let mut journal = Journal::open(&path).unwrap();
    for (sid, until) in [("a", 59), ("b", 600), ("c", 61)] {
        journal.commit(&[record(sid, until)]).unwrap();
    }
    assert_eq!(journal.expire(Timestamp::from_secs(59)).unwrap(), 0);
    assert_eq!(journal.expire(Timestamp::from_secs(60)).unwrap(), 1);
    assert_eq!(sids(&journal), ["b", "c"]);

    // The last block stays although it is over: the next position follows from it.
    assert_eq!(journal.expire(Timestamp::from_secs(10_000)).unwrap(), 1);
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(sids(&journal), ["c"]);
    assert_eq!(journal.commit(&[record("d", 90_000), record("e", 1)]).unwrap().seq, 5);
    assert_eq!(journal.expire(Timestamp::from_secs(20_000)).unwrap(), 1);
    assert_eq!(sids(&journal), ["d", "e"], "one block, kept as long as its longest entry");
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(journal.commit(&[record("f", 90_000)]).unwrap().seq, 6);
}

/// Storage that loses what was not synced, and that can be told to fail.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<DiskState>);

#[derive(Debug, Default)]
struct DiskState {
    written: Mutex<Vec<u8>>,
    synced: Mutex<Vec<u8>>,
    /// Blocks written since the last sync, in order.
    unsynced: Mutex<Vec<(u64, Vec<u8>)>>,
    /// Writes are refused.
    full: AtomicBool,
    /// Writes seem to go well, syncs fail.
    broken: AtomicBool,
}

impl Disk {
    /// The power fails: of what was written since the last sync, the blocks chosen by `keep`
    /// reached the platter.
    fn power_cut(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut platter = self.0.synced.lock().unwrap().clone();
        for (i, (offset, data)) in self.0.unsynced.lock().unwrap().iter().enumerate() {
            let start = usize::try_from(*offset).unwrap();
            if keep(i) {
                platter.resize(platter.len().max(start + data.len()), 0);
                platter[start..start + data.len()].copy_from_slice(data);
            }
        }
        let disk = Self::default();
        disk.0.written.lock().unwrap().clone_from(&platter);
        *disk.0.synced.lock().unwrap() = platter;
        disk
    }

    fn take(&self) -> io::Result<()> {
        const ENOSPC: i32 = 28;
        if self.0.full.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.written.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.written.lock().unwrap()[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.take()?;
        let len = usize::try_from(len).unwrap();
        self.0.written.lock().unwrap().resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        const EIO: i32 = 5;
        if self.0.broken.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.0.unsynced.lock().unwrap().clear();
        let written = self.0.written.lock().unwrap().clone();
        *self.0.synced.lock().unwrap() = written;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.take()?;
        let start = usize::try_from(offset).unwrap();
        self.0.written.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        self.0.unsynced.lock().unwrap().push((offset, data.to_vec()));
        Ok(())
    }
}

#[test]
fn g3_a_power_cut_loses_nothing_that_was_committed() {
    let disk = Disk::default();
    let mut journal = Journal::open_on(disk.clone()).unwrap();
    let mut committed = Vec::new();
    // xorshift: which blocks survive differs from cut to cut, the same in every run.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..150 {
        let sid = format!("s{round}");
        journal.commit(&[record(&sid, 9_999)]).unwrap();
        committed.push(sid);
        // Start another commit on a copy of the medium and cut the power within it.
        let torn = disk.power_cut(|_| true);
        let mut unlucky = Journal::open_on(torn.clone()).unwrap();
        torn.0.unsynced.lock().unwrap().clear();
        torn.0.broken.store(true, Ordering::SeqCst);
        // The commit fails at its sync; its writes may or may not have reached the platter.
        unlucky.commit(&[record("never-acknowledged", 9_999)]).unwrap_err();
        assert!(!torn.0.unsynced.lock().unwrap().is_empty());
        for _ in 0..8 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let after = Journal::open_on(torn.power_cut(|i| random >> (i % 64) & 1 == 1)).unwrap();
            let found = sids(&after);
            assert!(committed.iter().all(|sid| found.contains(sid)), "round {round}");
        }
    }
}

#[test]
fn i15_a_full_disk_is_told_apart_from_a_broken_one() {
    for (full, recoverable) in [(true, true), (false, false)] {
        let disk = Disk::default();
        let mut journal = Journal::open_on(disk.clone()).unwrap();
        journal.commit(&[record("a", 9_999)]).unwrap();
        if full { &disk.0.full } else { &disk.0.broken }.store(true, Ordering::SeqCst);
        let error = journal.commit(&[record("b", 9_999)]).unwrap_err();
        assert_eq!(error.is_recoverable(), recoverable, "{error}");
        // Never retried as if clean, even though the disk is fine again.
        disk.0.full.store(false, Ordering::SeqCst);
        disk.0.broken.store(false, Ordering::SeqCst);
        assert!(journal.commit(&[record("b", 9_999)]).is_err());
        drop(journal);
        let mut journal = Journal::open_on(disk).unwrap();
        journal.probe().unwrap();
        journal.commit(&[record("c", 9_999)]).unwrap();
        let found = sids(&journal);
        assert!(["a", "c"].iter().all(|sid| found.iter().any(|found| found == sid)), "{found:?}");
    }
}

#[test]
fn read_from_anywhere_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&dir.path().join("signout.redb")).unwrap();
    // Ends days apart, so that there are blocks of one and blocks of several.
    let until = |n: u64| if n.is_multiple_of(5) { n * 1_000_000 } else { 100 };
    let all: Vec<_> = (1..=40).map(|n| record(&n.to_string(), until(n))).collect();
    for batch in all.chunks(8) {
        journal.commit(batch).unwrap();
    }
    for from in 0..=42_usize {
        let (mut read, mut next) = (Vec::new(), from as u64);
        loop {
            let chunk = journal.read(next, 3).unwrap();
            if chunk.records.is_empty() {
                break;
            }
            next = chunk.next;
            read.extend(chunk.records);
        }
        assert_eq!(read, all[(from.max(1) - 1).min(40)..], "from {from}");
    }
}

#[test]
fn what_refuses_is_read_from_anywhere_in_small_parts() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&dir.path().join("signout.redb")).unwrap();
    let forgotten = Record::Forgotten {
        issuer: Issuer::parse("https://op.example").unwrap(),
        jwt_ids: vec![JwtId::parse("j").unwrap()],
        until: Timestamp::from_secs(90),
    };
    // Two blocks: 1 to 4, and 5 to 8.
    let block = [record("a", 100), forgotten.clone(), record("b", 100), forgotten];
    journal.commit(&block).unwrap();
    journal.commit(&block).unwrap();
    for (from, targets, seqs, next) in [
        (0, 100, vec![1, 3, 5, 7], 9),
        (1, 1, vec![1], 2),
        (2, 1, vec![3], 4),
        (4, 2, vec![5, 7], 8),
        (6, 100, vec![7], 9),
        (8, 100, vec![], 9),
        (9, 100, vec![], 9),
    ] {
        let found = journal.read_revoking(from, targets).unwrap();
        let found_seqs: Vec<_> = found.entries.iter().map(|(seq, _)| *seq).collect();
        assert_eq!((found_seqs, found.next), (seqs, next), "{from} {targets}");
        for (seq, record) in &found.entries {
            assert_eq!(record, &block[usize::try_from(seq - 1).unwrap() % 4]);
        }
    }
}

#[test]
fn a_journal_joins_one_deployment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signout.redb");
    let [ours, theirs] = [[1; 16], [2; 16]].map(DigestKey::from_bytes);
    let mut journal = Journal::open(&path).unwrap();
    journal.commit(&[record("a", 100)]).unwrap();
    assert!(!journal.has_joined());
    journal.join(&path, &ours).unwrap();
    drop(journal);

    let mut journal = Journal::open(&path).unwrap();
    assert!(journal.has_joined());
    assert_eq!(journal.digest_key().as_bytes(), ours.as_bytes());
    assert_eq!(sids(&journal), ["a"]);
    journal.join(&path, &ours).unwrap();
    let refused = journal.join(&path, &theirs).unwrap_err();
    assert!(matches!(refused, OpenError::OtherDeployment { .. }), "{refused}");
}
