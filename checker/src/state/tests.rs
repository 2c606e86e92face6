use super::*;
use crate::{Digest, IssuedBefore, Policy, Reach, Reason, TargetKind};

const KEY: DigestKey = DigestKey::from_bytes([8; 16]);
const NOW: Timestamp = Timestamp::from_secs(1_000);

fn change(n: u64) -> Change {
    Change {
        target: Digest::from_bytes(u128::from(n).to_le_bytes()),
        name: None,
        kind: TargetKind::Token,
        issued_before: IssuedBefore::EVERYTHING,
        reach: Reach::ALL,
        retain_until: Timestamp::from_secs(6_000),
        reason: Reason::Admin,
        revoked_at: Timestamp::from_secs(600),
    }
}

fn at(seq: u64) -> Position {
    Position { epoch: 5, seq }
}

/// An API's checker and the file beside it.
struct Api {
    checker: Checker,
    file: StateFile,
    restored: Restored,
}

impl Api {
    fn start(path: &Path) -> Self {
        let checker = Checker::new(Policy::default());
        let (file, restored) = StateFile::restore(path, &checker).unwrap();
        Self { checker, file, restored }
    }

    fn hear(&mut self, seq: u64, changes: &[Change]) {
        let index = self.checker.open(&KEY).unwrap();
        for change in changes {
            index.apply_change(change);
        }
        self.file.keep_up_to(at(seq), changes).unwrap();
    }

    fn knows(&self, n: u64) -> bool {
        self.checker.index().is_some_and(|index| index.covers(&change(n)))
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signout.state");
    (folder, path)
}

/// A file of three snapshots, and where each of them ends.
fn three(path: &Path) -> Vec<u64> {
    let mut api = Api::start(path);
    let lengths = (1..=3).map(|n| {
        api.hear(n, &[change(n), change(n + 10)]);
        fs::metadata(path).unwrap().len()
    });
    lengths.collect()
}

#[test]
fn what_was_known_is_known_after_a_restart() {
    let (_folder, path) = folder();
    let mut api = Api::start(&path);
    assert_eq!(api.restored, Restored { position: None, changes: 0, damage: None });
    // A snapshot that is still being loaded says nothing of how far it reaches.
    api.checker.open(&KEY).unwrap();
    api.file.keep(&[change(1)]).unwrap();
    api.file.keep(&[]).unwrap();
    let api = Api::start(&path);
    assert_eq!(api.restored, Restored { position: None, changes: 1, damage: None });
    assert!(api.knows(1));

    let mut api = api;
    api.hear(7, &[]);
    api.hear(9, &[change(2)]);
    let api = Api::start(&path);
    assert_eq!(api.restored, Restored { position: Some(at(9)), changes: 2, damage: None });
    assert!(api.knows(1) && api.knows(2) && !api.knows(3));
    assert_eq!(api.checker.staleness(std::time::Instant::now()), std::time::Duration::MAX);
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = folder();
    three(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn i1_a_write_cut_anywhere_costs_that_write() {
    let (_folder, path) = folder();
    let ends = three(&path);
    let whole = fs::read(&path).unwrap();
    for length in 0..=whole.len() as u64 {
        fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        let last = ends.iter().filter(|&&end| end <= length).count() as u64;
        let mut api = Api::start(&path);
        assert_eq!(api.restored.position, (last > 0).then(|| at(last)), "{length}");
        assert_eq!(api.restored.damage.is_some(), length != 0 && !ends.contains(&length));
        for n in 1..=3 {
            assert_eq!(api.knows(n) && api.knows(n + 10), n <= last, "{length}");
        }
        // It goes on behind what is whole.
        api.hear(8, &[change(8)]);
        let api = Api::start(&path);
        assert_eq!(api.restored.position, Some(at(8)), "{length}");
        assert!(api.knows(8) && api.restored.damage.is_none());
    }
}

#[test]
fn damage_is_never_taken_for_knowledge() {
    let (_folder, path) = folder();
    let ends = three(&path);
    let whole = fs::read(&path).unwrap();
    for at_byte in 0..whole.len() {
        let mut odd = whole.clone();
        odd[at_byte] ^= 0x40;
        fs::write(&path, &odd).unwrap();
        let checker = Checker::new(Policy::default());
        let intact = ends.iter().filter(|&&end| end <= at_byte as u64).count() as u64;
        match StateFile::restore(&path, &checker) {
            Ok((_, restored)) => {
                assert!(restored.damage.is_some(), "{at_byte}");
                assert_eq!(restored.position, (intact > 0).then(|| at(intact)), "{at_byte}");
                assert_eq!(restored.changes, 2 * intact, "{at_byte}");
            }
            // Nothing of it is good, so nothing of it was touched, and no key opened the index.
            Err(StateError::Unreadable { .. }) => {
                assert!(intact == 0 && checker.index().is_none(), "{at_byte}");
                assert_eq!(fs::read(&path).unwrap(), odd);
            }
            Err(other) => panic!("{at_byte}: {other}"),
        }
    }
}

#[test]
fn a_foreign_file_is_left_alone_until_the_caller_decides() {
    let (_folder, path) = folder();
    fs::write(&path, "dear diary").unwrap();
    let checker = Checker::new(Policy::default());
    let error = StateFile::restore(&path, &checker).unwrap_err();
    assert!(error.to_string().ends_with("remove it to start without"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"dear diary");

    checker.open(&KEY).unwrap();
    StateFile::create(&path, &checker).unwrap().keep_up_to(at(1), &[change(1)]).unwrap();
    assert_eq!(Api::start(&path).restored.position, Some(at(1)));
}

#[test]
fn another_deployments_file_is_left_alone() {
    let (_folder, path) = folder();
    three(&path);
    let before = fs::read(&path).unwrap();
    let checker = Checker::new(Policy::default());
    checker.open(&DigestKey::from_bytes([9; 16])).unwrap();
    let error = StateFile::restore(&path, &checker).unwrap_err();
    assert!(matches!(error, StateError::OtherKey { .. }), "{error}");
    assert!(checker.index().unwrap().is_empty());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn two_processes_do_not_share_a_file() {
    let (_folder, path) = folder();
    three(&path);
    let (mut one, mut other) = (Api::start(&path), Api::start(&path));
    one.hear(4, &[change(4)]);
    let error = other.file.keep_up_to(at(4), &[change(4)]).unwrap_err();
    assert!(matches!(error, StateError::Shared { .. }), "{error}");
    one.hear(5, &[change(5)]);
    assert_eq!(Api::start(&path).restored.position, Some(at(5)));
}

#[test]
fn what_cannot_be_written_waits_and_is_not_lost() {
    let (_folder, path) = folder();
    three(&path);
    let mut api = Api::start(&path);
    let good = std::mem::replace(&mut api.file.file, File::open(&path).unwrap());
    for n in 4..=6 {
        let error = api.file.keep_up_to(at(n), &[change(n)]).unwrap_err();
        assert!(matches!(error, StateError::Io { .. }), "{error}");
        assert_eq!(Api::start(&path).restored.position, Some(at(3)));
    }
    api.file.file = good;
    api.hear(7, &[change(7)]);
    let api = Api::start(&path);
    assert_eq!(api.restored.position, Some(at(7)));
    assert!((4..=7).all(|n| api.knows(n)));
}

#[test]
fn what_waits_is_bounded() {
    let (_folder, path) = folder();
    three(&path);
    let mut api = Api::start(&path);
    let good = std::mem::replace(&mut api.file.file, File::open(&path).unwrap());
    let many: Vec<_> = (0..=PENDING as u64).map(change).collect();
    assert!(matches!(api.file.keep_up_to(at(4), &many), Err(StateError::Io { .. })));
    assert_eq!(api.file.pending.capacity(), 0);
    api.file.file = good;
    assert!(matches!(api.file.keep_up_to(at(5), &[]), Err(StateError::GivenUp { .. })));
    assert_eq!(Api::start(&path).restored.position, Some(at(3)));
}

/// What is over, what was said twice, and a temporary file that a crash left behind.
#[test]
fn a_file_that_has_doubled_is_written_anew() {
    let (_folder, path) = folder();
    fs::write(path.with_extension("state.new"), "left behind").unwrap();
    let mut api = Api::start(&path);
    let over = |n| Change { retain_until: Timestamp::from_secs(999), ..change(n) };
    let lasting: Vec<_> = (0..10_000).map(change).collect();
    api.hear(1, &lasting);
    api.hear(2, &(20_000..40_000).map(over).collect::<Vec<_>>());
    let small = fs::metadata(&path).unwrap().len();
    api.file.tidy(NOW).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), small, "below a mebibyte nothing is done");
    for seq in 3..6 {
        api.hear(seq, &lasting);
    }
    assert!(fs::metadata(&path).unwrap().len() > SMALL);
    api.file.tidy(NOW).unwrap();
    let tidied = fs::metadata(&path).unwrap().len();
    assert!(tidied < 10_000 * 21, "{tidied} bytes");
    assert!(!path.with_extension("state.new").exists());

    api.hear(6, &[change(10_000)]);
    let api = Api::start(&path);
    assert_eq!(api.restored, Restored { position: Some(at(6)), changes: 10_001, damage: None });
    assert!((0..=10_000).all(|n| api.knows(n)) && !api.knows(20_000));
}
